#include "engine/core.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/reaper.h"
#include "engine/schema.h"
#include "engine/steward.h"

namespace engine {
namespace {

// Frees up to `budget` values of the front database; true when it is empty.
bool FreeFrom(Core& core, Database& database, size_t* budget) {
  database.holders.TakeSome(*budget, [&core, budget](std::unique_ptr<KeyHolder> holder) {
    core.RetireHolder(std::move(holder), Core::RecordsOf::kRangeDeleted);
    --*budget;
  });
  return database.holders.empty();
}

}  // namespace

Core::Core(EngineOptions engine_options)
    : options(std::move(engine_options)),
      keyspace(options.databases),
      policy_rules(options.glob_match) {}

Core::~Core() = default;

void Core::Tell(StreamEvent::Kind kind, const Stream& stream, std::string_view group, StreamId id) {
  const uint32_t db = keyspace.LogicalOf(*keyspace.ByPhysical(stream.physical_db));
  events.push_back({kind, db, stream.key, std::string(group), id});
}

void Core::ListDue(const Stream& stream) {
  if (stream.expected_ms != INT64_MAX) {
    due_index.Add({stream.expected_ms, stream.physical_db, stream.key});
  }
}

void Core::UnlistDue(const Stream& stream) {
  if (stream.expected_ms != INT64_MAX) {
    due_index.Remove({stream.expected_ms, stream.physical_db, stream.key});
  }
}

Result<ValueHolder*> Core::LookAt(Op& op, uint32_t db, std::string_view key) {
  Database& database = keyspace.at(db);
  op.seen_turn = std::max(op.seen_turn, database.shown_turn);
  KeyHolder* holder = Keyspace::Find(database, key, &lookahead.hashes());
  if (holder == nullptr && database.stored_key_count > 0) {
    LoadItem item;
    item.kind = LoadItem::Kind::kKey;
    item.physical_db = database.physical;
    item.key = std::string(key);
    op.needs.push_back(std::move(item));
    RETURN_IF_ERROR(CheckLoaded(op));
    holder = Keyspace::Find(database, key);
  }
  ValueHolder* value = AsValue(holder);
  if (const DamagedKey* damaged = AsDamaged(holder)) [[unlikely]] {
    return damaged->status();
  }
  if (value == nullptr) {
    op.seen_turn = std::max(op.seen_turn, database.last_delete_turn);
    if (holder != nullptr) {
      holder->referenced = true;
    }
    return Status(Code::kNotFound);
  }
  Saw(op, *value);
  if (value->ExpiredAt(op.now.unix_ms)) {
    return Status(Code::kNotFound);
  }
  value->referenced = true;
  return value;
}

Result<ValueHolder*> Core::FindHolder(Op& op, uint32_t db, std::string_view key) {
  ASSIGN_OR_RETURN(ValueHolder * value, LookAt(op, db, key));
  value->used_ms = op.now.store_ms;
  return value;
}

Result<Stream*> Core::FindStream(Op& op, std::string_view key) {
  ASSIGN_OR_RETURN(ValueHolder * value, FindHolder(op, key));
  if (value->kind != UnitKind::kStream) {
    return Status(Code::kWrongType);
  }
  return static_cast<Stream*>(value);
}

Result<StringValue*> Core::FindString(Op& op, std::string_view key) {
  ASSIGN_OR_RETURN(ValueHolder * value, FindHolder(op, key));
  if (value->kind != UnitKind::kString) {
    return Status(Code::kWrongType);
  }
  return static_cast<StringValue*>(value);
}

namespace {

LoadItem ItemOf(const Stream& stream, const BlockSlot& slot) {
  LoadItem item;
  item.kind = LoadItem::Kind::kBlock;
  item.physical_db = stream.physical_db;
  item.uid = stream.uid;
  item.key = stream.key;
  item.first_id = slot.first_id;
  return item;
}

}  // namespace

Block* Core::NeedBlock(Op& op, Stream& stream, BlockSlot& slot, StreamId from) {
  if (slot.unit != nullptr &&
      (slot.unit->block.complete() || (from != StreamId::Min() && slot.unit->block.Covers(from)))) {
    slot.unit->referenced = true;
    return &slot.unit->block;
  }
  if (!op.needs.empty() && op.needs.back().kind == LoadItem::Kind::kBlock &&
      op.needs.back().uid == stream.uid && op.needs.back().first_id == slot.first_id) {
    return nullptr;  // Entries are asked for one by one, those of a block in a row.
  }
  op.needs.push_back(ItemOf(stream, slot));
  return nullptr;
}

void Core::Prefetch(const Stream& stream, Directory::Place place) {
  // On a busy machine a reader thread may get its turn a millisecond late.
  constexpr int kAhead = 8;
  if (options.reader_threads == 0) {
    return;
  }
  std::optional<Directory::Place> at = place;
  for (int i = 0; i < kAhead && at.has_value(); ++i, at = stream.directory.Next(*at)) {
    const BlockSlot& slot = stream.directory.At(*at);
    if (slot.unit == nullptr) {
      loader->Prefetch(ItemOf(stream, slot));
    }
  }
}

PendingPage* Core::NeedPage(Op& op, Group& group, PageSlot& slot) {
  if (slot.unit != nullptr) {
    slot.unit->referenced = true;
    return &slot.unit->page;
  }
  LoadItem item;
  item.kind = LoadItem::Kind::kPendingPage;
  item.physical_db = group.stream->physical_db;
  item.uid = group.stream->uid;
  item.key = group.stream->key;
  item.group = group.number;
  item.page = slot.number;
  item.first_id = slot.first_id;
  op.needs.push_back(std::move(item));
  return nullptr;
}

ProducerPage* Core::NeedProducerPage(Op& op, Stream& stream, ProducerSlot& slot) {
  if (slot.unit != nullptr) {
    slot.unit->referenced = true;
    return &slot.unit->page;
  }
  LoadItem item;
  item.kind = LoadItem::Kind::kProducerPage;
  item.physical_db = stream.physical_db;
  item.uid = stream.uid;
  item.key = stream.key;
  item.page = slot.number;
  item.first_hash = slot.first_hash;
  op.needs.push_back(std::move(item));
  return nullptr;
}

Status Core::CheckLoaded(Op& op) {
  if (op.needs.empty()) {
    return OkStatus();
  }
  if (!op.read_misses) {
    return Status(Code::kNotLoaded);
  }
  blocking_loads += op.needs.size();
  const std::vector<LoadItem> items = std::exchange(op.needs, {});
  return loader->LoadNow(items, op.pins);
}

BlockUnit& Core::AttachBlock(Stream& stream, BlockSlot& slot, Block block) {
  CHECK(slot.unit == nullptr);
  slot.unit = std::make_unique<BlockUnit>(&stream, std::move(block));
  slot.unit->on_disk = slot.on_disk;
  cache.Add(slot.unit.get(), slot.unit->block.memory_bytes());
  return *slot.unit;
}

PageUnit& Core::AttachPage(Group& group, PageSlot& slot, PendingPage page) {
  CHECK(slot.unit == nullptr);
  slot.unit = std::make_unique<PageUnit>(&group, slot.number, std::move(page));
  slot.unit->on_disk = slot.on_disk;
  cache.Add(slot.unit.get(), sizeof(PageUnit) + kMaxPendingRecords * 40);
  return *slot.unit;
}

ProducerPageUnit& Core::AttachProducerPage(Stream& stream, ProducerSlot& slot, ProducerPage page) {
  CHECK(slot.unit == nullptr);
  slot.unit = std::make_unique<ProducerPageUnit>(&stream, slot.number, std::move(page));
  slot.unit->on_disk = slot.on_disk;
  cache.Add(slot.unit.get(), sizeof(ProducerPageUnit) + slot.unit->page.memory_bytes());
  return *slot.unit;
}

void Core::RetireProducers(Stream& stream) {
  if (stream.producers == nullptr) {
    return;
  }
  std::vector<std::string> stored;
  size_t stored_count = 0;
  for (ProducerSlot& slot : stream.producers->slots) {
    if (slot.unit != nullptr) {
      checkpoint.Touch(*slot.unit, 0);  // Encodes a frozen state.
      slot.on_disk = slot.on_disk || slot.unit->on_disk;
      checkpoint.Forget(*slot.unit);
      cache.Remove(slot.unit.get());
    }
    if (slot.on_disk && ++stored_count <= kPointDeletesPerStream) {
      stored.push_back(ProducerPageKey(stream.physical_db, stream.uid, slot.number));
    }
  }
  stream.producers->slots.clear();
  if (stored_count > kPointDeletesPerStream) {
    const std::string prefix = StreamPrefix(stream.physical_db, stream.uid);
    checkpoint.DeleteRangeLater(Family::kSide, prefix, PrefixEnd(prefix));
    return;
  }
  for (std::string& key : stored) {
    checkpoint.DeleteLater(Family::kSide, std::move(key));
  }
}

void Core::RetireSchedule(Stream& stream) {
  if (stream.schedule == nullptr) {
    return;
  }
  Schedule& schedule = *stream.schedule;
  if (schedule.frozen) {
    schedule.EncodeSlice(&checkpoint, SIZE_MAX);
  }
  const auto stored = schedule.StoredTokens();
  if (stored.has_value() && stored->size() <= kPointDeletesPerStream) {
    for (const ScheduleToken token : *stored) {
      checkpoint.DeleteLater(Family::kSide, ScheduledKey(stream.physical_db, stream.uid, token));
    }
  } else {
    const std::string prefix = StreamPrefix(stream.physical_db, stream.uid);
    checkpoint.DeleteRangeLater(Family::kSide, prefix, PrefixEnd(prefix));
  }
  checkpoint.Forget(schedule);
  cache.Remove(&schedule);
}

void Core::RetireGroup(Group& group) {
  const Stream& stream = *group.stream;
  size_t stored = 0;
  for (PageSlot& slot : group.pages) {
    if (slot.unit != nullptr) {
      checkpoint.Touch(*slot.unit, 0);  // Encodes a frozen state.
      slot.on_disk = slot.on_disk || slot.unit->on_disk;
      checkpoint.Forget(*slot.unit);
      cache.Remove(slot.unit.get());
    }
    stored += slot.on_disk ? 1 : 0;
  }
  checkpoint.Touch(group, 0);
  if (stored > kPointDeletesPerStream) {
    const std::string prefix = GroupPrefix(stream.physical_db, stream.uid, group.number);
    checkpoint.DeleteRangeLater(Family::kGroups, prefix, PrefixEnd(prefix));
  } else {
    for (const PageSlot& slot : group.pages) {
      if (slot.on_disk) {
        checkpoint.DeleteLater(Family::kGroups, PendingPageKey(stream.physical_db, stream.uid,
                                                               group.number, slot.number));
      }
    }
    if (group.on_disk) {
      checkpoint.DeleteLater(Family::kGroups,
                             GroupHeaderKey(stream.physical_db, stream.uid, group.number));
    }
  }
  checkpoint.Forget(group);
}

void Core::RetireBlocks(Stream& stream) {
  std::vector<std::string> stored;
  size_t stored_count = 0;
  for (const auto& page : stream.directory.pages()) {
    for (BlockSlot& slot : page->slots) {
      if (slot.unit != nullptr) {
        checkpoint.Touch(*slot.unit, 0);
        checkpoint.Forget(*slot.unit);
        cache.Remove(slot.unit.get());
      }
      if (slot.on_disk && ++stored_count <= kPointDeletesPerStream) {
        stored.push_back(BlockKey(stream.physical_db, stream.uid, slot.first_id));
      }
    }
    checkpoint.Touch(*page, 0);
    if (page->on_disk && ++stored_count <= kPointDeletesPerStream) {
      stored.push_back(DirectoryPageKey(stream.physical_db, stream.uid, page->number));
    }
    checkpoint.Forget(*page);
  }
  if (stored_count > kPointDeletesPerStream) {
    const std::string prefix = StreamPrefix(stream.physical_db, stream.uid);
    checkpoint.DeleteRangeLater(Family::kBlocks, prefix, PrefixEnd(prefix));
    return;
  }
  for (std::string& key : stored) {
    checkpoint.DeleteLater(Family::kBlocks, std::move(key));
  }
}

void Core::RetireHolder(std::unique_ptr<KeyHolder> holder, RecordsOf records) {
  cache.Remove(holder.get());
  if (AsValue(holder.get()) == nullptr) {
    return;
  }
  checkpoint.set_deletes_muted(records == RecordsOf::kRangeDeleted);
  if (holder->kind == UnitKind::kStream) {
    auto& stream = static_cast<Stream&>(*holder);
    keyspace.UnlistStream(stream);
    RetireBlocks(stream);
    RetireProducers(stream);
    RetireSchedule(stream);
    for (Group* group : stream.groups_by_number) {
      RetireGroup(*group);
    }
  }
  checkpoint.Touch(*holder, 0);
  if (holder->on_disk) {
    checkpoint.DeleteLater(Family::kKeys, KeyRecordKey(holder->physical_db, holder->key));
  }
  checkpoint.Forget(*holder);
  checkpoint.set_deletes_muted(false);
}

void Core::RetireDatabase(std::unique_ptr<Database> database, bool anything_stored) {
  if (anything_stored) {
    const std::string prefix = DatabasePrefix(database->physical);
    for (const Family family : {Family::kKeys, Family::kBlocks, Family::kGroups, Family::kSide}) {
      checkpoint.DeleteRangeLater(family, prefix, PrefixEnd(prefix));
    }
  }
  const auto is_in = [&](const KeptEffects& kept) {
    return kept.physical_db == database->physical;
  };
  if (keeps_effects) {
    const std::string prefix = KeptEffectsPrefix(database->physical, 0).substr(0, 5);
    checkpoint.DeleteRangeLater(Family::kSystem, prefix, PrefixEnd(prefix));
    std::erase_if(kept_effects, is_in);
  }
  if (!database->holders.empty()) {
    checkpoint.AddDeadDatabase(database->physical);
    flushed_.push_back(std::move(database));
  }
}

void Core::FreeFlushed(size_t max_values) {
  while (max_values > 0 && !flushed_.empty()) {
    if (FreeFrom(*this, *flushed_.front(), &max_values)) {
      checkpoint.RemoveDeadDatabase(flushed_.front()->physical);
      flushed_.erase(flushed_.begin());
    }
  }
}

bool Core::EvictStream(Stream& stream) {
  if (!stream.clean()) {
    return false;
  }
  for (const Group* group : stream.groups_by_number) {
    if (!group->clean()) {
      return false;
    }
    for (const PageSlot& slot : group->pages) {
      if (slot.unit != nullptr) {
        return false;
      }
    }
  }
  if (stream.producers != nullptr) {
    for (const ProducerSlot& slot : stream.producers->slots) {
      if (slot.unit != nullptr) {
        return false;
      }
    }
  }
  if (stream.schedule != nullptr && (!stream.schedule->clean() || stream.schedule->pins > 0)) {
    return false;
  }
  // What is in memory is most often the newest: looked at first, so that a long stream in use is
  // left alone after one look.
  const auto& pages = stream.directory.pages();
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    const std::vector<BlockSlot>& slots = (*page)->slots;
    if (!(*page)->clean() || std::any_of(slots.rbegin(), slots.rend(), [](const BlockSlot& slot) {
          return slot.unit != nullptr;
        })) {
      return false;
    }
  }
  Database* database = keyspace.ByPhysical(stream.physical_db);
  if (database == nullptr || !stream.on_disk) {
    return false;
  }
  top_groups.NoteLeft(stream);
  aging.NoteLeft(stream);
  if (stream.schedule != nullptr) {
    cache.Remove(stream.schedule.get());
  }
  cache.Remove(&stream);
  keyspace.UnlistStream(stream);
  database->holders.Take(stream.key);
  return true;
}

