#include "engine/checker.h"

#include <ostream>
#include <set>
#include <unordered_map>
#include <utility>

#include "engine/codec.h"
#include "engine/core.h"
#include "engine/key_hash.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/schema.h"
#include "engine/verify.h"

namespace engine {
namespace {

constexpr size_t kKeptFaults = 100;

// The checkpoint as RocksDB has it, record by record.
class RawChecker {
 public:
  RawChecker(Core& core, CheckReport* report)
      : core_(core), persistence_(*core.persistence), report_(*report) {
    for (uint32_t i = 0; i < core.keyspace.size(); ++i) {
      databases_.insert(core.keyspace.at(i).physical);
    }
  }

  Status Run() {
    RETURN_IF_ERROR(persistence_.ScanStore(Family::kKeys,
                                           [this](auto key, auto value) { CheckKey(key, value); }));
    RETURN_IF_ERROR(CheckTimes(core_.expiry_index, "expiry", std::move(expiries_)));
    RETURN_IF_ERROR(CheckTimes(core_.due_index, "due", std::move(dues_)));
    RETURN_IF_ERROR(CheckFamily(Family::kBlocks, "block", &Owned::blocks));
    RETURN_IF_ERROR(CheckFamily(Family::kGroups, "group", &Owned::groups));
    return CheckFamily(Family::kSide, "side", &Owned::side);
  }

 private:
  // (physical database, uid) -> keys of records that must exist in the three families.
  struct Owned {
    std::string name;
    std::set<std::string> blocks;
    std::set<std::string> groups;
    std::set<std::string> side;
    uint64_t scheduled = 0;  // Records of scheduled entries, which are not known one by one.
    uint64_t scheduled_bytes = 0;
    ScheduleToken schedule_floor;
  };

  void CheckKey(std::string_view stored_key, std::string_view value) {
    uint32_t physical = 0;
    uint64_t hash = 0;
    std::string_view name;
    if (!ParseKeyRecordKey(stored_key, &physical, &hash, &name) || hash != ScanHash(name)) {
      report_.Fault("key record under a malformed key");
      return;
    }
    if (!databases_.contains(physical)) {
      report_.Fault("key record of a database that does not exist: " + std::string(name));
      return;
    }
    Decoder decoder(value);
    const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
    if (head.has_value() && head->expire_ms != 0) {
      expiries_.insert(core_.expiry_index.StoreKey({head->expire_ms, physical, std::string(name)}));
    }
    if (head.has_value() && head->kind == KeyRecordKind::kString) {
      const auto string = DecodeString(physical, name, value);
      if (!string.ok()) {
        report_.Fault(string.status().message() + ": " + std::string(name));
      }
      return;
    }
    StreamParts parts;
    const auto stream = DecodeStream(physical, name, value, &parts);
    if (!stream.ok()) {
      report_.Fault(stream.status().message() + ": " + std::string(name));
      return;
    }
    const Uid uid = (*stream)->uid;
    if ((*stream)->expected_ms != INT64_MAX) {
      dues_.insert(core_.due_index.StoreKey({(*stream)->expected_ms, physical, std::string(name)}));
    }
    Owned& expected = expected_[StreamPrefix(physical, uid)];
    if (!expected.name.empty()) {
      report_.Fault("two keys with one uid: " + expected.name + " and " + std::string(name));
    }
    expected.name = std::string(name);
    ExpectBlocks(**stream, &expected);
    for (const uint32_t number : parts.closed_pages) {
      const std::string key = DirectoryPageKey(physical, uid, number);
      expected.blocks.insert(key);
      const auto record = persistence_.Read(Family::kBlocks, key);
      const auto page = record.ok() ? DecodeClosedPage(stream->get(), number, *record)
                                    : Result<std::unique_ptr<DirectoryPage>>(record.status());
      if (!page.ok()) {
        report_.Fault("directory page: " + expected.name + ": " + page.status().message());
        continue;
      }
      for (const BlockSlot& slot : (*page)->slots) {
        expected.blocks.insert(BlockKey(physical, uid, slot.first_id));
      }
    }
    if (const Schedule* schedule = (*stream)->schedule.get()) {
      expected.scheduled = schedule->count();
      expected.scheduled_bytes = schedule->payload_bytes();
      expected.schedule_floor = schedule->floor();
    }
    for (const GroupNumber number : parts.groups) {
      ExpectGroup(**stream, number, &expected);
    }
    if ((*stream)->producers != nullptr) {
      for (const ProducerSlot& slot : (*stream)->producers->slots) {
        expected.side.insert(ProducerPageKey(physical, uid, slot.number));
      }
    }
  }

  static void ExpectBlocks(const Stream& stream, Owned* expected) {
    for (const auto& page : stream.directory.pages()) {
      for (const BlockSlot& slot : page->slots) {
        expected->blocks.insert(BlockKey(stream.physical_db, stream.uid, slot.first_id));
      }
    }
  }

  void ExpectGroup(Stream& stream, GroupNumber number, Owned* expected) {
    const std::string key = GroupHeaderKey(stream.physical_db, stream.uid, number);
    expected->groups.insert(key);
    const auto record = persistence_.Read(Family::kGroups, key);
    const auto group = record.ok() ? DecodeGroup(&stream, number, *record)
                                   : Result<std::unique_ptr<Group>>(record.status());
    if (!group.ok()) {
      report_.Fault("group record: " + expected->name + ": " + group.status().message());
      return;
    }
    for (const PageSlot& slot : (*group)->pages) {
      expected->groups.insert(PendingPageKey(stream.physical_db, stream.uid, number, slot.number));
    }
  }

