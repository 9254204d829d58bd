#include "server/core/config_options.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "engine/check.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "server/core/config_ignored.h"
#include "server/core/config_special.h"
#include "server/core/config_value.h"
#include "server/core/policy_rules.h"
#include "server/core/text.h"

namespace server {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMaxUint32 = std::numeric_limits<uint32_t>::max();
constexpr int64_t kMaxMs = 315'360'000'000;  // Ten years.
constexpr int64_t kMib = int64_t{1} << 20;
constexpr int64_t kGib = int64_t{1} << 30;

constexpr EnumValue kFsyncModes[] = {
    {"everysec", static_cast<int64_t>(engine::FsyncMode::kEverySecond)},
    {"always", static_cast<int64_t>(engine::FsyncMode::kAlways)},
    {"no", static_cast<int64_t>(engine::FsyncMode::kNo)},
};
constexpr EnumValue kLogLevels[] = {
    {"debug", static_cast<int64_t>(LogThreshold::kDebug)},
    {"verbose", static_cast<int64_t>(LogThreshold::kVerbose)},
    {"notice", static_cast<int64_t>(LogThreshold::kNotice)},
    {"warning", static_cast<int64_t>(LogThreshold::kWarning)},
    {"nothing", static_cast<int64_t>(LogThreshold::kNothing)},
};
constexpr EnumValue kEvictionPolicies[] = {{"noeviction", 0}};
constexpr EnumValue kOnlyNo[] = {{"no", 0}};
constexpr EnumValue kDebugModes[] = {{"no", 0}, {"yes", 1}, {"local", 2}};

constexpr OptionSpec Bool(std::string_view name, std::string_view default_text, uint8_t flags,
                          bool Settings::*target, std::string_view summary) {
  return {.name = name,
          .kind = OptionKind::kBool,
          .flags = flags,
          .default_text = default_text,
          .target = target,
          .summary = summary};
}

constexpr OptionSpec Number(std::string_view name, OptionKind kind, std::string_view default_text,
                            int64_t min, int64_t max, uint8_t flags, int64_t Settings::*target,
                            std::string_view summary) {
  return {.name = name,
          .kind = kind,
          .flags = flags,
          .default_text = default_text,
          .target = target,
          .min = min,
          .max = max,
          .summary = summary};
}

constexpr OptionSpec Integer(std::string_view name, std::string_view default_text, int64_t min,
                             int64_t max, uint8_t flags, int64_t Settings::*target,
                             std::string_view summary) {
  return Number(name, OptionKind::kInteger, default_text, min, max, flags, target, summary);
}

constexpr OptionSpec Memory(std::string_view name, std::string_view default_text, int64_t min,
                            int64_t max, uint8_t flags, int64_t Settings::*target,
                            std::string_view summary) {
  return Number(name, OptionKind::kMemory, default_text, min, max, flags, target, summary);
}

constexpr OptionSpec Enum(std::string_view name, std::string_view default_text,
                          std::span<const EnumValue> values, uint8_t flags,
                          int64_t Settings::*target, std::string_view summary) {
  return {.name = name,
          .kind = OptionKind::kEnum,
          .flags = flags,
          .default_text = default_text,
          .target = target,
          .values = values,
          .summary = summary};
}

constexpr OptionSpec Text(std::string_view name, std::string_view default_text, uint8_t flags,
                          std::string Settings::*target, std::string_view summary) {
  return {.name = name,
          .kind = OptionKind::kString,
          .flags = flags,
          .default_text = default_text,
          .target = target,
          .summary = summary};
}

constexpr OptionSpec Special(std::string_view name, std::string_view default_text, uint8_t flags,
                             AssignFunction assign, ShowFunction show, std::string_view summary) {
  return {.name = name,
          .kind = OptionKind::kSpecial,
          .flags = flags,
          .default_text = default_text,
          .assign = assign,
          .show = show,
          .summary = summary};
}

constexpr OptionSpec Alias(OptionSpec option, std::string_view alias) {
  option.alias = alias;
  return option;
}

constexpr OptionSpec kOptions[] = {
    Enum("appendfsync", "always", kFsyncModes, kMutable, &Settings::appendfsync,
         "When a reply may leave: `always` after the change is on disk, `everysec` after it is "
         "written, with a sync every second, `no` after it is written."),
    Bool("appendonly", "yes", kMutable | kNoEffect, &Settings::appendonly,
         "There always is a journal."),
    Integer("auth-timeout", "10", 0, kMaxInt32, kMutable, &Settings::auth_timeout_seconds,
            "Where a password is set: seconds in which a new client must have given it, or it is "
            "disconnected; 0 = no limit. Not an option of Redis."),
    Special("bind", "* -::*", kManyWords, AssignBind, ShowBind,
            "Addresses to listen on. One that begins with `-` may be missing on this machine."),
    Integer(
        "cache-idle-time", "60", 0, kMaxInt32, kMutable, &Settings::cache_idle_time_seconds,
        "Seconds without use after which a key leaves memory, as soon as a checkpoint has it; one "
        "begins when the last was so long ago and anything is unsaved. 0 = only when the room is "
        "needed. The next use reads it from disk."),
    Memory("cache-size", "128mb", 16 * kMib, kMaxInt64, kMutable, &Settings::cache_size,
           "The one memory budget of the store: cached objects, changes not yet in a checkpoint, "
           "and RocksDB's share."),
    Memory("checkpoint-bytes", "32mb", kMib, kMaxInt64, 0, &Settings::checkpoint_bytes,
           "A checkpoint starts when so many bytes of journal or of changed objects have come "
           "together."),
    Special("client-output-buffer-limit",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
            kMutable | kManyWords, AssignOutputLimits, ShowOutputLimits,
            "Per class of client: unsent bytes that close it at once, unsent bytes that close it "
            "after some seconds, those seconds. 0 = no limit."),
    Memory("client-query-buffer-limit", "1gb", kMib, kMaxInt64, kMutable,
           &Settings::client_query_buffer_limit,
           "Unread input of one connection above this closes it."),
    Enum("cluster-enabled", "no", kOnlyNo, 0, &Settings::cluster_enabled,
         "There is no cluster mode."),
    Special("daemonize", "no", 0, AssignDaemonize, ShowDaemonize,
            "Only `no`: the server stays in the foreground."),
    Integer("databases", "16", 1, 65536, 0, &Settings::databases,
            "Number of databases for SELECT."),
    Text("dbfilename", "dump.rdb", kProtected | kNoEffect, &Settings::dbfilename,
         "There is no dump file."),
    Special("dir", "data", kProtected, AssignDir, ShowDir,
            "Directory of the store. Created when missing; one server at a time."),
    Special("disk-ballast", "auto", kMutable, AssignDiskBallast, ShowDiskBallast,
            "Size of the file that is given up when the disk is full; 0 = none. auto: 64 MB, at "
            "most a 16th of the file system. Not an option of Redis."),
    Enum("enable-debug-command", "no", kDebugModes, 0, &Settings::enable_debug_command,
         "Who may use DEBUG: nobody, everybody, or clients on this machine."),
    Special("group-policy", "", kMutable | kRules, AssignGroupPolicy, ShowGroupPolicy,
            "Policies of consumer groups by name: see below. Not an option of Redis."),
    Integer("hz", "10", 1, 500, kMutable | kNoEffect, &Settings::hz,
            "Nothing runs at a fixed rate."),
    Memory("journal-segment-bytes", "32mb", kMib, kGib, 0, &Settings::journal_segment_bytes,
           "Size of a file of the journal."),
    Integer("latency-monitor-threshold", "0", 0, kMaxInt64, kMutable,
            &Settings::latency_monitor_threshold,
            "Milliseconds from which on LATENCY notes what took long; 0 = it notes nothing."),
    Bool("latency-tracking", "yes", kMutable, &Settings::latency_tracking,
         "Count how long each command takes, for LATENCY HISTOGRAM and INFO latencystats."),
    Special("latency-tracking-info-percentiles", "50 99 99.9", kMutable | kManyWords,
            AssignPercentiles, ShowPercentiles, "Percentiles that INFO latencystats shows."),
    Text("logfile", "", 0, &Settings::logfile, "File to log to; empty = standard error."),
    Enum("loglevel", "notice", kLogLevels, kMutable, &Settings::loglevel, "Least level to log."),
    Integer("maxclients", "10000", 1, kMaxUint32, kMutable, &Settings::maxclients,
            "Connections at a time; one more is refused."),
    Memory("maxmemory", "0", 0, kMaxInt64, kMutable, &Settings::maxmemory,
           "With more used memory than this, commands that need more answer OOM. 0 = no limit. "
           "`cache-size` is what bounds memory; this is for tools that set it."),
    Special("maxmemory-clients", "1gb", kMutable, AssignClientMemory, ShowClientMemory,
            "Bytes that the buffers of all clients may take together, or a percentage of "
            "`maxmemory`; above it the client with the largest ones is closed. 0 = no limit."),
    Enum("maxmemory-policy", "noeviction", kEvictionPolicies, kMutable, &Settings::maxmemory_policy,
         "Keys are never evicted."),
    Special("min-free-disk", "auto", kMutable, AssignMinFreeDisk, ShowMinFreeDisk,
            "With less free space than this, commands that need more answer MISCONF, and with half "
            "of it all that change anything; 0 = never. auto: 256 MB, or what the store needs for "
            "its own work, at most an eighth of the file system. Not an option of Redis."),
    Special("notify-keyspace-events", "", kMutable, AssignKeyspaceEvents, ShowKeyspaceEvents,
            "Which changes of keys are published, by letters as Redis has them; empty = none."),
    Text("pidfile", "", 0, &Settings::pidfile, "File that holds the process number while it runs."),
    Integer("port", "6379", 0, 65535, 0, &Settings::port, "TCP port; 0 = none."),
    Bool("protected-mode", "yes", kMutable, &Settings::protected_mode,
         "Without a password, refuse connections from other machines."),
    Memory("proto-max-bulk-len", "512mb", kMib, kMaxInt64, kMutable, &Settings::proto_max_bulk_len,
           "Largest single argument."),
    Integer("reader-threads", "2", 1, 64, 0, &Settings::reader_threads,
            "Threads that read from disk for commands whose data is not in memory."),
    Special("redis-version", "8.10.0", 0, AssignVersion, ShowVersion,
            "Version told in HELLO and INFO. Clients choose features by it. With an older one, "
            "fields that are newer than it are left out of XINFO and CLIENT LIST."),
    Alias(Bool("replica-read-only", "yes", kMutable | kNoEffect, &Settings::replica_read_only,
               "There are no replicas."),
          "slave-read-only"),
    Integer("request-timeout", "60", 0, kMaxInt32, kMutable, &Settings::request_timeout_seconds,
            "Seconds in which a request must have arrived as a whole, or its client is "
            "disconnected, unless 1 KB a second has come; 0 = no limit. Not an option of Redis."),
    Text("requirepass", "", kMutable, &Settings::requirepass,
         "Password of the default user; empty = none needed."),
    Integer("restart-grace", "30000", 0, kMaxMs, 0, &Settings::restart_grace_ms,
            "Milliseconds after a start in which no delivered entry falls due again, so that "
            "consumers can come back and acknowledge; never longer than a group's ACK-WAIT."),
    Special("save", "", kMutable | kManyWords | kNoEffect, AssignSave, ShowSave,
            "Checkpoints start by size, not by time."),
    Integer("slowlog-log-slower-than", "10000", -1, kMaxInt64, kMutable,
            &Settings::slowlog_log_slower_than,
            "Microseconds from which on a command is put into the slow log; -1 = none is."),
    Integer("slowlog-max-len", "128", 0, kMaxInt64, kMutable, &Settings::slowlog_max_len,
            "Commands that the slow log keeps; the oldest go first."),
    Bool("stop-writes-on-bgsave-error", "yes", kMutable | kNoEffect,
         &Settings::stop_writes_on_bgsave_error,
         "Writes stop when, and only when, they cannot be made durable."),
    Integer("stream-idmp-duration", "100", 1, 86400, kMutable, &Settings::stream_idmp_duration,
            "Seconds for which an idempotent producer's ids are known, for new streams."),
    Integer("stream-idmp-maxsize", "100", 1, 10000, kMutable, &Settings::stream_idmp_maxsize,
            "Ids remembered per idempotent producer, for new streams."),
    Memory("stream-node-max-bytes", "4096", 0, kMaxInt64, kMutable,
           &Settings::stream_node_max_bytes,
           "Size of a node, the unit that trimming with `~` removes. 0 = no limit."),
    Integer("stream-node-max-entries", "100", 0, kMaxInt64, kMutable,
            &Settings::stream_node_max_entries,
            "Entries of a node, the unit that trimming with `~` removes. 0 = no limit."),
    Special("stream-policy", "", kMutable | kRules, AssignStreamPolicy, ShowStreamPolicy,
            "Policies of streams by name: see below. Not an option of Redis."),
    Integer("tcp-backlog", "511", 0, kMaxInt32, 0, &Settings::tcp_backlog,
            "Connections that may wait to be accepted."),
    Integer("tcp-keepalive", "300", 0, kMaxInt32, kMutable, &Settings::tcp_keepalive_seconds,
            "Seconds of silence before a connection is probed; 0 = never."),
    Integer("timeout", "0", 0, kMaxInt32, kMutable, &Settings::timeout_seconds,
            "Seconds of silence before a client is disconnected; 0 = never."),
    Text("unixsocket", "", 0, &Settings::unixsocket, "Path of a unix socket; empty = none."),
    Number("unixsocketperm", OptionKind::kOctal, "0", 0, 0777, 0, &Settings::unixsocketperm,
           "Permissions of the unix socket, octal; 0 = as the umask has it."),
};

constexpr bool SortedByName(std::span<const OptionSpec> options) {
  for (size_t i = 1; i < options.size(); ++i) {
    if (!(options[i - 1].name < options[i].name)) return false;
  }
  return true;
}
static_assert(SortedByName(kOptions));

constexpr std::array<OptionSpec, std::size(kIgnoredWords)> kIgnored = [] {
  std::array<OptionSpec, std::size(kIgnoredWords)> rows;
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = {.name = kIgnoredWords[i]};
  return rows;
}();

std::string OutOfRange(const OptionSpec& option) {
  return option.kind == OptionKind::kOctal
             ? fmt::format("argument must be between {:o} and {:o} inclusive", option.min,
                           option.max)
             : fmt::format("argument must be between {} and {} inclusive", option.min, option.max);
}

std::string AssignNumber(const OptionSpec& option, std::string_view text, Settings* settings) {
  std::optional<int64_t> value;
  std::string_view refusal = "argument couldn't be parsed into an integer";
  if (option.kind == OptionKind::kMemory) {
    value = ParseConfigMemory(text);
    refusal = "argument must be a memory value";
  } else if (option.kind == OptionKind::kOctal) {
    value = ParseConfigOctal(text);
    refusal = "argument couldn't be parsed as an octal number";
  } else {
    value = ParseConfigInteger(text);
  }
  if (!value) return std::string(refusal);
  if (*value < option.min || *value > option.max) return OutOfRange(option);
  settings->*std::get<int64_t Settings::*>(option.target) = *value;
  return {};
}

std::string AssignEnum(const OptionSpec& option, std::string_view text, Settings* settings) {
  std::vector<std::string_view> names;
  for (const EnumValue& value : option.values) {
    if (EqualsIgnoreCase(value.name, text)) {
      settings->*std::get<int64_t Settings::*>(option.target) = value.value;
      return {};
    }
    names.push_back(value.name);
  }
  return fmt::format("argument(s) must be one of the following: {}", fmt::join(names, ", "));
}

}  // namespace

