#include "engine/loader.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/limits.h"
#include "engine/loaded_check.h"
#include "engine/persistence.h"
#include "engine/schema.h"
#include "engine/thread_role.h"

namespace engine {
namespace {

// Checkpoints that may pass while a load is under way before it gives up starting over.
constexpr int kMaxAttempts = 8;

Stream* FindStreamOf(Core& core, const LoadItem& item) {
  // By uid: it may have been renamed since.
  return core.keyspace.ByPhysical(item.physical_db) == nullptr
             ? nullptr
             : core.keyspace.StreamByUid(item.uid);
}

PageSlot* FindPageOf(Group& group, const LoadItem& item) {
  const size_t index = group.FindPage(item.first_id);
  if (index != group.pages.size() && group.pages[index].number == item.page) {
    return &group.pages[index];
  }
  // It was split, or its first id was acknowledged, while it was being fetched.
  const auto slot = std::find_if(group.pages.begin(), group.pages.end(),
                                 [&item](const PageSlot& s) { return s.number == item.page; });
  return slot == group.pages.end() ? nullptr : &*slot;
}

ProducerSlot* FindProducerPageOf(Stream& stream, const LoadItem& item) {
  if (stream.producers == nullptr || stream.producers->slots.empty()) {
    return nullptr;
  }
  std::vector<ProducerSlot>& slots = stream.producers->slots;
  ProducerSlot& likely = slots[stream.producers->IndexOf(item.first_hash)];
  if (likely.number == item.page) {
    return &likely;
  }
  // The page before it went while it was being fetched.
  const auto slot = std::find_if(slots.begin(), slots.end(),
                                 [&item](const ProducerSlot& s) { return s.number == item.page; });
  return slot == slots.end() ? nullptr : &*slot;
}

Status Annotate(const Status& status, const LoadItem& item) {
  return Status(status.code(), status.message() + " (key " + item.key + ")");
}

}  // namespace

Pins::Pins() = default;
Pins::~Pins() = default;

struct Loader::Request {
  std::vector<LoadItem> items;
  std::vector<Fetched> fetched;
  Pins* pins = nullptr;
  std::function<void(Status)> done;
  uint64_t checkpoint_number = 0;  // When fetching began.
  int attempts = 0;
  bool scans = false;
};

Loader::Loader(Core* core, int thread_count)
    : core_(*core),
      workers_(std::make_unique<WorkerPool>(thread_count, [] { NameThisThread("reader"); })) {}
Loader::~Loader() = default;

Loader::Fetched Loader::Fetch(const LoadItem& item) const {
  Fetched out;
  const auto keep = [&out](Result<std::string> record) {
    if (record.ok()) {
      out.record = std::move(record).value();
    } else if (record.code() != Code::kNotFound) {
      out.status = record.status();
    }
  };
  const Persistence& persistence = *core_.persistence;
  switch (item.kind) {
    case LoadItem::Kind::kKey:
      return FetchKey(item);
    case LoadItem::Kind::kScan:
      return FetchScan(item);
    case LoadItem::Kind::kPlaces:
      return FetchPlaces(item);
    case LoadItem::Kind::kScheduleWindow:
    case LoadItem::Kind::kScheduleRange:
      return FetchSchedule(item);
    case LoadItem::Kind::kBlock:
      keep(persistence.Read(Family::kBlocks, BlockKey(item.physical_db, item.uid, item.first_id)));
      break;
    case LoadItem::Kind::kPendingPage:
      keep(persistence.Read(Family::kGroups,
                            PendingPageKey(item.physical_db, item.uid, item.group, item.page)));
      break;
    case LoadItem::Kind::kProducerPage:
      keep(persistence.Read(Family::kSide, ProducerPageKey(item.physical_db, item.uid, item.page)));
      break;
  }
  return out;
}

Loader::Fetched Loader::FetchKey(const LoadItem& item) const {
  Fetched out;
  const Persistence& persistence = *core_.persistence;
  Result<std::string> record =
      persistence.Read(Family::kKeys, KeyRecordKey(item.physical_db, item.key));
  if (record.code() == Code::kNotFound && !record.ok()) {
    return out;
  }
  if (!record.ok()) {
    out.status = record.status();
    return out;
  }
  Decoder decoder(*record);
  const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
  if (head.has_value() && head->kind == KeyRecordKind::kString) {
    // Made here: it may be large, and the loop need not copy it.
    auto string = DecodeString(item.physical_db, item.key, *record);
    if (string.ok()) {
      out.string = std::move(string).value();
    } else {
      out.status = string.status();
    }
    return out;
  }
  out.record = std::move(record).value();
  FetchParts(item, &out);
  return out;
}

void Loader::FetchParts(const LoadItem& item, Fetched* fetched) const {
  Fetched& out = *fetched;
  const Persistence& persistence = *core_.persistence;
  StreamParts parts;
  const auto stream = DecodeStream(item.physical_db, item.key, *out.record, &parts);
  if (!stream.ok()) {
    out.status = stream.status();
    return;
  }
  const Uid uid = (*stream)->uid;
  out.uid = uid;
  for (const GroupNumber number : parts.groups) {
    Result<std::string> group =
        persistence.Read(Family::kGroups, GroupHeaderKey(item.physical_db, uid, number));
    if (!group.ok()) {
      out.status = MissingPart(group.status(), "group record");
      return;
    }
    out.groups.emplace_back(number, std::move(group).value());
  }
  for (const uint32_t number : parts.closed_pages) {
    Result<std::string> page =
        persistence.Read(Family::kBlocks, DirectoryPageKey(item.physical_db, uid, number));
    if (!page.ok()) {
      out.status = MissingPart(page.status(), "directory page");
      return;
    }
    out.pages.emplace_back(number, std::move(page).value());
  }
}

Loader::Fetched Loader::FetchScan(const LoadItem& item) const {
  Fetched out;
  out.scan = std::make_unique<ScanPage>();
  ScanPage& page = *out.scan;
  page.physical_db = item.physical_db;
  page.from = item.scan_from;
  page.pattern = item.key;
  page.at_end = true;
  const std::string begin = KeyScanStart(item.physical_db, item.scan_from);
  const std::string end = PrefixEnd(DatabasePrefix(item.physical_db));
  int64_t looked_at = 0;
  uint64_t last_hash = 0;
  // Keys of one hash are never split over two steps, so the hash alone is a cursor.
  const auto visit = [&](std::string_view stored, std::string_view value) {
    uint32_t physical_db = 0;
    uint64_t hash = 0;
    std::string_view key;
    if (!ParseKeyRecordKey(stored, &physical_db, &hash, &key)) {
      return true;
    }
    if (item.scan_count > 0 && looked_at >= item.scan_count && hash != last_hash) {
      page.at_end = false;
      page.next = hash;
      return false;
    }
    ++looked_at;
    last_hash = hash;
    if (item.key.empty() || core_.options.glob_match(item.key, key)) {
      Decoder decoder(value);
      const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
      page.rows.push_back({hash, std::string(key),
                           head.has_value() ? TypeOf(head->kind) : KeyType::kNone,
                           head.has_value() ? head->expire_ms : 0});
    }
    return true;
  };
  out.status = core_.persistence->ScanFamily(Family::kKeys, begin, end, visit);
  return out;
}

Loader::Fetched Loader::FetchPlaces(const LoadItem& item) const {
  Fetched out;
  out.places = std::make_unique<TimePage>();
  TimePage& page = *out.places;
  page.from = {item.due_ms, item.physical_db, item.key};
  const TimeIndex& index = core_.IndexOf(item.index_tag);
  const auto visit = [&](std::string_view stored, std::string_view) {
    std::optional<TimePlace> place = index.ParseStoreKey(stored);
    if (!place.has_value()) {
      out.status = Status(Code::kCorruption, "record of a time under a malformed key");
      return false;
    }
    if (page.places.size() == static_cast<size_t>(item.scan_count)) {
      page.next = std::move(place);
      return false;
    }
    page.places.push_back(std::move(*place));
    return true;
  };
  const Status scanned = core_.persistence->ScanFamily(Family::kSystem, index.StoreKey(page.from),
                                                       index.StoreEnd(), visit);
  if (!scanned.ok()) {
    out.status = scanned;
  }
  return out;
}

Loader::Fetched Loader::FetchSchedule(const LoadItem& item) const {
  Fetched out;
  out.schedule = std::make_unique<SchedulePage>();
  SchedulePage& page = *out.schedule;
  page.from = item.first_token;
  const size_t max_bytes =
      item.kind == LoadItem::Kind::kScheduleWindow ? kScheduleWindowBytes / 2 : kReadReplySoftCap;
  size_t bytes = 0;
  const auto visit = [&](std::string_view stored, std::string_view value) {
    const std::optional<ScheduleToken> token = ParseScheduledKey(stored);
    if (!token.has_value()) {
      out.status = Status(Code::kCorruption, "scheduled entry under a malformed key");
      return false;
    }
    page.is_full = bytes >= max_bytes;
    if (page.is_full || page.entries.size() == static_cast<size_t>(item.scan_count)) {
      page.next = token;
      return false;
    }
    Result<ScheduledEntry> entry = DecodeScheduled(value);
    if (!entry.ok()) {
      out.status =
          Status(Code::kCorruption, "scheduled entry " + token->ToString() + " is damaged");
      return false;
    }
    bytes += value.size() + kEntryReplyOverhead;
    page.entries.emplace_back(*token, std::move(entry).value());
    return true;
  };
  const std::string end =
      item.last_token == ScheduleToken::Max()
          ? PrefixEnd(ScheduledKey(item.physical_db, item.uid, {}).substr(0, kScheduledPrefixBytes))
          : ScheduledKey(item.physical_db, item.uid, item.last_token.Next());
  const Status scanned = core_.persistence->ScanFamily(
      Family::kSide, ScheduledKey(item.physical_db, item.uid, item.first_token), end, visit);
  if (!scanned.ok()) {
    out.status = scanned;
  }
  return out;
}

void Loader::InstallSchedule(const LoadItem& item, SchedulePage page, Pins* pins) {
  if (item.kind == LoadItem::Kind::kScheduleRange) {
    if (pins != nullptr) {
      if (pins->schedule == nullptr) {
        pins->schedule = std::make_unique<ScheduleFinds>();
      }
      pins->schedule->finds.insert_or_assign(
          {item.uid, item.first_token},
          ScheduleFinds::Find{core_.checkpoint.number(), std::move(page)});
    }
    return;
  }
  Stream* stream = FindStreamOf(core_, item);
  if (stream != nullptr && stream->schedule != nullptr) {
    stream->schedule->InstallPage(std::move(page));
    core_.cache.SetCharge(stream->schedule.get(), stream->schedule->memory_bytes());
  }
}

Status Loader::Install(const LoadItem& item, Fetched fetched, Pins* pins) {
  ++load_count_;
  if (!fetched.status.ok()) {
    // Parts of a key that is in memory by now may have gone while they were fetched.
    Database* database = core_.keyspace.ByPhysical(item.physical_db);
    const bool is_settled = item.kind == LoadItem::Kind::kKey &&
                            (database == nullptr || Keyspace::Find(*database, item.key) != nullptr);
    if (is_settled) {
      return OkStatus();
    }
    return item.kind == LoadItem::Kind::kKey && fetched.status.code() == Code::kCorruption
               ? InstallDamage(item, fetched.uid, fetched.status)
               : Annotate(fetched.status, item);
  }
  const Uid uid = fetched.uid;
  Status installed;
  switch (item.kind) {
    case LoadItem::Kind::kKey:
      installed = InstallKey(item, std::move(fetched));
      RETURN_IF_ERROR(installed.code() == Code::kCorruption ? InstallDamage(item, uid, installed)
                                                            : installed);
      break;
    case LoadItem::Kind::kBlock:
      RETURN_IF_ERROR(InstallBlock(item, std::move(fetched)));
      break;
    case LoadItem::Kind::kPendingPage:
      RETURN_IF_ERROR(InstallPage(item, std::move(fetched)));
      break;
    case LoadItem::Kind::kProducerPage:
      RETURN_IF_ERROR(InstallProducerPage(item, std::move(fetched)));
      break;
    case LoadItem::Kind::kScan:
      if (pins != nullptr) {
        pins->scan = std::move(fetched.scan);
      }
      return OkStatus();
    case LoadItem::Kind::kScheduleWindow:
    case LoadItem::Kind::kScheduleRange:
      InstallSchedule(item, std::move(*fetched.schedule), pins);
      return OkStatus();
    case LoadItem::Kind::kPlaces:
      core_.IndexOf(item.index_tag).InstallPage(*fetched.places);
      return OkStatus();
  }
  Unit* unit = pins == nullptr ? nullptr : FindUnit(item);
  if (unit != nullptr) {
    ++unit->pins;
    pins->held.push_back(item);
  }
  return OkStatus();
}

Status Loader::InstallDamage(const LoadItem& item, Uid uid, const Status& why) {
  Database* database = core_.keyspace.ByPhysical(item.physical_db);
  InstallDamagedKey(core_, *database, uid, item.key, Annotate(why, item).message());
  return OkStatus();
}

Status Loader::InstallKey(const LoadItem& item, Fetched fetched) {
  Database* database = core_.keyspace.ByPhysical(item.physical_db);
  if (database == nullptr || Keyspace::Find(*database, item.key) != nullptr) {
    return OkStatus();
  }
  if (fetched.string != nullptr) {
    core_.cache.Add(fetched.string.get(), fetched.string->memory_bytes());
    database->holders.Add(std::move(fetched.string));
    return OkStatus();
  }
  if (!fetched.record.has_value()) {
    auto missing = std::make_unique<MissingKey>(item.physical_db, item.key);
    core_.cache.Add(missing.get(), sizeof(MissingKey) + item.key.size() + 64);
    database->holders.Add(std::move(missing));
    return OkStatus();
  }
  StreamParts parts;
  auto decoded = DecodeStream(item.physical_db, item.key, *fetched.record, &parts);
  if (!decoded.ok()) {
    return Annotate(decoded.status(), item);
  }
  std::unique_ptr<Stream> stream = std::move(decoded).value();
  if (core_.keyspace.StreamByUid(stream->uid) != nullptr) {
    return Annotate(Status(Code::kCorruption, "two keys have one uid"), item);
  }
  for (const auto& [number, bytes] : fetched.groups) {
    auto group = DecodeGroup(stream.get(), number, bytes);
    if (!group.ok()) {
      return Annotate(group.status(), item);
    }
    if (stream->FindGroup((*group)->name) != nullptr || !HasItsPages(**group)) {
      return Annotate(Status(Code::kCorruption, "group record is inconsistent"), item);
    }
    stream->AddGroup(std::move(group).value());
  }
  auto& pages = stream->directory.pages();
  for (size_t i = 0; i < fetched.pages.size(); ++i) {
    auto page = DecodeClosedPage(stream.get(), fetched.pages[i].first, fetched.pages[i].second);
    if (!page.ok()) {
      return Annotate(page.status(), item);
    }
    pages.insert(pages.begin() + static_cast<ptrdiff_t>(i), std::move(page).value());
  }
  if (!HasItsBlocks(*stream)) {
    return Annotate(Status(Code::kCorruption, "stream record differs from its directory"), item);
  }
  stream->totals = &database->totals;
  core_.top_groups.NoteBack(stream->uid);
  core_.cache.Add(stream.get(), stream->memory_bytes());
  if (stream->schedule != nullptr) {
    core_.cache.Add(stream->schedule.get(), stream->schedule->memory_bytes());
  }
  core_.keyspace.ListStream(*stream);
  database->holders.Add(std::move(stream));
  return OkStatus();
}

Status Loader::InstallBlock(const LoadItem& item, Fetched fetched) {
  Stream* stream = FindStreamOf(core_, item);
  const auto place = stream == nullptr ? std::nullopt : stream->directory.Find(item.first_id);
  if (!place.has_value() || stream->directory.At(*place).first_id != item.first_id) {
    return OkStatus();  // It went while it was being fetched; the command sees that itself.
  }
  BlockSlot& slot = stream->directory.At(*place);
  if (slot.unit != nullptr && slot.unit->block.complete()) {
    return OkStatus();
  }
  if (!fetched.record.has_value()) {
    return Annotate(Status(Code::kCorruption, "block is missing"), item);
  }
  if (slot.unit != nullptr) {
    const Status merged = slot.unit->block.MergeOlder(*fetched.record);
    core_.cache.SetCharge(slot.unit.get(), slot.unit->block.memory_bytes());
    return merged.ok() ? OkStatus() : Annotate(merged, item);
  }
  auto block = Block::Decode(item.first_id, *fetched.record);
  if (!block.ok()) {
    return Annotate(block.status(), item);
  }
  if (!FitsDirectory(*block, slot, stream->first_id)) {
    return Annotate(Status(Code::kCorruption,
                           "block " + item.first_id.ToString() + " differs from its directory"),
                    item);
  }
  core_.AttachBlock(*stream, slot, std::move(block).value());
  return OkStatus();
}

Status Loader::InstallPage(const LoadItem& item, Fetched fetched) {
  Stream* stream = FindStreamOf(core_, item);
  Group* group = stream == nullptr ? nullptr : stream->GroupByNumber(item.group);
  if (group == nullptr) {
    return OkStatus();
  }
  PageSlot* slot = FindPageOf(*group, item);
  if (slot == nullptr || slot->unit != nullptr) {
    return OkStatus();
  }
  if (!fetched.record.has_value()) {
    return Annotate(Status(Code::kCorruption, "pending page is missing"), item);
  }
  auto page = PendingPage::Decode(*fetched.record);
  if (!page.ok()) {
    return Annotate(page.status(), item);
  }
  if (!FitsGroup(*page, *slot)) {
    return Annotate(Status(Code::kCorruption, "pending page differs from its group"), item);
  }
  core_.AttachPage(*group, *slot, std::move(page).value());
  return OkStatus();
}

Status Loader::InstallProducerPage(const LoadItem& item, Fetched fetched) {
  Stream* stream = FindStreamOf(core_, item);
  ProducerSlot* slot = stream == nullptr ? nullptr : FindProducerPageOf(*stream, item);
  if (slot == nullptr || slot->unit != nullptr) {
    return OkStatus();
  }
  if (!fetched.record.has_value()) {
    return Annotate(Status(Code::kCorruption, "producer page is missing"), item);
  }
  auto page = ProducerPage::Decode(*fetched.record);
  if (!page.ok()) {
    return Annotate(page.status(), item);
  }
  if (page->counts() != slot->counts) {
    return Annotate(Status(Code::kCorruption, "producer page differs from its stream"), item);
  }
  core_.AttachProducerPage(*stream, *slot, std::move(page).value());
  return OkStatus();
}

Unit* Loader::FindUnit(const LoadItem& item) const {
  if (item.kind == LoadItem::Kind::kKey) {
    Database* database = core_.keyspace.ByPhysical(item.physical_db);
    return database == nullptr ? nullptr : Keyspace::Find(*database, item.key);
  }
  Stream* stream = FindStreamOf(core_, item);
  if (stream == nullptr) {
    return nullptr;
  }
  if (item.kind == LoadItem::Kind::kBlock) {
    const auto place = stream->directory.Find(item.first_id);
    return place.has_value() ? stream->directory.At(*place).unit.get() : nullptr;
  }
  if (item.kind == LoadItem::Kind::kProducerPage) {
    const ProducerSlot* slot = FindProducerPageOf(*stream, item);
    return slot == nullptr ? nullptr : slot->unit.get();
  }
  Group* group = stream->GroupByNumber(item.group);
  PageSlot* slot = group == nullptr ? nullptr : FindPageOf(*group, item);
  return slot == nullptr ? nullptr : slot->unit.get();
}

void Loader::Release(Pins* pins) {
  pins->scan.reset();
  pins->schedule.reset();
  for (const LoadItem& item : pins->held) {
    Unit* unit = FindUnit(item);
    // What was pinned may have gone and something else have come in its place.
    if (unit != nullptr && unit->pins > 0) {
      --unit->pins;
    }
  }
  pins->held.clear();
}

void Loader::Start(std::vector<LoadItem> items, Pins* pins, std::function<void(Status)> done) {
  const size_t held_count = pins == nullptr ? 0 : pins->held.size();
  if ((items.size() + held_count) * kBlockTargetBytes > kMaxPinnedBytes) {
    auto refuse = [done = std::move(done)] {
      done(Status(Code::kLimit, "the command needs too much of the store at once"));
    };
    if (core_.options.post) {
      core_.options.post(std::move(refuse));
    } else {
      refuse();
    }
    return;
  }
  auto request = std::make_shared<Request>();
  request->items = std::move(items);
  request->pins = pins;
  request->done = std::move(done);
  request->scans =
      std::any_of(request->items.begin(), request->items.end(),
                  [](const LoadItem& item) { return item.kind == LoadItem::Kind::kScan; });
  scans_in_flight_ += request->scans ? 1 : 0;
  ++requests_in_flight_;
  Submit(std::move(request));
}

void Loader::Submit(std::shared_ptr<Request> request) {
  request->checkpoint_number = core_.checkpoint.number();
  request->fetched.clear();
  workers_->Run([this, request = std::move(request)]() mutable {
    for (const LoadItem& item : request->items) {
      request->fetched.push_back(Fetch(item));
    }
    auto finish = [this, request = std::move(request)] { Finish(request); };
    if (core_.options.post) {
      core_.options.post(std::move(finish));
    } else {
      finish();
    }
  });
}

void Loader::StopThreads() { workers_.reset(); }

void Loader::Finish(const std::shared_ptr<Request>& request) {
  if (workers_ == nullptr) {
    --requests_in_flight_;
    request->done(Status(Code::kClosing));
    return;
  }
  // An object may have been loaded by somebody else, changed, stored and evicted since the fetch
  // began; what was fetched would then be old. That takes a checkpoint.
  if (request->checkpoint_number != core_.checkpoint.number() && !request->scans &&
      ++request->attempts < kMaxAttempts) {
    Submit(request);
    return;
  }
  Status status;
  if (request->attempts >= kMaxAttempts) {
    status = LoadNow(request->items, request->pins);
  } else {
    for (size_t i = 0; i < request->items.size() && status.ok(); ++i) {
      status = Install(request->items[i], std::move(request->fetched[i]), request->pins);
    }
  }
  --requests_in_flight_;
  request->done(std::move(status));
  scans_in_flight_ -= request->scans ? 1 : 0;
}

Status Loader::LoadNow(const std::vector<LoadItem>& items, Pins* pins) {
  for (const LoadItem& item : items) {
    RETURN_IF_ERROR(Install(item, Fetch(item), pins));
  }
  return OkStatus();
}

}  // namespace engine
