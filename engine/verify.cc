#include "engine/verify.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/apply.h"
#include "engine/engine.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/schedule.h"
#include "engine/schema.h"

namespace engine {
namespace {

std::string IdText(StreamId id) { return id.ToString(); }

// Adds up what blocks and pages hold and compares it with what is said of them above.
class StreamVerifier {
 public:
  StreamVerifier(Core& core, Stream& stream, CheckReport* report)
      : core_(core), stream_(stream), report_(*report) {
    op_.read_misses = true;
  }

  void Run() {
    ++report_.streams;
    Directory& directory = stream_.directory;
    if (!directory.empty()) {
      for (std::optional<Directory::Place> at = directory.First(); at.has_value();
           at = directory.Next(*at)) {
        CheckBlock(directory.At(*at));
        core_.ShrinkToBudget();
      }
    }
    Expect(length_ == stream_.length, "length");
    Expect(data_bytes_ == stream_.data_bytes, "payload bytes");
    Expect(nodes_ == stream_.node_count, "node count");
    Expect(first_live_ == stream_.first_id, "first live id");
    Expect(last_live_ == stream_.last_live_id, "last live id");
    Expect(stream_.last_live_id <= stream_.last_id, "last id below an entry");
    Expect(stream_.length <= stream_.entries_added, "entries added below the length");
    Expect(stream_.open_node.has_value() == (stream_.length > 0), "open node");
    report_.entries += length_;
    StreamId lowest = StreamId::Max();
    for (Group* group : stream_.groups_by_number) {
      Expect(group->number < stream_.next_group, "group number");
      lowest = std::min(lowest, group->last_id);
      CheckGroup(*group);
    }
    Expect(stream_.positions.empty() == stream_.groups_by_number.empty() &&
               (stream_.positions.empty() || stream_.positions.Lowest() == lowest),
           "lowest position of the groups");
    if (stream_.producers != nullptr) {
      CheckProducers(*stream_.producers);
    }
    if (stream_.schedule != nullptr) {
      CheckSchedule(*stream_.schedule);
    }
  }

 private:
  void Fault(const std::string& what) { report_.Fault("stream " + stream_.key + ": " + what); }
  void Expect(bool holds, const char* what) {
    if (!holds) {
      Fault(std::string(what) + " is wrong");
    }
  }

  void CheckBlock(BlockSlot& slot) {
    ++report_.blocks;
    core_.NeedBlock(op_, stream_, slot);
    const Status loaded = core_.CheckLoaded(op_);
    if (!loaded.ok() || slot.unit == nullptr) {
      Fault("block " + IdText(slot.first_id) + " cannot be read: " + loaded.message());
      return;
    }
    const Block& block = slot.unit->block;
    uint64_t live = 0;
    uint64_t bytes = 0;
    uint64_t deleted = 0;
    StreamId previous = previous_id_;
    for (Block::Cursor at = block.Begin(); at.valid(); at.Next()) {
      const EntryView& entry = at.entry();
      deleted += entry.deleted ? 1 : 0;
      Expect(!entry.deleted || entry.id <= stream_.newest_hole || entry.id < stream_.first_id,
             "newest hole");
      if (entry.deleted || entry.id < stream_.first_id) {
        continue;
      }
      if (entry.id <= previous) {
        Fault("entries out of order at " + IdText(entry.id));
      }
      previous = entry.id;
      ++live;
      bytes += EntryDataBytes(entry.payload, entry.arg_count);
      first_live_ = first_live_.IsZero() ? entry.id : first_live_;
      last_live_ = entry.id;
    }
    previous_id_ = previous;
    const uint32_t nodes = block.LiveNodeCount(stream_.first_id);
    if (live == 0 || live != slot.live_count || bytes != slot.live_data_bytes ||
        nodes != slot.node_count || deleted != slot.deleted_count ||
        block.entry_count() != slot.entry_count || block.byte_size() != slot.byte_size ||
        previous > slot.last_id) {
      Fault("directory entry of block " + IdText(slot.first_id) + " is wrong");
    }
    if (live > 0 && length_ == 0) {
      CheckFirstNode(block);
    }
    length_ += live;
    data_bytes_ += bytes;
    nodes_ += nodes;
  }