bool Core::EvictString(StringValue& value) {
  Database* database = keyspace.ByPhysical(value.physical_db);
  if (!value.clean() || database == nullptr || !value.on_disk) {
    return false;
  }
  aging.NoteLeft(value);
  cache.Remove(&value);
  database->holders.Take(value.key);
  return true;
}

bool Core::EvictDamagedKey(DamagedKey& key) {
  Database* database = keyspace.ByPhysical(key.physical_db);
  if (key.keeps_effects || database == nullptr) {
    return false;
  }
  cache.Remove(&key);
  database->holders.Take(key.key);
  return true;
}

bool Core::EvictBlock(BlockUnit& unit) {
  if (!unit.clean()) {
    if (unit.block.DropSavedPrefix()) {
      cache.SetCharge(&unit, unit.block.memory_bytes());
    }
    return false;
  }
  BlockSlot& slot = unit.stream->directory.At(*unit.stream->directory.Find(unit.block.first_id()));
  cache.Remove(&unit);
  slot.unit.reset();
  return true;
}

bool Core::EvictPage(PageUnit& unit) {
  if (!unit.clean()) {
    return false;
  }
  Group& group = *unit.group;
  PageSlot& slot = group.pages[group.FindPage(unit.page.first_id())];
  CHECK(slot.unit.get() == &unit);
  group.Summarize(slot);
  slot.on_disk = true;
  cache.Remove(&unit);
  slot.unit.reset();
  return true;
}

