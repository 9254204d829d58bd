#include "engine/idle_removal.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/apply.h"
#include "engine/limits.h"
#include "engine/policy.h"
#include "engine/retire.h"

namespace engine {
namespace {

constexpr int64_t kNever = INT64_MAX;
// A consumer that would be due but has something pending is looked at again after this part of its
// time: who acknowledges for it does not say so here.
constexpr int64_t kRelookPart = 8;
constexpr int64_t kShortestRelookMs = 1000;
constexpr int64_t kLongestRelookMs = 60'000;

bool HasTtl(const GroupPolicy* policy) {
  return policy != nullptr && (policy->consumer_ttl_ms > 0 || policy->group_ttl_ms > 0);
}

// Consumers that wait for entries are there now.
void NoteWaiting(const Core& core, const Op& op, const Stream& stream, const Group& group) {
  if (!core.waiting_readers) {
    return;
  }
  core.waiting_readers(op.db, stream.key, group.name, [&](std::string_view name) {
    if (Consumer* consumer = group.FindConsumer(name); consumer != nullptr) {
      consumer->waited_ms = op.now.store_ms;
    }
  });
}

int64_t LastThere(const Core& core, const Consumer& consumer) {
  return std::max({consumer.seen_ms, consumer.waited_ms, core.started_ms});
}

// The task's work on one group.
class GroupRound {
 public:
  GroupRound(Core& core, const Op& op, Stream& stream, Group& group, const GroupPolicy& policy)
      : core_(core), op_(op), stream_(stream), group_(group), policy_(policy) {}

  // When it wants to be looked at again; a time that has come: it has more to do.
  int64_t Run() {
    NoteWaiting(core_, op_, stream_, group_);
    if (policy_.group_ttl_ms > 0 && DestroyIfIdle()) {
      return kNever;
    }
    if (policy_.consumer_ttl_ms > 0) {
      DeleteIdleConsumers();
    }
    return next_ms_;
  }

 private:
  void LookAgainAt(int64_t at_ms) { next_ms_ = std::min(next_ms_, at_ms); }

  bool DestroyIfIdle() {
    int64_t last_ms = std::max(group_.created_ms, core_.started_ms);
    for (const Consumer* consumer : group_.consumers_by_number) {
      last_ms = std::max(last_ms, LastThere(core_, *consumer));
    }
    const int64_t due_ms = last_ms + policy_.group_ttl_ms;
    if (due_ms > op_.now.store_ms) {
      LookAgainAt(due_ms);
      return false;
    }
    const std::string name = group_.name;
    Emit(core_, stream_, GroupDestroyed{group_.number});
    core_.Tell(StreamEvent::Kind::kGroupDestroyed, stream_, name);
    NoteGroupsChanged(core_, op_, stream_);
    return true;
  }

  void DeleteIdleConsumers() {
    std::vector<ConsumerNumber> idle;
    for (const Consumer* consumer : group_.consumers_by_number) {
      const int64_t due_ms = LastThere(core_, *consumer) + policy_.consumer_ttl_ms;
      if (due_ms > op_.now.store_ms) {
        LookAgainAt(due_ms);
      } else if (consumer->pending_count > 0) {
        LookAgainAt(op_.now.store_ms + std::clamp(policy_.consumer_ttl_ms / kRelookPart,
                                                  kShortestRelookMs, kLongestRelookMs));
      } else if (idle.size() < kIdleRemovalsPerLook) {
        idle.push_back(consumer->number);
      } else {
        LookAgainAt(op_.now.store_ms);
      }
    }
    for (const ConsumerNumber number : idle) {
      KeepLastSeen(core_, stream_, group_, LastThere(core_, *group_.ConsumerByNumber(number)));
      Emit(core_, stream_, ConsumerDeleted{group_.number, number});
      core_.Tell(StreamEvent::Kind::kConsumerDeleted, stream_, group_.name);
    }
  }

  Core& core_;
  const Op& op_;
  Stream& stream_;
  Group& group_;
  const GroupPolicy& policy_;
  int64_t next_ms_ = kNever;
};

}  // namespace

Result<TaskResult> RemoveIdle(Core& core, Op& op, Stream& stream) {
  IdleRound& round = stream.idle_round;
  for (size_t looked_at = 0; looked_at < kIdleLooksPerStep;) {
    const auto& groups = stream.groups_by_number;
    const auto next = std::lower_bound(
        groups.begin(), groups.end(), round.next_group,
        [](const Group* group, GroupNumber number) { return group->number < number; });
    if (next == groups.end()) {
      const int64_t next_ms = round.next_ms;
      round = {};
      return TaskResult{next_ms};
    }
    Group& group = **next;
    looked_at += 1 + group.consumers_by_number.size();
    const GroupPolicy* policy = core.PolicyOf(group);
    int64_t next_ms = kNever;
    const GroupNumber number = group.number;
    if (HasTtl(policy)) {
      next_ms = GroupRound(core, op, stream, group, *policy).Run();
    }
    round.next_ms = std::min(round.next_ms, next_ms);
    round.next_group = number + 1;
  }
  return TaskResult{op.now.store_ms};
}

void ExpectIdle(Core& core, const Op& op, Stream& stream, Group& group) {
  const GroupPolicy* policy = core.PolicyOf(group);
  if (!HasTtl(policy)) {
    return;
  }
  for (const int64_t ttl_ms : {policy->consumer_ttl_ms, policy->group_ttl_ms}) {
    if (ttl_ms > 0) {
      core.steward->Expect(stream, op.now.store_ms + ttl_ms);
    }
  }
}

void KeepLastSeen(Core& core, Stream& stream, Group& group, int64_t last_ms) {
  const GroupPolicy* policy = core.PolicyOf(group);
  if (policy != nullptr && policy->group_ttl_ms > 0 && last_ms > group.created_ms) {
    Emit(core, stream, GroupTimed{group.number, last_ms});
  }
}

void ExpectIdle(Core& core, const Op& op, Stream& stream) {
  for (Group* group : stream.groups_by_number) {
    ExpectIdle(core, op, stream, *group);
  }
}

}  // namespace engine