  // What is known of it, if anything. Compact() may have dropped its newest entries since.
  void CheckFirstNode(const Block& block) {
    const Stream::FirstNode& known = stream_.first_node;
    if (known.live_count == 0) {
      return;
    }
    const auto node = block.FirstLiveNode(stream_.first_id);
    Expect(
        node.has_value() && node->live_count == known.live_count && node->last_id <= known.last_id,
        "first node");
  }

  // What is known of when a page counts is not too late.
  void CheckTimes(const Group& group, const PageSlot& slot) {
    const PageTimes times = slot.unit->page.Times();
    if (times.owned_ms < slot.times.owned_ms || times.released_ms < slot.times.released_ms ||
        times.own_due_ms < slot.times.own_due_ms) {
      Fault("times of a pending page of " + group.name + " are wrong");
    }
    if (group.due == nullptr) {
      return;
    }
    int64_t due_ms = kNeverDue;
    for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
      due_ms = std::min(due_ms, group.due->rules().DueAt(at.record()));
    }
    const bool listed = slot.due.due_ms == kNeverDue ||
                        group.due->by_due().contains({slot.due.due_ms, slot.first_id});
    if (due_ms < slot.due.due_ms || !listed) {
      Fault("due time of a pending page of " + group.name + " is wrong");
    }
  }

  void CheckGroup(Group& group) {
    ++report_.groups;
    std::map<ConsumerNumber, int64_t> owned;
    int64_t total = 0;
    int64_t parked = 0;
    int64_t delayed = 0;
    StreamId previous;
    for (PageSlot& slot : group.pages) {
      core_.NeedPage(op_, group, slot);
      const Status loaded = core_.CheckLoaded(op_);
      if (!loaded.ok() || slot.unit == nullptr) {
        Fault("pending page of " + group.name + " cannot be read: " + loaded.message());
        return;
      }
      if (slot.unit->page.empty() || slot.unit->page.first_id() < slot.first_id) {
        Fault("pending page of " + group.name + " is empty or misplaced");
        continue;
      }
      if (group.parked_pages.contains(slot.first_id) != (slot.OwnedBy(kParkedShare) > 0)) {
        Fault("the list of pages with parked records of " + group.name + " is wrong");
      }
      const DeliveryKey oldest = slot.unit->page.OldestKey();
      if (!group.order.contains({slot.oldest, slot.first_id}) || oldest < slot.oldest ||
          (slot.oldest_is_exact && oldest != slot.oldest)) {
        Fault("delivery order of the pending pages of " + group.name + " is wrong");
      }
      CheckTimes(group, slot);
      for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
        if (at.id() <= previous) {
          Fault("pending records of " + group.name + " are out of order");
        }
        previous = at.id();
        ++owned[at.owner()];
        ++total;
        const PendingRecord record = at.record();
        parked += record.parked ? 1 : 0;
        delayed += !record.parked && record.due_ms != 0 ? 1 : 0;
        if (record.sequence >= group.next_sequence) {
          Fault("delivery sequence of " + group.name + " is wrong");
        }
      }
    }
    if (group.order.size() != group.pages.size() ||
        group.parked_pages.size() > group.pages.size()) {
      Fault("delivery order of " + group.name + " has pages that there are not");
    }
    report_.pending += static_cast<uint64_t>(total);
    if (total != group.pending_count || owned[kNoConsumer] != group.released_count ||
        parked != group.parked_count || delayed != group.delayed_count) {
      Fault("pending count of " + group.name + " is wrong");
    }
    for (const Consumer* consumer : group.consumers_by_number) {
      if (owned[consumer->number] != consumer->pending_count) {
        Fault("pending count of consumer " + consumer->name + " is wrong");
      }
      owned.erase(consumer->number);
    }
    owned.erase(kNoConsumer);
    if (!owned.empty()) {
      Fault("a pending record of " + group.name + " belongs to nobody");
    }
  }

