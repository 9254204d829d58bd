#include "engine/steward.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/apply.h"
#include "engine/due.h"
#include "engine/idle_removal.h"
#include "engine/key_scan.h"
#include "engine/loader.h"
#include "engine/parked.h"
#include "engine/persistence.h"
#include "engine/pump.h"
#include "engine/retire.h"

namespace engine {
namespace {

// Pause after a refusal: no room for unsaved bytes, or the store is away.
constexpr int64_t kRetryMs = 100;
// Pauses before a stream that cannot be fetched or attended to is tried again: from, to.
constexpr int64_t kFirstAsideMs = 1000;
constexpr int64_t kLongestAsideMs = 60'000;
// Keys that one step of a survey's walk looks at.
constexpr int64_t kSurveyKeys = 256;
// The system clock may be set by so much before it counts as a step.
constexpr int64_t kClockSlackMs = TimeLine::kStepMs;

// Every kind of work; each row its function. In this order: what one sets free is there for those
// behind it.
constexpr Task kTasks[] = {
    &RemoveIdle, &Redeliver, &MoveParked, &PumpSchedule, &SweepUnreferenced, &TrimAged, &RemoveIdle,
};

TimePlace JustAfter(TimePlace place) {
  place.key.push_back('\0');
  return place;
}

int64_t OffsetOf(Now now) { return now.unix_ms - now.store_ms; }

}  // namespace

int64_t Steward::StoreTimeOf(Now now, int64_t unix_ms) {
  if (unix_ms <= now.unix_ms) {
    return now.store_ms;
  }
  const int64_t wait_ms = unix_ms - now.unix_ms;
  return now.store_ms + (wait_ms > 2 * kClockSlackMs ? wait_ms - kClockSlackMs : wait_ms);
}

bool Steward::IsSurveyDue() const {
  if (rules_version_ != core_.policy_rules.version()) {
    rules_version_ = core_.policy_rules.version();
    rules_ = core_.policy_rules.Fingerprint();
  }
  const uint64_t under = survey_.has_value() ? survey_->under.rules : core_.last_survey.rules;
  return is_survey_wanted_ || rules_ != under;
}

int64_t Steward::next_due_ms() const {
  if (is_fetching_) {
    return kNever;
  }
  if (survey_.has_value() || IsSurveyDue() || core_.due_index.WantsPage()) {
    return retry_ms_;
  }
  int64_t next_ms = kNever;
  for (const TimePlace* place = core_.due_index.Earliest(); place != nullptr;
       place = core_.due_index.EarliestFrom(JustAfter(*place))) {
    const auto aside = aside_.find(*place);
    if (aside == aside_.end()) {
      next_ms = std::min(next_ms, place->due_ms);
      break;
    }
    next_ms = std::min(next_ms, std::max(place->due_ms, aside->second.retry_ms));
  }
  return std::max(next_ms, retry_ms_);
}

void Steward::Move(Stream& stream, int64_t due_ms) {
  const int64_t at_ms = std::max<int64_t>(due_ms, 1);
  if (at_ms != stream.expected_ms) {
    Emit(core_, stream, Expected{at_ms});
  }
}

// ---- Turns ----

void Steward::Run(Now now) {
  now_ms_ = now.store_ms;
  FollowClock(now);
  if (next_due_ms() > now.store_ms) {
    return;
  }
  if (!core_.persistence->CanWrite().ok()) {
    retry_ms_ = now.store_ms + kRetryMs;
    return;
  }
  if (IsSurveyDue()) {
    BeginSurvey(now);
  }
  ForgetAside();
  // Without reader threads a fetch has ended when it returns, and the next round has its result.
  constexpr int kRounds = 4;
  int looks_left = kStewardLooks;
  for (int round = 0; round < kRounds && !is_fetching_ && retry_ms_ <= now.store_ms; ++round) {
    Wanted wanted;
    if (Step(now, &looks_left, &wanted)) {
      core_.loader->Release(&pins_);
      break;
    }
    Fetch(std::move(wanted));
  }
}

bool Steward::Step(Now now, int* looks_left, Wanted* wanted) {
  if (core_.due_index.WantsPage()) {
    wanted->items.push_back(core_.due_index.PageWanted());
    return false;
  }
  wanted->pins = &pins_;
  for (const TimePlace& place : DuePlaces(now, *looks_left)) {
    if (core_.recorder.bytes().size() >= kTurnEffectBytes) {
      break;
    }
    if (wanted->places.size() < fetch_size_) {
      --*looks_left;
      LookAt(now, place, wanted);
    }
  }
  if (wanted->items.empty() && survey_.has_value() && *looks_left > 0) {
    SurveyStep(now, wanted);
  }
  return wanted->items.empty();
}

std::vector<TimePlace> Steward::DuePlaces(Now now, int count) const {
  std::vector<TimePlace> due;
  for (const TimePlace* place = core_.due_index.Earliest();
       place != nullptr && place->due_ms <= now.store_ms && std::ssize(due) < count;
       place = core_.due_index.EarliestFrom(JustAfter(*place))) {
    const auto aside = aside_.find(*place);
    if (aside == aside_.end() || aside->second.retry_ms <= now.store_ms) {
      due.push_back(*place);
    }
  }
  return due;
}

void Steward::LookAt(Now now, const TimePlace& place, Wanted* wanted) {
  std::vector<LoadItem> missing;
  Stream* stream = StreamAt(place, &missing);
  if (stream == nullptr && missing.empty()) {
    const Database* database = core_.keyspace.ByPhysical(place.physical_db);
    const DamagedKey* damaged =
        database == nullptr
            ? nullptr
            : AsDamaged(Keyspace::Find(*core_.keyspace.ByPhysical(place.physical_db), place.key));
    if (damaged != nullptr) {
      SetAside(place, damaged->status());
      return;
    }
    core_.due_index.Remove(place);
    return;
  }
  if (stream != nullptr) {
    if (const auto next_ms = Attend(now, *stream, &missing)) {
      aside_.erase(place);
      Move(*stream, *next_ms);
      return;
    }
  }
  wanted->places.push_back(place);
  std::move(missing.begin(), missing.end(), std::back_inserter(wanted->items));
}

Stream* Steward::StreamAt(const TimePlace& place, std::vector<LoadItem>* missing) {
  Database* database = core_.keyspace.ByPhysical(place.physical_db);
  if (database == nullptr) {
    return nullptr;  // It was flushed.
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
  if (stream.ExpiredAt(now.unix_ms)) {
    return now.store_ms + kRetryMs;  // It does not exist for anybody, and goes in a moment.
  }
  Op op;
  op.now = now;
  op.db = core_.keyspace.LogicalOf(*core_.keyspace.ByPhysical(stream.physical_db));
  op.pins = &pins_;
  int64_t next_ms = kNever;
  for (const Task task : kTasks) {
    const Result<TaskResult> result = task(core_, op, stream);
    if (result.ok()) {
      next_ms = std::min(next_ms, result->next_ms);
    } else if (result.code() != Code::kNotLoaded || op.needs.empty()) {
      core_.Log(LogLevel::kError,
                "a stream cannot be attended to error=" + result.status().message());
      next_ms = std::min(next_ms, now.store_ms + kFirstAsideMs);
    }
  }
  if (!op.needs.empty()) {
    *missing = std::move(op.needs);
    return std::nullopt;
  }
  // Whoever has more to do stands behind those that are due already.
  return std::max(next_ms, now.store_ms);
}

// ---- Surveys ----

void Steward::FollowClock(Now now) {
  Survey& survey = survey_.has_value() ? survey_->under : core_.last_survey;
  const int64_t offset_ms = OffsetOf(now);
  if (survey.offset_ms != INT64_MAX && offset_ms > survey.offset_ms + kClockSlackMs) {
    is_survey_wanted_ = true;  // Times of the system clock come earlier than they were expected.
  } else {
    survey.offset_ms = std::min(survey.offset_ms, offset_ms);
  }
}

void Steward::BeginSurvey(Now now) {
  core_.loader->Release(&survey_pins_);
  survey_.emplace();
  survey_->under = {rules_, OffsetOf(now)};
  for (uint32_t db = 0; db < core_.keyspace.size(); ++db) {
    survey_->databases.push_back(core_.keyspace.at(db).physical);
  }
  is_survey_wanted_ = false;
}

void Steward::SurveyStep(Now now, Wanted* wanted) {
  if (survey_->names.empty() && !NextNames(now, wanted)) {
    return;
  }
  ExpectNamed(now, wanted);
}

bool Steward::NextNames(Now now, Wanted* wanted) {
  std::vector<uint32_t>& databases = survey_->databases;
  const auto is_empty = [this](uint32_t physical_db) {
    const Database* database = core_.keyspace.ByPhysical(physical_db);
    // Null: it was flushed, and what is in its place is newer than the rules.
    return database == nullptr || database->key_count == 0;
  };
  while (!databases.empty() && is_empty(databases.back())) {
    databases.pop_back();
    survey_->cursor = 0;
  }
  if (databases.empty()) {
    core_.loader->Release(&survey_pins_);
    core_.last_survey = survey_->under;
    survey_.reset();
    return false;
  }
  Op op;
  op.now = now;
  op.db = core_.keyspace.LogicalOf(*core_.keyspace.ByPhysical(databases.back()));
  op.pins = &survey_pins_;
  Result<ScanResult> step = ScanKeys(core_, op, survey_->cursor, kSurveyKeys, {}, KeyType::kStream);
  if (!step.ok()) {
    core_.loader->Release(&survey_pins_);  // Of the step before.
    wanted->items = std::move(op.needs);
    wanted->pins = &survey_pins_;
    return false;
  }
  survey_->names = std::move(step->keys);
  survey_->cursor = step->cursor;
  return true;
}

void Steward::ExpectNamed(Now now, Wanted* wanted) {
  Database* database =
      survey_->databases.empty() ? nullptr : core_.keyspace.ByPhysical(survey_->databases.back());
  std::vector<std::string>& names = survey_->names;
  if (database == nullptr) {
    names.clear();
  }
  while (wanted->names < std::min(names.size(), fetch_size_)) {
    // Those that must be fetched stay at the end of the list.
    const size_t at = names.size() - 1 - wanted->names;
    KeyHolder* holder = Keyspace::Find(*database, names[at]);
    if (holder == nullptr) {
      LoadItem item;
      item.physical_db = database->physical;
      item.key = names[at];
      wanted->items.push_back(std::move(item));
      ++wanted->names;
      wanted->pins = &survey_pins_;
    } else {
      if (holder->kind == UnitKind::kStream) {
        Expect(static_cast<Stream&>(*holder), now.store_ms);
      }
      names.erase(names.begin() + static_cast<ptrdiff_t>(at));
    }
  }
  if (names.empty() && survey_->cursor == 0 && !survey_->databases.empty()) {
    survey_->databases.pop_back();
  }
}

// ---- Fetching ----

void Steward::Fetch(Wanted wanted) {
  is_fetching_ = true;
  std::vector<LoadItem> items = wanted.items;
  Pins* const pins = wanted.pins;
  core_.loader->Start(
      std::move(items), pins,
      [this, wanted = std::move(wanted)](const Status& status) { OnFetched(wanted, status); });
}

void Steward::OnFetched(const Wanted& wanted, const Status& status) {
  is_fetching_ = false;
  if (status.ok()) {
    fetch_size_ = std::min(fetch_size_ * 2, kStewardFetches);
  } else if (status.code() != Code::kClosing) {
    OnFetchFailed(wanted, status);
  }
}

// Halves of halves show which one it is; a damaged stream must not keep the others.
void Steward::OnFetchFailed(const Wanted& wanted, const Status& status) {
  core_.loader->Release(&pins_);
  const size_t count = wanted.places.size() + wanted.names;
  if (count > 1) {
    fetch_size_ = std::max<size_t>(count / 2, 1);
  } else if (wanted.places.size() == 1) {
    SetAside(wanted.places.front(), status);
  } else if (wanted.names == 1 && status.code() == Code::kCorruption && survey_.has_value() &&
             !survey_->names.empty() && survey_->names.back() == wanted.items.front().key) {
    core_.Log(LogLevel::kError, "a stream is left out of the survey error=" + status.message());
    survey_->names.pop_back();
  } else {
    core_.Log(LogLevel::kError, "streams cannot be attended to error=" + status.message());
    retry_ms_ = now_ms_ + kFirstAsideMs;
  }
}

void Steward::SetAside(const TimePlace& place, const Status& why) {
  Aside& aside = aside_[place];
  aside.pause_ms = std::clamp(aside.pause_ms * 2, kFirstAsideMs, kLongestAsideMs);
  aside.retry_ms = now_ms_ + aside.pause_ms;
  core_.Log(LogLevel::kError, "a stream cannot be attended to error=" + why.message());
}

// Of places that are nobody's any more nothing else would remind.
void Steward::ForgetAside() {
  std::erase_if(aside_, [this](const auto& entry) {
    return entry.second.retry_ms + 2 * kLongestAsideMs < now_ms_;
  });
}

}  // namespace engine
