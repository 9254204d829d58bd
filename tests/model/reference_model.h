// Streams and groups as the streams specification has them: plain maps, everything in memory, no
// cleverness. What the engine does is compared with this.
//
// Nodes of approximate trimming are kept one by one with the state that engine/node_rule.h counts;
// the rule itself is compared with Redis elsewhere. Times are on the store's line.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/node_rule.h"

namespace tests {

using engine::StreamId;

struct ModelEntry {
  std::string wire;
  uint32_t arg_count = 0;
  uint64_t node = 0;
};

struct ModelNode {
  engine::NodeState state;
  StreamId last_id;  // Newest entry ever, deleted or not.
};

struct ModelRecord {
  std::string owner;
  int64_t delivery_ms = 0;  // 0 when released.
  uint64_t count = 0;
  bool released = false;
  uint64_t sequence = 0;  // Order of deliveries and releases.

  // Whether clients see the same of it.
  bool operator==(const ModelRecord& other) const {
    return owner == other.owner && delivery_ms == other.delivery_ms && count == other.count &&
           released == other.released;
  }
};

struct ModelConsumer {
  int64_t seen_ms = 0;
  int64_t active_ms = -1;
  int64_t durable_seen_ms = 0;  // What a crash may go back to.
};

// What is set of a policy, by option.
using ModelPolicy = std::map<uint8_t, engine::PolicySetting>;
void ApplyPolicy(const engine::PolicyChange& change, ModelPolicy* policy);

struct ModelGroup {
  StreamId last_id;
  std::optional<int64_t> entries_read;
  std::map<std::string, ModelConsumer> consumers;
  std::map<StreamId, ModelRecord> pending;
  uint64_t next_sequence = 1;
  ModelPolicy policy;

  // Ids of all pending records, in delivery order.
  std::vector<StreamId> DeliveryOrder() const;
  // Delivers the record to `consumer`, or makes it.
  void Deliver(StreamId id, std::string_view consumer, int64_t delivery_ms, uint64_t count);
  int64_t PendingOf(const std::string& consumer) const;
};

// What a producer's iid stands for, in order of the entries' ids and then of arrival.
struct ModelIid {
  std::string iid;
  StreamId id;
};

// What a history read or a claim gives: an id and, if the entry is there and wanted, its bytes.
using ModelRow = std::pair<StreamId, std::optional<std::string>>;

class ModelStream {
 public:
  // A string under this key, and no stream.
  std::optional<std::string> text;
  int64_t expire_ms = 0;  // Unix time; 0 = never.
  std::map<StreamId, ModelEntry> entries;
  StreamId last_id;
  StreamId max_deleted;
  uint64_t entries_added = 0;
  std::map<uint64_t, ModelNode> nodes;  // With a live entry; the last one is open.
  std::map<std::string, ModelGroup> groups;
  uint32_t idmp_duration_s = 100;
  uint32_t idmp_max_size = 100;
  uint64_t iids_added = 0;
  uint64_t iids_duplicates = 0;
  std::map<std::string, std::vector<ModelIid>> producers;
  ModelPolicy policy;

  uint64_t length() const { return entries.size(); }
  StreamId first_id() const { return entries.empty() ? StreamId() : entries.begin()->first; }
  StreamId last_live_id() const { return entries.empty() ? StreamId() : entries.rbegin()->first; }

  // The engine forgets deleted entries when it compacts a block, and begins a node where ids go
  // back below deleted ones; then its nodes are not those of the specification any more. Until the
  // stream is empty: then nodes begin anew.
  bool nodes_are_exact() const;
  // What COPY makes of it: deleted entries are no part of its nodes.
  ModelStream Copied() const;

  // kOk, kIdTooSmall or kIdExhausted.
  engine::Code Add(engine::Now now, const engine::NodeLimits& limits, const engine::AddId& id,
                   const engine::Payload& payload, StreamId* added);
  int64_t Delete(const std::vector<StreamId>& ids);
  // How many entries a trim removes; the oldest ones.
  int64_t CountTrimmed(const engine::TrimArgs& args) const;
  void RemoveOldest(int64_t count);
  // The same for trims with regard to groups: what would go without a limit, and how many of them.
  std::vector<StreamId> Trimmable(const engine::TrimArgs& args) const;
  int64_t CountTrimmedByReference(const engine::TrimArgs& args) const;
  void RemoveTrimmed(const std::vector<StreamId>& ids, engine::References references);
  bool IsReferenced(StreamId id) const;
  std::vector<engine::Removal> RemoveEntries(engine::References references,
                                             const std::vector<StreamId>& ids);
  std::vector<engine::Removal> AcknowledgeAndRemove(ModelGroup& group,
                                                    engine::References references,
                                                    const std::vector<StreamId>& ids);

  // What the iid stands for, unless it has expired.
  std::optional<StreamId> Recall(engine::Now now, const engine::Production& production) const;
  void Remember(engine::Now now, const engine::Production& production, StreamId id);
  void SetIdempotency(const engine::IdempotencySettings& settings);
  bool IsExpired(engine::Now now, StreamId id) const;
  engine::Engine::SetIdRefusal SetId(const engine::SetIdArgs& args);
  std::vector<std::pair<StreamId, const ModelEntry*>> Range(const engine::RangeArgs& args) const;

  bool CreateGroup(const std::string& name, StreamId from, std::optional<int64_t> entries_read);
  void SetGroupId(ModelGroup& group, StreamId to, std::optional<int64_t> entries_read) const;
  std::optional<int64_t> Lag(const ModelGroup& group) const;

  // Ends with `most` rows, whatever the arguments say. `priors` is what a read with CLAIM shows.
  std::vector<ModelRow> ReadNew(engine::Now now, ModelGroup& group, const engine::ReadNewArgs& args,
                                size_t most, std::vector<engine::PriorDelivery>* priors);
  int64_t Release(ModelGroup& group, const engine::ReleaseArgs& args,
                  const std::vector<StreamId>& ids) const;
  std::vector<ModelRow> ReadHistory(engine::Now now, ModelGroup& group,
                                    const engine::HistoryArgs& args);
  std::vector<ModelRow> Claim(engine::Now now, ModelGroup& group, const engine::ClaimArgs& args,
                              const std::vector<StreamId>& ids);
  std::vector<ModelRow> AutoClaim(engine::Now now, ModelGroup& group,
                                  const engine::AutoClaimArgs& args,
                                  engine::AutoClaimResult* result);

 private:
  bool TombstonesFrom(StreamId id) const;
  std::optional<int64_t> Estimate(StreamId id) const;
  void Remove(StreamId id);

  uint64_t next_node_ = 1;
  uint64_t bytes_since_empty_ = 0;
  bool deleted_since_empty_ = false;
  bool went_back_since_empty_ = false;
};

int64_t Acknowledge(ModelGroup& group, const std::vector<StreamId>& ids);
std::vector<std::pair<StreamId, ModelRecord>> ListPending(engine::Now now, const ModelGroup& group,
                                                          const engine::PendingRangeArgs& args);
// Number of records that went; 0 if unknown.
int64_t DeleteConsumer(ModelGroup& group, const std::string& consumer);

// One per logical database.
using ModelDatabase = std::map<std::string, ModelStream>;

}  // namespace tests