  // What the store has and memory does not know better, and what only memory has.
  void CheckSchedule(const Schedule& schedule) {
    uint64_t count = 0;
    uint64_t payload_bytes = 0;
    const auto check = [&](ScheduleToken token, const ScheduledEntry& entry) {
      ++count;
      payload_bytes += entry.payload.size();
      Expect(token >= schedule.floor() && token.sequence < schedule.next_sequence(),
             "token of a scheduled entry");
      Expect(entry.data_bytes == EntryDataBytes(entry.payload, entry.arg_count),
             "size of a scheduled entry");
    };
    for (const auto& [token, entry] :
         schedule.Unstored({}, ScheduleToken::Max(), schedule.count())) {
      check(*token, *entry);
    }
    const std::string begin = ScheduledKey(stream_.physical_db, stream_.uid, {});
    const Status scanned = core_.persistence->ScanFamily(
        Family::kSide, begin, PrefixEnd(begin.substr(0, kScheduledPrefixBytes)),
        [&](std::string_view key, std::string_view value) {
          const auto token = ParseScheduledKey(key);
          const auto entry = DecodeScheduled(value);
          if (!token.has_value() || !entry.ok()) {
            Fault("scheduled entry cannot be read");
          } else if (!schedule.IsStale(*token)) {
            check(*token, *entry);
          }
          return true;
        });
    Expect(scanned.ok(), "schedule in the store");
    Expect(count == schedule.count(), "number of scheduled entries");
    Expect(payload_bytes == schedule.payload_bytes(), "payload bytes of scheduled entries");
  }

  void CheckProducers(ProducerTable& table) {
    uint64_t iids = 0;
    for (size_t i = 0; i < table.slots.size(); ++i) {
      ProducerSlot& slot = table.slots[i];
      core_.NeedProducerPage(op_, stream_, slot);
      const Status loaded = core_.CheckLoaded(op_);
      if (!loaded.ok() || slot.unit == nullptr) {
        Fault("producer page cannot be read: " + loaded.message());
        return;
      }
      const ProducerPage& page = slot.unit->page;
      const ProducerPage::Span span = page.FindSpan();
      Expect(!page.empty() && page.counts() == slot.counts, "number of iids of a producer page");
      Expect(slot.span.oldest_ms <= span.oldest_ms && span.newest_ms <= slot.span.newest_ms,
             "age of a producer page");
      page.ForEach([&](const ProducerName& name, const Producer& producer) {
        Expect(slot.first_hash <= name.hash && name.hash <= table.LastHash(i),
               "place of a producer");
        Expect(producer.size() <= stream_.idmp_max_size, "number of iids of a producer");
      });
      iids += slot.counts.iids;
      core_.ShrinkToBudget();
    }
    Expect(iids <= stream_.iids_added, "number of iids ever added");
  }

  Core& core_;
  Stream& stream_;
  CheckReport& report_;
  Op op_;
  uint64_t length_ = 0;
  uint64_t data_bytes_ = 0;
  uint64_t nodes_ = 0;
  StreamId first_live_;
  StreamId last_live_;
  StreamId previous_id_;
};

// Names of a database's keys in the store, as one list.
Result<std::vector<std::string>> StoredKeys(Core& core, const Database& database) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(
      core.persistence->ScanFamily(Family::kKeys, KeyScanStart(database.physical, 0),
                                   PrefixEnd(DatabasePrefix(database.physical)),
                                   [&names](std::string_view stored, std::string_view) {
                                     uint32_t physical = 0;
                                     uint64_t hash = 0;
                                     std::string_view name;
                                     if (ParseKeyRecordKey(stored, &physical, &hash, &name)) {
                                       names.emplace_back(name);
                                     }
                                     return true;
                                   }));
  return names;
}

