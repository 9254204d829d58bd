#include "server/commands/group.h"

#include <cstddef>
#include <optional>
#include <string_view>

#include "engine/engine.h"
#include "engine/inspect.h"
#include "server/commands/help.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/policy_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::Group;
using engine::Stream;
using engine::StreamId;

constexpr size_t kFirstOption = 5;
// More options than these are refused, though only after the key was looked at.
constexpr size_t kMaxCreateArguments = 8;
constexpr size_t kMaxSetIdArguments = 7;

constexpr std::string_view kHelp[] = {
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
};

Outcome SubcommandSyntaxError(const CommandContext& context) {
  return {Error::kSubcommandSyntax, {context.args[1], "XGROUP"}};
}

Outcome ReadEntriesRead(std::string_view text, std::optional<int64_t>* entries_read) {
  int64_t value = 0;
  RETURN_IF_FAILED(ReadInteger(text, &value));
  if (value < -1) return Error::kXGroupEntriesRead;
  // -1 takes back an earlier one.
  *entries_read = value == -1 ? std::nullopt : std::optional<int64_t>(value);
  return Done();
}

// Where a group stands, as CREATE and SETID set it, and what else a new one gets.
struct GroupOptions {
  std::optional<int64_t> entries_read;
  bool make_stream = false;
  engine::PolicyChange policy;
  size_t argument_count = 0;  // Without those of the policy.
};

enum class Subcommand : uint8_t { kCreate, kSetId };

Outcome ReadOptions(const CommandContext& context, Subcommand subcommand, GroupOptions* options) {
  const Arguments args = context.args;
  const bool creates = subcommand == Subcommand::kCreate;
  options->argument_count = args.size();
  for (size_t i = kFirstOption; i < args.size();) {
    if (creates && EqualsIgnoreCase(args[i], "MKSTREAM")) {
      options->make_stream = true;
      ++i;
    } else if (creates && EqualsIgnoreCase(args[i], "POLICY")) {
      options->argument_count = i;
      const PolicyGrammar grammar = {.specs = engine::GroupOptionSpecs(), .key = args[2]};
      return ReadPolicyOptions(args, i + 1, grammar, &options->policy);
    } else if (EqualsIgnoreCase(args[i], "ENTRIESREAD") && i + 1 < args.size()) {
      RETURN_IF_FAILED(ReadEntriesRead(args[i + 1], &options->entries_read));
      i += 2;
    } else {
      return SubcommandSyntaxError(context);
    }
  }
  return Done();
}

// The key's stream, which has to exist.
Outcome OpenExistingStream(CommandContext& context, Stream** stream) {
  ASSIGN_OR_RETURN(*stream, FindStream(context, context.args[2]));
  if (*stream == nullptr) return Error::kXGroupKeyMissing;
  return Done();
}

// Both have to exist.
Outcome OpenExistingGroup(CommandContext& context, Stream** stream, Group** group) {
  RETURN_IF_FAILED(OpenExistingStream(context, stream));
  const std::string_view name = context.args[3];
  ASSIGN_OR_RETURN(*group, FindGroup(context, **stream, name));
  if (*group == nullptr) return {Error::kNoGroupForKeyName, {name, context.args[2]}};
  return Done();
}

StreamId LastIdOf(const Stream* stream) {
  return stream == nullptr ? StreamId::Min() : engine::Inspect(*stream).last_id;
}

}  // namespace

Outcome CmdXGroupCreate(CommandContext& context) {
  GroupOptions options;
  RETURN_IF_FAILED(ReadOptions(context, Subcommand::kCreate, &options));
  const std::string_view key = context.args[2];
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  if (stream == nullptr && !options.make_stream) return Error::kXGroupKeyMissing;
  if (options.argument_count > kMaxCreateArguments) return SubcommandSyntaxError(context);
  StreamId id = LastIdOf(stream);
  if (context.args[4] != "$") RETURN_IF_FAILED(ReadStreamId(context.args[4], &id));
  if (stream == nullptr) {
    ASSIGN_OR_RETURN(stream, context.engine.CreateStream(context.op, key));
    context.KeyChanged(key, key_event::kNew);
    context.KeyChanged(key, key_event::kCreated);
  }
  RETURN_IF_ERROR(context.engine.CreateGroup(context.op, *stream, context.args[3], id,
                                             options.entries_read, options.policy));
  context.out.SimpleString("OK");
  context.KeyChanged(key, key_event::kXgroupCreate);
  return Done();
}

Outcome CmdXGroupSetId(CommandContext& context) {
  GroupOptions options;
  RETURN_IF_FAILED(ReadOptions(context, Subcommand::kSetId, &options));
  Stream* stream = nullptr;
  Group* group = nullptr;
  RETURN_IF_FAILED(OpenExistingGroup(context, &stream, &group));
  if (context.args.size() > kMaxSetIdArguments) return SubcommandSyntaxError(context);
  StreamId id = LastIdOf(stream);
  if (context.args[4] != "$") {
    const std::optional<StreamId> parsed = engine::ParseStreamIdLoose(context.args[4], 0);
    if (!parsed) return Error::kInvalidStreamId;
    id = *parsed;
  }
  RETURN_IF_ERROR(context.engine.SetGroupId(context.op, *stream, *group, id, options.entries_read));
  context.out.SimpleString("OK");
  context.KeyChanged(context.args[2], key_event::kXgroupSetid);
  return Done();
}

Outcome CmdXGroupDestroy(CommandContext& context) {
  Stream* stream = nullptr;
  RETURN_IF_FAILED(OpenExistingStream(context, &stream));
  ASSIGN_OR_RETURN(Group * group, FindGroup(context, *stream, context.args[3]));
  if (group != nullptr) {
    RETURN_IF_ERROR(context.engine.DestroyGroup(context.op, *stream, *group));
    // Its blocked readers run again to find that it is gone.
    context.SignalKey(context.args[2]);
  }
  context.out.Integer(group == nullptr ? 0 : 1);
  if (group != nullptr) context.KeyChanged(context.args[2], key_event::kXgroupDestroy);
  return Done();
}

Outcome CmdXGroupCreateConsumer(CommandContext& context) {
  Stream* stream = nullptr;
  Group* group = nullptr;
  RETURN_IF_FAILED(OpenExistingGroup(context, &stream, &group));
  ASSIGN_OR_RETURN(const bool created,
                   context.engine.CreateConsumer(context.op, *stream, *group, context.args[4]));
  if (created) context.KeyChanged(context.args[2], key_event::kXgroupCreateConsumer);
  context.out.Integer(created ? 1 : 0);
  return Done();
}

Outcome CmdXGroupDelConsumer(CommandContext& context) {
  Stream* stream = nullptr;
  Group* group = nullptr;
  RETURN_IF_FAILED(OpenExistingGroup(context, &stream, &group));
  const bool existed = engine::HasConsumer(*group, context.args[4]);
  ASSIGN_OR_RETURN(const int64_t pending_count,
                   context.engine.DeleteConsumer(context.op, *stream, *group, context.args[4]));
  if (existed) context.KeyChanged(context.args[2], key_event::kXgroupDelConsumer);
  context.out.Integer(pending_count);
  return Done();
}

Outcome CmdXGroupHelp(CommandContext& context) {
  WriteHelp(context.out, "XGROUP", kHelp);
  return Done();
}

}  // namespace server
