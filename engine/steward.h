// Steward: the work that streams have by themselves when a time comes, a bounded part per turn.
//
// Each kind of work is a task (steward.cc has the table). A stream that may have something to do is
// expected at a time on the store's line, whether it is in memory or not, and after a restart: its
// record has the time, Core::due_index the place. When it comes the stream is fetched if need be,
// all tasks look at it, and it is expected again at the earliest time that they name. An
// expectation that is too early costs a look, one that is missing would be a bug: whoever makes
// something that falls due calls Expect().
//
// What rules make due is on no stream's list: after a change of rules, and after the system clock
// was set forward, a survey looks at every stream once. It is not over before all were looked at,
// whatever restarts come in between (Core::last_survey).
// Owner: Core. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/core.h"
#include "engine/limits.h"
#include "engine/op.h"
#include "engine/status.h"
#include "engine/types.h"

namespace engine {

// What a task leaves behind.
struct TaskResult {
  // Store time at which it wants to look again; a time that has come: it has more to do at once.
  int64_t next_ms = INT64_MAX;
};

// Does a bounded part of what is due. kNotLoaded, with op.needs, when something must be fetched
// first; nothing has changed then, and it is called again.
using Task = Result<TaskResult> (*)(Core& core, Op& op, Stream& stream);

// A walk over the streams of all databases that is under way.
struct SurveyState {
  Survey under;
  std::vector<uint32_t> databases;  // Physical; the last one is being walked.
  uint64_t cursor = 0;
  std::vector<std::string> names;  // Of the walk's last step, to be looked at yet.
};

class Steward {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  explicit Steward(Core* core) : core_(*core) {}

  // The stream may have something to do at `due_ms`, store time, and not before. 0: at once. An
  // effect, hence for calls that may have some.
  void Expect(Stream& stream, int64_t due_ms) {
    if (due_ms < stream.expected_ms) {
      Move(stream, due_ms);
    }
  }
  // When to look for something with a Unix time: that time, or, while it is far away, one that is
  // not too late either should the clocks move apart until then.
  static int64_t StoreTimeOf(Now now, int64_t unix_ms);
  // One step: whatever is due, and a part of a survey, in which every stream gets a look, when the
  // rules have changed or the system clock was set forward. Does nothing while the engine takes no
  // effects.
  void Run(Now now);
  // The store time from which on Run() has something to do; kNever while it waits for a fetch,
  // whose end comes to the loop.
  int64_t next_due_ms() const;
  bool is_fetching() const { return is_fetching_; }
  bool is_surveying() const { return survey_.has_value() || IsSurveyDue(); }

 private:
  // A stream that could not be fetched waits on its own, so that the others need not.
  struct Aside {
    int64_t retry_ms = 0;
    int64_t pause_ms = 0;
  };
  // What has to be fetched, and for whom.
  struct Wanted {
    std::vector<LoadItem> items;
    std::vector<TimePlace> places;  // Whose looks need the items.
    size_t names = 0;               // Of the survey, at the end of its list.
    Pins* pins = nullptr;
  };

  void Move(Stream& stream, int64_t due_ms);
  bool IsSurveyDue() const;
  void BeginSurvey(Now now);
  void FollowClock(Now now);
  // True when it has done all it could without a fetch.
  bool Step(Now now, int* looks_left, Wanted* wanted);
  std::vector<TimePlace> DuePlaces(Now now, int count) const;
  void LookAt(Now now, const TimePlace& place, Wanted* wanted);
  // The stream of a place that has come; null when it is nobody's any more, or must be fetched.
  Stream* StreamAt(const TimePlace& place, std::vector<LoadItem>* missing);
  // When it wants to be looked at next; nothing while something is missing.
  std::optional<int64_t> Attend(Now now, Stream& stream, std::vector<LoadItem>* missing);
  void SurveyStep(Now now, Wanted* wanted);
  // False when the walk needs a fetch first, or is over.
  bool NextNames(Now now, Wanted* wanted);
  void ExpectNamed(Now now, Wanted* wanted);
  void Fetch(Wanted wanted);
  void OnFetched(const Wanted& wanted, const Status& status);
  void OnFetchFailed(const Wanted& wanted, const Status& status);
  void SetAside(const TimePlace& place, const Status& why);
  void ForgetAside();

  Core& core_;
  Pins pins_;         // Of due streams.
  Pins survey_pins_;  // Of the survey's walk.
  bool is_fetching_ = false;
  size_t fetch_size_ = kStewardFetches;  // Streams fetched at a time; fewer after a failure.
  int64_t now_ms_ = 0;
  int64_t retry_ms_ = 0;  // Store time before which Run() does nothing.
  std::map<TimePlace, Aside> aside_;
  bool is_survey_wanted_ = false;
  mutable uint64_t rules_version_ = 0;  // Of the rules whose fingerprint is...
  mutable uint64_t rules_ = 0;          // ...this.
  std::optional<SurveyState> survey_;
};

}  // namespace engine
