#include "server/commands/stream_info.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "engine/engine.h"
#include "engine/inspect.h"
#include "server/commands/help.h"
#include "server/commands/missing_objects.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::ConsumerInfo;
using engine::EntryView;
using engine::Group;
using engine::GroupInfo;
using engine::PendingRow;
using engine::Status;
using engine::Stream;
using engine::StreamId;
using engine::StreamInfo;

constexpr int64_t kDefaultFullCount = 10;
constexpr int64_t kEverything = std::numeric_limits<int64_t>::max();

// Names of both forms of XINFO STREAM come first, those about producers only where clients know
// them, then those of one of the forms.
constexpr size_t kCommonFields = 7;
constexpr size_t kProducerFields = 6;
constexpr size_t kShortFields = 3;
constexpr size_t kFullFields = 2;
constexpr size_t kFullGroupFields = 7;

constexpr std::string_view kHelp[] = {
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
};

// One XINFO reply while it is being written.
struct Report {
  CommandContext& context;
  resp::Writer& out;
  Stream& stream;
  MissingObjects missing;
  Status failure;  // Of another kind than "missing"; ends the command.

  explicit Report(CommandContext& command, Stream& shown)
      : context(command), out(command.out), stream(shown) {}

  void Note(const Status& status) {
    if (!missing.Note(status) && failure.ok()) failure = status;
  }
  Outcome Finish() const { return failure.ok() ? missing.status() : failure; }

  void Integer(std::string_view name, int64_t value) {
    out.Bulk(name);
    out.Integer(value);
  }
  void Integer(std::string_view name, uint64_t value) {
    Integer(name, static_cast<int64_t>(value));
  }
  void IntegerOrNull(std::string_view name, std::optional<int64_t> value) {
    out.Bulk(name);
    if (value) {
      out.Integer(*value);
    } else {
      out.Null();
    }
  }
  void Id(std::string_view name, StreamId id) {
    out.Bulk(name);
    WriteId(out, id);
  }
};

Outcome OpenExistingStream(CommandContext& context, Stream** stream) {
  ASSIGN_OR_RETURN(*stream, FindStream(context, context.args[2]));
  if (*stream == nullptr) return Error::kNoSuchKey;
  return Done();
}

// The tree is not ours; its numbers are those of a tree with one leaf for each node of entries.
void WriteTreeFields(Report* report, const StreamInfo& info) {
  report->Integer("radix-tree-keys", info.node_count);
  report->Integer("radix-tree-nodes", info.node_count + 1);
}

// Clients that are older than a field may fail on its name: option `redis-version`.
bool TellsOfProducers(const CommandContext& context) {
  return context.server.settings().tells_of(8, 6);
}
bool TellsOfReleased(const CommandContext& context) {
  return context.server.settings().tells_of(8, 8);
}

size_t CommonFieldCount(const CommandContext& context) {
  return kCommonFields + (TellsOfProducers(context) ? kProducerFields : 0);
}

void WriteCommonFields(Report* report, const StreamInfo& info) {
  report->Integer("length", info.length);
  WriteTreeFields(report, info);
  report->Id("last-generated-id", info.last_id);
  report->Id("max-deleted-entry-id", info.max_deleted_id);
  report->Integer("entries-added", info.entries_added);
  report->Id("recorded-first-entry-id", info.first_id);
  if (!TellsOfProducers(report->context)) return;
  report->Integer("idmp-duration", int64_t{info.idmp_duration_s});
  report->Integer("idmp-maxsize", int64_t{info.idmp_max_size});
  const auto tracked = report->context.engine.CountProducers(report->context.op, report->stream);
  report->Note(tracked.status());
  report->Integer("pids-tracked", tracked.ok() ? tracked->producers : 0);
  report->Integer("iids-tracked", tracked.ok() ? tracked->iids : 0);
  report->Integer("iids-added", info.iids_added);
  report->Integer("iids-duplicates", info.iids_duplicates);
}

