#include "engine/letter_box.h"

#include <utility>

#include "engine/apply.h"
#include "engine/bounds.h"
#include "engine/check.h"
#include "engine/stream_ops.h"
#include "engine/trim.h"

namespace engine {
namespace {

constexpr int64_t kParkingLogMs = 60'000;

TrimArgs TrimOf(const Core& core, const GroupPolicy& policy) {
  TrimArgs trim;
  if (policy.dead_letter_max_len > 0) {
    trim.strategy = TrimArgs::Strategy::kMaxLen;
    trim.approximate = true;
    trim.max_len = static_cast<uint64_t>(policy.dead_letter_max_len);
    trim.limit = DefaultTrimLimit(core);
  }
  return trim;
}

}  // namespace

std::string DeadLetterKeyOf(const GroupPolicy& policy, const Stream& stream, const Group& group) {
  return policy.dead_letter_key.empty() ? DerivedDeadLetterKey(stream.key, group.name)
                                        : policy.dead_letter_key;
}

LetterBox::LetterBox(Core& core, Op& op, const Stream& source, const Group& group,
                     const GroupPolicy& policy)
    : core_(core),
      op_(op),
      source_(source),
      group_(group),
      policy_(policy),
      key_(DeadLetterKeyOf(policy, source, group)) {}

Status LetterBox::Require(uint64_t letter_count) {
  if (key_.empty() || key_ == source_.key) {
    return OkStatus();
  }
  const Result<ValueHolder*> found = core_.FindHolder(op_, key_);
  if (!found.ok()) {
    return found.code() == Code::kNotLoaded ? found.status() : OkStatus();
  }
  if ((*found)->kind != UnitKind::kStream) {
    return OkStatus();
  }
  auto& stream = static_cast<Stream&>(**found);
  if (core_.PolicyOf(stream) != nullptr) {
    RETURN_IF_ERROR(FindRoom(core_, op_, stream, {letter_count, 0}).status());
  }
  const TrimArgs trim = TrimOf(core_, policy_);
  if (trim.strategy == TrimArgs::Strategy::kNone) {
    return OkStatus();
  }
  return RequireForTrimPlan(core_, op_, stream, trim,
                            {.extra = letter_count, .gone = 0, .first_id = {}});
}

bool LetterBox::Refuse(std::string why) {
  refusal_ = std::move(why);
  return false;
}

bool LetterBox::Look() {
  if (stream_ != nullptr || !refusal_.empty()) {
    return refusal_.empty();
  }
  if (key_.empty()) {
    return Refuse("no name of a dead-letter stream keeps the hash slot");
  }
  if (key_ == source_.key) {
    return Refuse("the dead-letter stream would be the stream itself");
  }
  const Result<ValueHolder*> found = core_.FindHolder(op_, key_);
  if (found.ok() && (*found)->kind != UnitKind::kStream) {
    return Refuse("the key is not a stream");
  }
  if (found.ok()) {
    stream_ = static_cast<Stream*>(*found);
    return true;
  }
  CHECK(found.code() != Code::kNotLoaded);
  return found.code() == Code::kNotFound || Refuse(found.status().message());
}

bool LetterBox::Put(const OwnedPayload& letter) {
  if (!Look()) {
    return false;
  }
  if (stream_ == nullptr) {
    stream_ = &CreateStream(core_, op_, key_);
    core_.Tell(StreamEvent::Kind::kCreated, *stream_);
  }
  const Result<StreamId> id = AppendEntry(core_, op_, *stream_, letter.view());
  if (!id.ok()) {
    return Refuse(id.code() == Code::kLimit ? id.status().message() : "its ids are used up");
  }
  if (!stream_->holds_letters) {
    Emit(core_, *stream_, LettersHeld());
  }
  core_.Tell(StreamEvent::Kind::kLetter, source_, group_.name, *id);
  wrote_ = true;
  return true;
}

void LetterBox::LogRefusal() const {
  if (op_.now.store_ms < core_.next_parking_log_ms) {
    return;
  }
  core_.next_parking_log_ms = op_.now.store_ms + kParkingLogMs;
  core_.Log(LogLevel::kWarning,
            "dead letters cannot be written, entries stay parked key=" + source_.key +
                " group=" + group_.name + " deadletter-key=" + key_ + " reason=" + refusal_);
}

void LetterBox::Finish() {
  const TrimArgs trim = TrimOf(core_, policy_);
  if (!wrote_ || trim.strategy == TrimArgs::Strategy::kNone) {
    return;
  }
  if (TrimStream(core_, *stream_, trim) > 0) {
    core_.Tell(StreamEvent::Kind::kTrimmed, *stream_);
  }
}

}  // namespace engine
