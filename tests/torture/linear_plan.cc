#include "tests/torture/linear_plan.h"

#include <algorithm>
#include <random>

namespace tests {
namespace {

using engine::References;
using engine::StreamId;

struct Weight {
  Verb verb;
  int weight;
};
constexpr Weight kWeights[] = {
    {Verb::kAdd, 22},           {Verb::kAddSequence, 3},  {Verb::kDelete, 5},
    {Verb::kDeleteEx, 3},       {Verb::kTrimMaxLen, 2},   {Verb::kTrimMinId, 3},
    {Verb::kLength, 5},         {Verb::kRange, 6},        {Verb::kReverseRange, 4},
    {Verb::kReadNew, 16},       {Verb::kReadHistory, 5},  {Verb::kAcknowledge, 8},
    {Verb::kAckDelete, 3},      {Verb::kClaim, 6},        {Verb::kAutoClaim, 4},
    {Verb::kPending, 4},        {Verb::kPendingRange, 4}, {Verb::kGroupCreate, 2},
    {Verb::kGroupSetId, 1},     {Verb::kGroupDestroy, 1}, {Verb::kConsumerCreate, 2},
    {Verb::kConsumerDelete, 1}, {Verb::kInfoStream, 5},   {Verb::kInfoGroups, 4},
    {Verb::kRemoveKey, 1},
};
constexpr int64_t kMany = 1000;
constexpr uint64_t kMostRanks = 1000;  // Of ids known to a client.
constexpr int64_t kLatestBlowUs = 15'000;

class Planner {
 public:
  Planner(uint64_t seed, uint64_t number);
  LinearPlan Plan(uint64_t blow_every);

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }
  bool OneIn(uint64_t n) { return Draw(n) == 0; }
  Verb DrawVerb();
  StreamId DrawId();
  Call DrawCall();
  void Fill(Call* call);
  PlannedOperation DrawOperation();
  void PlanSetup(LinearPlan* plan);
  void PlanObservation(LinearPlan* plan) const;
  void PlanBlow(uint64_t blow_every, LinearPlan* plan);

