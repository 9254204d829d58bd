#include "server/commands/policy.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/policy.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/policy_args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Group;
using engine::GroupOption;
using engine::GroupPolicy;
using engine::IdempotencySettings;
using engine::PolicyChange;
using engine::PolicyOptionSpec;
using engine::PolicySetting;
using engine::PolicySource;
using engine::PolicyValueKind;
using engine::Stream;
using engine::StreamInfo;
using engine::StreamOption;
using engine::StreamPolicy;

constexpr int64_t kMaxDurationSeconds = 86400;
constexpr int64_t kMaxIids = 10000;

constexpr std::string_view kGroupWord = "GROUP";
constexpr size_t kFirstStreamOption = 2;
constexpr size_t kFirstGroupOption = 4;
constexpr std::string_view kIdmpDuration = "IDMP-DURATION";
constexpr std::string_view kIdmpMaxSize = "IDMP-MAXSIZE";

bool NamesGroup(Arguments args) { return args.size() > 2 && EqualsIgnoreCase(args[2], kGroupWord); }

// --- XCFGSET
// ---------------------------------------------------------------------------------------

// One option of XCFGSET that is about idempotent production.
struct IdmpOption {
  std::string_view name;
  int64_t most;
  Error out_of_range;
  std::optional<uint32_t> IdempotencySettings::*value;
};

constexpr IdmpOption kIdmpOptions[] = {
    {kIdmpDuration, kMaxDurationSeconds, Error::kIdmpDurationRange,
     &IdempotencySettings::duration_s},
    {kIdmpMaxSize, kMaxIids, Error::kIdmpMaxSizeRange, &IdempotencySettings::max_size},
};

const IdmpOption* FindIdmpOption(std::string_view name) {
  for (const IdmpOption& option : kIdmpOptions) {
    if (EqualsIgnoreCase(name, option.name)) return &option;
  }
  return nullptr;
}

Outcome TakeIdmpOption(Arguments args, size_t* position, const IdmpOption& option,
                       IdempotencySettings* settings) {
  if (*position + 1 == args.size()) return Error::kSyntax;
  std::optional<uint32_t>& value = settings->*option.value;
  if (value) return {Error::kOptionTwice, {option.name}};
  int64_t number = 0;
  RETURN_IF_FAILED(ReadInteger(args[*position + 1], &number));
  if (number < 1 || number > option.most) return option.out_of_range;
  value = static_cast<uint32_t>(number);
  *position += 2;
  return Done();
}

struct StreamSettings {
  IdempotencySettings idempotency;
  PolicyChange policy;
};

Outcome ReadStreamSettings(Arguments args, StreamSettings* settings) {
  if (args.size() == kFirstStreamOption) return Error::kNoParameterGiven;
  const PolicyGrammar grammar = {.specs = engine::StreamOptionSpecs()};
  for (size_t i = kFirstStreamOption; i < args.size();) {
    const IdmpOption* const option = FindIdmpOption(args[i]);
    RETURN_IF_FAILED(option != nullptr ? TakeIdmpOption(args, &i, *option, &settings->idempotency)
                                       : TakePolicyOption(args, &i, grammar, &settings->policy));
  }
  return Done();
}

Outcome SetStreamPolicy(CommandContext& context, Stream& stream) {
  StreamSettings settings;
  RETURN_IF_FAILED(ReadStreamSettings(context.args, &settings));
  const IdempotencySettings& idempotency = settings.idempotency;
  if (idempotency.duration_s || idempotency.max_size) {
    RETURN_IF_ERROR(context.engine.SetIdempotency(context.op, stream, idempotency));
  }
  if (!settings.policy.empty()) context.engine.SetPolicy(context.op, stream, settings.policy);
  return Done();
}

// The group that args[3] names, which has to exist.
Outcome OpenNamedGroup(CommandContext& context, Stream& stream, Group** group) {
  if (context.args.size() < kFirstGroupOption) return Error::kSyntax;
  const std::string_view name = context.args[3];
  ASSIGN_OR_RETURN(*group, FindGroup(context, stream, name));
  if (*group == nullptr) return {Error::kNoGroupForKeyName, {name, context.args[1]}};
  return Done();
}

Outcome SetGroupPolicy(CommandContext& context, Stream& stream) {
  Group* group = nullptr;
  RETURN_IF_FAILED(OpenNamedGroup(context, stream, &group));
  const PolicyGrammar grammar = {.specs = engine::GroupOptionSpecs(), .key = context.args[1]};
  PolicyChange change;
  RETURN_IF_FAILED(ReadPolicyOptions(context.args, kFirstGroupOption, grammar, &change));
  context.engine.SetPolicy(context.op, stream, *group, change);
  return Done();
}

// --- XCFGGET
// ---------------------------------------------------------------------------------------

void WriteNumber(resp::Writer& out, std::string_view name, int64_t value) {
  out.Bulk(name);
  out.Integer(value);
}