// Every key with such a time has its place in the index, and no place is anybody else's.
Status VerifyTimes(Core& core, const TimeIndex& index, const std::string& kind,
                   std::set<TimePlace> expected, CheckReport* report) {
  const auto check = [&](const TimePlace& place) {
    if (core.keyspace.ByPhysical(place.physical_db) != nullptr && expected.erase(place) == 0) {
      report->Fault("the " + kind + " index has a place that no key has: " + place.key);
    }
  };
  RETURN_IF_ERROR(
      core.persistence->ScanFamily(Family::kSystem, index.StoreKey({}), index.StoreEnd(),
                                   [&](std::string_view stored, std::string_view) {
                                     const auto place = index.ParseStoreKey(stored);
                                     if (place.has_value() && !index.Knows(*place).has_value()) {
                                       check(*place);
                                     }
                                     return true;
                                   }));
  for (const TimePlace& place : index.Added()) {
    check(place);
  }
  for (const TimePlace& place : expected) {
    report->Fault("the " + kind + " index lacks key " + place.key);
  }
  return OkStatus();
}

// Places that the indexes must have.
struct TimePlaces {
  std::set<TimePlace> expiries;
  std::set<TimePlace> dues;
};

// What is known of a value of any type; the name of a stream's group of blocks is checked apart.
void VerifyValue(Core& core, Database& database, ValueHolder& value, TimePlaces* expected,
                 CheckReport* report) {
  database.CountExpiry(value.expire_ms, true);
  if (value.expire_ms != 0) {
    expected->expiries.insert({value.expire_ms, value.physical_db, value.key});
  }
  if (value.kind == UnitKind::kString) {
    ++report->strings;
    return;
  }
  auto& stream = static_cast<Stream&>(value);
  if (stream.expected_ms != INT64_MAX) {
    expected->dues.insert({stream.expected_ms, stream.physical_db, stream.key});
  }
  database.totals.Add(TotalsOf(stream));
  VerifyStream(core, stream, report);
}

}  // namespace

void VerifyStream(Core& core, Stream& stream, CheckReport* report) {
  StreamVerifier(core, stream, report).Run();
}

Status VerifyState(Core& core, CheckReport* report) {
  TimePlaces places;
  for (uint32_t db = 0; db < core.keyspace.size(); ++db) {
    Database& database = core.keyspace.at(db);
    ASSIGN_OR_RETURN(std::vector<std::string> names, StoredKeys(core, database));
    for (const auto& [place, change] : database.changes) {
      if (change.exists) {
        names.push_back(place.second);
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    uint64_t found = 0;
    Database counted(database.physical);
    for (const std::string& name : names) {
      Op op;
      op.db = db;
      op.read_misses = true;
      // At a time when nothing has expired.
      const Result<ValueHolder*> value = core.FindHolder(op, name);
      if (value.ok()) {
        ++found;
        VerifyValue(core, counted, **value, &places, report);
      } else if (value.code() != Code::kNotFound) {
        report->Fault("key " + name + ": " + value.status().message());
      }
    }
    if (counted.expiring_count != database.expiring_count ||
        counted.expiry_sum_s != database.expiry_sum_s) {
      report->Fault("database " + std::to_string(db) + " counts its expiring keys wrongly");
    }
    if (counted.totals != database.totals) {
      report->Fault("database " + std::to_string(db) + " counts its streams wrongly");
    }
    if (found != database.key_count) {
      report->Fault("database " + std::to_string(db) + " counts " +
                    std::to_string(database.key_count) + " keys and has " + std::to_string(found));
    }
  }
  report->expiries += places.expiries.size();
  RETURN_IF_ERROR(
      VerifyTimes(core, core.expiry_index, "expiry", std::move(places.expiries), report));
  return VerifyTimes(core, core.due_index, "due", std::move(places.dues), report);
}

}  // namespace engine