std::span<const OptionSpec> AllOptions() { return kOptions; }

const OptionSpec* FindOption(std::string_view name) {
  for (const OptionSpec& option : kOptions) {
    if (EqualsIgnoreCase(option.name, name)) return &option;
    if (!option.alias.empty() && EqualsIgnoreCase(option.alias, name)) return &option;
  }
  return nullptr;
}

const OptionSpec* FindIgnoredOption(std::string_view name) {
  for (const OptionSpec& option : kIgnored) {
    if (EqualsIgnoreCase(option.name, name)) return &option;
  }
  return nullptr;
}

std::string AssignOption(const OptionSpec& option, std::span<const std::string> words,
                         AssignMode mode, Settings* settings) {
  if ((option.flags & (kManyWords | kRules)) == 0 && words.size() != 1)
    return "wrong number of arguments";
  switch (option.kind) {
    case OptionKind::kBool: {
      const std::optional<bool> value = ParseConfigBool(words[0]);
      if (!value) return "argument must be 'yes' or 'no'";
      settings->*std::get<bool Settings::*>(option.target) = *value;
      return {};
    }
    case OptionKind::kInteger:
    case OptionKind::kOctal:
    case OptionKind::kMemory:
      return AssignNumber(option, words[0], settings);
    case OptionKind::kEnum:
      return AssignEnum(option, words[0], settings);
    case OptionKind::kString:
      settings->*std::get<std::string Settings::*>(option.target) = words[0];
      return {};
    case OptionKind::kSpecial:
      return option.assign(words, mode, settings);
    case OptionKind::kIgnored:
      return {};
  }
  return {};
}

