#include "engine/history_plan.h"

#include <optional>

#include "engine/due.h"
#include "engine/entry_cursor.h"
#include "engine/exhaustion.h"
#include "engine/limits.h"

namespace engine {
namespace {

class HistoryPlanner {
 public:
  HistoryPlanner(Core& core, Op& op, Stream& stream, Group& group, int64_t most)
      : core_(core),
        op_(op),
        stream_(stream),
        policy_(core.PolicyOf(group)),
        most_(static_cast<size_t>(most)) {}

  bool is_full() const {
    return ends_ || plan_.ids.size() >= most_ || budget_.spent() ||
           op_.needs.size() >= kObjectsPerLoad;
  }

  void Visit(const PendingRecord& record) {
    const std::optional<bool> exists = EntryExists(core_, op_, stream_, record.id);
    if (!exists.has_value()) {
      return;
    }
    // One that is gone is not handed out: its id alone is shown.
    const Fate fate = *exists ? FateOf(policy_, op_, record) : Fate::kHandOut;
    if (fate == Fate::kPassOver) {
      return;
    }
    RequireEntry(core_, op_, stream_, record.id);
    if (fate == Fate::kExhaust) {
      budget_.Take(stream_, record.id);
      plan_.exhausted.push_back(record);
    } else {
      plan_.ids.push_back(record.id);
      ends_ = *exists && GoesAlone(policy_, record.count);
    }
  }

  HistoryPlan& plan() { return plan_; }

 private:
  Core& core_;
  Op& op_;
  Stream& stream_;
  const GroupPolicy* const policy_;
  const size_t most_;
  ExhaustBudget budget_;
  bool ends_ = false;  // Nothing may follow: ISOLATE-LAST.
  HistoryPlan plan_;
};

}  // namespace

HistoryPlan PlanHistory(Core& core, Op& op, Stream& stream, Group& group, ConsumerNumber owner,
                        const HistoryArgs& args, int64_t most) {
  HistoryPlanner planner(core, op, stream, group, most);
  const auto start = args.after.Next();
  for (size_t i = start.has_value() ? group.FindPageAtOrAfter(*start) : group.pages.size();
       i < group.pages.size() && !planner.is_full(); ++i) {
    PageSlot& slot = group.pages[i];
    const PendingPage* page = slot.OwnedBy(owner) == 0 ? nullptr : core.NeedPage(op, group, slot);
    if (page == nullptr) {
      continue;
    }
    for (auto at = page->Seek(*start); at.valid() && !planner.is_full(); at.Next()) {
      if (at.owner() == owner) {
        planner.Visit(at.record());
      }
    }
  }
  return std::move(planner.plan());
}

}  // namespace engine
