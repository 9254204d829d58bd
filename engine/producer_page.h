// A page of a stream's idempotency table: producers, and which entry each of their ids stands for.
//
// Producers are kept in order of (hash of the name, name); a page is the run of them between two
// hashes. An iid ("idempotent id") is remembered with the entry that was added under it. Byte
// layout: docs/disk-format-producers.md. Owner: the stream's cache entry. Thread: loop.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"
#include "engine/status.h"
#include "engine/stream_id.h"

namespace engine {

// Where a producer stands in the order of all.
struct ProducerName {
  explicit ProducerName(std::string_view name) : hash(Hash64(name)), text(name) {}

  uint64_t hash;
  std::string_view text;
  auto operator<=>(const ProducerName&) const = default;
};

// One producer's iids, oldest entry first; iids of one entry in order of arrival.
class Producer {
 public:
  struct Iid {
    StreamId id;  // Of the entry that was added.
    std::string text;
  };

  explicit Producer(std::string_view name) : name_(name) {}

  const std::string& name() const { return name_; }
  size_t size() const { return iids_.size() - head_; }
  // Null when it is not known.
  const Iid* Find(std::string_view iid) const;
  // 0 is the oldest one. Precondition: index < size().
  const Iid& At(size_t index) const { return *iids_[head_ + index]; }
  // Iids of entries above this time.
  size_t CountAbove(uint64_t ms) const;

  // Precondition: not known yet.
  void Add(StreamId id, std::string_view iid);
  // The bytes of its text. Precondition: size() > 0.
  size_t ForgetOldest();

 private:
  const std::string name_;
  std::vector<std::unique_ptr<Iid>> iids_;  // From head_ on.
  size_t head_ = 0;
  absl::flat_hash_map<std::string_view, const Iid*, KeyedHash, BytesEqual> by_text_;
};

class ProducerPage {
 public:
  struct Counts {
    uint64_t producers = 0;
    uint64_t iids = 0;
    bool operator==(const Counts&) const = default;
  };
  // Entry times, in ms, of the oldest and the newest iid.
  struct Span {
    uint64_t oldest_ms = UINT64_MAX;
    uint64_t newest_ms = 0;
  };

  // kCorruption unless every byte is accounted for; a page has at least one iid.
  static Result<ProducerPage> Decode(std::string_view stored);
  // Precondition: !empty().
  void Encode(std::string* out) const;

  bool empty() const { return producers_.empty(); }
  // Precondition: !empty().
  uint64_t first_hash() const { return producers_.begin()->first.hash; }
  Counts counts() const { return {producers_.size(), iid_count_}; }
  // About what it takes on disk; decides when it is split.
  size_t byte_size() const { return bytes_; }
  size_t memory_bytes() const;
  Counts CountAbove(uint64_t ms) const;
  Span FindSpan() const;

  const Producer* Find(const ProducerName& name) const;
  // In order. `visit` may not change the page.
  void ForEach(absl::FunctionRef<void(const ProducerName&, const Producer&)> visit) const;

  // The producer keeps its newest `max_size` iids. An iid that is known has expired: it is
  // forgotten first, and with it those of the producer that are older.
  void Record(const ProducerName& name, std::string_view iid, StreamId id, size_t max_size);
  // Forgets iids of entries up to this time whose producers' hashes lie within the bounds.
  void ForgetThrough(uint64_t first_hash, uint64_t last_hash, uint64_t ms);
  // Moves the upper half, from a hash on, into the page returned; nothing when all hashes are one.
  std::optional<std::pair<uint64_t, ProducerPage>> Split();

 private:
  // Names are views of the producers' own.
  absl::btree_map<ProducerName, std::unique_ptr<Producer>> producers_;
  uint64_t iid_count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace engine
