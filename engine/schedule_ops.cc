// Engine calls on scheduled entries.
#include <algorithm>
#include <memory>
#include <utility>

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/engine.h"
#include "engine/limits.h"
#include "engine/schedule.h"
#include "engine/schedule_walk.h"
#include "engine/steward.h"

namespace engine {
namespace {

LoadItem ItemFor(const Stream& stream, ScheduleToken first, ScheduleToken last, int64_t count) {
  LoadItem item;
  item.kind = LoadItem::Kind::kScheduleRange;
  item.physical_db = stream.physical_db;
  item.uid = stream.uid;
  item.key = stream.key;
  item.first_token = first;
  item.last_token = last;
  item.scan_count = count;
  return item;
}

// What an earlier run of the command found from `first` on; null when there is nothing of use.
const SchedulePage* FoundFrom(const Core& core, const Op& op, const Stream& stream,
                              ScheduleToken first) {
  if (op.pins == nullptr || op.pins->schedule == nullptr) {
    return nullptr;
  }
  const auto& finds = op.pins->schedule->finds;
  const auto find = finds.find({stream.uid, first});
  return find != finds.end() && find->second.checkpoint == core.checkpoint.number()
             ? &find->second.page
             : nullptr;
}

using Items = std::vector<Schedule::Item>;

// The first `count` entries within the bounds when the store's are in `page`; nothing when the page
// ends too early.
std::optional<Items> Merge(const Schedule& schedule, const SchedulePage& page, ScheduleToken first,
                           ScheduleToken last, size_t count) {
  Items items = schedule.Unstored(first, last, count);
  const size_t middle = items.size();
  for (const auto& [token, entry] : page.entries) {
    if (token <= last && !schedule.IsStale(token)) {
      items.push_back({&token, &entry});
    }
  }
  std::inplace_merge(items.begin(), items.begin() + static_cast<ptrdiff_t>(middle), items.end(),
                     [](const auto& a, const auto& b) { return *a.first < *b.first; });
  if (page.next.has_value()) {
    // What is behind it in memory may have others of the store before it.
    std::erase_if(items, [&page](const auto& item) { return *item.first >= *page.next; });
    if (items.size() < count && !page.is_full) {
      return std::nullopt;
    }
  }
  items.resize(std::min(items.size(), count));
  return items;
}

// The first entries within the bounds when none of them is in the store alone.
std::optional<Items> KnownItems(const Schedule& schedule, ScheduleToken first, ScheduleToken last,
                                size_t count) {
  Items items;
  if (schedule.has_passed_over()) {
    return std::nullopt;
  }
  while (items.size() < count) {
    const Schedule::Item item = schedule.EarliestFrom(first);
    if (item.first == nullptr) {
      return schedule.NeedsPage(first) ? std::nullopt : std::optional(std::move(items));
    }
    if (*item.first > last) {
      break;
    }
    items.push_back(item);
    if (*item.first == ScheduleToken::Max()) {
      break;
    }
    first = item.first->Next();
  }
  return items;
}

// Bytes of payload of an entry that exists; nothing (and op.needs grows) when only the store knows.
// No bytes: there is none.
struct Found {
  bool exists = false;
  uint64_t payload_bytes = 0;
};
std::optional<Found> Find(Core& core, Op& op, Stream& stream, ScheduleToken token) {
  const Schedule& schedule = *stream.schedule;
  if (const ScheduledEntry* entry = schedule.Find(token)) {
    return Found{true, entry->payload.size()};
  }
  if (schedule.Has(token) == false) {
    return Found();
  }
  const SchedulePage* page = FoundFrom(core, op, stream, token);
  if (page == nullptr) {
    op.needs.push_back(ItemFor(stream, token, token, 1));
    return std::nullopt;
  }
  if (page->entries.empty() || page->entries.front().first != token) {
    return Found();
  }
  return Found{true, page->entries.front().second.payload.size()};
}

}  // namespace

Result<Items> FindScheduled(Core& core, Op& op, Stream& stream, ScheduleToken first,
                            ScheduleToken last, size_t count) {
  if (stream.schedule == nullptr || first > last) {
    return Items();
  }
  const Schedule& schedule = *stream.schedule;
  first = std::max(first, schedule.floor());
  std::optional<Items> items = KnownItems(schedule, first, last, count);
  // Entries that are gone may make the page too short: the next one is larger.
  constexpr size_t kSpare = 64;
  size_t wanted = std::min(count, static_cast<size_t>(schedule.count())) + kSpare;
  while (!items.has_value()) {
    const SchedulePage* page = FoundFrom(core, op, stream, first);
    if (page != nullptr) {
      items = Merge(schedule, *page, first, last, count);
      wanted = std::max(wanted, page->entries.size() * 4);
    }
    if (!items.has_value()) {
      op.needs.push_back(ItemFor(stream, first, last, static_cast<int64_t>(wanted)));
      RETURN_IF_ERROR(core.CheckLoaded(op));
      CHECK(op.pins != nullptr);
    }
  }
  return std::move(*items);
}

Result<ScheduleResult> Engine::ScheduleEntry(Op& op, std::string_view key, Stream* stream,
                                             int64_t due_unix_ms, const Payload& payload) {
  if (payload.data_bytes > kMaxEntryBytes) {
    return Status(Code::kTooLarge);
  }
  const StreamPolicy policy = stream == nullptr ? core_->policy_rules.ForStream(key, false, nullptr)
                                                : PolicyOf(op, *stream);
  ScheduleResult result;
  if (policy.max_bytes > 0 && payload.data_bytes > static_cast<uint64_t>(policy.max_bytes)) {
    result.refusal = ScheduleRefusal::kLargerThanMaxBytes;
    return result;
  }
  const uint64_t count =
      stream == nullptr || stream->schedule == nullptr ? 0 : stream->schedule->count();
  if (policy.max_scheduled > 0 && count >= static_cast<uint64_t>(policy.max_scheduled)) {
    result.refusal = ScheduleRefusal::kFull;
    result.limit = policy.max_scheduled;
    return result;
  }
  if (stream == nullptr) {
    ASSIGN_OR_RETURN(stream, CreateStream(op, key));
    result.created = true;
  }
  result.token.due_ms = due_unix_ms;
  result.token.sequence = stream->schedule == nullptr ? 1 : stream->schedule->next_sequence();
  Emit(*core_, *stream,
       Scheduled{result.token, payload.arg_count, payload.data_bytes, payload.wire});
  core_->steward->Expect(*stream, Steward::StoreTimeOf(op.now, due_unix_ms));
  Core::Saw(op, *stream);
  return result;
}

Result<int64_t> Engine::CancelScheduled(Op& op, Stream& stream,
                                        std::span<const ScheduleToken> tokens) {
  if (stream.schedule == nullptr) {
    return 0;
  }
  std::vector<ScheduleToken> wanted(tokens.begin(), tokens.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::vector<ScheduleToken> found;
  uint64_t payload_bytes = 0;
  for (const ScheduleToken token : wanted) {
    std::optional<Found> entry = Find(*core_, op, stream, token);
    if (!entry.has_value() && op.read_misses) {
      RETURN_IF_ERROR(core_->CheckLoaded(op));
      entry = Find(*core_, op, stream, token);
    }
    if (entry.has_value() && entry->exists) {
      found.push_back(token);
      payload_bytes += entry->payload_bytes;
    }
    if (op.needs.size() >= kLoadRoundItems) {
      break;
    }
  }
  RETURN_IF_ERROR(core_->CheckLoaded(op));
  if (!found.empty()) {
    Emit(*core_, stream, Unscheduled{found, payload_bytes});
  }
  Core::Saw(op, stream);
  return static_cast<int64_t>(found.size());
}

Status Engine::ListScheduled(Op& op, Stream& stream, ScheduleToken first, ScheduleToken last,
                             size_t count, ScheduledSink sink) {
  Core::Saw(op, stream);
  ASSIGN_OR_RETURN(const Items items, FindScheduled(*core_, op, stream, first, last, count));
  size_t bytes = 0;
  for (const auto& [token, entry] : items) {
    sink(*token, {entry->payload, entry->arg_count, entry->data_bytes});
    bytes += entry->payload.size() + kEntryReplyOverhead;
    if (bytes >= kReadReplySoftCap) {
      break;
    }
  }
  return OkStatus();
}

Result<ScheduleSummary> Engine::SummarizeSchedule(Op& op, Stream& stream) {
  Core::Saw(op, stream);
  ASSIGN_OR_RETURN(const Items items,
                   FindScheduled(*core_, op, stream, {}, ScheduleToken::Max(), 1));
  ScheduleSummary summary;
  if (!items.empty()) {
    summary.count = stream.schedule->count();
    summary.next_due_unix_ms = items.front().first->due_ms;
  }
  return summary;
}

}  // namespace engine
