#include "engine/stream.h"

#include <algorithm>
#include <utility>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/fault_point.h"
#include "engine/schema.h"

namespace engine {
namespace {

// Says nothing of holes and ends before the idempotency table.
constexpr uint8_t kFirstStreamRecordVersion = 1;
// Ends behind the idempotency table: no policy, no letters.
constexpr uint8_t kPlainStreamRecordVersion = 2;
constexpr uint8_t kDirectoryPageVersion = 1;

void PutCounters(std::string* out, const Stream& stream) {
  PutVarint(out, stream.length);
  PutVarint(out, stream.entries_added - (PLANTED_BUG("stale_counter") ? 1 : 0));
  PutVarint(out, stream.data_bytes);
  PutVarint(out, stream.node_count);
  PutVarintId(out, stream.last_id);
  PutVarintId(out, stream.first_id);
  PutVarintId(out, stream.last_live_id);
  PutVarintId(out, stream.max_deleted);
  PutVarint(out, stream.idmp_duration_s);
  PutVarint(out, stream.idmp_max_size);
  PutVarint(out, stream.next_directory_page);
  PutVarint(out, stream.next_group);
  PutU8(out, stream.ids_went_back ? 1 : 0);
  PutVarintId(out, stream.newest_hole);
}

void ReadCounters(Decoder* decoder, uint8_t version, Stream* stream) {
  stream->length = decoder->ReadVarint();
  stream->entries_added = decoder->ReadVarint();
  stream->data_bytes = decoder->ReadVarint();
  stream->node_count = decoder->ReadVarint();
  stream->last_id = decoder->ReadVarintId();
  stream->first_id = decoder->ReadVarintId();
  stream->last_live_id = decoder->ReadVarintId();
  stream->max_deleted = decoder->ReadVarintId();
  stream->idmp_duration_s = decoder->ReadVarint32();
  stream->idmp_max_size = decoder->ReadVarint32();
  stream->next_directory_page = decoder->ReadVarint32();
  stream->next_group = decoder->ReadVarint32();
  stream->ids_went_back = decoder->ReadBool();
  stream->newest_hole =
      version == kFirstStreamRecordVersion ? stream->last_id : decoder->ReadVarintId();
}

// Numbers that were given in this order, the next one being `next`.
std::vector<uint32_t> ReadNumbers(Decoder* decoder, uint32_t next) {
  const uint64_t count = decoder->ReadVarint();
  std::vector<uint32_t> numbers;
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    const uint32_t number = decoder->ReadVarint32();
    if (number >= next || (!numbers.empty() && number <= numbers.back())) {
      decoder->Fail();
    }
    numbers.push_back(number);
  }
  return numbers;
}

void PutPolicyPart(std::string* out, const Stream& stream) {
  PutU8(out, stream.holds_letters ? 1 : 0);
  const StreamCounters none;
  ForEachCounter(stream.counters == nullptr ? none : *stream.counters,
                 [out](uint64_t value) { PutVarint(out, value); });
  (stream.own_policy == nullptr ? PolicySettings() : *stream.own_policy).Encode(out);
  PutVarint(out, stream.expected_ms == INT64_MAX ? 0 : static_cast<uint64_t>(stream.expected_ms));
  PutU8(out, static_cast<uint8_t>(stream.retirement));
  if (stream.retirement == Retirement::kSweeping) {
    PutVarintId(out, stream.sweep_from);
  }
  Schedule::Put(out, stream.schedule.get());
}

void ReadPolicyPart(Decoder* decoder, Stream* stream) {
  stream->holds_letters = decoder->ReadBool();
  StreamCounters counters;
  for (const auto counter : StreamCounters::All()) {
    counters.*counter = decoder->ReadVarint();
  }
  if (counters != StreamCounters()) {
    stream->counters = std::make_unique<StreamCounters>(counters);
  }
  PolicySettings settings = PolicySettings::Decode(decoder, StreamOptionSpecs());
  if (!settings.empty()) {
    stream->own_policy = std::make_unique<PolicySettings>(std::move(settings));
  }
  const uint64_t expected_ms = decoder->ReadVarint();
  if (expected_ms >= INT64_MAX) {
    decoder->Fail();
  }
  stream->expected_ms = expected_ms == 0 ? INT64_MAX : static_cast<int64_t>(expected_ms);
  const uint8_t retirement = decoder->ReadU8();
  if (retirement > static_cast<uint8_t>(Retirement::kDone)) {
    decoder->Fail();
    return;
  }
  stream->retirement = static_cast<Retirement>(retirement);
  if (stream->retirement == Retirement::kSweeping) {
    stream->sweep_from = decoder->ReadVarintId();
  }
  stream->schedule = Schedule::Read(decoder, stream);
}

}  // namespace

Group* Stream::FindGroup(std::string_view name) const {
  const auto it = groups.find(name);
  return it == groups.end() ? nullptr : it->second.get();
}

Group* Stream::GroupByNumber(GroupNumber number) const {
  const auto it = std::lower_bound(
      groups_by_number.begin(), groups_by_number.end(), number,
      [](const Group* group, GroupNumber wanted) { return group->number < wanted; });
  return it != groups_by_number.end() && (*it)->number == number ? *it : nullptr;
}

