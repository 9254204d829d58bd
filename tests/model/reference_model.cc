#include "tests/model/reference_model.h"

#include <algorithm>
#include <tuple>

#include "engine/limits.h"

namespace tests {

using engine::AddId;
using engine::Code;
using engine::TrimArgs;

namespace {

// Blocks are closed from about this size on; a smaller stream has one, which is never compacted.
constexpr uint64_t kSurelyOneBlockBytes = 8 * 1024;

uint64_t NextCount(uint64_t count) {
  return count >= static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : count + 1;
}

ModelConsumer& Touch(ModelGroup& group, std::string_view name, int64_t now_ms) {
  const auto [it, created] = group.consumers.try_emplace(std::string(name));
  if (created) {
    it->second.durable_seen_ms = now_ms;
  }
  it->second.seen_ms = now_ms;
  return it->second;
}

}  // namespace

void ApplyPolicy(const engine::PolicyChange& change, ModelPolicy* policy) {
  for (const uint8_t option : change.to_default) {
    policy->erase(option);
  }
  for (const engine::PolicySetting& setting : change.set) {
    (*policy)[setting.option] = setting;
  }
}

int64_t ModelGroup::PendingOf(const std::string& consumer) const {
  return std::count_if(pending.begin(), pending.end(), [&](const auto& record) {
    return record.second.owner == consumer && !record.second.released;
  });
}

std::vector<StreamId> ModelGroup::DeliveryOrder() const {
  std::vector<std::tuple<bool, int64_t, uint64_t, StreamId>> keys;
  for (const auto& [id, record] : pending) {
    keys.emplace_back(!record.released, record.delivery_ms, record.sequence, id);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<StreamId> ids;
  for (const auto& key : keys) {
    ids.push_back(std::get<StreamId>(key));
  }
  return ids;
}

void ModelGroup::Deliver(StreamId id, std::string_view consumer, int64_t delivery_ms,
                         uint64_t count) {
  pending[id] = {std::string(consumer), delivery_ms, count, false, next_sequence++};
}

bool ModelStream::nodes_are_exact() const {
  return !went_back_since_empty_ &&
         !(deleted_since_empty_ && bytes_since_empty_ > kSurelyOneBlockBytes);
}

ModelStream ModelStream::Copied() const {
  ModelStream copy = *this;
  copy.went_back_since_empty_ =
      went_back_since_empty_ || deleted_since_empty_ || entries_added > entries.size();
  return copy;
}

Code ModelStream::Add(engine::Now now, const engine::NodeLimits& limits, const AddId& id,
                      const engine::Payload& payload, StreamId* added) {
  if (last_id == StreamId::Max()) {
    return Code::kIdExhausted;
  }
  StreamId chosen = id.id;
  if (id.form == AddId::Form::kAuto) {
    const auto ms = static_cast<uint64_t>(now.unix_ms);
    chosen = ms > last_id.ms             ? StreamId{ms, 0}
             : last_id.seq == UINT64_MAX ? StreamId{last_id.ms + 1, 0}
                                         : StreamId{last_id.ms, last_id.seq + 1};
  } else if (id.form == AddId::Form::kAutoSequence) {
    if (chosen.ms == last_id.ms && last_id.seq == UINT64_MAX) {
      return Code::kIdTooSmall;
    }
    chosen.seq = chosen.ms == last_id.ms ? last_id.seq + 1 : 0;
  }
  if (chosen <= last_id) {
    return Code::kIdTooSmall;
  }
  if (entries.empty()) {
    bytes_since_empty_ = 0;
    deleted_since_empty_ = false;
    went_back_since_empty_ = false;
  }
  const bool goes_back = !nodes.empty() && chosen <= nodes.rbegin()->second.last_id;
  const engine::NodeState* open = nodes.empty() ? nullptr : &nodes.rbegin()->second.state;
  if (goes_back || engine::OpensNode(open, limits, payload.wire, payload.arg_count)) {
    went_back_since_empty_ |= goes_back;
    engine::StartNode(&nodes[next_node_++].state, chosen, payload.wire, payload.arg_count);
  } else {
    engine::ExtendNode(&nodes.rbegin()->second.state, chosen, payload.wire, payload.arg_count);
  }
  nodes.rbegin()->second.last_id = chosen;
  entries[chosen] = {std::string(payload.wire), payload.arg_count, nodes.rbegin()->first};
  bytes_since_empty_ += payload.wire.size() + 12;
  last_id = chosen;
  ++entries_added;
  *added = chosen;
  return Code::kOk;
}

void ModelStream::Remove(StreamId id) {
  const auto entry = entries.find(id);
  const auto node = nodes.find(entry->second.node);
  engine::MarkDeletedInNode(&node->second.state, 1);
  if (node->second.state.live_count() == 0) {
    nodes.erase(node);
  }
  entries.erase(entry);
}

int64_t ModelStream::Delete(const std::vector<StreamId>& ids) {
  int64_t count = 0;
  for (const StreamId id : ids) {
    if (entries.contains(id)) {
      Remove(id);
      max_deleted = std::max(max_deleted, id);
      deleted_since_empty_ = true;
      ++count;
    }
  }
  return count;
}

int64_t ModelStream::CountTrimmed(const TrimArgs& args) const {
  const auto surplus = [&](uint64_t removed) {
    return args.strategy == TrimArgs::Strategy::kMaxLen && length() - removed > args.max_len;
  };
  if (args.strategy == TrimArgs::Strategy::kNone) {
    return 0;
  }
  uint64_t removed = 0;
  if (!args.approximate) {
    for (const auto& [id, entry] : entries) {
      if (args.strategy == TrimArgs::Strategy::kMinId ? id >= args.min_id : !surplus(removed)) {
        break;
      }
      ++removed;
    }
    return static_cast<int64_t>(removed);
  }
  for (const auto& [number, node] : nodes) {
    const uint64_t after = removed + node.state.live_count();
    if (args.strategy == TrimArgs::Strategy::kMaxLen
            ? length() - after < args.max_len || !surplus(removed)
            : node.last_id >= args.min_id) {
      break;
    }
    if (args.limit > 0 && after > static_cast<uint64_t>(args.limit)) {
      break;
    }
    removed = after;
  }
  return static_cast<int64_t>(removed);
}

void ModelStream::RemoveOldest(int64_t count) {
  for (; count > 0; --count) {
    Remove(entries.begin()->first);
  }
}

engine::Engine::SetIdRefusal ModelStream::SetId(const engine::SetIdArgs& args) {
  using Refusal = engine::Engine::SetIdRefusal;
  if (args.last_id < max_deleted) {
    return Refusal::kBelowMaxDeleted;
  }
  if (!entries.empty() && args.last_id < last_live_id()) {
    return Refusal::kBelowTopItem;
  }
  if (!entries.empty() && args.entries_added.has_value() && *args.entries_added < length()) {
    return Refusal::kEntriesAddedTooSmall;
  }
  last_id = args.last_id;
  if (args.entries_added.has_value()) {
    if (*args.entries_added < entries_added) {
      for (auto& [name, group] : groups) {
        if (group.entries_read.has_value() &&
            *group.entries_read > static_cast<int64_t>(*args.entries_added)) {
          group.entries_read = static_cast<int64_t>(*args.entries_added);
        }
      }
    }
    entries_added = *args.entries_added;
  }
  if (args.max_deleted.has_value() && !args.max_deleted->IsZero()) {
    max_deleted = *args.max_deleted;
  }
  return Refusal::kNone;
}

std::vector<std::pair<StreamId, const ModelEntry*>> ModelStream::Range(
    const engine::RangeArgs& args) const {
  std::vector<std::pair<StreamId, const ModelEntry*>> rows;
  for (const auto& [id, entry] : entries) {
    if (args.start <= id && id <= args.end) {
      rows.emplace_back(id, &entry);
    }
  }
  if (args.reverse) {
    std::reverse(rows.begin(), rows.end());
  }
  uint64_t bytes = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (args.count >= 0 && i == static_cast<size_t>(args.count)) {
      rows.resize(i);
      break;
    }
    bytes += rows[i].second->wire.size() + engine::kEntryReplyOverhead;
    if (args.max_bytes > 0 && bytes >= args.max_bytes) {
      rows.resize(i + 1);
      break;
    }
  }
  return rows;
}

// ---- Groups ----

bool ModelStream::CreateGroup(const std::string& name, StreamId from,
                              std::optional<int64_t> entries_read) {
  if (groups.contains(name)) {
    return false;
  }
  SetGroupId(groups[name], from, entries_read);
  return true;
}

void ModelStream::SetGroupId(ModelGroup& group, StreamId to,
                             std::optional<int64_t> entries_read) const {
  group.last_id = to;
  group.entries_read = entries_read;
  if (entries_read.has_value()) {
    group.entries_read = std::min(*entries_read, static_cast<int64_t>(entries_added));
  }
}

bool ModelStream::TombstonesFrom(StreamId id) const {
  return length() != 0 && !max_deleted.IsZero() && id <= max_deleted;
}

std::optional<int64_t> ModelStream::Estimate(StreamId id) const {
  const auto added = static_cast<int64_t>(entries_added);
  if (added == 0) {
    return 0;
  }
  if (length() == 0 && id <= last_id) {
    return added;
  }
  if (!id.IsZero() && id < max_deleted) {
    return std::nullopt;
  }
  if (id >= last_id) {
    return id == last_id ? std::optional<int64_t>(added) : std::nullopt;
  }
  if (max_deleted.IsZero() || max_deleted < first_id()) {
    if (id < first_id()) {
      return added - static_cast<int64_t>(length());
    }
    if (id == first_id()) {
      return added - static_cast<int64_t>(length()) + 1;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> ModelStream::Lag(const ModelGroup& group) const {
  if (entries_added == 0 || length() == 0) {
    return 0;
  }
  if (group.last_id < first_id() && max_deleted < first_id()) {
    return static_cast<int64_t>(length());
  }
  const auto added = static_cast<int64_t>(entries_added);
  if (group.entries_read.has_value() && !TombstonesFrom(group.last_id)) {
    return added - *group.entries_read;
  }
  const auto position = Estimate(group.last_id);
  return position.has_value() ? std::optional<int64_t>(added - *position) : std::nullopt;
}

std::vector<ModelRow> ModelStream::ReadNew(engine::Now now, ModelGroup& group,
                                           const engine::ReadNewArgs& args, size_t most,
                                           std::vector<engine::PriorDelivery>* priors) {
  ModelConsumer& consumer = Touch(group, args.consumer, now.store_ms);
  std::vector<ModelRow> rows;
  uint64_t bytes = 0;
  const auto is_full = [&] {
    return (args.count > 0 && rows.size() == static_cast<size_t>(args.count)) ||
           rows.size() == most || (args.max_bytes > 0 && bytes >= args.max_bytes);
  };
  const auto show = [&](StreamId id, const ModelEntry& entry, engine::PriorDelivery prior) {
    rows.emplace_back(id, entry.wire);
    priors->push_back(prior);
    bytes += entry.wire.size() + engine::kEntryReplyOverhead;
  };
  if (args.claim_min_idle_ms.has_value()) {
    for (const StreamId id : group.DeliveryOrder()) {
      const ModelRecord record = group.pending[id];
      if (is_full() || now.store_ms - record.delivery_ms < *args.claim_min_idle_ms) {
        break;
      }
      if (const auto entry = entries.find(id); entry != entries.end()) {
        group.Deliver(id, args.consumer, now.store_ms, NextCount(record.count));
        consumer.active_ms = now.store_ms;
        show(id, entry->second, {now.store_ms - record.delivery_ms, record.count});
      }
    }
  }
  for (auto it = entries.upper_bound(group.last_id); it != entries.end() && !is_full(); ++it) {
    if (group.entries_read.has_value() && group.last_id >= first_id() &&
        !TombstonesFrom(group.last_id)) {
      ++*group.entries_read;
    } else if (entries_added > 0) {
      group.entries_read = Estimate(it->first);
    }
    group.last_id = it->first;
    if (!args.no_ack) {
      group.Deliver(it->first, args.consumer, now.store_ms, 1);
      consumer.active_ms = now.store_ms;
    }
    show(it->first, it->second, {});
  }
  return rows;
}

int64_t ModelStream::Release(ModelGroup& group, const engine::ReleaseArgs& args,
                             const std::vector<StreamId>& ids) const {
  using Mode = engine::ReleaseArgs::Mode;
  int64_t released = 0;
  for (const StreamId id : ids) {
    const auto found = group.pending.find(id);
    const bool is_pending = found != group.pending.end();
    if (!is_pending && !(args.force && entries.contains(id))) {
      continue;
    }
    uint64_t count = is_pending ? found->second.count : 0;
    if (args.retry_count.has_value()) {
      count = *args.retry_count;
    } else if (args.mode == Mode::kFatal) {
      count = INT64_MAX;
    } else if (args.mode == Mode::kSilent && count > 0) {
      --count;
    }
    group.pending[id] = {"", 0, count, true, group.next_sequence++};
    ++released;
  }
  return released;
}

std::vector<ModelRow> ModelStream::ReadHistory(engine::Now now, ModelGroup& group,
                                               const engine::HistoryArgs& args) {
  Touch(group, args.consumer, now.store_ms);
  std::vector<ModelRow> rows;
  uint64_t bytes = 0;
  for (auto it = group.pending.upper_bound(args.after); it != group.pending.end(); ++it) {
    if (it->second.owner != args.consumer || it->second.released) {
      continue;
    }
    if (args.count > 0 && rows.size() == static_cast<size_t>(args.count)) {
      break;
    }
    const auto entry = entries.find(it->first);
    bytes += engine::kEntryReplyOverhead;
    if (entry == entries.end()) {
      rows.emplace_back(it->first, std::nullopt);
    } else {
      rows.emplace_back(it->first, entry->second.wire);
      bytes += entry->second.wire.size();
      group.Deliver(it->first, args.consumer, now.store_ms, NextCount(it->second.count));
    }
    if (args.max_bytes > 0 && bytes >= args.max_bytes) {
      break;
    }
  }
  return rows;
}

std::vector<ModelRow> ModelStream::Claim(engine::Now now, ModelGroup& group,
                                         const engine::ClaimArgs& args,
                                         const std::vector<StreamId>& ids) {
  if (args.last_id.has_value() && *args.last_id > group.last_id) {
    group.last_id = *args.last_id;
  }
  ModelConsumer& consumer = Touch(group, args.consumer, now.store_ms);
  int64_t delivery_ms = now.store_ms;
  if (args.idle_ms.has_value()) {
    delivery_ms -= std::max<int64_t>(*args.idle_ms, 0);  // Below 0 is above now, which is now.
  } else if (args.delivery_unix_ms.has_value()) {
    delivery_ms = *args.delivery_unix_ms;
  }
  if (delivery_ms < 0 || delivery_ms > now.store_ms) {
    delivery_ms = now.store_ms;
  }
  std::vector<ModelRow> rows;
  for (const StreamId id : ids) {
    const auto entry = entries.find(id);
    auto record = group.pending.find(id);
    if (entry == entries.end()) {
      if (record != group.pending.end()) {
        group.pending.erase(record);
      }
      continue;
    }
    if (record == group.pending.end()) {
      if (!args.force) {
        continue;
      }
      record = group.pending.emplace(id, ModelRecord{"", 0, 1, false, 0}).first;
    } else if (args.min_idle_ms > 0 &&
               now.store_ms - record->second.delivery_ms < args.min_idle_ms) {
      continue;
    }
    uint64_t count = record->second.count;
    if (args.retry_count.has_value() && *args.retry_count >= 0) {
      count = static_cast<uint64_t>(*args.retry_count);
    } else if (!args.just_id) {
      count = NextCount(count);
    }
    group.Deliver(id, args.consumer, delivery_ms, count);
    consumer.active_ms = now.store_ms;
    rows.emplace_back(id,
                      args.just_id ? std::nullopt : std::optional<std::string>(entry->second.wire));
  }
  return rows;
}

std::vector<ModelRow> ModelStream::AutoClaim(engine::Now now, ModelGroup& group,
                                             const engine::AutoClaimArgs& args,
                                             engine::AutoClaimResult* result) {
  ModelConsumer& consumer = Touch(group, args.consumer, now.store_ms);
  std::vector<ModelRow> rows;
  int64_t left = args.count;
  int64_t looks = args.count * 10;
  auto it = group.pending.lower_bound(args.start);
  while (it != group.pending.end() && left > 0 && looks > 0) {
    --looks;
    const auto entry = entries.find(it->first);
    if (entry == entries.end()) {
      result->deleted.push_back(it->first);
      it = group.pending.erase(it);
      --left;
      continue;
    }
    const ModelRecord record = it->second;
    if (args.min_idle_ms <= 0 || now.store_ms - record.delivery_ms >= args.min_idle_ms) {
      group.Deliver(it->first, args.consumer, now.store_ms,
                    args.just_id ? record.count : NextCount(record.count));
      consumer.active_ms = now.store_ms;
      rows.emplace_back(
          it->first, args.just_id ? std::nullopt : std::optional<std::string>(entry->second.wire));
      --left;
    }
    ++it;
  }
  result->cursor = it == group.pending.end() ? StreamId() : it->first;
  return rows;
}

int64_t Acknowledge(ModelGroup& group, const std::vector<StreamId>& ids) {
  int64_t count = 0;
  for (const StreamId id : ids) {
    count += static_cast<int64_t>(group.pending.erase(id));
  }
  return count;
}

std::vector<std::pair<StreamId, ModelRecord>> ListPending(engine::Now now, const ModelGroup& group,
                                                          const engine::PendingRangeArgs& args) {
  std::vector<std::pair<StreamId, ModelRecord>> rows;
  for (const auto& [id, record] : group.pending) {
    if (static_cast<int64_t>(rows.size()) >= args.count) {
      break;
    }
    if (args.start <= id && id <= args.end &&
        (!args.consumer.has_value() || (record.owner == *args.consumer && !record.released)) &&
        (args.min_idle_ms <= 0 || now.store_ms - record.delivery_ms >= args.min_idle_ms)) {
      rows.emplace_back(id, record);
    }
  }
  return rows;
}

int64_t DeleteConsumer(ModelGroup& group, const std::string& consumer) {
  group.consumers.erase(consumer);
  return static_cast<int64_t>(std::erase_if(group.pending, [&](const auto& r) {
    return r.second.owner == consumer && !r.second.released;
  }));
}

}  // namespace tests