void WriteSetting(resp::Writer& out, const PolicyOptionSpec& spec, const PolicySetting& setting) {
  const auto& [first, second, third] = setting.numbers;
  out.Bulk(spec.name);
  switch (spec.kind) {
    case PolicyValueKind::kInteger:
    case PolicyValueKind::kMemory:
      return out.Integer(first);
    case PolicyValueKind::kWord:
      return out.Bulk(spec.words[static_cast<size_t>(first)]);
    case PolicyValueKind::kKey:
      return setting.text.empty() ? out.Null() : out.Bulk(setting.text);
    case PolicyValueKind::kBackoff:
      return out.Bulk(FormatBackoff({first, second, third}));
  }
}

void WriteSource(resp::Writer& out, std::string_view option, PolicySource source) {
  constexpr std::string_view kNames[] = {"default", "rule", "own"};
  out.Bulk(option);
  out.Bulk(kNames[static_cast<size_t>(source)]);
}

template <typename Option, typename Policy>
void WriteSettings(resp::Writer& out, std::span<const PolicyOptionSpec> specs,
                   const Policy& policy) {
  for (size_t i = 0; i < specs.size(); ++i) {
    WriteSetting(out, specs[i], policy.value(static_cast<Option>(i)));
  }
}

template <typename Option, typename Policy>
void WriteSources(resp::Writer& out, std::span<const PolicyOptionSpec> specs,
                  const Policy& policy) {
  for (size_t i = 0; i < specs.size(); ++i) {
    WriteSource(out, specs[i].name, policy.source(static_cast<Option>(i)));
  }
}

Outcome ShowGroupPolicy(CommandContext& context, Stream& stream) {
  Group* group = nullptr;
  RETURN_IF_FAILED(OpenNamedGroup(context, stream, &group));
  if (context.args.size() > kFirstGroupOption) return Error::kSyntax;
  GroupPolicy policy = context.engine.PolicyOf(context.op, *group);
  if (policy.dead_letter_key.empty()) {
    policy.dead_letter_key = engine::DerivedDeadLetterKey(context.args[1], context.args[3]);
  }
  const std::span<const PolicyOptionSpec> specs = engine::GroupOptionSpecs();
  resp::Writer& out = context.out;
  out.MapHeader(specs.size() + 1);
  WriteSettings<GroupOption>(out, specs, policy);
  out.Bulk("source");
  out.MapHeader(specs.size());
  WriteSources<GroupOption>(out, specs, policy);
  return Done();
}

// Streams get the values of the configuration when they are made, and keep them.
PolicySource SourceOf(int64_t value, int64_t configured) {
  return value == configured ? PolicySource::kDefault : PolicySource::kOwn;
}

Outcome ShowStreamPolicy(CommandContext& context, Stream& stream) {
  if (context.args.size() > kFirstStreamOption) return Error::kSyntax;
  const StreamPolicy policy = context.engine.PolicyOf(context.op, stream);
  const StreamInfo info = engine::Inspect(stream);
  const Settings& settings = context.server.settings();
  const std::span<const PolicyOptionSpec> specs = engine::StreamOptionSpecs();
  const size_t count = std::size(kIdmpOptions) + specs.size();
  resp::Writer& out = context.out;
  out.MapHeader(count + 1);
  WriteNumber(out, kIdmpDuration, info.idmp_duration_s);
  WriteNumber(out, kIdmpMaxSize, info.idmp_max_size);
  WriteSettings<StreamOption>(out, specs, policy);
  out.Bulk("source");
  out.MapHeader(count);
  WriteSource(out, kIdmpDuration, SourceOf(info.idmp_duration_s, settings.stream_idmp_duration));
  WriteSource(out, kIdmpMaxSize, SourceOf(info.idmp_max_size, settings.stream_idmp_maxsize));
  WriteSources<StreamOption>(out, specs, policy);
  return Done();
}

}  // namespace

Outcome CmdXCfgSet(CommandContext& context) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) return Error::kNoSuchKey;
  RETURN_IF_FAILED(NamesGroup(context.args) ? SetGroupPolicy(context, *stream)
                                            : SetStreamPolicy(context, *stream));
  // Readers may get what was held back from them, and producers may find room.
  context.SignalKey(context.args[1]);
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdXCfgGet(CommandContext& context) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) return Error::kNoSuchKey;
  return NamesGroup(context.args) ? ShowGroupPolicy(context, *stream)
                                  : ShowStreamPolicy(context, *stream);
}

bool FindXCfgSetKeys(std::span<const std::string_view> args, std::vector<int>* positions) {
  positions->push_back(1);
  if (NamesGroup(args)) FindPolicyKeys(args, kFirstGroupOption, positions);
  return true;
}

bool FindXGroupCreateKeys(std::span<const std::string_view> args, std::vector<int>* positions) {
  positions->push_back(2);
  constexpr size_t kFirstOption = 5;
  for (size_t i = kFirstOption; i < args.size();) {
    if (EqualsIgnoreCase(args[i], "POLICY")) {
      FindPolicyKeys(args, i + 1, positions);
      break;
    }
    i += EqualsIgnoreCase(args[i], "ENTRIESREAD") ? 2 : 1;
  }
  return true;
}

}  // namespace server