Group& Stream::AddGroup(std::unique_ptr<Group> group) {
  Group& added = *group;
  groups_by_number.push_back(&added);
  positions.Add(added.last_id, added.number);
  groups.emplace(std::string_view(added.name), std::move(group));
  return added;
}

void Stream::RemoveGroup(Group& group) {
  std::erase(groups_by_number, &group);
  positions.Remove(group.last_id, group.number);
  groups.erase(groups.find(group.name));
}

void Stream::MoveGroup(Group& group, StreamId position) {
  positions.Move(group.last_id, position, group.number);
  group.last_id = position;
}

void Stream::ForgetPolicies() {
  policy_version = 0;
  for (Group* group : groups_by_number) {
    group->policy_version = 0;
  }
}

size_t Stream::memory_bytes() const {
  size_t bytes = sizeof(Stream) + key.size() + 64;
  for (const auto& page : directory.pages()) {
    bytes += sizeof(DirectoryPage) + page->slots.capacity() * sizeof(BlockSlot);
  }
  for (const Group* group : groups_by_number) {
    bytes += group->memory_bytes() + 72;  // Its position included.
  }
  bytes += own_policy == nullptr ? 0 : own_policy->memory_bytes();
  bytes += producers == nullptr ? 0 : producers->slots.capacity() * sizeof(ProducerSlot);
  return bytes;
}

void EncodeStream(const Stream& stream, std::string* out) {
  const size_t begin = out->size();
  PutKeyRecordHead(out, {.kind = KeyRecordKind::kStream,
                         .version = 0,
                         .uid = stream.uid,
                         .expire_ms = stream.expire_ms});
  PutCounters(out, stream);
  PutU8(out, stream.open_node.has_value() ? 1 : 0);
  if (stream.open_node.has_value()) {
    PutNodeState(out, *stream.open_node);
  }
  PutVarint(out, stream.groups_by_number.size());
  for (const Group* group : stream.groups_by_number) {
    PutVarint(out, group->number);
  }
  const auto& pages = stream.directory.pages();
  PutVarint(out, pages.size());
  for (const auto& page : pages) {
    PutVarint(out, page->number);
  }
  if (!pages.empty()) {
    PutDirectoryPage(out, *pages.back());
  }
  PutVarint(out, stream.iids_added);
  PutVarint(out, stream.iids_duplicates);
  PutProducerTable(out, stream.producers.get());
  PutPolicyPart(out, stream);
  SealRecord(out, begin);
}

Result<std::unique_ptr<Stream>> DecodeStream(uint32_t physical_db, std::string_view key,
                                             std::string_view stored, StreamParts* parts) {
  const Status damaged(Code::kCorruption, "stream record is damaged");
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return damaged;
  }
  Decoder decoder(*body);
  const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
  if (!head.has_value() || head->kind != KeyRecordKind::kStream) {
    return Status(Code::kCorruption, "key record of an unknown kind or version");
  }
  auto stream = std::make_unique<Stream>(physical_db, head->uid, std::string(key));
  stream->expire_ms = head->expire_ms;
  ReadCounters(&decoder, head->version, stream.get());
  if (decoder.ReadBool()) {
    stream->open_node = ReadNodeState(&decoder);
  }
  parts->groups = ReadNumbers(&decoder, stream->next_group);
  parts->closed_pages = ReadNumbers(&decoder, stream->next_directory_page);
  if (!decoder.ok()) {
    return damaged;
  }
  if (!parts->closed_pages.empty()) {
    auto page = std::make_unique<DirectoryPage>(stream.get(), parts->closed_pages.back());
    parts->closed_pages.pop_back();
    ReadDirectoryPage(&decoder, page.get());
    if (page->slots.empty()) {
      return damaged;
    }
    stream->directory.pages().push_back(std::move(page));
  }
  if (head->version != kFirstStreamRecordVersion) {
    stream->iids_added = decoder.ReadVarint();
    stream->iids_duplicates = decoder.ReadVarint();
    stream->producers = ReadProducerTable(&decoder);
  }
  if (head->version > kPlainStreamRecordVersion) {
    ReadPolicyPart(&decoder, stream.get());
  }
  if (!decoder.AtEnd()) {
    return damaged;
  }
  stream->on_disk = true;
  return stream;
}

void EncodeClosedPage(const DirectoryPage& page, std::string* out) {
  const size_t begin = out->size();
  PutU8(out, kDirectoryPageVersion);
  PutDirectoryPage(out, page);
  SealRecord(out, begin);
}

Result<std::unique_ptr<DirectoryPage>> DecodeClosedPage(Stream* stream, uint32_t number,
                                                        std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  auto page = std::make_unique<DirectoryPage>(stream, number);
  if (body.has_value()) {
    Decoder decoder(*body);
    if (decoder.ReadU8() == kDirectoryPageVersion) {
      ReadDirectoryPage(&decoder, page.get());
      if (decoder.AtEnd() && !page->slots.empty()) {
        page->on_disk = true;
        return page;
      }
    }
  }
  return Status(Code::kCorruption, "directory page is damaged");
}

}  // namespace engine