bool Core::EvictProducerPage(ProducerPageUnit& unit) {
  if (!unit.clean()) {
    return false;
  }
  std::vector<ProducerSlot>& slots = unit.stream->producers->slots;
  ProducerSlot& slot = slots[unit.stream->producers->IndexOf(unit.page.first_hash())];
  CHECK(slot.unit.get() == &unit);
  slot.on_disk = true;
  cache.Remove(&unit);
  slot.unit.reset();
  return true;
}

// It stays, with what the store does not have; the stream takes it along.
bool Core::ShrinkSchedule(Schedule& schedule) {
  if (schedule.clean()) {
    schedule.DropWindow();
  }
  cache.SetCharge(&schedule, schedule.memory_bytes());
  return false;
}

bool Core::Evict(Unit* unit) {
  if (unit->pins > 0) {
    return false;
  }
  switch (unit->kind) {
    case UnitKind::kBlock:
      return EvictBlock(*static_cast<BlockUnit*>(unit));
    case UnitKind::kPendingPage:
      return EvictPage(*static_cast<PageUnit*>(unit));
    case UnitKind::kProducerPage:
      return EvictProducerPage(*static_cast<ProducerPageUnit*>(unit));
    case UnitKind::kSchedule:
      return ShrinkSchedule(*static_cast<Schedule*>(unit));
    case UnitKind::kStream:
      return EvictStream(*static_cast<Stream*>(unit));
    case UnitKind::kString:
      return EvictString(*static_cast<StringValue*>(unit));
    case UnitKind::kDamagedKey:
      return EvictDamagedKey(*static_cast<DamagedKey*>(unit));
    case UnitKind::kMissingKey: {
      auto* missing = static_cast<MissingKey*>(unit);
      Database* database = keyspace.ByPhysical(missing->physical_db);
      if (database == nullptr || missing->on_disk) {
        return false;
      }
      cache.Remove(missing);
      database->holders.Take(missing->key);
      return true;
    }
    default:
      return false;
  }
}

void Core::ShrinkToBudget() {
  constexpr size_t kStepsPerTurn = 256;
  if (cache.bytes() > cache_budget) {
    cache.Shrink(cache_budget, kStepsPerTurn, [this](Unit* unit) { return Evict(unit); });
  }
}

}  // namespace engine