void WriteEndEntries(Report* report) {
  const auto write = [report](const EntryView& entry) { WriteEntry(report->out, entry); };
  const auto finish = [report](const engine::Result<std::optional<StreamId>>& found) {
    report->Note(found.status());
    if (found.ok() && !found->has_value()) report->out.Null();
  };
  engine::Engine& engine = report->context.engine;
  report->out.Bulk("first-entry");
  finish(engine.FirstEntry(report->context.op, report->stream, write));
  report->out.Bulk("last-entry");
  finish(engine.LastEntry(report->context.op, report->stream, write));
}

Outcome WriteShortForm(CommandContext& context, Stream& stream) {
  const StreamInfo info = engine::Inspect(stream);
  Report report(context, stream);
  context.out.MapHeader(CommonFieldCount(context) + kShortFields);
  WriteCommonFields(&report, info);
  report.Integer("groups", int64_t{info.group_count});
  WriteEndEntries(&report);
  return report.Finish();
}

// FULL, or FULL COUNT n. `count` is left alone without COUNT.
Outcome ReadFullOptions(const CommandContext& context, int64_t* count) {
  const Arguments options = context.args.subspan(3);
  const bool well_formed =
      EqualsIgnoreCase(options[0], "FULL") &&
      (options.size() == 1 || (options.size() == 3 && EqualsIgnoreCase(options[1], "COUNT")));
  if (!well_formed) return {Error::kSubcommandSyntax, {context.args[1], "XINFO"}};
  if (options.size() == 1) return Done();
  RETURN_IF_FAILED(ReadInteger(options[2], count));
  if (*count < 0) *count = kDefaultFullCount;
  if (*count == 0) *count = kEverything;
  return Done();
}

void WriteEntries(Report* report, int64_t count) {
  size_t written = 0;
  report->out.Bulk("entries");
  const size_t mark = report->out.BeginArray();
  report->Note(report->context.engine.Range(
      report->context.op, report->stream,
      {.start = StreamId::Min(), .end = StreamId::Max(), .count = count},
      [report, &written](const EntryView& entry) {
        WriteEntry(report->out, entry);
        ++written;
      }));
  report->out.EndArray(mark, written);
}

// The first records of the group, or of one consumer, whose rows do not name it.
void WritePending(Report* report, Group& group, int64_t count,
                  std::optional<std::string_view> consumer) {
  size_t written = 0;
  report->out.Bulk("pending");
  const size_t mark = report->out.BeginArray();
  report->Note(report->context.engine.ListPending(
      report->context.op, report->stream, group,
      {.start = StreamId::Min(), .end = StreamId::Max(), .count = count, .consumer = consumer},
      [report, &written, &consumer](const PendingRow& row) {
        report->out.ArrayHeader(consumer ? 3 : 4);
        WriteId(report->out, row.id);
        if (!consumer) report->out.Bulk(row.consumer);
        report->out.Integer(row.delivery_unix_ms);
        report->out.Integer(static_cast<int64_t>(row.delivery_count));
        ++written;
      }));
  report->out.EndArray(mark, written);
}

void WriteFullConsumer(Report* report, Group& group, const ConsumerInfo& info, int64_t count) {
  const engine::Engine& engine = report->context.engine;
  report->out.MapHeader(5);
  report->out.Bulk("name");
  report->out.Bulk(info.name);
  report->Integer("seen-time", engine.ToUnixMs(info.seen_ms));
  report->Integer("active-time", info.active_ms < 0 ? -1 : engine.ToUnixMs(info.active_ms));
  report->Integer("pel-count", info.pending_count);
  WritePending(report, group, count, info.name);
}

