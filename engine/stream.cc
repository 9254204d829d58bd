#include "engine/stream.h"

#include <algorithm>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/schema.h"

namespace engine {
namespace {

constexpr uint8_t kStreamRecordVersion = 2;
// Does not say up to where entries were deleted: anywhere, then.
constexpr uint8_t kVersionWithoutHole = 1;
constexpr uint8_t kDirectoryPageVersion = 1;

void PutCounters(std::string* out, const Stream& stream) {
  PutVarint(out, stream.length);
  PutVarint(out, stream.entries_added);
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
  stream->newest_hole = version == kVersionWithoutHole ? stream->last_id : decoder->ReadVarintId();
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

size_t Stream::memory_bytes() const {
  size_t bytes = sizeof(Stream) + key.size() + 64;
  for (const auto& page : directory.pages()) {
    bytes += sizeof(DirectoryPage) + page->slots.capacity() * sizeof(BlockSlot);
  }
  for (const Group* group : groups_by_number) {
    bytes += group->memory_bytes();
  }
  return bytes;
}

void EncodeStream(const Stream& stream, std::string* out) {
  const size_t begin = out->size();
  PutU8(out, static_cast<uint8_t>(KeyRecordKind::kStream));
  PutU8(out, kStreamRecordVersion);
  PutVarint(out, stream.uid);
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
  const uint8_t kind = decoder.ReadU8();
  const uint8_t version = decoder.ReadU8();
  if (kind != static_cast<uint8_t>(KeyRecordKind::kStream) ||
      (version != kStreamRecordVersion && version != kVersionWithoutHole)) {
    return Status(Code::kCorruption, "key record of an unknown kind or version");
  }
  auto stream = std::make_unique<Stream>(physical_db, decoder.ReadVarint(), std::string(key));
  ReadCounters(&decoder, version, stream.get());
  if (decoder.ReadBool()) {
    stream->open_node = ReadNodeState(&decoder);
  }
  const uint64_t group_count = decoder.ReadVarint();
  for (uint64_t i = 0; i < group_count && decoder.ok(); ++i) {
    parts->groups.push_back(decoder.ReadVarint32());
  }
  const uint64_t page_count = decoder.ReadVarint();
  for (uint64_t i = 0; i < page_count && decoder.ok(); ++i) {
    parts->closed_pages.push_back(decoder.ReadVarint32());
  }
  if (!decoder.ok()) {
    return damaged;
  }
  if (page_count > 0) {
    auto page = std::make_unique<DirectoryPage>(stream.get(), parts->closed_pages.back());
    parts->closed_pages.pop_back();
    ReadDirectoryPage(&decoder, page.get());
    stream->directory.pages().push_back(std::move(page));
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
