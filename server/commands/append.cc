#include "server/commands/append.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/engine.h"
#include "engine/payload_digest.h"
#include "server/commands/idempotency.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::AddId;
using engine::Engine;
using engine::Payload;
using engine::Stream;
using engine::StreamId;

constexpr std::string_view kLineEnd = "\r\n";
// Longest text taken for an id, `ms-*` included.
constexpr size_t kMaxIdText = 127;

struct AppendOptions {
  bool make_stream = true;
  TrimOptions trim;
  ProductionOptions production;
  AddId id;
  size_t first_field = 0;  // Position behind the id; past the end when there was no id.
};

// `*`, `ms-*` or an id.
Outcome ReadAddId(std::string_view text, AddId* id) {
  if (text == "*") {
    id->form = AddId::Form::kAuto;
    return Done();
  }
  const bool too_long = text.size() > kMaxIdText;
  if (text.ends_with("-*")) {
    id->form = AddId::Form::kAutoSequence;
    text.remove_suffix(2);
    // A dash that is left belongs to a sequence, and there cannot be two.
    const bool has_sequence = text.find('-') != std::string_view::npos;
    if (has_sequence || too_long) return Error::kInvalidStreamId;
  } else {
    id->form = AddId::Form::kExplicit;
  }
  return ReadStreamId(text, &id->id);
}

// Takes the option at `*position`, if there is one, and moves `*position` behind it.
Outcome TakeAppendOption(Arguments args, size_t* position, AppendOptions* options) {
  const size_t before = *position;
  RETURN_IF_FAILED(TakeTrimOption(args, position, &options->trim));
  if (*position != before) return Done();
  if (EqualsIgnoreCase(args[*position], "NOMKSTREAM")) {
    options->make_stream = false;
    ++*position;
    return Done();
  }
  TakeReferences(args, position, &options->trim.references);
  if (*position != before) return Done();
  return TakeProductionOption(args, position, &options->production);
}

// Scans up to the id: the first argument that is no option.
Outcome ReadAppendOptions(Arguments args, AppendOptions* options) {
  size_t position = 2;
  while (position < args.size()) {
    const size_t before = position;
    if (args[position] != "*") RETURN_IF_FAILED(TakeAppendOption(args, &position, options));
    if (position == before) {
      RETURN_IF_FAILED(ReadAddId(args[position], &options->id));
      break;
    }
  }
  if (options->production.form != ProductionOptions::Form::kNone &&
      options->id.form != AddId::Form::kAuto) {
    return Error::kIdmpExplicitId;
  }
  options->first_field = position + 1;
  RETURN_IF_FAILED(CheckLimitHasStrategy(options->trim));
  return CheckLimitIsApproximate(options->trim);
}

// `$<size>\r\n`.
void AppendBulkHeader(std::string* out, size_t size) {
  char digits[20];
  const char* const end = std::to_chars(digits, std::end(digits), size).ptr;
  out->push_back('$');
  out->append(digits, static_cast<size_t>(end - digits));
  out->append(kLineEnd);
}

size_t BulkHeaderSize(size_t size) {
  size_t bytes = 1 + 1 + kLineEnd.size();
  for (; size >= 10; size /= 10) ++bytes;
  return bytes;
}

// The request's bytes from the header of the first field to the CRLF of the last value, or nothing
// when they are not what an encoder would write: the parser takes line ends on trust, while an
// entry is sent to readers as it is stored.
std::optional<std::string_view> WireOf(Arguments fields) {
  const char* const begin = fields.front().data() - BulkHeaderSize(fields.front().size());
  const char* expected = begin;
  for (std::string_view field : fields) {
    const char* const header_end = expected + BulkHeaderSize(field.size());
    const char* const end = field.data() + field.size();
    if (field.data() != header_end || *expected != '$' ||
        std::string_view(header_end - kLineEnd.size(), kLineEnd.size()) != kLineEnd ||
        std::string_view(end, kLineEnd.size()) != kLineEnd) {
      return std::nullopt;
    }
    expected = end + kLineEnd.size();
  }
  return std::string_view(begin, static_cast<size_t>(expected - begin));
}

