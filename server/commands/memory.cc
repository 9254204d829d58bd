#include "server/commands/memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "server/commands/help.h"
#include "server/core/process_usage.h"
#include "server/core/server_context.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "DOCTOR",
    "    Look for trouble with memory.",
    "MALLOC-STATS",
    "    The numbers of the memory allocator.",
    "PURGE",
    "    Give memory that the allocator holds in reserve back to the system.",
    "STATS",
    "    What memory is used for.",
    "USAGE <key> [SAMPLES <count>]",
    "    The bytes that a key would take wholly in memory: an estimate.",
};

// What MEMORY is about, at one moment.
struct Usage {
  uint64_t used = 0;  // By the store, as INFO used_memory.
  uint64_t peak = 0;
  uint64_t unsaved = 0;
  uint64_t output = 0;  // Replies that clients have not taken.
  uint64_t resident = 0;
  int64_t keys = 0;
  AllocatorUsage allocator;
};

Usage Collect(CommandContext& context) {
  const engine::Engine::Stats stats = context.engine.GetStats();
  Usage usage;
  usage.used = stats.memory_bytes;
  usage.peak = std::max(context.server.stats().used_memory_peak, usage.used);
  usage.unsaved = stats.dirty_bytes;
  usage.resident = ResidentBytes();
  usage.allocator = AllocatorUsed();
  context.server.clients().ForEach(
      [&usage](Session& session) { usage.output += session.output.memory_bytes(); });
  const auto databases = static_cast<uint32_t>(context.server.settings().databases);
  for (uint32_t db = 0; db < databases; ++db) usage.keys += context.engine.KeyCountOf(db);
  return usage;
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

class FieldWriter {
 public:
  explicit FieldWriter(resp::Writer& out) : out_(out), mark_(out.BeginMap()) {}
  void Count(std::string_view name, uint64_t value) {
    out_.Bulk(name);
    out_.Integer(static_cast<int64_t>(value));
    ++fields_;
  }
  void Number(std::string_view name, double value) {
    out_.Bulk(name);
    out_.Double(value);
    ++fields_;
  }
  void Finish() { out_.EndMap(mark_, fields_); }

 private:
  resp::Writer& out_;
  const size_t mark_;
  size_t fields_ = 0;
};

std::string Diagnose(const Usage& usage, const Settings& settings) {
  constexpr uint64_t kTooSmallToJudge = 64 << 20;
  constexpr double kMuchOverhead = 2;
  const auto budget = static_cast<uint64_t>(settings.cache_size);
  std::string text;
  if (usage.unsaved > budget / 2) {
    text += fmt::format(
        "* {} of {} bytes of cache-size are changes that no checkpoint has yet: the disk is slower "
        "than what is written. A larger cache-size or a faster disk helps.\n",
        usage.unsaved, budget);
  }
  if (usage.output > budget / 2) {
    text += fmt::format(
        "* {} bytes are replies that clients have not taken: CLIENT LIST shows them as omem, "
        "client-output-buffer-limit bounds them.\n",
        usage.output);
  }
  if (usage.resident > kTooSmallToJudge &&
      Ratio(usage.resident, usage.used + usage.output) > kMuchOverhead) {
    text += fmt::format(
        "* The process holds {} bytes for {} bytes in use. Memory is kept for reuse; MEMORY PURGE "
        "gives back what can be.\n",
        usage.resident, usage.used + usage.output);
  }
  return text.empty() ? "There is nothing to be said against the use of memory.\n" : text;
}

}  // namespace

Outcome CmdMemoryStats(CommandContext& context) {
  const Usage usage = Collect(context);
  const uint64_t total = usage.used + usage.output;
  FieldWriter fields(context.out);
  fields.Count("peak.allocated", usage.peak);
  fields.Count("total.allocated", total);
  fields.Count("startup.allocated", 0);
  fields.Count("replication.backlog", 0);
  fields.Count("clients.slaves", 0);
  fields.Count("clients.normal", usage.output);
  fields.Count("cluster.links", 0);
  fields.Count("aof.buffer", 0);
  fields.Count("lua.caches", 0);
  fields.Count("functions.caches", 0);
  fields.Count("overhead.total", usage.output);
  fields.Count("keys.count", static_cast<uint64_t>(usage.keys));
  fields.Count("keys.bytes-per-key",
               usage.keys == 0 ? 0 : usage.used / static_cast<uint64_t>(usage.keys));
  fields.Count("dataset.bytes", usage.used);
  fields.Number("dataset.percentage", 100 * Ratio(usage.used, total));
  fields.Number("peak.percentage", 100 * Ratio(usage.used, usage.peak));
  fields.Count("allocator.allocated", usage.allocator.allocated);
  fields.Count("allocator.active", usage.allocator.held);
  fields.Count("allocator.resident", usage.resident);
  fields.Number("allocator-fragmentation.ratio",
                Ratio(usage.allocator.held, usage.allocator.allocated));
  fields.Count("allocator-fragmentation.bytes",
               usage.allocator.held - std::min(usage.allocator.held, usage.allocator.allocated));
  fields.Number("fragmentation", Ratio(usage.resident, total));
  fields.Count("fragmentation.bytes", usage.resident - std::min(usage.resident, total));
  fields.Finish();
  return Done();
}

Outcome CmdMemoryDoctor(CommandContext& context) {
  context.out.Verbatim(Diagnose(Collect(context), context.server.settings()));
  return Done();
}

Outcome CmdMemoryMallocStats(CommandContext& context) {
  const AllocatorUsage usage = AllocatorUsed();
  context.out.Verbatim(fmt::format("allocated {}\nheld {}\nfree {}\nmapped {}\n", usage.allocated,
                                   usage.held, usage.held - std::min(usage.held, usage.allocated),
                                   usage.mapped));
  return Done();
}

Outcome CmdMemoryPurge(CommandContext& context) {
  ReturnFreeMemory();
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdMemoryHelp(CommandContext& context) {
  WriteHelp(context.out, "MEMORY", kHelp);
  return Done();
}

}  // namespace server
