#include "tests/fuzz/record_checks.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/block.h"
#include "engine/block_segment.h"
#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/due_index.h"
#include "engine/group.h"
#include "engine/journal_format.h"
#include "engine/node_rule.h"
#include "engine/pending_page.h"
#include "engine/policy.h"
#include "engine/producer_page.h"
#include "engine/schedule.h"
#include "engine/schema.h"
#include "engine/stream.h"
#include "engine/string_value.h"
#include "engine/survey.h"
#include "engine/time_index.h"
#include "engine/top_groups.h"
#include "engine/totals.h"
#include "tests/fuzz/fuzz_input.h"

namespace fuzz {
namespace {

constexpr uint32_t kDatabase = 1;
constexpr engine::GroupNumber kGroup = 1;
constexpr engine::StreamId kFirstId{1000, 5};

std::string Sealed(std::string_view bytes) {
  std::string record(bytes);
  engine::SealRecord(&record, 0);
  return record;
}

// What was decoded is written, read, and written again: both written forms are the same. `decode`
// takes a record and gives a Result, `encode` the decoded value and gives a record.
template <typename Decode, typename Encode>
void RequireRoundTrip(std::string_view record, Decode decode, Encode encode) {
  auto object = decode(record);
  if (!object.ok()) {
    return;
  }
  const std::string written = encode(*object);
  auto again = decode(written);
  Require(again.ok(), "what a decoder accepted is accepted when it is written again");
  Require(encode(*again) == written, "reading and writing changes nothing");
}

// Ids to seek: those on and around what a record names, and the ends.
std::vector<engine::StreamId> Probes(engine::StreamId first, engine::StreamId last) {
  return {engine::StreamId::Min(),
          first.Previous().value_or(first),
          first,
          first.Next().value_or(first),
          last,
          last.Next().value_or(last),
          engine::StreamId::Max()};
}

}  // namespace

// ---- Streams ----

namespace {

void LookAtDirectory(const engine::Directory& directory) {
  if (directory.empty()) {
    return;
  }
  const engine::StreamId first = directory.Front().first_id;
  for (const engine::StreamId id : Probes(first, directory.Back().last_id)) {
    auto place = directory.FindAtOrAfter(id);
    Require(place.has_value(), "a directory that is not empty has a block to begin with");
    for (int steps = 0; place.has_value() && steps < 3; ++steps) {
      Require(directory.At(*place).live_count <= directory.At(*place).entry_count,
              "no more entries of a block are live than it has");
      place = directory.Next(*place);
    }
    place = directory.Find(id);
    if (place.has_value()) {
      directory.Previous(*place);
    }
  }
  Require(directory.block_count() > 0, "a directory that is not empty has blocks");
}

// A record that is good has all that it names; the groups and the closed pages are elsewhere.
void AddParts(const engine::StreamParts& parts, engine::Stream* stream) {
  for (size_t i = 0; i < parts.groups.size(); ++i) {
    Require(i == 0 || parts.groups[i - 1] < parts.groups[i], "groups are listed in order");
    stream->AddGroup(
        std::make_unique<engine::Group>(stream, parts.groups[i], std::to_string(parts.groups[i])));
  }
  auto& pages = stream->directory.pages();
  for (size_t i = 0; i < parts.closed_pages.size(); ++i) {
    auto page = std::make_unique<engine::DirectoryPage>(stream, parts.closed_pages[i]);
    page->slots.emplace_back();
    pages.insert(pages.begin() + static_cast<ptrdiff_t>(i), std::move(page));
  }
}

}  // namespace

void CheckStreamRecord(std::string_view bytes) {
  const auto decode = [](std::string_view record) {
    engine::StreamParts parts;
    auto stream = engine::DecodeStream(kDatabase, "key", record, &parts);
    if (stream.ok()) {
      LookAtDirectory((*stream)->directory);
      AddParts(parts, stream->get());
    }
    return stream;
  };
  RequireRoundTrip(Sealed(bytes), decode, [](const std::unique_ptr<engine::Stream>& stream) {
    static_cast<void>(stream->memory_bytes());
    static_cast<void>(engine::TotalsOf(*stream));
    static_cast<void>(stream->GroupByNumber(7));
    static_cast<void>(stream->WhollyLiveFrom(kFirstId));
    if (stream->open_node.has_value()) {
      engine::NodeState node = *stream->open_node;
      constexpr std::string_view kPayload = "$1\r\nf\r\n$1\r\nv\r\n";
      static_cast<void>(engine::NodeBytes(node));
      if (!engine::OpensNode(&node, {}, kPayload, 2)) {
        engine::ExtendNode(&node, kFirstId, kPayload, 2);
      }
    }
    if (stream->schedule != nullptr) {
      static_cast<void>(stream->schedule->EarliestFrom({}));
      static_cast<void>(stream->schedule->NeedsPage({}));
    }
    std::string record;
    engine::EncodeStream(*stream, &record);
    return record;
  });
}

void CheckDirectoryPage(std::string_view bytes) {
  engine::Stream stream(kDatabase, 1, "key");
  const auto decode = [&stream](std::string_view record) {
    auto page = engine::DecodeClosedPage(&stream, 3, record);
    if (page.ok()) {
      // What a directory may hold is looked at as a part of one.
      engine::Directory directory;
      directory.pages().push_back(std::move(page).value());
      LookAtDirectory(directory);
      return engine::Result<std::unique_ptr<engine::DirectoryPage>>(
          std::move(directory.pages().front()));
    }
    return page;
  };
  RequireRoundTrip(Sealed(bytes), decode, [](const std::unique_ptr<engine::DirectoryPage>& page) {
    std::string record;
    engine::EncodeClosedPage(*page, &record);
    return record;
  });
}

// ---- Blocks ----

namespace {

void LookAtNodes(const engine::Block& block, engine::StreamId id) {
  static_cast<void>(block.FirstLiveNode(id));
  static_cast<void>(block.LastLiveNode(id));
  const uint32_t nodes = block.LiveNodeCount(id);
  Require(nodes <= block.live_count(), "a node that is counted has a live entry");
  const auto node = block.NodeContaining(id, id);
  if (node.has_value()) {
    Require(node->first_id <= node->last_id, "a node begins before it ends");
    static_cast<void>(engine::RebuildNode(block, node->first_id, id));
  }
}

void LookAtBlock(const engine::Block& block) {
  uint32_t entries = 0;
  uint32_t live = 0;
  for (auto cursor = block.Begin(); cursor.valid(); cursor.Next()) {
    ++entries;
    live += cursor.entry().deleted ? 0 : 1;
    Require(cursor.entry().id <= block.last_id(), "the newest entry has the highest id");
  }
  Require(entries == block.entry_count() && live == block.live_count(), "entries are counted");
  for (auto cursor = block.Last(); cursor.valid(); cursor.Prev()) {
    --entries;
  }
  Require(entries == 0, "both ways have as many entries");
  for (const engine::StreamId id : Probes(block.first_id(), block.last_id())) {
    static_cast<void>(block.SeekAtOrAfter(id));
    static_cast<void>(block.SeekAtOrBefore(id));
    static_cast<void>(block.Find(id));
    static_cast<void>(block.CountLiveBelow(block.first_id(), id));
    static_cast<void>(block.NthLive(id, 1));
    static_cast<void>(block.LastLiveAtOrBefore(id, block.first_id()));
    LookAtNodes(block, id);
  }
}

// The life of a block that was loaded: it grows, loses entries, is written whole, and comes back.
void UseBlock(std::string_view stored) {
  auto block = engine::Block::Decode(kFirstId, stored);
  if (!block.ok()) {
    return;
  }
  LookAtBlock(*block);
  const engine::BlockSummary summary = block->Summary();
  engine::Block tail = engine::Block::OpenTail(kFirstId, summary);
  Require(tail.MergeOlder(stored).ok(), "a tail takes the block that its summary was made of");
  Require(tail.Summary().entry_count == summary.entry_count, "merging adds nothing");
  if (const auto next = block->last_id().Next(); next.has_value()) {
    block->Append(*next, true, 2, "$1\r\nf\r\n$1\r\nv\r\n");
    Require(block->MarkDeleted(*next), "what was appended can be deleted");
  }
  if (const auto live = block->FirstLiveAtOrAfter(engine::StreamId::Min())) {
    block->DropDeadTail(engine::StreamId::Min());
    LookAtBlock(*block);
    block->Compact();
    std::string written;
    Require(block->EncodeUnsaved(&written) == engine::Block::WriteAs::kPut, "a rewrite is a put");
    block->ConfirmSaved();
    auto again = engine::Block::Decode(kFirstId, written);
    Require(again.ok(), "a block that was written is read");
    Require(again->live_count() == block->live_count(), "no live entry is lost");
    LookAtBlock(*again);
  }
}

}  // namespace

void CheckBlock(std::string_view bytes) { UseBlock(bytes); }

void CheckBlockSegments(std::string_view bytes) {
  Input input(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  std::string stored;
  while (!input.empty()) {
    const size_t size = input.TakeByte();
    const auto kind = static_cast<engine::SegmentKind>(input.TakeByte() % 5);
    engine::PutSegment(&stored, kFirstId, kind, input.TakeBytes(size));
  }
  UseBlock(stored);
}

// ---- Groups ----

namespace {

void LookAtGroup(const engine::Group& group) {
  for (const engine::Consumer* consumer : group.consumers_by_number) {
    Require(group.FindConsumer(consumer->name) == consumer, "a consumer is found by name");
    Require(group.ConsumerByNumber(consumer->number) == consumer, "and by number");
  }
  static_cast<void>(group.OwnerName(12));
  Require(group.order.size() == group.pages.size(), "each page has a place in delivery order");
  for (const engine::PageSlot& slot : group.pages) {
    Require(slot.First() <= slot.Last(), "a page begins before it ends");
    Require(&group.pages[group.FindPage(slot.First())] == &slot, "a page is found by its first id");
    Require(slot.OwnedBy(engine::kNoConsumer) <= slot.Count(), "owners have no more than there is");
  }
  static_cast<void>(group.FindPageAtOrAfter(kFirstId));
  static_cast<void>(engine::TotalsOf(group));
  static_cast<void>(group.memory_bytes());
}

void LookAtPage(const engine::PendingPage& page) {
  uint32_t count = 0;
  uint32_t by_owner = 0;
  for (auto at = page.Begin(); at.valid(); at.Next()) {
    const engine::PendingRecord record = at.record();
    Require(page.Find(record.id) == record, "a record is found by its id");
    ++count;
  }
  Require(count == page.count() && count > 0, "records are counted");
  for (const auto& share : page.owners()) {
    by_owner += share.count;
  }
  Require(by_owner == count, "each record counts for one owner");
  for (const engine::StreamId id : Probes(page.first_id(), page.last_id())) {
    static_cast<void>(page.Seek(id));
    static_cast<void>(page.SeekAtOrBefore(id));
  }
  static_cast<void>(page.OldestKey());
  static_cast<void>(page.Times());
  static_cast<void>(page.memory_bytes());
}

// Takes a page apart: half of it goes into another one, then record after record.
void UsePage(engine::PendingPage page) {
  if (page.count() >= 2) {
    engine::PendingPage upper = page.Split();
    LookAtPage(upper);
  }
  while (!page.empty()) {
    engine::PendingRecord record = page.Begin().record();
    record.count = record.count / 2 + 1;
    Require(page.Update(record), "a record that is there is updated");
    LookAtPage(page);
    Require(page.Erase(record.id) == record, "a record that is there is erased");
  }
}

}  // namespace

void CheckGroupRecord(std::string_view bytes) {
  engine::Stream stream(kDatabase, 1, "key");
  const auto decode = [&stream](std::string_view record) {
    return engine::DecodeGroup(&stream, kGroup, record);
  };
  RequireRoundTrip(Sealed(bytes), decode, [](const std::unique_ptr<engine::Group>& group) {
    LookAtGroup(*group);
    std::string record;
    engine::EncodeGroup(*group, &record);
    return record;
  });
}

void CheckPendingPage(std::string_view bytes) {
  const std::string record = Sealed(bytes);
  const auto decode = [](std::string_view stored) { return engine::PendingPage::Decode(stored); };
  RequireRoundTrip(record, decode, [](const engine::PendingPage& page) {
    LookAtPage(page);
    std::string written;
    page.Encode(&written);
    return written;
  });
  auto page = engine::PendingPage::Decode(record);
  if (page.ok()) {
    UsePage(std::move(page).value());
  }
}

// ---- Other units ----

void CheckProducerPage(std::string_view bytes) {
  const std::string record = Sealed(bytes);
  const auto decode = [](std::string_view stored) { return engine::ProducerPage::Decode(stored); };
  RequireRoundTrip(record, decode, [](const engine::ProducerPage& page) {
    page.ForEach([&page](const engine::ProducerName& name, const engine::Producer& producer) {
      Require(page.Find(name) == &producer, "a producer is found by name");
      Require(producer.Find(producer.At(0).text) == &producer.At(0), "an iid is found");
    });
    static_cast<void>(page.CountAbove(5));
    static_cast<void>(page.FindSpan());
    static_cast<void>(page.memory_bytes());
    std::string written;
    page.Encode(&written);
    return written;
  });
  auto page = engine::ProducerPage::Decode(record);
  if (page.ok()) {
    const uint64_t iids = page->counts().iids;
    if (auto upper = page->Split(); upper.has_value()) {
      Require(page->counts().iids + upper->second.counts().iids == iids, "a split loses nothing");
    }
    page->Record(engine::ProducerName("p"), "iid", kFirstId, 2);
    page->ForgetThrough(0, UINT64_MAX, UINT64_MAX);
    Require(page->empty(), "everything can be forgotten");
  }
}

void CheckScheduledEntry(std::string_view bytes) {
  const auto decode = [](std::string_view record) { return engine::DecodeScheduled(record); };
  RequireRoundTrip(Sealed(bytes), decode, [](const engine::ScheduledEntry& entry) {
    engine::NodeState node;
    engine::StartNode(&node, kFirstId, entry.payload, entry.arg_count);
    std::string record;
    engine::EncodeScheduled(entry, &record);
    return record;
  });
}

void CheckStringRecord(std::string_view bytes) {
  const auto decode = [](std::string_view record) {
    return engine::DecodeString(kDatabase, "key", record);
  };
  RequireRoundTrip(Sealed(bytes), decode, [](const std::unique_ptr<engine::StringValue>& value) {
    std::string record;
    engine::EncodeString(*value, &record);
    return record;
  });
}

void CheckSurvey(std::string_view bytes) {
  const auto decode = [](std::string_view record) { return engine::DecodeSurvey(record); };
  RequireRoundTrip(Sealed(bytes), decode,
                   [](const engine::Survey& survey) { return engine::EncodeSurvey(survey); });
}

void CheckTopGroups(std::string_view bytes) {
  engine::TopGroups top_groups;
  static_cast<void>(top_groups.Decode(Sealed(bytes)));
}

void CheckPolicySettings(std::string_view bytes) {
  for (const auto specs : {engine::GroupOptionSpecs(), engine::StreamOptionSpecs()}) {
    engine::Decoder decoder(bytes);
    const auto settings = engine::PolicySettings::Decode(&decoder, specs);
    if (!decoder.AtEnd()) {
      continue;
    }
    std::string written;
    settings.Encode(&written);
    Require(written == bytes, "settings have one form");
  }
}

// ---- Journal ----

void CheckSegmentHeader(std::string_view bytes) {
  // All but the checksum comes from the input; it is put where both copies begin.
  std::string block = engine::EncodeSegmentHeaderBlock({});
  Input input(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  engine::SegmentHeader header;
  header.state = static_cast<engine::SegmentState>(input.TakeByte() % 3);
  const auto number = [&input] {
    const std::string_view taken = input.TakeBytes(8);
    return taken.size() == 8 ? engine::LoadU64(taken.data()) : taken.size();
  };
  header.sequence = number();
  header.epoch = static_cast<uint32_t>(number());
  header.first_turn = number();
  header.checkpoint_turn = number();
  header.durable_turn = number();
  header.segment_bytes = number();
  block = engine::EncodeSegmentHeaderBlock(header);
  const size_t damaged_at = static_cast<size_t>(number() % block.size());
  const char flip = static_cast<char>(input.TakeByte());
  block[damaged_at] = static_cast<char>(block[damaged_at] ^ flip);
  const auto decoded = engine::DecodeSegmentHeaderBlock(block);
  const bool is_known = header.state <= engine::SegmentState::kActive;
  Require(decoded.has_value() == is_known, "one damaged copy leaves the other");
  Require(!decoded.has_value() || *decoded == header, "a header is what was written");
  static_cast<void>(engine::DecodeSegmentHeaderBlock(input.rest()));
}

void CheckFragments(std::string_view bytes) {
  Input input(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  constexpr uint64_t kSeed = 17;
  engine::FragmentHeader header;
  header.turn = input.TakeByte();
  header.epoch = input.TakeByte();
  header.index = input.TakeByte();
  header.is_last = (input.TakeByte() & 1) != 0;
  const size_t flipped_at = size_t{input.TakeByte()} << 8 | input.TakeByte();
  const char flip = static_cast<char>(input.TakeByte());
  const std::string_view payload = input.rest();
  header.length = static_cast<uint32_t>(payload.size());
  std::string segment(engine::kSegmentHeaderBlockBytes + engine::FragmentBytes(header.length), 0);
  char* const at = segment.data() + engine::kSegmentHeaderBlockBytes;
  payload.copy(at + engine::kFragmentHeaderBytes, payload.size());
  const uint64_t offset = engine::kSegmentHeaderBlockBytes;
  engine::EncodeFragmentHeader(header, payload, kSeed, offset, at);
  const size_t covered = engine::kFragmentHeaderBytes + payload.size();
  at[flipped_at % covered] = static_cast<char>(at[flipped_at % covered] ^ flip);
  const auto fragment = engine::DecodeFragment(segment, offset, kSeed);
  Require(fragment.has_value() == (flip == 0), "a fragment is intact or refused");
  Require(!fragment.has_value() || (fragment->header == header && fragment->payload == payload),
          "a fragment is what was written");
  for (uint64_t other = 0; other <= segment.size() + 8; other += engine::kFragmentAlignment) {
    const bool elsewhere = engine::DecodeFragment(segment, other, kSeed).has_value();
    Require(!elsewhere || other == offset, "a fragment counts in its place only");
  }
  static_cast<void>(engine::DecodeFragment(bytes, input.TakeByte(), kSeed));
}

// ---- Keys and ids ----

void CheckKeys(std::string_view bytes) {
  uint32_t physical_db = 0;
  uint64_t hash = 0;
  std::string_view key;
  if (engine::ParseKeyRecordKey(bytes, &physical_db, &hash, &key)) {
    Require(engine::KeyScanStart(physical_db, hash).append(key) == bytes, "a key has one form");
  }
  if (const auto token = engine::ParseScheduledKey(bytes); token.has_value()) {
    const std::string written = engine::ScheduledKey(0, 0, *token);
    Require(written.substr(engine::kScheduledPrefixBytes) ==
                bytes.substr(engine::kScheduledPrefixBytes),
            "a token has one form");
  }
  for (const char tag : {engine::kExpiryKeyTag, engine::kDueKeyTag}) {
    const engine::TimeIndex index(tag);
    const auto place = index.ParseStoreKey(bytes);
    Require(!place.has_value() || index.StoreKey(*place) == bytes, "a place has one form");
  }
}

void CheckStreamIds(std::string_view bytes) {
  for (const uint64_t missing : {uint64_t{0}, UINT64_MAX}) {
    const auto strict = engine::ParseStreamIdStrict(bytes, missing);
    const auto loose = engine::ParseStreamIdLoose(bytes, missing);
    Require(!strict.has_value() || strict == loose, "loose takes what strict takes");
    if (!loose.has_value()) {
      continue;
    }
    Require(engine::ParseStreamIdStrict(loose->ToString(), 1) == loose, "an id is printed");
    const auto next = loose->Next();
    Require(!next.has_value() || next->Previous() == loose, "an id is before its next");
    std::string delta;
    if (*loose >= kFirstId) {
      engine::PutIdDelta(&delta, kFirstId, *loose);
      engine::Decoder decoder(delta);
      Require(decoder.ReadIdDelta(kFirstId) == *loose && decoder.AtEnd(), "deltas add up");
    }
  }
}

}  // namespace fuzz