void EncodeFields(Arguments fields, std::string* out) {
  size_t bytes = 0;
  for (std::string_view field : fields) {
    bytes += BulkHeaderSize(field.size()) + field.size() + kLineEnd.size();
  }
  out->reserve(bytes);
  for (std::string_view field : fields) {
    AppendBulkHeader(out, field.size());
    out->append(field);
    out->append(kLineEnd);
  }
}

Outcome ReadSetIdOptions(Arguments args, engine::SetIdArgs* result) {
  for (size_t i = 3; i < args.size(); i += 2) {
    if (i + 1 == args.size()) return Error::kSyntax;
    const std::string_view value = args[i + 1];
    if (EqualsIgnoreCase(args[i], "ENTRIESADDED")) {
      int64_t entries_added = 0;
      RETURN_IF_FAILED(ReadInteger(value, &entries_added));
      if (entries_added < 0) return Error::kXSetIdEntriesAddedNegative;
      result->entries_added = static_cast<uint64_t>(entries_added);
    } else if (EqualsIgnoreCase(args[i], "MAXDELETEDID")) {
      StreamId max_deleted;
      RETURN_IF_FAILED(ReadStreamId(value, &max_deleted));
      if (max_deleted > result->last_id) return Error::kXSetIdBelowGivenMaxDeleted;
      result->max_deleted = max_deleted;
    } else {
      return Error::kSyntax;
    }
  }
  // 0-0 stands for "not given".
  if (result->max_deleted && result->max_deleted->IsZero()) result->max_deleted.reset();
  return Done();
}

Outcome RefusalOf(Engine::SetIdRefusal refusal) {
  switch (refusal) {
    case Engine::SetIdRefusal::kNone:
      return Done();
    case Engine::SetIdRefusal::kBelowMaxDeleted:
      return Error::kXSetIdBelowMaxDeleted;
    case Engine::SetIdRefusal::kBelowTopItem:
      return Error::kXSetIdBelowTopItem;
    case Engine::SetIdRefusal::kEntriesAddedTooSmall:
      return Error::kXSetIdEntriesAddedTooSmall;
  }
  return Done();
}

// Adds the entry unless its producer has sent it before.
engine::Result<engine::AddResult> AddOnce(CommandContext& context, Stream* stream,
                                          const AppendOptions& options, const Payload& payload,
                                          const engine::TrimArgs& trim, engine::RoomLine line) {
  engine::Production production{options.production.producer, options.production.iid};
  std::string digest;
  if (options.production.form == ProductionOptions::Form::kAuto) {
    digest = engine::PayloadDigest(context.args.subspan(options.first_field));
    production.iid = digest;
  }
  return context.engine.AddOnce(context.op, context.args[1], stream, production, payload, trim,
                                line);
}

// Whether an entry may have to wait behind others that wait for room.
engine::RoomLine LineFor(const CommandContext& context, std::string_view key) {
  const Waiters& producers = context.server.producers();
  if (producers.client_count() == 0) return engine::RoomLine::kFree;
  const ClientId first = producers.FirstOn(context.op.db, key);
  return first == 0 || first == context.session.id ? engine::RoomLine::kFree
                                                   : engine::RoomLine::kTaken;
}

// A bound has kept the entry out: it waits, or the client is told.
Outcome NotAdded(CommandContext& context, Stream* stream, std::string_view key,
                 const engine::Refusal& refusal) {
  const std::string_view unit = refusal.bound == engine::Bound::kMaxLen ? "entries" : "bytes";
  Outcome outcome = refusal.bound == engine::Bound::kEntryBytes
                        ? Outcome(Error::kEntryAboveMaxBytes)
                        : Outcome(Error::kStreamFull, {key, std::to_string(refusal.limit), unit});
  if (!refusal.may_wait || !context.may_block) {
    if (stream != nullptr) context.engine.CountRefusal(context.op, *stream);
    return outcome;
  }
  WaitRequest wait;
  wait.keys.emplace_back(key);
  wait.for_room = true;
  wait.group_read = true;  // One line, of which the first is served first.
  wait.timeout_ms = refusal.timeout_ms;
  wait.timeout_reply = TimeoutReply::kRefusal;
  wait.refusal = std::move(outcome);
  context.Park(std::move(wait));
  return Done();
}

}  // namespace

