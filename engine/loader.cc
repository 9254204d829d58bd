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
// What is only likely to be needed does not keep the readers from what is.
constexpr int kMaxPrefetches = 16;

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

// Of requests for one object, which is the same for all who want it.
std::optional<Loader::Identity> IdentityOf(const std::vector<LoadItem>& items) {
  if (items.size() != 1) {
    return std::nullopt;
  }
  const LoadItem& item = items.front();
  switch (item.kind) {
    case LoadItem::Kind::kKey:
      return Loader::Identity{item.kind, item.physical_db, 0, 0, 0, item.key};
    case LoadItem::Kind::kBlock:
      return Loader::Identity{item.kind,        item.physical_db,  item.uid,
                              item.first_id.ms, item.first_id.seq, ""};
    case LoadItem::Kind::kPendingPage:
      return Loader::Identity{item.kind, item.physical_db, item.uid, item.group, item.page, ""};
    case LoadItem::Kind::kProducerPage:
      return Loader::Identity{item.kind, item.physical_db, item.uid, 0, item.page, ""};
    case LoadItem::Kind::kScan:
    case LoadItem::Kind::kPlaces:
    case LoadItem::Kind::kScheduleWindow:
    case LoadItem::Kind::kScheduleRange:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Pins::Pins() = default;
Pins::~Pins() = default;

struct Loader::Request {
  struct Waiter {
    Pins* pins = nullptr;
    std::function<void(Status)> done;
  };
  std::vector<LoadItem> items;
  std::vector<Fetched> fetched;
  std::vector<Waiter> waiters;  // More than one only with an identity.
  std::optional<Identity> identity;
  uint64_t checkpoint_number = 0;  // When fetching began.
  int attempts = 0;
  bool scans = false;
};

Loader::Loader(Core* core, int thread_count)
    : core_(*core),
      workers_(std::make_unique<WorkerPool>(thread_count, [] { NameThisThread("reader"); })) {}
Loader::~Loader() = default;

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
  Pin(item, pins);
  return OkStatus();
}

void Loader::Pin(const LoadItem& item, Pins* pins) {
  Unit* unit = pins == nullptr ? nullptr : FindUnit(item);
  if (unit != nullptr) {
    ++unit->pins;
    pins->held.push_back(item);
  }
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
    core_.aging.NoteBack(fetched.string.get());
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
  core_.aging.NoteBack(stream.get());
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
  ++requests_in_flight_;
  std::optional<Identity> identity = IdentityOf(items);
  if (identity.has_value()) {
    const auto under_way = by_identity_.find(*identity);
    if (under_way != by_identity_.end()) {
      under_way->second->waiters.push_back({pins, std::move(done)});
      return;
    }
  }
  auto request = std::make_shared<Request>();
  request->items = std::move(items);
  request->waiters.push_back({pins, std::move(done)});
  request->identity = std::move(identity);
  request->scans =
      std::any_of(request->items.begin(), request->items.end(),
                  [](const LoadItem& item) { return item.kind == LoadItem::Kind::kScan; });
  scans_in_flight_ += request->scans ? 1 : 0;
  if (request->identity.has_value()) {
    by_identity_.emplace(*request->identity, request);
  }
  Submit(std::move(request));
}

void Loader::Prefetch(LoadItem item) {
  std::vector<LoadItem> items;
  items.push_back(std::move(item));
  if (prefetches_in_flight_ >= kMaxPrefetches || by_identity_.contains(*IdentityOf(items))) {
    return;
  }
  ++prefetches_in_flight_;
  Start(std::move(items), nullptr, [this](const Status&) { --prefetches_in_flight_; });
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
    Answer(*request, Status(Code::kClosing));
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
  Pins* const pins = request->waiters.front().pins;
  if (request->attempts >= kMaxAttempts) {
    status = LoadNow(request->items, pins);
  } else {
    for (size_t i = 0; i < request->items.size() && status.ok(); ++i) {
      status = Install(request->items[i], std::move(request->fetched[i]), pins);
    }
  }
  // For all of them before the first goes on, which may make room or ask for the object again.
  for (size_t i = 1; i < request->waiters.size() && status.ok(); ++i) {
    Pin(request->items.front(), request->waiters[i].pins);
  }
  Answer(*request, status);
  scans_in_flight_ -= request->scans ? 1 : 0;
}

void Loader::Answer(Request& request, const Status& status) {
  if (request.identity.has_value()) {
    by_identity_.erase(*request.identity);
  }
  for (const Request::Waiter& waiter : request.waiters) {
    --requests_in_flight_;
    waiter.done(status);
  }
}

Status Loader::LoadNow(const std::vector<LoadItem>& items, Pins* pins) {
  for (const LoadItem& item : items) {
    RETURN_IF_ERROR(Install(item, Fetch(item), pins));
  }
  return OkStatus();
}

}  // namespace engine
