// Loader: brings what a command needs from the store into memory.
//
// Reader threads fetch bytes; the loop decodes and installs them, and runs the command again at
// once. Owner: Core. Thread: loop; Fetch() runs on reader threads.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/core.h"
#include "engine/op.h"
#include "engine/status.h"
#include "engine/unit.h"
#include "engine/worker.h"

namespace engine {

class Loader {
 public:
  // What tells an object of the store from all others: kind, physical database, uid, two numbers of
  // that kind, name.
  using Identity = std::tuple<LoadItem::Kind, uint32_t, Uid, uint64_t, uint64_t, std::string>;

  Loader(Core* core, int thread_count);
  ~Loader();

  // `done` runs on the loop with everything installed, or with the first failure. Who wants one
  // object that is being fetched waits for that fetch.
  void Start(std::vector<LoadItem> items, Pins* pins, std::function<void(Status)> done);
  // Fetches an object for nobody, unless it is being fetched. A failure is met by whoever needs it.
  void Prefetch(LoadItem item);
  Status LoadNow(const std::vector<LoadItem>& items, Pins* pins);
  void Release(Pins* pins);
  uint64_t load_count() const { return load_count_; }
  // Joins the reader threads; what they fetched is answered with kClosing. No Start after it.
  void StopThreads();
  // Calls of Start whose `done` has not run.
  int requests_in_flight() const { return requests_in_flight_; }
  // Of these, calls of Prefetch.
  int prefetches_in_flight() const { return prefetches_in_flight_; }
  // Scans under way: the keyspace keeps its list of changes until they are through.
  int scans_in_flight() const { return scans_in_flight_; }

 private:
  // What the store has for one item.
  struct Fetched {
    Status status;
    Uid uid = 0;                        // kKey: of a stream whose own record is sound.
    std::optional<std::string> record;  // Nothing when the key does not exist.
    // kKey: records of groups, and of directory pages stored apart, as (number, bytes).
    std::vector<std::pair<GroupNumber, std::string>> groups;
    std::vector<std::pair<uint32_t, std::string>> pages;
    std::unique_ptr<StringValue> string;  // kKey: in place of `record`.
    std::unique_ptr<ScanPage> scan;
    std::unique_ptr<TimePage> places;
    std::unique_ptr<SchedulePage> schedule;
  };
  struct Request;

  Fetched Fetch(const LoadItem& item) const;
  Fetched FetchKey(const LoadItem& item) const;
  // Groups and directory pages of a stream; `out` has the record.
  void FetchParts(const LoadItem& item, Fetched* out) const;
  Fetched FetchScan(const LoadItem& item) const;
  Fetched FetchPlaces(const LoadItem& item) const;
  Fetched FetchSchedule(const LoadItem& item) const;
  Status Install(const LoadItem& item, Fetched fetched, Pins* pins);
  Status InstallKey(const LoadItem& item, Fetched fetched);
  // A key that fails its checks stays damaged until it is deleted or the server starts anew.
  Status InstallDamage(const LoadItem& item, Uid uid, const Status& why);
  Status InstallBlock(const LoadItem& item, Fetched fetched);
  Status InstallPage(const LoadItem& item, Fetched fetched);
  Status InstallProducerPage(const LoadItem& item, Fetched fetched);
  void InstallSchedule(const LoadItem& item, SchedulePage page, Pins* pins);
  // Holds what the item names, if it is in memory, for the command of `pins`, if that is given.
  void Pin(const LoadItem& item, Pins* pins);
  // What the item names, if it is in memory.
  Unit* FindUnit(const LoadItem& item) const;
  void Submit(std::shared_ptr<Request> request);
  void Finish(const std::shared_ptr<Request>& request);
  // Tells all who wait.
  void Answer(Request& request, const Status& status);

  Core& core_;
  uint64_t load_count_ = 0;
  int scans_in_flight_ = 0;
  int requests_in_flight_ = 0;
  int prefetches_in_flight_ = 0;
  absl::flat_hash_map<Identity, std::shared_ptr<Request>> by_identity_;
  std::unique_ptr<WorkerPool> workers_;  // Last: its threads stop before the rest goes.
};

}  // namespace engine
