#include "server/commands/idempotency.h"

#include <cstdint>
#include <optional>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Engine;
using engine::IdempotencySettings;
using engine::Stream;
using engine::StreamId;

constexpr int64_t kMaxDurationSeconds = 86400;
constexpr int64_t kMaxIids = 10000;

// One option of XCFGSET.
struct Setting {
  std::string_view name;
  int64_t most;
  Error out_of_range;
  Error given_twice;
  std::optional<uint32_t> IdempotencySettings::*value;
};

constexpr Setting kSettings[] = {
    {"IDMP-DURATION", kMaxDurationSeconds, Error::kIdmpDurationRange, Error::kIdmpDurationTwice,
     &IdempotencySettings::duration_s},
    {"IDMP-MAXSIZE", kMaxIids, Error::kIdmpMaxSizeRange, Error::kIdmpMaxSizeTwice,
     &IdempotencySettings::max_size},
};

const Setting* FindSetting(std::string_view name) {
  for (const Setting& setting : kSettings) {
    if (EqualsIgnoreCase(name, setting.name)) return &setting;
  }
  return nullptr;
}

Outcome ReadSettings(Arguments args, IdempotencySettings* settings) {
  for (size_t i = 2; i < args.size(); i += 2) {
    const Setting* const setting = FindSetting(args[i]);
    if (setting == nullptr || i + 1 == args.size()) return Error::kSyntax;
    std::optional<uint32_t>& value = settings->*setting->value;
    if (value) return setting->given_twice;
    int64_t number = 0;
    RETURN_IF_FAILED(ReadInteger(args[i + 1], &number));
    if (number < 1 || number > setting->most) return setting->out_of_range;
    value = static_cast<uint32_t>(number);
  }
  if (!settings->duration_s && !settings->max_size) return Error::kNoParameterGiven;
  return Done();
}

Outcome RefusalOf(Engine::IidRefusal refusal) {
  switch (refusal) {
    case Engine::IidRefusal::kNone:
      return Done();
    case Engine::IidRefusal::kNoEntry:
      return Error::kNoSuchEntry;
    case Engine::IidRefusal::kOtherId:
      return Error::kIidTaken;
  }
  return Done();
}

}  // namespace

Outcome TakeProductionOption(Arguments args, size_t* position, ProductionOptions* options) {
  const size_t values = args.size() - *position - 1;
  const bool is_auto = values >= 1 && EqualsIgnoreCase(args[*position], "IDMPAUTO");
  if (!is_auto && (values < 2 || !EqualsIgnoreCase(args[*position], "IDMP"))) return Done();
  if (options->form != ProductionOptions::Form::kNone) return Error::kIdmpTwice;
  options->producer = args[*position + 1];
  if (is_auto) {
    if (options->producer.empty()) return Error::kIdmpAutoEmptyProducer;
    options->form = ProductionOptions::Form::kAuto;
    *position += 2;
    return Done();
  }
  options->iid = args[*position + 2];
  if (options->producer.empty()) return Error::kIdmpEmptyProducer;
  if (options->iid.empty()) return Error::kIdmpEmptyIid;
  options->form = ProductionOptions::Form::kGiven;
  *position += 3;
  return Done();
}

Outcome CmdXCfgSet(CommandContext& context) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) return Error::kNoSuchKey;
  IdempotencySettings settings;
  RETURN_IF_FAILED(ReadSettings(context.args, &settings));
  RETURN_IF_ERROR(context.engine.SetIdempotency(context.op, *stream, settings));
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdXIdmpRecord(CommandContext& context) {
  StreamId id;
  RETURN_IF_FAILED(ReadStreamId(context.args[4], &id));
  const engine::Production production{context.args[2], context.args[3]};
  if (production.producer.empty()) return Error::kEmptyProducer;
  if (production.iid.empty()) return Error::kEmptyIid;
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) return Error::kNoSuchKey;
  ASSIGN_OR_RETURN(const Engine::IidRefusal refusal,
                   context.engine.RecordIid(context.op, *stream, production, id));
  RETURN_IF_FAILED(RefusalOf(refusal));
  context.out.SimpleString("OK");
  return Done();
}

}  // namespace server
