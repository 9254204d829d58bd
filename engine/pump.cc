#include "engine/pump.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/apply.h"
#include "engine/bounds.h"
#include "engine/limits.h"
#include "engine/schedule.h"
#include "engine/stream_ops.h"

namespace engine {
namespace {

// While there is no room: who makes some tells the steward; this is for what nobody tells.
constexpr int64_t kRoomPollMs = 100;

// One look at a stream.
class Pump {
 public:
  Pump(Core& core, Op& op, Stream& stream)
      : core_(core), op_(op), stream_(stream), schedule_(*stream.schedule) {}

  Result<TaskResult> Run() {
    const bool has_waited = std::exchange(stream_.schedule_waits, false);
    const Result<TaskResult> result = AddDue();
    if (!result.ok()) {
      stream_.schedule_waits = has_waited;
    } else if (has_waited && !stream_.schedule_waits) {
      NoteRoom(core_, stream_);  // For the producers behind it.
    }
    return result;
  }

 private:
  Result<TaskResult> AddDue() {
    if (schedule_.MustLookAgain(MaxBytes())) {
      schedule_.DropWindow();
    }
    TaskResult result;
    while (!IsFull()) {
      const Schedule::Item item = schedule_.EarliestFrom(at_);
      if (item.first == nullptr) {
        return AtEndOfWindow();
      }
      if (item.first->due_ms > op_.now.unix_ms) {
        result.next_ms = Steward::StoreTimeOf(op_.now, item.first->due_ms);
        break;
      }
      ASSIGN_OR_RETURN(const bool goes_on, TakeOne(*item.first, *item.second, &result.next_ms));
      if (!goes_on) {
        break;
      }
    }
    if (IsFull()) {
      result.next_ms = op_.now.store_ms;
    }
    Commit();
    return result;
  }

  bool IsFull() const { return tokens_.size() >= kPumpedEntries || payload_bytes_ >= kPumpedBytes; }

  int64_t MaxBytes() {
    const StreamPolicy* policy = core_.PolicyOf(stream_);
    return policy == nullptr ? 0 : policy->max_bytes;
  }

  Result<TaskResult> AtEndOfWindow() {
    if (!schedule_.NeedsPage(at_)) {
      Commit();
      return TaskResult();
    }
    if (tokens_.empty()) {
      op_.needs.push_back(schedule_.PageWanted());
      return Status(Code::kNotLoaded);
    }
    Commit();
    return TaskResult{op_.now.store_ms};
  }

  // False when it must wait, and those behind it, until `next_ms`. An entry that is above MAXBYTES
  // by itself is passed over.
  Result<bool> TakeOne(ScheduleToken token, const ScheduledEntry& entry, int64_t* next_ms) {
    if (core_.PolicyOf(stream_) != nullptr) {
      const Result<Room> room = FindRoom(core_, op_, stream_, {1, entry.data_bytes});
      if (room.code() == Code::kNotLoaded && !tokens_.empty()) {
        op_.needs.clear();
        *next_ms = op_.now.store_ms;
        return false;
      }
      RETURN_IF_ERROR(room.status());
      if (room->refusal.bound == Bound::kEntryBytes) {
        at_ = token.Next();
        schedule_.PassOver(token, MaxBytes());
        return true;
      }
    }
    if (AppendEntry(core_, op_, stream_, {entry.payload, entry.arg_count, entry.data_bytes}).ok()) {
      at_ = token.Next();
      tokens_.push_back(token);
      payload_bytes_ += entry.payload.size();
      return true;
    }
    stream_.schedule_waits = true;
    *next_ms = op_.now.store_ms + kRoomPollMs;
    return false;
  }

  void Commit() {
    if (!tokens_.empty()) {
      Emit(core_, stream_, Unscheduled{tokens_, payload_bytes_});
    }
  }

  Core& core_;
  Op& op_;
  Stream& stream_;
  Schedule& schedule_;
  ScheduleToken at_;
  std::vector<ScheduleToken> tokens_;  // Of entries that were added.
  uint64_t payload_bytes_ = 0;         // Of these.
};

}  // namespace

Result<TaskResult> PumpSchedule(Core& core, Op& op, Stream& stream) {
  if (stream.schedule == nullptr || stream.schedule->count() == 0) {
    return TaskResult();
  }
  return Pump(core, op, stream).Run();
}

}  // namespace engine
