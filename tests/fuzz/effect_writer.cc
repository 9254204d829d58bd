// Effects are read from bytes and told to a recorder, which writes them: what is read of that is
// the same.
#include <memory>
#include <string>

#include "engine/effects.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/record_checks.h"

namespace fuzz {
namespace {

// Writes what it is told; a record of an engine names only streams it has named.
class Writer : public engine::EffectVisitor {
 public:
  const std::string& bytes() const { return recorder_.bytes(); }

  engine::Status OnStreamNamed(uint32_t stream, const engine::StreamNamed& effect) override {
    Require(recorder_.NameStream(effect) == stream, "streams are numbered as they are named");
    return engine::OkStatus();
  }
  engine::Status OnKeyDeleted(uint32_t stream) override {
    recorder_.AddKeyDeleted(stream);
    return engine::OkStatus();
  }
  engine::Status On(uint32_t stream, const engine::StreamCreated& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::EntryAdded& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::EntriesDeleted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Trimmed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::RangesTrimmed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::IdSet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::IidRecorded& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::DuplicateRefused& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::IidsCounted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::IidsForgotten& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::IdempotencySet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupCreated& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupDestroyed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupMoved& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::ConsumerCreated& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::ConsumerDeleted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::ConsumerSeen& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Delivered& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Acknowledged& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Claimed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Released& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::HandedBack& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::StreamPolicySet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupPolicySet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupCounted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::StreamCounted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::RefusalsCounted& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::RetirementSet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::GroupTimed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::LettersHeld& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Scheduled& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Unscheduled& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::Expected& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::PendingCopied& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::StringSet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::ExpirySet& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(uint32_t stream, const engine::KeyRenamed& effect) override {
    return Write(stream, effect);
  }
  engine::Status On(const engine::DatabasesSwapped& effect) override { return Write(effect); }
  engine::Status On(const engine::DatabaseFlushed& effect) override { return Write(effect); }
  engine::Status On(const engine::ClockStepped& effect) override { return Write(effect); }

 private:
  template <typename... Effect>
  engine::Status Write(const Effect&... effect) {
    recorder_.Add(effect...);
    return engine::OkStatus();
  }

  engine::Recorder recorder_;
};

}  // namespace

void CheckEffects(std::string_view bytes) {
  Writer first;
  const bool is_whole = engine::VisitEffects(bytes, &first).ok();
  // Also what was told before the bytes were found damaged makes a record.
  Writer second;
  Require(engine::VisitEffects(first.bytes(), &second).ok(), "a record that was written is read");
  Require(second.bytes() == first.bytes(), "reading and writing changes nothing");
  Require(!is_whole || first.bytes().size() <= bytes.size(), "nothing was added");
}

}  // namespace fuzz
