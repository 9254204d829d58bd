#include "engine/steward.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/idle_removal.h"
#include "engine/limits.h"
#include "engine/loader.h"
#include "engine/persistence.h"

namespace engine {
namespace {

// Pause after a refusal: no room for unsaved bytes, or an object that cannot be fetched.
constexpr int64_t kRetryMs = 100;
// Streams looked at in one turn.
constexpr int kLooksPerTurn = 64;

// Every kind of work.
constexpr std::array<Task, 1> kTasks = {RemoveIdle};

}  // namespace

int64_t Steward::next_due_ms() const {
  if (is_fetching_ || places_.empty()) {
    return kNever;
  }
  return std::max(places_.begin()->due_ms, retry_ms_);
}

void Steward::Move(Stream& stream, int64_t due_ms) {
  places_.erase({stream.expected_ms, stream.physical_db, stream.key});
  stream.expected_ms = due_ms;
  if (due_ms != kNever) {
    places_.insert({due_ms, stream.physical_db, stream.key});
  }
}

void Steward::Run(Now now) {
  now_ms_ = now.store_ms;
  if (next_due_ms() > now.store_ms) {
    return;
  }
  if (!core_.persistence->CanWrite().ok()) {
    retry_ms_ = now.store_ms + kRetryMs;
    return;
  }
  std::vector<LoadItem> missing;
  for (int looks = 0; looks < kLooksPerTurn && missing.empty() && !places_.empty() &&
                      core_.recorder.bytes().size() < kTurnEffectBytes;
       ++looks) {
    const Place place = *places_.begin();
    if (place.due_ms > now.store_ms) {
      break;
    }
    Stream* stream = StreamAt(place, &missing);
    if (stream == nullptr) {
      if (missing.empty()) {
        places_.erase(place);
      }
      continue;
    }
    if (const auto next_ms = Attend(now, *stream, &missing)) {
      Move(*stream, *next_ms);
    }
  }
  if (missing.empty()) {
    core_.loader->Release(&pins_);
  } else {
    Fetch(std::move(missing));
  }
}

Stream* Steward::StreamAt(const Place& place, std::vector<LoadItem>* missing) {
  Database* database = core_.keyspace.ByPhysical(place.physical_db);
  if (database == nullptr) {
    return nullptr;
  }
  KeyHolder* holder = Keyspace::Find(*database, place.key);
  if (holder == nullptr) {
    LoadItem item;
    item.physical_db = place.physical_db;
    item.key = place.key;
    missing->push_back(std::move(item));
    return nullptr;
  }
  if (holder->kind != UnitKind::kStream) {
    return nullptr;
  }
  auto& stream = static_cast<Stream&>(*holder);
  return stream.expected_ms == place.due_ms ? &stream : nullptr;
}

std::optional<int64_t> Steward::Attend(Now now, Stream& stream, std::vector<LoadItem>* missing) {
  Op op;
  op.now = now;
  op.db = core_.keyspace.LogicalOf(*core_.keyspace.ByPhysical(stream.physical_db));
  op.pins = &pins_;
  int64_t next_ms = kNever;
  for (const Task task : kTasks) {
    const Result<TaskResult> result = task(core_, op, stream);
    if (result.ok()) {
      next_ms = std::min(next_ms, result->next_ms);
    } else if (result.code() != Code::kNotLoaded) {
      core_.Log(LogLevel::kError,
                "a stream cannot be attended to error=" + result.status().message());
      next_ms = std::min(next_ms, now.store_ms + kRetryMs);
    }
  }
  if (!op.needs.empty()) {
    *missing = std::move(op.needs);
    return std::nullopt;
  }
  return next_ms;
}

void Steward::Fetch(std::vector<LoadItem> items) {
  is_fetching_ = true;
  core_.loader->Start(std::move(items), &pins_, [this](Status status) {
    is_fetching_ = false;
    if (!status.ok()) {
      core_.Log(LogLevel::kError, "a stream cannot be attended to error=" + status.message());
      retry_ms_ = now_ms_ + kRetryMs;
    }
  });
}

}  // namespace engine
