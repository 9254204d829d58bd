#include "tests/torture/linear_plan.h"

#include <set>

#include "gtest/gtest.h"

namespace tests {
namespace {

using engine::StreamId;

// All that a plan has its clients send, as text.
std::string TextOf(const LinearPlan& plan) {
  std::string text = std::to_string(plan.blow_after_us);
  for (const auto& operations : plan.clients) {
    text += "\nclient";
    for (const PlannedOperation& operation : operations) {
      text += operation.is_sent_on_its_own ? "\n" : " & ";
      for (const Call& call : operation.calls) {
        for (const std::string& word : WordsOf(call)) {
          text += " " + word;
        }
      }
    }
  }
  return text;
}

TEST(LinearPlan, FollowsFromSeedAndNumber) {
  EXPECT_EQ(TextOf(PlanHistory(3, 40, 40)), TextOf(PlanHistory(3, 40, 40)));
  EXPECT_NE(TextOf(PlanHistory(3, 40, 40)), TextOf(PlanHistory(3, 41, 40)));
  EXPECT_NE(TextOf(PlanHistory(3, 40, 40)), TextOf(PlanHistory(4, 40, 40)));
}

TEST(LinearPlan, HasAllCommandsAndBlows) {
  std::set<Verb> verbs;
  std::set<LinearPlan::Blow> blows;
  for (uint64_t number = 1; number <= 200; ++number) {
    const LinearPlan plan = PlanHistory(1, number, 2);
    EXPECT_EQ(plan.blow != LinearPlan::Blow::kNone, number % 2 == 0);
    blows.insert(plan.blow);
    for (const auto& operations : plan.clients) {
      EXPECT_TRUE(operations.back().is_sent_on_its_own);
      for (const PlannedOperation& operation : operations) {
        for (const Call& call : operation.calls) {
          verbs.insert(call.verb);
        }
      }
    }
  }
  EXPECT_EQ(verbs.size(), static_cast<size_t>(Verb::kRemoveKey) + 1);
  EXPECT_EQ(blows.size(), 4);
}

TEST(LinearPlan, NamesIdsThatTheClientKnows) {
  const Call call{.verb = Verb::kDelete, .key = "k", .ids = {{0, 4}, {0, 0}, {7, 1}}};
  const Call resolved = WithKnownIds(call, {{90, 0}, {91, 0}, {92, 0}});
  EXPECT_EQ(resolved.ids, (std::vector<StreamId>{{91, 0}, {0, 0}, {7, 1}}));
  EXPECT_EQ(WithKnownIds(call, {}).ids, call.ids);
}

}  // namespace
}  // namespace tests
