// Policies of streams and groups: what is in force, and the calls that set it.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "engine/apply.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/limits.h"
#include "engine/policy.h"
#include "engine/retire.h"
#include "engine/steward.h"

namespace engine {
namespace {

template <typename Policy>
bool IsAllDefault(const Policy& policy) {
  return std::all_of(policy.sources.begin(), policy.sources.end(),
                     [](PolicySource source) { return source == PolicySource::kDefault; });
}

// What `own` becomes by the change, encoded.
std::string Changed(const PolicySettings* own, const PolicyChange& change) {
  PolicySettings settings = own == nullptr ? PolicySettings() : *own;
  for (const uint8_t option : change.to_default) {
    settings.Clear(option);
  }
  for (const PolicySetting& setting : change.set) {
    settings.Set(setting);
  }
  std::string encoded;
  settings.Encode(&encoded);
  return encoded;
}

}  // namespace

const StreamPolicy* Core::MakePolicy(Stream& stream) {
  StreamPolicy policy =
      policy_rules.ForStream(stream.key, stream.holds_letters, stream.own_policy.get());
  stream.policy_version = policy_rules.version();
  stream.policy =
      IsAllDefault(policy) ? nullptr : std::make_unique<StreamPolicy>(std::move(policy));
  return stream.policy.get();
}

const GroupPolicy* Core::MakePolicy(Group& group) {
  const Stream& stream = *group.stream;
  GroupPolicy policy =
      policy_rules.ForGroup(stream.key, group.name, stream.holds_letters, group.own_policy.get());
  group.policy_version = policy_rules.version();
  group.policy = IsAllDefault(policy) ? nullptr : std::make_unique<GroupPolicy>(std::move(policy));
  RefreshDue(*this, group);
  return group.policy.get();
}

void Engine::SetGroupRules(std::vector<PolicyRule> rules) {
  core_->policy_rules.SetGroupRules(std::move(rules));
}

void Engine::SetStreamRules(std::vector<PolicyRule> rules) {
  core_->policy_rules.SetStreamRules(std::move(rules));
}

StreamPolicy Engine::PolicyOf(Op& op, Stream& stream) {
  Core::Saw(op, stream);
  const StreamPolicy* policy = core_->PolicyOf(stream);
  return policy == nullptr ? StreamPolicy() : *policy;
}

GroupPolicy Engine::PolicyOf(Op& op, Group& group) {
  Core::Saw(op, *group.stream);
  const GroupPolicy* policy = core_->PolicyOf(group);
  return policy == nullptr ? GroupPolicy() : *policy;
}

void Engine::SetPolicy(Op& op, Stream& stream, const PolicyChange& change) {
  const std::string settings = Changed(stream.own_policy.get(), change);
  if (settings != Changed(stream.own_policy.get(), {})) {
    Emit(*core_, stream, StreamPolicySet{settings});
    NoteGroupsChanged(*core_, op, stream);
    core_->steward->Expect(stream, op.now.store_ms);
  }
  Core::Saw(op, stream);
}

void Engine::SetPolicy(Op& op, Stream& stream, Group& group, const PolicyChange& change) {
  const std::string settings = Changed(group.own_policy.get(), change);
  if (settings != Changed(group.own_policy.get(), {})) {
    Emit(*core_, stream, GroupPolicySet{group.number, settings});
    core_->steward->Expect(stream, op.now.store_ms);
    core_->PolicyOf(group);
    core_->Tell(StreamEvent::Kind::kReady, stream, group.name);
  }
  Core::Saw(op, stream);
}

Engine::StreamStats Engine::GetStreamStats(Now now) {
  StreamStats stats;
  for (uint32_t db = 0; db < core_->keyspace.size(); ++db) {
    stats.totals.Add(core_->keyspace.at(db).totals);
  }
  const TopGroups::Lists& lists = core_->top_groups.Collect(*core_, now.store_ms);
  const auto first = [](const std::vector<TopGroup>& list) {
    const size_t count = std::min(list.size(), kTopGroupsShown);
    return std::vector<TopGroup>(list.begin(), list.begin() + static_cast<ptrdiff_t>(count));
  };
  stats.due = core_->top_groups.due();
  stats.most_pending = first(lists[TopGroups::kPending]);
  stats.most_lag = first(lists[TopGroups::kLag]);
  const std::vector<TopGroup>& oldest = lists[TopGroups::kOldest];
  if (!oldest.empty()) {
    stats.oldest_pending_ms = std::max<int64_t>(now.store_ms + oldest.front().value, 0);
  }
  return stats;
}

void Engine::SetWaitingReaders(WaitingReaders waiting_readers) {
  core_->waiting_readers = std::move(waiting_readers);
}

void Engine::NoteWaited(uint32_t db, std::string_view key, std::string_view group,
                        std::string_view consumer, Now now) {
  KeyHolder* holder = Keyspace::Find(core_->keyspace.at(db), key);
  if (holder == nullptr || holder->kind != UnitKind::kStream) {
    return;
  }
  const Group* found = static_cast<Stream&>(*holder).FindGroup(group);
  if (Consumer* waited = found == nullptr ? nullptr : found->FindConsumer(consumer)) {
    waited->waited_ms = now.store_ms;
  }
}

void Engine::RunDueWork(Now now) { core_->steward->Run(now); }

void Engine::ExpectWork(Stream& stream, int64_t due_ms) { core_->steward->Expect(stream, due_ms); }

int64_t Engine::next_due_work_ms() const { return core_->steward->next_due_ms(); }

bool Engine::has_events() const { return !core_->events.empty(); }

std::vector<StreamEvent> Engine::TakeEvents() { return std::exchange(core_->events, {}); }

}  // namespace engine