std::string ShowOption(const OptionSpec& option, const Settings& settings) {
  switch (option.kind) {
    case OptionKind::kBool:
      return settings.*std::get<bool Settings::*>(option.target) ? "yes" : "no";
    case OptionKind::kInteger:
    case OptionKind::kMemory:
      return fmt::format("{}", settings.*std::get<int64_t Settings::*>(option.target));
    case OptionKind::kOctal:
      return fmt::format("{:o}", settings.*std::get<int64_t Settings::*>(option.target));
    case OptionKind::kEnum: {
      const int64_t current = settings.*std::get<int64_t Settings::*>(option.target);
      const auto value = std::ranges::find(option.values, current, &EnumValue::value);
      CHECK(value != option.values.end());
      return std::string(value->name);
    }
    case OptionKind::kString:
      return settings.*std::get<std::string Settings::*>(option.target);
    case OptionKind::kSpecial:
      return option.show(settings);
    case OptionKind::kIgnored:
      break;
  }
  return {};
}

Settings DefaultSettings() {
  Settings settings;
  for (const OptionSpec& option : kOptions) {
    const std::string text(option.default_text);
    std::vector<std::string> words = {text};
    if ((option.flags & kManyWords) != 0 && !text.empty()) words = *SplitWords(text);
    CHECK(AssignOption(option, words, AssignMode::kWhole, &settings).empty());
  }
  return settings;
}

}  // namespace server
