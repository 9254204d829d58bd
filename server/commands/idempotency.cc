#include "server/commands/idempotency.h"

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Engine;
using engine::Stream;
using engine::StreamId;

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