void WriteFullGroup(Report* report, Group& group, int64_t count) {
  const GroupInfo info = engine::Inspect(group);
  const bool tells_of_released = TellsOfReleased(report->context);
  report->out.MapHeader(kFullGroupFields + (tells_of_released ? 1 : 0));
  report->out.Bulk("name");
  report->out.Bulk(info.name);
  report->Id("last-delivered-id", info.last_id);
  report->IntegerOrNull("entries-read", info.entries_read);
  report->IntegerOrNull("lag", report->context.engine.Lag(report->stream, group));
  report->Integer("pel-count", info.pending_count);
  if (tells_of_released) report->Integer("nacked-count", info.released_count);
  WritePending(report, group, count, std::nullopt);
  report->out.Bulk("consumers");
  report->out.ArrayHeader(info.consumer_count);
  engine::ForEachConsumer(group, [report, &group, count](const ConsumerInfo& consumer) {
    WriteFullConsumer(report, group, consumer, count);
  });
}

Outcome WriteFullForm(CommandContext& context, Stream& stream) {
  int64_t count = kDefaultFullCount;
  RETURN_IF_FAILED(ReadFullOptions(context, &count));
  const StreamInfo info = engine::Inspect(stream);
  Report report(context, stream);
  context.out.MapHeader(CommonFieldCount(context) + kFullFields);
  WriteCommonFields(&report, info);
  WriteEntries(&report, count);
  context.out.Bulk("groups");
  context.out.ArrayHeader(info.group_count);
  engine::ForEachGroup(stream,
                       [&report, count](Group* group) { WriteFullGroup(&report, *group, count); });
  return report.Finish();
}

// The clock of the store never goes back, but a consumer may have been seen by a later command of
// the same turn as the reading.
int64_t Since(const CommandContext& context, int64_t store_ms) {
  return std::max<int64_t>(context.op.now.store_ms - store_ms, 0);
}

}  // namespace

Outcome CmdXInfoStream(CommandContext& context) {
  Stream* stream = nullptr;
  RETURN_IF_FAILED(OpenExistingStream(context, &stream));
  return context.args.size() == 3 ? WriteShortForm(context, *stream)
                                  : WriteFullForm(context, *stream);
}

Outcome CmdXInfoGroups(CommandContext& context) {
  Stream* stream = nullptr;
  RETURN_IF_FAILED(OpenExistingStream(context, &stream));
  Report report(context, *stream);
  context.out.ArrayHeader(engine::Inspect(*stream).group_count);
  engine::ForEachGroup(*stream, [&report](Group* group) {
    const GroupInfo info = engine::Inspect(*group);
    report.out.MapHeader(6);
    report.out.Bulk("name");
    report.out.Bulk(info.name);
    report.Integer("consumers", int64_t{info.consumer_count});
    report.Integer("pending", info.pending_count);
    report.Id("last-delivered-id", info.last_id);
    report.IntegerOrNull("entries-read", info.entries_read);
    report.IntegerOrNull("lag", report.context.engine.Lag(report.stream, *group));
  });
  return report.Finish();
}

Outcome CmdXInfoConsumers(CommandContext& context) {
  Stream* stream = nullptr;
  RETURN_IF_FAILED(OpenExistingStream(context, &stream));
  const std::string_view group_name = context.args[3];
  ASSIGN_OR_RETURN(Group * group, FindGroup(context, *stream, group_name));
  if (group == nullptr) return {Error::kNoGroupForKeyName, {group_name, context.args[2]}};
  Report report(context, *stream);
  context.out.ArrayHeader(engine::Inspect(*group).consumer_count);
  engine::ForEachConsumer(*group, [&report, &context](const ConsumerInfo& info) {
    report.out.MapHeader(4);
    report.out.Bulk("name");
    report.out.Bulk(info.name);
    report.Integer("pending", info.pending_count);
    report.Integer("idle", Since(context, info.seen_ms));
    report.Integer("inactive", info.active_ms < 0 ? -1 : Since(context, info.active_ms));
  });
  return report.Finish();
}

Outcome CmdXInfoHelp(CommandContext& context) {
  WriteHelp(context.out, "XINFO", kHelp);
  return Done();
}

}  // namespace server
