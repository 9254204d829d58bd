#include "server/commands/removal.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::References;
using engine::Removal;
using engine::RemovalResult;
using engine::Stream;

struct RemovalOptions {
  std::optional<References> references;
  Arguments ids;  // As they were typed.
};

Outcome ReadRemovalOptions(Arguments args, size_t first, RemovalOptions* options) {
  for (size_t position = first; position < args.size();) {
    const size_t before = position;
    TakeReferences(args, &position, &options->references);
    if (position != before) continue;
    if (!EqualsIgnoreCase(args[position], "IDS") || position + 1 == args.size()) {
      return Error::kSyntax;
    }
    ++position;
    RETURN_IF_FAILED(TakeCountedIds(args, &position, &options->ids));
  }
  if (options->ids.empty()) return Error::kIdsMissing;
  return Done();
}

void WriteMissing(resp::Writer& out, size_t count) {
  out.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) out.Integer(static_cast<int64_t>(Removal::kMissing));
}

void WriteRemovals(CommandContext& context, std::string_view key, const RemovalResult& result) {
  context.out.ArrayHeader(result.outcomes.size());
  for (Removal removal : result.outcomes) context.out.Integer(static_cast<int64_t>(removal));
  if (result.removed_entries > 0) context.KeyChanged(key, key_event::kXdel);
}

}  // namespace

Outcome CmdXDelEx(CommandContext& context) {
  const std::string_view key = context.args[1];
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  RemovalOptions options;
  RETURN_IF_FAILED(ReadRemovalOptions(context.args, 2, &options));
  if (stream == nullptr) {
    WriteMissing(context.out, options.ids.size());
    return Done();
  }
  IdList ids;
  RETURN_IF_FAILED(ReadStreamIds(options.ids, &ids));
  ASSIGN_OR_RETURN(const RemovalResult result,
                   context.engine.RemoveEntries(
                       context.op, *stream, options.references.value_or(References::kKeep), ids));
  WriteRemovals(context, key, result);
  return Done();
}

Outcome CmdXAckDel(CommandContext& context) {
  const std::string_view key = context.args[1];
  ASSIGN_OR_RETURN(const StreamGroup found, FindStreamGroup(context, key, context.args[2]));
  RemovalOptions options;
  RETURN_IF_FAILED(ReadRemovalOptions(context.args, 3, &options));
  if (found.group == nullptr) {
    WriteMissing(context.out, options.ids.size());
    return Done();
  }
  IdList ids;
  RETURN_IF_FAILED(ReadStreamIds(options.ids, &ids));
  ASSIGN_OR_RETURN(
      const RemovalResult result,
      context.engine.AcknowledgeAndRemove(context.op, *found.stream, *found.group,
                                          options.references.value_or(References::kKeep), ids));
  WriteRemovals(context, key, result);
  return Done();
}

}  // namespace server
