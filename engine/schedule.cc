#include "engine/schedule.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/checkpoint.h"
#include "engine/checksum.h"
#include "engine/limits.h"
#include "engine/schema.h"
#include "engine/stream.h"

namespace engine {
namespace {

constexpr uint8_t kScheduledVersion = 1;
// What an entry takes in memory beside its payload, about.
constexpr size_t kEntryOverhead = 112;
constexpr size_t kTokenOverhead = 24;
// Deletes of one checkpoint that go one by one; more of them at the front become a range.
constexpr size_t kPointDeletes = 1024;

size_t SizeOf(const ScheduledEntry& entry) { return entry.payload.size() + kEntryOverhead; }

}  // namespace

void EncodeScheduled(const ScheduledEntry& entry, std::string* out) {
  const size_t begin = out->size();
  PutU8(out, kScheduledVersion);
  PutVarint(out, entry.arg_count);
  PutVarint(out, entry.data_bytes);
  PutString(out, entry.payload);
  SealRecord(out, begin);
}

Result<ScheduledEntry> DecodeScheduled(std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (body.has_value()) {
    Decoder decoder(*body);
    ScheduledEntry entry;
    const uint8_t version = decoder.ReadU8();
    entry.arg_count = decoder.ReadVarint32();
    entry.data_bytes = decoder.ReadVarint();
    entry.payload = decoder.ReadString();
    if (decoder.AtEnd() && version == kScheduledVersion && entry.arg_count >= 2 &&
        entry.arg_count % 2 == 0) {
      return entry;
    }
  }
  return Status(Code::kCorruption, "a scheduled entry is damaged");
}

// ---- Changes ----

void Schedule::Add(ScheduleToken token, ScheduledEntry entry) {
  if (count_ == 0) {
    // Whatever records are left are on the lists of deletes.
    floor_ = token;
    end_ = ScheduleToken::Max();
  }
  floor_ = std::min(floor_, token);
  next_sequence_ = std::max(next_sequence_, token.sequence + 1);
  ++count_;
  payload_bytes_ += entry.payload.size();
  fresh_bytes_ += SizeOf(entry);
  fresh_.insert_or_assign(token, Unsaved{std::move(entry), gone_.contains(token)});
}

void Schedule::Remove(Checkpoint* checkpoint, std::span<const ScheduleToken> tokens,
                      uint64_t bytes) {
  for (const ScheduleToken token : tokens) {
    const Item first = EarliestFrom({});
    const bool is_first = first.first != nullptr && *first.first == token &&
                          (passed_.empty() || token < *passed_.begin());
    RemoveOne(checkpoint, token);
    --count_;
    if (is_first) {
      floor_ = token.Next();
    }
  }
  payload_bytes_ -= bytes;
  if (gone_.size() > kPointDeletes && *gone_.begin() < floor_) {
    gone_.erase(gone_.begin(), gone_.lower_bound(floor_));
    gone_below_ = floor_;
  }
}

void Schedule::RemoveOne(Checkpoint* checkpoint, ScheduleToken token) {
  if (const auto it = fresh_.find(token); it != fresh_.end()) {
    if (it->second.maybe_stored) {
      gone_.insert(token);
    }
    fresh_bytes_ -= SizeOf(it->second.entry);
    fresh_.erase(it);
    return;
  }
  if (const auto it = frozen_.find(token); it != frozen_.end()) {
    if (frozen && token >= encoded_below_) {
      // The checkpoint holds the state of its turn, whatever happens while it is encoded.
      EncodeDeletes(checkpoint);
      EncodeEntry(checkpoint, token, it->second.entry);
    }
    frozen_bytes_ -= SizeOf(it->second.entry);
    frozen_.erase(it);
  } else if (const auto in_window = window_.find(token); in_window != window_.end()) {
    window_bytes_ -= SizeOf(in_window->second);
    window_.erase(in_window);
  } else {
    passed_.erase(token);
  }
  gone_.insert(token);
}

// ---- Looking ----

Schedule::Item Schedule::EarliestFrom(ScheduleToken from) const {
  Item first{nullptr, nullptr};
  const auto offer = [&first](const ScheduleToken& token, const ScheduledEntry& entry) {
    if (first.first == nullptr || token < *first.first) {
      first = {&token, &entry};
    }
  };
  for (const UnsavedMap* unsaved : {&fresh_, &frozen_}) {
    if (const auto it = unsaved->lower_bound(from); it != unsaved->end()) {
      offer(it->first, it->second.entry);
    }
  }
  if (const auto it = window_.lower_bound(from); it != window_.end()) {
    offer(it->first, it->second);
  }
  return first.first != nullptr && IsKnown(*first.first) ? first : Item{nullptr, nullptr};
}

bool Schedule::NeedsPage(ScheduleToken from) const {
  return EarliestFrom(from).first == nullptr && end_ != ScheduleToken::Max() && !WindowHasAll();
}

const ScheduledEntry* Schedule::Find(ScheduleToken token) const {
  for (const UnsavedMap* unsaved : {&fresh_, &frozen_}) {
    if (const auto it = unsaved->find(token); it != unsaved->end()) {
      return &it->second.entry;
    }
  }
  const auto it = window_.find(token);
  return it == window_.end() ? nullptr : &it->second;
}

std::optional<bool> Schedule::Has(ScheduleToken token) const {
  if (Find(token) != nullptr || passed_.contains(token)) {
    return true;
  }
  if (IsStale(token) || token < floor_ || IsKnown(token) || token.sequence >= next_sequence_) {
    return false;
  }
  return std::nullopt;
}

bool Schedule::IsStale(ScheduleToken token) const {
  return fresh_.contains(token) || frozen_.contains(token) || gone_.contains(token) ||
         frozen_gone_.contains(token) || token < gone_below_ || token < frozen_gone_below_;
}

std::vector<Schedule::Item> Schedule::Unstored(ScheduleToken first, ScheduleToken last,
                                               size_t count) const {
  std::vector<Item> items;
  for (const UnsavedMap* unsaved : {&fresh_, &frozen_}) {
    const size_t middle = items.size();
    for (auto it = unsaved->lower_bound(first);
         it != unsaved->end() && it->first <= last && items.size() - middle < count; ++it) {
      items.push_back({&it->first, &it->second.entry});
    }
    std::inplace_merge(items.begin(), items.begin() + static_cast<ptrdiff_t>(middle), items.end(),
                       [](const Item& a, const Item& b) { return *a.first < *b.first; });
  }
  return items;
}

size_t Schedule::memory_bytes() const {
  return sizeof(Schedule) + fresh_bytes_ + frozen_bytes_ + window_bytes_ +
         (gone_.size() + frozen_gone_.size() + passed_.size()) * kTokenOverhead;
}

std::optional<std::vector<ScheduleToken>> Schedule::StoredTokens() const {
  const size_t count =
      window_.size() + fresh_.size() + frozen_.size() + gone_.size() + frozen_gone_.size();
  if (!WindowHasAll() || count > kPointDeletes || gone_below_ != ScheduleToken() ||
      frozen_gone_below_ != ScheduleToken()) {
    return std::nullopt;
  }
  std::vector<ScheduleToken> tokens(passed_.begin(), passed_.end());
  tokens.insert(tokens.end(), gone_.begin(), gone_.end());
  tokens.insert(tokens.end(), frozen_gone_.begin(), frozen_gone_.end());
  for (const auto& [token, entry] : window_) {
    tokens.push_back(token);
  }
  for (const auto& [token, unsaved] : frozen_) {
    tokens.push_back(token);
  }
  for (const auto& [token, unsaved] : fresh_) {
    if (unsaved.maybe_stored) {
      tokens.push_back(token);
    }
  }
  return tokens;
}

// ---- The window ----

LoadItem Schedule::PageWanted() const {
  LoadItem item;
  item.kind = LoadItem::Kind::kScheduleWindow;
  item.physical_db = stream->physical_db;
  item.uid = stream->uid;
  item.key = stream->key;
  item.first_token = end_;
  item.last_token = ScheduleToken::Max();
  item.scan_count = static_cast<int64_t>(kSchedulePageEntries);
  return item;
}

void Schedule::PutIntoWindow(ScheduleToken token, ScheduledEntry entry) {
  window_bytes_ += SizeOf(entry);
  window_.insert_or_assign(token, std::move(entry));
  // One of them stays however large it is.
  while (window_bytes_ > kScheduleWindowBytes && window_.size() > 1) {
    const auto last = std::prev(window_.end());
    end_ = last->first;
    window_bytes_ -= SizeOf(last->second);
    window_.erase(last);
    passed_.erase(passed_.lower_bound(end_), passed_.end());
  }
}

void Schedule::InstallPage(SchedulePage page) {
  if (page.from != end_) {
    return;
  }
  end_ = page.next.value_or(ScheduleToken::Max());
  for (auto& [token, entry] : page.entries) {
    if (token >= end_) {
      break;  // The window was full before.
    }
    if (!IsStale(token)) {
      PutIntoWindow(token, std::move(entry));
    }
  }
}

void Schedule::PassOver(ScheduleToken token, int64_t bound) {
  const auto it = window_.find(token);
  if (it == window_.end()) {
    return;  // It is in memory until it is stored.
  }
  window_bytes_ -= SizeOf(it->second);
  window_.erase(it);
  passed_.insert(token);
  passed_bound_ = bound;
}

void Schedule::DropWindow() {
  window_bytes_ = 0;
  window_.clear();
  passed_.clear();
  end_ = fresh_.size() + frozen_.size() == count_ ? ScheduleToken::Max() : floor_;
}

// ---- Checkpoints ----

void Schedule::Freeze() {
  CHECK(frozen_.empty() && frozen_gone_.empty());
  frozen_.swap(fresh_);
  frozen_bytes_ = std::exchange(fresh_bytes_, 0);
  frozen_gone_.swap(gone_);
  frozen_gone_below_ = std::exchange(gone_below_, ScheduleToken());
  deletes_encoded_ = false;
  encoded_below_ = {};
}

void Schedule::EncodeEntry(Checkpoint* checkpoint, ScheduleToken token,
                           const ScheduledEntry& entry) const {
  std::string value;
  EncodeScheduled(entry, &value);
  checkpoint->Put(Family::kSide, ScheduledKey(stream->physical_db, stream->uid, token), value);
}

// Before any entry: one may have a token below those that went.
void Schedule::EncodeDeletes(Checkpoint* checkpoint) {
  if (std::exchange(deletes_encoded_, true)) {
    return;
  }
  const auto key = [this](ScheduleToken token) {
    return ScheduledKey(stream->physical_db, stream->uid, token);
  };
  if (frozen_gone_below_ != ScheduleToken()) {
    checkpoint->DeleteRange(Family::kSide, key({}), key(frozen_gone_below_));
  }
  for (const ScheduleToken token : frozen_gone_) {
    checkpoint->Delete(Family::kSide, key(token));
  }
}

bool Schedule::EncodeSlice(Checkpoint* checkpoint, size_t max_bytes) {
  EncodeDeletes(checkpoint);
  size_t bytes = 0;
  for (auto it = frozen_.lower_bound(encoded_below_); it != frozen_.end(); ++it) {
    if (bytes >= max_bytes) {
      encoded_below_ = it->first;
      return false;
    }
    EncodeEntry(checkpoint, it->first, it->second.entry);
    bytes += SizeOf(it->second.entry);
  }
  encoded_below_ = ScheduleToken::Max();
  return true;
}

void Schedule::Confirm(std::vector<UnsavedMap>* discarded) {
  if (WindowHasAll()) {
    end_ = ScheduleToken::Max();
  }
  UnsavedMap saved;
  saved.swap(frozen_);
  for (auto it = saved.begin(); it != saved.end() && it->first < end_; ++it) {
    PutIntoWindow(it->first, std::move(it->second.entry));
  }
  frozen_bytes_ = 0;
  frozen_gone_.clear();
  frozen_gone_below_ = {};
  if (!saved.empty()) {
    discarded->push_back(std::move(saved));
  }
}

void Schedule::Revert() {
  for (auto& [token, unsaved] : frozen_) {
    unsaved.maybe_stored = true;
    fresh_.insert_or_assign(token, std::move(unsaved));
  }
  frozen_.clear();
  fresh_bytes_ += std::exchange(frozen_bytes_, 0);
  gone_.merge(frozen_gone_);
  frozen_gone_.clear();
  gone_below_ = std::max(gone_below_, std::exchange(frozen_gone_below_, ScheduleToken()));
}

// ---- The stream record ----

void Schedule::Put(std::string* out, const Schedule* schedule) {
  if (schedule == nullptr) {
    PutVarint(out, 0);
    return;
  }
  PutVarint(out, schedule->next_sequence_);
  PutVarint(out, schedule->count_);
  PutVarint(out, schedule->payload_bytes_);
  PutVarint(out, static_cast<uint64_t>(schedule->floor_.due_ms));
  PutVarint(out, schedule->floor_.sequence);
}

std::unique_ptr<Schedule> Schedule::Read(Decoder* decoder, Stream* owner) {
  const uint64_t next_sequence = decoder->ReadVarint();
  if (next_sequence == 0) {
    return nullptr;
  }
  auto schedule = std::make_unique<Schedule>(owner);
  schedule->next_sequence_ = next_sequence;
  schedule->count_ = decoder->ReadVarint();
  schedule->payload_bytes_ = decoder->ReadVarint();
  const uint64_t due_ms = decoder->ReadVarint();
  schedule->floor_.sequence = decoder->ReadVarint();
  if (due_ms > INT64_MAX || schedule->count_ >= next_sequence) {
    decoder->Fail();
    return nullptr;
  }
  schedule->floor_.due_ms = static_cast<int64_t>(due_ms);
  schedule->DropWindow();
  return schedule;
}

}  // namespace engine
