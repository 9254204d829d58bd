#include "server/commands/latency.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/commands/help.h"
#include "server/core/command_table.h"
#include "server/core/latency_histogram.h"
#include "server/core/latency_monitor.h"
#include "server/core/server_context.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "DOCTOR",
    "    What the noted events say, in words.",
    "GRAPH <event>",
    "    The samples of an event as a picture of characters.",
    "HISTOGRAM [<command> ...]",
    "    How many runs of commands took at most 1, 2, 4, ... microseconds.",
    "    All commands that have run when none is named.",
    "HISTORY <event>",
    "    The samples of an event: unix time and milliseconds.",
    "LATEST",
    "    Each event with its newest and its worst sample.",
    "RESET [<event> ...]",
    "    Forget the samples of some events, or of all.",
};

int64_t UnixSeconds(CommandContext& context) {
  constexpr int64_t kMillisPerSecond = 1000;
  return context.op.now.unix_ms / kMillisPerSecond;
}

// False when the command has not run.
bool WriteHistogram(CommandContext& context, const CommandSpec& spec) {
  const LatencyHistogram* const latencies = context.server.stats().latencies(CommandIndex(spec));
  if (latencies == nullptr) return false;
  resp::Writer& out = context.out;
  out.Bulk(spec.name);
  out.MapHeader(2);
  out.Bulk("calls");
  out.Integer(static_cast<int64_t>(latencies->total()));
  out.Bulk("histogram_usec");
  size_t pairs = 0;
  const size_t mark = out.BeginMap();
  latencies->ForEachPowerOfTwo([&](int64_t micros, uint64_t runs) {
    out.Integer(micros);
    out.Integer(static_cast<int64_t>(runs));
    ++pairs;
  });
  out.EndMap(mark, pairs);
  return true;
}

}  // namespace

Outcome CmdLatencyLatest(CommandContext& context) {
  const LatencyMonitor::Map& events = context.server.latency_monitor().events();
  context.out.ArrayHeader(events.size());
  for (const auto& [event, series] : events) {
    context.out.ArrayHeader(4);
    context.out.Bulk(event);
    context.out.Integer(series.samples.back().unix_seconds);
    context.out.Integer(series.samples.back().millis);
    context.out.Integer(series.worst_millis);
  }
  return Done();
}

Outcome CmdLatencyHistory(CommandContext& context) {
  const LatencySeries* const series = context.server.latency_monitor().Find(context.args[2]);
  context.out.ArrayHeader(series == nullptr ? 0 : series->samples.size());
  if (series == nullptr) return Done();
  for (const LatencySample& sample : series->samples) {
    context.out.ArrayHeader(2);
    context.out.Integer(sample.unix_seconds);
    context.out.Integer(sample.millis);
  }
  return Done();
}

Outcome CmdLatencyReset(CommandContext& context) {
  LatencyMonitor& monitor = context.server.latency_monitor();
  size_t count = 0;
  if (context.args.size() == 2) {
    count = monitor.ResetAll();
  } else {
    for (std::string_view event : context.args.subspan(2)) count += monitor.Reset(event) ? 1 : 0;
  }
  context.out.Integer(static_cast<int64_t>(count));
  return Done();
}

Outcome CmdLatencyGraph(CommandContext& context) {
  const std::string_view event = context.args[2];
  const LatencySeries* const series = context.server.latency_monitor().Find(event);
  if (series == nullptr) return {Error::kLatencyNoSamples, {event}};
  context.out.Verbatim(DrawLatencyGraph(event, *series, UnixSeconds(context)));
  return Done();
}

Outcome CmdLatencyDoctor(CommandContext& context) {
  context.out.Verbatim(DescribeLatency(context.server.latency_monitor(),
                                       context.server.settings().latency_monitor_threshold,
                                       UnixSeconds(context)));
  return Done();
}

Outcome CmdLatencyHistogram(CommandContext& context) {
  size_t count = 0;
  const size_t mark = context.out.BeginMap();
  const auto write = [&](const CommandSpec& spec) { count += WriteHistogram(context, spec); };
  if (context.args.size() == 2) {
    for (const CommandSpec& spec : AllCommands()) write(spec);
  }
  for (std::string_view name : context.args.subspan(2)) {
    const CommandSpec* const spec = FindCommandByFullName(name);
    if (spec == nullptr) continue;
    write(*spec);
    for (const CommandSpec& subcommand : SubcommandsOf(*spec)) write(subcommand);
  }
  context.out.EndMap(mark, count);
  return Done();
}

Outcome CmdLatencyHelp(CommandContext& context) {
  WriteHelp(context.out, "LATENCY", kHelp);
  return Done();
}

}  // namespace server