Payload PayloadOf(const CommandContext& context, Arguments fields, std::string* copy) {
  Payload payload;
  payload.arg_count = static_cast<uint32_t>(fields.size());
  for (std::string_view field : fields) payload.data_bytes += field.size();
  // Only in the first run of a multibulk request the arguments still lie in the read buffer.
  if (!context.request.inline_form && !context.is_rerun) {
    if (const std::optional<std::string_view> wire = WireOf(fields)) {
      payload.wire = *wire;
      return payload;
    }
  }
  EncodeFields(fields, copy);
  payload.wire = *copy;
  return payload;
}

Outcome CmdXAdd(CommandContext& context) {
  AppendOptions options;
  RETURN_IF_FAILED(ReadAppendOptions(context.args, &options));
  if (options.first_field + 2 > context.args.size() ||
      (context.args.size() - options.first_field) % 2 != 0) {
    return {Error::kWrongArity, {context.spec.name}};
  }
  if (options.id.form == AddId::Form::kExplicit && options.id.id.IsZero()) {
    return Error::kXAddIdZero;
  }
  const std::string_view key = context.args[1];
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  if (stream == nullptr && !options.make_stream) {
    context.out.Null();
    return Done();
  }
  std::string copy;
  const Payload payload = PayloadOf(context, context.args.subspan(options.first_field), &copy);
  const engine::TrimArgs trim = TrimArgsOf(options.trim, context.engine.DefaultTrimLimit());
  const engine::RoomLine line = LineFor(context, key);
  const bool once = options.production.form != ProductionOptions::Form::kNone;
  ASSIGN_OR_RETURN(
      const engine::AddResult added,
      once ? AddOnce(context, stream, options, payload, trim, line)
           : context.engine.Add(context.op, key, stream, options.id, payload, trim, line));
  if (added.refusal.bound != engine::Bound::kNone) {
    return NotAdded(context, stream, key, added.refusal);
  }
  if (added.created) context.KeyChanged(key, key_event::kNew);
  WriteId(context.out, added.id);
  if (added.is_duplicate) return Done();
  context.SignalReaders(key);
  context.KeyChanged(key, key_event::kXadd);
  if (added.trimmed > 0) context.KeyChanged(key, key_event::kXtrim);
  return Done();
}

Outcome CmdXTrim(CommandContext& context) {
  TrimOptions options;
  for (size_t position = 2; position < context.args.size();) {
    const size_t before = position;
    RETURN_IF_FAILED(TakeTrimOption(context.args, &position, &options));
    if (position == before) TakeReferences(context.args, &position, &options.references);
    if (position == before) return Error::kSyntax;
  }
  RETURN_IF_FAILED(CheckLimitHasStrategy(options));
  if (!options.has_strategy()) return Error::kXTrimNoStrategy;
  RETURN_IF_FAILED(CheckLimitIsApproximate(options));
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  int64_t trimmed = 0;
  if (stream != nullptr) {
    const engine::TrimArgs trim = TrimArgsOf(options, context.engine.DefaultTrimLimit());
    ASSIGN_OR_RETURN(trimmed, context.engine.Trim(context.op, *stream, trim));
  }
  if (trimmed > 0) context.KeyChanged(context.args[1], key_event::kXtrim);
  context.out.Integer(trimmed);
  return Done();
}

Outcome CmdXDel(CommandContext& context) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  int64_t deleted = 0;
  if (stream != nullptr) {
    IdList ids;
    RETURN_IF_FAILED(ReadStreamIds(context.args.subspan(2), &ids));
    ASSIGN_OR_RETURN(deleted, context.engine.DeleteEntries(context.op, *stream, ids));
  }
  if (deleted > 0) context.KeyChanged(context.args[1], key_event::kXdel);
  context.out.Integer(deleted);
  return Done();
}

Outcome CmdXSetId(CommandContext& context) {
  engine::SetIdArgs set_id;
  RETURN_IF_FAILED(ReadStreamId(context.args[2], &set_id.last_id));
  RETURN_IF_FAILED(ReadSetIdOptions(context.args, &set_id));
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, context.args[1]));
  if (stream == nullptr) return Error::kNoSuchKey;
  ASSIGN_OR_RETURN(const Engine::SetIdRefusal refusal,
                   context.engine.SetId(context.op, *stream, set_id));
  RETURN_IF_FAILED(RefusalOf(refusal));
  context.out.SimpleString("OK");
  context.KeyChanged(context.args[1], key_event::kXsetid);
  return Done();
}

}  // namespace server
