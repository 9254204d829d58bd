#include "tests/model/state_dump.h"

#include <algorithm>
#include <functional>
#include <sstream>
#include <string_view>

#include "engine/group.h"
#include "engine/inspect.h"

namespace tests {

using engine::Engine;
using engine::EntryView;
using engine::Group;
using engine::Op;
using engine::Status;
using engine::Stream;

namespace {

std::string OrNull(std::optional<int64_t> value) {
  return value.has_value() ? std::to_string(*value) : "null";
}

std::string EntryLine(StreamId id, uint32_t arg_count, std::string_view wire) {
  return "  entry " + id.ToString() + " args=" + std::to_string(arg_count) +
         " bytes=" + std::to_string(wire.size()) +
         " hash=" + std::to_string(std::hash<std::string_view>()(wire)) + "\n";
}

std::string StreamLine(uint32_t db, const std::string& key, uint64_t length, StreamId first,
                       StreamId last, StreamId max_deleted, uint64_t added) {
  return "stream " + std::to_string(db) + "/" + key + " length=" + std::to_string(length) +
         " first=" + first.ToString() + " last=" + last.ToString() +
         " max_deleted=" + max_deleted.ToString() + " added=" + std::to_string(added) + "\n";
}

std::string GroupLine(std::string_view name, StreamId last, std::optional<int64_t> read,
                      std::optional<int64_t> lag, uint64_t pending) {
  return "  group " + std::string(name) + " last=" + last.ToString() + " read=" + OrNull(read) +
         " lag=" + OrNull(lag) + " pending=" + std::to_string(pending) + "\n";
}

std::string ConsumerLine(std::string_view name, int64_t pending, int64_t seen, int64_t active,
                         const DumpOptions& options) {
  return "    consumer " + std::string(name) + " pending=" + std::to_string(pending) +
         " active=" + std::to_string(active) +
         (options.with_seen_times ? " seen=" + std::to_string(seen) : "") + "\n";
}

std::string RecordLine(StreamId id, std::string_view owner, int64_t delivery, uint64_t count) {
  return "    pending " + id.ToString() + " owner=" + std::string(owner) +
         " at=" + std::to_string(delivery) + " count=" + std::to_string(count) + "\n";
}

std::string IdempotencyLine(uint32_t duration_s, uint32_t max_size, uint64_t added,
                            uint64_t duplicates) {
  return "  idmp duration=" + std::to_string(duration_s) + " max=" + std::to_string(max_size) +
         " added=" + std::to_string(added) + " duplicates=" + std::to_string(duplicates) + "\n";
}

std::string IidLine(std::string_view producer, std::string_view iid, StreamId id) {
  return "    iid " + std::string(producer.substr(0, 20)) + " " + std::string(iid) + " is " +
         id.ToString() + "\n";
}

std::string TrackedLine(uint64_t producers, uint64_t iids) {
  return "    tracked " + std::to_string(producers) + " " + std::to_string(iids) + "\n";
}

// Sorted by producer; a producer's own by age.
std::string JoinIids(std::vector<std::pair<std::string, std::string>> lines) {
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (const auto& [producer, line] : lines) {
    out += line;
  }
  return out;
}

Status DumpIids(TestEngine& engine, Op& op, Stream& stream, std::string* out) {
  std::vector<std::pair<std::string, std::string>> lines;
  ASSIGN_OR_RETURN(const engine::ProducerCounts counts, engine->CountProducers(op, stream));
  RETURN_IF_ERROR(
      engine->ListIids(op, stream, [&lines](const engine::Production& production, StreamId id) {
        lines.emplace_back(production.producer, IidLine(production.producer, production.iid, id));
      }));
  *out += JoinIids(std::move(lines)) + TrackedLine(counts.producers, counts.iids);
  return engine::OkStatus();
}

std::string DumpModelIids(const ModelStream& stream, engine::Now now) {
  std::vector<std::pair<std::string, std::string>> lines;
  uint64_t producers = 0;
  for (const auto& [producer, iids] : stream.producers) {
    const size_t before = lines.size();
    for (const ModelIid& iid : iids) {
      if (!stream.IsExpired(now, iid.id)) {
        lines.emplace_back(producer, IidLine(producer, iid.iid, iid.id));
      }
    }
    producers += lines.size() > before ? 1 : 0;
  }
  const uint64_t iids = lines.size();
  return JoinIids(std::move(lines)) + TrackedLine(producers, iids);
}

std::string OrderLine(const std::vector<StreamId>& ids) {
  std::string line = "    order";
  for (const StreamId id : ids) {
    line += " " + id.ToString();
  }
  return line + "\n";
}

// Of a group whose pages are all in memory.
std::vector<StreamId> DeliveryOrder(const Group& group) {
  std::vector<std::pair<engine::DeliveryKey, StreamId>> keys;
  for (const engine::PageSlot& slot : group.pages) {
    for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
      keys.emplace_back(engine::DeliveryKey::Of(at.record()), at.id());
    }
  }
  std::sort(keys.begin(), keys.end());
  std::vector<StreamId> ids;
  for (const auto& [key, id] : keys) {
    ids.push_back(id);
  }
  return ids;
}

std::string SettingText(const engine::PolicySetting& setting) {
  std::string text = " " + std::to_string(setting.option) + "=";
  for (const int64_t number : setting.numbers) {
    text += std::to_string(number) + ",";
  }
  return text + setting.text;
}

// What of the effective policy somebody has set.
template <typename Option, typename Policy>
std::string OwnSettings(const Policy& policy) {
  std::string line;
  for (size_t i = 0; i < policy.sources.size(); ++i) {
    if (policy.sources[i] == engine::PolicySource::kOwn) {
      line += SettingText(policy.value(static_cast<Option>(i)));
    }
  }
  return line;
}

std::string OwnSettings(const ModelPolicy& policy) {
  std::string line;
  for (const auto& [option, setting] : policy) {
    line += SettingText(setting);
  }
  return line;
}

std::string PolicyLine(const std::string& settings) { return "  policy" + settings + "\n"; }

std::string NodesLine(uint64_t count) { return "  nodes " + std::to_string(count) + "\n"; }

std::string ExpiryLine(int64_t expire_ms) {
  return expire_ms == 0 ? "" : "  expires " + std::to_string(expire_ms) + "\n";
}

std::string StringLine(uint32_t db, const std::string& key, std::string_view value) {
  return "string " + std::to_string(db) + "/" + key + " bytes=" + std::to_string(value.size()) +
         " hash=" + std::to_string(std::hash<std::string_view>()(value)) + "\n";
}

// Entries in order; a walk backwards must give the same ones.
Status DumpEntries(TestEngine& engine, Op& op, Stream& stream, std::string* out) {
  engine::RangeArgs all;
  all.end = StreamId::Max();
  std::vector<std::string> lines;
  RETURN_IF_ERROR(engine->Range(op, stream, all, [&](const EntryView& entry) {
    lines.push_back(EntryLine(entry.id, entry.arg_count, entry.payload));
  }));
  all.reverse = true;
  std::vector<std::string> backwards;
  RETURN_IF_ERROR(engine->Range(op, stream, all, [&](const EntryView& entry) {
    backwards.push_back(EntryLine(entry.id, entry.arg_count, entry.payload));
  }));
  std::reverse(backwards.begin(), backwards.end());
  for (const std::string& line : lines) {
    *out += line;
  }
  if (backwards != lines) {
    *out += "  backwards differs\n";
  }
  return engine::OkStatus();
}

Status DumpGroup(TestEngine& engine, Op& op, Stream& stream, Group& group,
                 const DumpOptions& options, std::string* out) {
  const engine::GroupInfo info = Inspect(group);
  *out += GroupLine(info.name, info.last_id, info.entries_read, engine->Lag(stream, group),
                    static_cast<uint64_t>(info.pending_count));
  *out += PolicyLine(OwnSettings<engine::GroupOption>(engine->PolicyOf(op, group)));
  ForEachConsumer(group, [&](const engine::ConsumerInfo& consumer) {
    *out += ConsumerLine(consumer.name, consumer.pending_count, consumer.seen_ms,
                         consumer.active_ms, options);
  });
  engine::PendingRangeArgs all;
  all.end = StreamId::Max();
  all.count = INT64_MAX;
  RETURN_IF_ERROR(engine->ListPending(op, stream, group, all, [&](const engine::PendingRow& row) {
    *out += RecordLine(row.id, row.consumer, row.delivery_unix_ms, row.delivery_count);
  }));
  *out += OrderLine(DeliveryOrder(group));
  return engine::OkStatus();
}

Status DumpSchedule(TestEngine& engine, Op& op, Stream& stream, std::string* out) {
  return engine->ListScheduled(
      op, stream, {}, engine::ScheduleToken::Max(), 1'000'000,
      [out](engine::ScheduleToken token, const engine::Payload& payload) {
        *out += "  scheduled " + token.ToString() +
                " hash=" + std::to_string(std::hash<std::string_view>()(payload.wire)) + "\n";
      });
}

Status DumpKey(TestEngine& engine, Op& op, const std::string& key, const DumpOptions& options,
               std::string* out) {
  ASSIGN_OR_RETURN(const engine::KeyInfo key_info, engine->Describe(op, key));
  if (key_info.type == engine::KeyType::kNone) {
    return Status(engine::Code::kNotFound, "there is no such key");
  }
  if (key_info.type == engine::KeyType::kString) {
    *out += StringLine(op.db, key, key_info.text) + ExpiryLine(key_info.expire_ms);
    return engine::OkStatus();
  }
  ASSIGN_OR_RETURN(Stream * stream, engine->OpenStream(op, key));
  const engine::StreamInfo info = Inspect(*stream);
  *out += StreamLine(op.db, key, static_cast<uint64_t>(info.length), info.first_id, info.last_id,
                     info.max_deleted_id, info.entries_added);
  *out += ExpiryLine(key_info.expire_ms);
  *out += PolicyLine(OwnSettings<engine::StreamOption>(engine->PolicyOf(op, *stream)));
  if (options.with_nodes == nullptr || options.with_nodes(op.db, key)) {
    *out += NodesLine(info.node_count);
  }
  RETURN_IF_ERROR(DumpEntries(engine, op, *stream, out));
  *out += IdempotencyLine(info.idmp_duration_s, info.idmp_max_size, info.iids_added,
                          info.iids_duplicates);
  RETURN_IF_ERROR(DumpIids(engine, op, *stream, out));
  RETURN_IF_ERROR(DumpSchedule(engine, op, *stream, out));
  std::vector<Group*> groups;
  ForEachGroup(*stream, [&](Group* group) { groups.push_back(group); });
  for (Group* group : groups) {
    RETURN_IF_ERROR(DumpGroup(engine, op, *stream, *group, options, out));
  }
  return engine::OkStatus();
}

}  // namespace

