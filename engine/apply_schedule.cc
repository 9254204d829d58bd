// Effects on when a stream is looked at, and on what it is to be added later.
#include <memory>
#include <string>
#include <utility>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/schedule.h"

namespace engine {
namespace {

// What an entry, and the end of one, take in the next checkpoint beside the payload, about: in
// memory they take as much.
constexpr size_t kScheduledBytes = 112;
constexpr size_t kTokenBytes = 32;

Schedule& ChangeSchedule(Core& core, Stream& stream, size_t bytes) {
  Change(core, stream, 0);
  if (stream.schedule == nullptr) {
    stream.schedule = std::make_unique<Schedule>(&stream);
    core.cache.Add(stream.schedule.get(), stream.schedule->memory_bytes());
  }
  core.checkpoint.Touch(*stream.schedule, bytes);
  return *stream.schedule;
}

}  // namespace

void Apply(Core& core, Stream& stream, const Scheduled& effect) {
  Schedule& schedule = ChangeSchedule(core, stream, effect.payload.size() + kScheduledBytes);
  ++stream.totals->scheduled;
  schedule.Add(effect.token, {effect.arg_count, effect.data_bytes, std::string(effect.payload)});
  core.cache.SetCharge(&schedule, schedule.memory_bytes());
}

void Apply(Core& core, Stream& stream, const Unscheduled& effect) {
  Schedule& schedule = ChangeSchedule(core, stream, effect.tokens.size() * kTokenBytes);
  stream.totals->scheduled -= static_cast<int64_t>(effect.tokens.size());
  schedule.Remove(&core.checkpoint, effect.tokens, effect.payload_bytes);
  core.cache.SetCharge(&schedule, schedule.memory_bytes());
}

void Apply(Core& core, Stream& stream, const Expected& effect) {
  // Nobody waits for it, so the stream does not count as changed.
  core.checkpoint.Touch(stream, 32 + stream.key.size());
  core.UnlistDue(stream);
  stream.expected_ms = effect.due_ms;
  core.ListDue(stream);
}

}  // namespace engine