  std::mt19937_64 random_;
  const uint64_t number_;
  bool server_chooses_ids_ = false;
  std::vector<std::string> keys_;
  std::vector<std::string> groups_;
  uint64_t progress_ = 1;  // Ids that clients choose rise with it.
  uint64_t values_ = 0;
};

Planner::Planner(uint64_t seed, uint64_t number)
    : random_(seed * 1'000'003 + number), number_(number) {
  server_chooses_ids_ = OneIn(3);
  keys_ = {"k" + std::to_string(number)};
  if (OneIn(3)) {
    keys_.push_back(keys_[0] + "b");
  }
  groups_ = {"g"};
  if (OneIn(3)) {
    groups_.emplace_back("h");
  }
}

Verb Planner::DrawVerb() {
  int sum = 0;
  for (const Weight& weight : kWeights) {
    sum += weight.weight;
  }
  auto left = static_cast<int>(Draw(static_cast<uint64_t>(sum)));
  const Weight* drawn = kWeights;
  while (left >= drawn->weight) {
    left -= drawn->weight;
    ++drawn;
  }
  return drawn->verb;
}

StreamId Planner::DrawId() {
  if (server_chooses_ids_) {
    return {0, 1 + Draw(kMostRanks)};
  }
  return {1 + Draw(progress_ + 3), OneIn(6) ? 1U : 0U};
}

// What the verb needs beside its names.
void Planner::Fill(Call* call) {
  switch (call->verb) {
    case Verb::kAdd:
      if (!server_chooses_ids_) {
        call->ids = {{progress_ + Draw(4), OneIn(6) ? 1U : 0U}};
      }
      break;
    case Verb::kAddSequence:
      call->ids = {{progress_ + Draw(3), 0}};
      break;
    case Verb::kTrimMaxLen:
      call->count = static_cast<int64_t>(Draw(4));
      break;
    case Verb::kRange:
    case Verb::kReverseRange:
      call->count = static_cast<int64_t>(OneIn(2) ? 0 : 1 + Draw(3));
      break;
    case Verb::kReadNew:
      call->count = static_cast<int64_t>(Draw(4));
      call->flag = OneIn(6);
      break;
    case Verb::kReadHistory:
    case Verb::kAutoClaim:
      call->count = static_cast<int64_t>(1 + Draw(3));
      call->ids = {OneIn(2) ? StreamId() : DrawId()};
      break;
    case Verb::kPendingRange:
      call->count = static_cast<int64_t>(OneIn(2) ? kMany : 1 + Draw(3));
      break;
    case Verb::kGroupCreate:
    case Verb::kGroupSetId:
      if (!OneIn(3)) {
        call->ids = {OneIn(2) ? StreamId() : DrawId()};
      }
      call->flag = call->verb == Verb::kGroupCreate && OneIn(2);
      break;
    case Verb::kTrimMinId:
      call->ids = {DrawId()};
      break;
    case Verb::kDelete:
    case Verb::kDeleteEx:
    case Verb::kAcknowledge:
    case Verb::kAckDelete:
    case Verb::kClaim:
      for (uint64_t i = 1 + Draw(2); i > 0; --i) {
        call->ids.push_back(DrawId());
      }
      call->flag = call->verb == Verb::kClaim && OneIn(3);
      break;
    default:
      break;
  }
}

Call Planner::DrawCall() {
  Call call;
  call.verb = DrawVerb();
  if (server_chooses_ids_ && call.verb == Verb::kAddSequence) {
    call.verb = Verb::kAdd;
  }
  call.key = keys_[Draw(keys_.size())];
  if (call.verb == Verb::kAdd || call.verb == Verb::kAddSequence) {
    call.value = "v" + std::to_string(++values_);
  }
  if (call.verb == Verb::kDeleteEx || call.verb == Verb::kAckDelete) {
    constexpr References kAll[] = {References::kKeep, References::kDrop, References::kRespect};
    call.references = kAll[Draw(3)];
  }
  Fill(&call);
  constexpr Verb kWithConsumer[] = {Verb::kReadNew,   Verb::kReadHistory,    Verb::kClaim,
                                    Verb::kAutoClaim, Verb::kConsumerCreate, Verb::kConsumerDelete};
  constexpr Verb kWithGroup[] = {Verb::kAcknowledge,  Verb::kAckDelete,   Verb::kPending,
                                 Verb::kPendingRange, Verb::kGroupCreate, Verb::kGroupSetId,
                                 Verb::kGroupDestroy};
  const bool has_consumer = std::ranges::count(kWithConsumer, call.verb) > 0;
  if (has_consumer) {
    call.consumer = std::string(1, static_cast<char>('a' + Draw(3)));
  }
  if (has_consumer || std::ranges::count(kWithGroup, call.verb) > 0) {
    call.group = groups_[Draw(groups_.size())];
  }
  return call;
}

PlannedOperation Planner::DrawOperation() {
  PlannedOperation operation;
  operation.calls.push_back(DrawCall());
  if (OneIn(10)) {
    operation.calls.push_back(DrawCall());
    // One id at most is the server's choice: see Search::Guesses.
    while (operation.calls[0].chooses_id() && operation.calls[1].chooses_id()) {
      operation.calls[1] = DrawCall();
    }
  }
  operation.is_sent_on_its_own = !OneIn(8);
  return operation;
}

void Planner::PlanSetup(LinearPlan* plan) {
  for (const std::string& key : keys_) {
    for (uint64_t i = Draw(4); i > 0; --i) {
      Call add{.verb = Verb::kAdd, .key = key, .value = "v" + std::to_string(++values_)};
      if (!server_chooses_ids_) {
        add.ids = {{progress_++, 0}};
      }
      plan->setup.push_back({{add}});
    }
    for (const std::string& group : groups_) {
      Call create{.verb = Verb::kGroupCreate, .key = key, .group = group, .flag = true};
      if (!OneIn(4)) {
        create.ids = {StreamId()};
      }
      plan->setup.push_back({{create}});
    }
  }
}

void Planner::PlanObservation(LinearPlan* plan) const {
  for (const std::string& key : keys_) {
    for (const Verb verb : {Verb::kRange, Verb::kInfoStream, Verb::kInfoGroups}) {
      plan->observation.push_back({{Call{.verb = verb, .key = key}}});
    }
    for (const std::string& group : groups_) {
      plan->observation.push_back({{Call{.verb = Verb::kPending, .key = key, .group = group}}});
      plan->observation.push_back(
          {{Call{.verb = Verb::kPendingRange, .key = key, .group = group, .count = kMany}}});
    }
  }
}

void Planner::PlanBlow(uint64_t blow_every, LinearPlan* plan) {
  plan->begins_unloaded = OneIn(8);
  if (blow_every == 0 || number_ % blow_every != 0) {
    return;
  }
  plan->blow = OneIn(5)   ? LinearPlan::Blow::kStop
               : OneIn(5) ? LinearPlan::Blow::kReload
                          : LinearPlan::Blow::kKill;
  // Early ones more often: most clients are done soon.
  plan->blow_after_us = static_cast<int64_t>(std::min(Draw(kLatestBlowUs), Draw(kLatestBlowUs)));
  plan->has_checkpoint = OneIn(4);
}

LinearPlan Planner::Plan(uint64_t blow_every) {
  LinearPlan plan;
  plan.keys = keys_;
  PlanSetup(&plan);
  const uint64_t begin = progress_;
  plan.clients.resize(3 + Draw(4));
  for (auto& operations : plan.clients) {
    progress_ = begin;
    for (uint64_t i = 4 + Draw(5); i > 0; --i) {
      operations.push_back(DrawOperation());
      ++progress_;
    }
    operations.back().is_sent_on_its_own = true;
  }
  PlanObservation(&plan);
  PlanBlow(blow_every, &plan);
  return plan;
}

}  // namespace

LinearPlan PlanHistory(uint64_t seed, uint64_t number, uint64_t blow_every) {
  return Planner(seed, number).Plan(blow_every);
}

Call WithKnownIds(Call call, const std::vector<StreamId>& known) {
  for (StreamId& id : call.ids) {
    if (id.ms == 0 && id.seq != 0 && !known.empty()) {
      id = known[id.seq % known.size()];
    }
  }
  return call;
}

}  // namespace tests