Status DumpKey(TestEngine& engine, uint32_t db, const std::string& key, const DumpOptions& options,
               std::string* out) {
  return engine.Run(db, [&](Op& op) {
    out->clear();
    return DumpKey(engine, op, key, options, out);
  });
}

std::string DumpEngine(TestEngine& engine, const DumpOptions& options) {
  std::string out;
  for (uint32_t db = 0; db < engine.options().databases; ++db) {
    auto keys = engine.Run(db, [&](Op& op) { return engine->Keys(op, ""); });
    if (!keys.ok()) {
      return "keys failed: " + keys.status().message();
    }
    std::sort(keys->begin(), keys->end());
    out += "db " + std::to_string(db) + " keys=" + std::to_string(engine->KeyCountOf(db)) + "\n";
    for (const std::string& key : *keys) {
      std::string text;
      const Status status = DumpKey(engine, db, key, options, &text);
      out += status.ok() ? text : "stream " + key + " failed: " + status.message() + "\n";
    }
  }
  return out;
}

std::string DumpModel(const std::vector<ModelDatabase>& databases, const DumpOptions& options) {
  std::string out;
  for (uint32_t db = 0; db < databases.size(); ++db) {
    out += "db " + std::to_string(db) + " keys=" + std::to_string(databases[db].size()) + "\n";
    for (const auto& [key, stream] : databases[db]) {
      if (stream.text.has_value()) {
        out += StringLine(db, key, *stream.text) + ExpiryLine(stream.expire_ms);
        continue;
      }
      out += StreamLine(db, key, stream.length(), stream.first_id(), stream.last_id,
                        stream.max_deleted, stream.entries_added);
      out += ExpiryLine(stream.expire_ms);
      out += PolicyLine(OwnSettings(stream.policy));
      if (options.with_nodes == nullptr || options.with_nodes(db, key)) {
        out += NodesLine(stream.nodes.size());
      }
      for (const auto& [id, entry] : stream.entries) {
        out += EntryLine(id, entry.arg_count, entry.wire);
      }
      out += IdempotencyLine(stream.idmp_duration_s, stream.idmp_max_size, stream.iids_added,
                             stream.iids_duplicates);
      out += DumpModelIids(stream, options.now);
      for (const auto& [name, group] : stream.groups) {
        out += GroupLine(name, group.last_id, group.entries_read, stream.Lag(group),
                         group.pending.size());
        out += PolicyLine(OwnSettings(group.policy));
        for (const auto& [consumer, state] : group.consumers) {
          out += ConsumerLine(consumer, group.PendingOf(consumer), state.seen_ms, state.active_ms,
                              options);
        }
        for (const auto& [id, record] : group.pending) {
          out += RecordLine(id, record.owner, record.delivery_ms, record.count);
        }
        out += OrderLine(group.DeliveryOrder());
      }
    }
  }
  return out;
}

std::string FirstDifference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a);
  std::istringstream lines_b(b);
  std::string line_a;
  std::string line_b;
  std::string about;
  for (;;) {
    const bool has_a = static_cast<bool>(std::getline(lines_a, line_a));
    const bool has_b = static_cast<bool>(std::getline(lines_b, line_b));
    if (!has_a && !has_b) {
      return "";
    }
    if (!has_a || !has_b || line_a != line_b) {
      return "in " + about + "\n  one:   " + (has_a ? line_a : "(end)") +
             "\n  other: " + (has_b ? line_b : "(end)");
    }
    if (line_a.starts_with("stream") || line_a.starts_with("  group")) {
      about = line_a;
    }
  }
}

}  // namespace tests
