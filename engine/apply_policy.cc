// Effects on policies and on what is counted under them.
#include <algorithm>
#include <memory>
#include <string_view>

#include "engine/apply.h"
#include "engine/apply_change.h"
#include "engine/check.h"
#include "engine/codec.h"
#include "engine/policy.h"

namespace engine {
namespace {

StreamCounters& CountersOf(Stream& stream) {
  if (stream.counters == nullptr) {
    stream.counters = std::make_unique<StreamCounters>();
  }
  return *stream.counters;
}

// Null when nothing is set.
std::unique_ptr<PolicySettings> SettingsFrom(std::string_view bytes,
                                             std::span<const PolicyOptionSpec> specs) {
  Decoder decoder(bytes);
  auto settings = std::make_unique<PolicySettings>(PolicySettings::Decode(&decoder, specs));
  CHECK(decoder.AtEnd());
  return settings->empty() ? nullptr : std::move(settings);
}

}  // namespace

void Apply(Core& core, Stream& stream, const StreamPolicySet& effect) {
  Change(core, stream, 0);
  stream.own_policy = SettingsFrom(effect.settings, StreamOptionSpecs());
  stream.policy_version = 0;
}

void Apply(Core& core, Stream& stream, const GroupPolicySet& effect) {
  Group& group = ChangeGroup(core, stream, effect.group);
  group.own_policy = SettingsFrom(effect.settings, GroupOptionSpecs());
  group.policy_version = 0;
}

void Apply(Core& core, Stream& stream, const GroupCounted& effect) {
  AddCounters(effect.counters, &ChangeGroup(core, stream, effect.group).counters);
  stream.totals->letters += static_cast<int64_t>(effect.counters.letters);
}

void Apply(Core& core, Stream& stream, const StreamCounted& effect) {
  Change(core, stream, 0);
  AddCounters(effect.counters, &CountersOf(stream));
  stream.totals->rejected += static_cast<int64_t>(effect.counters.rejected);
}

void Apply(Core& core, Stream& stream, const RefusalsCounted& effect) {
  // Soft: no reply waits for it.
  core.checkpoint.Touch(stream, 0);
  uint64_t& rejected = CountersOf(stream).rejected;
  if (effect.rejected > rejected) {
    stream.totals->rejected += static_cast<int64_t>(effect.rejected - rejected);
    rejected = effect.rejected;
  }
}

void Apply(Core& core, Stream& stream, const RetirementSet& effect) {
  Change(core, stream, 0);
  stream.retirement = effect.state;
  stream.sweep_from = effect.from;
}

void Apply(Core& core, Stream& stream, const GroupTimed& effect) {
  ChangeGroup(core, stream, effect.group).created_ms = effect.created_ms;
}

void Apply(Core& core, Stream& stream, const LettersHeld&) {
  Change(core, stream, 0);
  stream.holds_letters = true;
  stream.ForgetPolicies();
}

}  // namespace engine