  // One record per key with such a time, and no other but those of flushed databases.
  Status CheckTimes(const TimeIndex& index, const std::string& kind,
                    std::set<std::string> expected) {
    const std::string stored_value = TimeIndex::StoreValue();
    const auto visit = [&](std::string_view key, std::string_view value) {
      const std::optional<TimePlace> place = index.ParseStoreKey(key);
      if (!place.has_value() || value != stored_value) {
        report_.Fault("malformed " + kind + " record");
      } else if (databases_.contains(place->physical_db) && expected.erase(std::string(key)) == 0) {
        report_.Fault(kind + " record that no key has: " + place->key);
      }
      return true;
    };
    RETURN_IF_ERROR(
        persistence_.ScanFamily(Family::kSystem, index.StoreKey({}), index.StoreEnd(), visit));
    for (const std::string& missing : expected) {
      report_.Fault(kind + " record is missing: " + index.ParseStoreKey(missing)->key);
    }
    return OkStatus();
  }

  // False when it is not the record of a scheduled entry.
  bool CheckScheduled(std::string_view key, std::string_view value, Owned* owner) {
    const std::optional<ScheduleToken> token = ParseScheduledKey(key);
    if (!token.has_value()) {
      return false;
    }
    const auto entry = DecodeScheduled(value);
    if (!entry.ok() || owner->scheduled == 0 || *token < owner->schedule_floor ||
        entry->payload.size() > owner->scheduled_bytes) {
      report_.Fault("scheduled entry " + token->ToString() + " is wrong: " + owner->name);
      return true;
    }
    --owner->scheduled;
    owner->scheduled_bytes -= entry->payload.size();
    return true;
  }

  Status CheckFamily(Family family, const std::string& kind, std::set<std::string> Owned::*keys) {
    uint64_t found = 0;
    RETURN_IF_ERROR(
        persistence_.ScanStore(family, [&](std::string_view key, std::string_view value) {
          const auto owner = expected_.find(std::string(key.substr(0, StreamPrefix(0, 0).size())));
          if (owner != expected_.end() && (owner->second.*keys).contains(std::string(key))) {
            ++found;
          } else if (family == Family::kSide && owner != expected_.end() &&
                     CheckScheduled(key, value, &owner->second)) {
            return;
          } else {
            report_.Fault(kind + " record that nothing refers to");
          }
        }));
    uint64_t wanted = 0;
    for (const auto& [prefix, expected] : expected_) {
      wanted += (expected.*keys).size();
      if (family == Family::kSide && (expected.scheduled > 0 || expected.scheduled_bytes > 0)) {
        report_.Fault("scheduled entries are missing: " + expected.name);
      }
    }
    if (wanted != found) {
      report_.Fault(std::to_string(wanted - found) + " " + kind + " records are missing");
    }
    return OkStatus();
  }

  Core& core_;
  const Persistence& persistence_;
  CheckReport& report_;
  std::set<uint32_t> databases_;
  std::set<std::string> expiries_;  // Records that must exist.
  std::set<std::string> dues_;
  std::unordered_map<std::string, Owned, KeyedHash> expected_;
};

}  // namespace

void CheckReport::Fault(std::string text) {
  ++fault_count;
  if (faults.size() < kKeptFaults) {
    faults.push_back(std::move(text));
  }
}

namespace {

Result<CheckReport> CheckStoreOf(const std::string& directory, uint32_t databases) {
  EngineOptions options;
  options.directory = directory;
  options.databases = databases;
  options.reader_threads = 0;
  options.background_threads = false;
  Core core(options);
  core.persistence = std::make_unique<Persistence>(&core);
  core.loader = std::make_unique<Loader>(&core, 0);
  CheckReport report;
  RETURN_IF_ERROR(
      core.persistence->OpenForCheck([&core, &report] { return RawChecker(core, &report).Run(); }));
  for (const auto& [where, why] : core.known_damage) {
    report.Fault("effects of the journal cannot be applied: " + why);
  }
  report.replayed_turns = core.turn - 1 - core.persistence->checkpoint_turn();
  RETURN_IF_ERROR(VerifyState(core, &report));
  return report;
}

}  // namespace

Result<CheckReport> CheckStore(const std::string& directory) {
  // The most that the option `databases` allows: needed by few, and slower.
  constexpr uint32_t kMostDatabases = 65536;
  auto report = CheckStoreOf(directory, EngineOptions().databases);
  return report.ok() ? std::move(report) : CheckStoreOf(directory, kMostDatabases);
}

int CheckStoreAndReport(const std::string& directory, std::ostream& out) {
  const Result<CheckReport> report = CheckStore(directory);
  if (!report.ok()) {
    out << "NOT READABLE: " << report.status().message() << '\n';
    return 2;
  }
  out << "streams " << report->streams << ", strings " << report->strings << ", expiring keys "
      << report->expiries << ", entries " << report->entries << ", blocks " << report->blocks
      << ", groups " << report->groups << ", pending " << report->pending << ", turns replayed "
      << report->replayed_turns << '\n';
  for (const std::string& fault : report->faults) {
    out << "FAULT: " << fault << '\n';
  }
  out << (report->clean() ? "OK" : "FAULTS: " + std::to_string(report->fault_count)) << '\n';
  return report->clean() ? 0 : 1;
}

}  // namespace engine
