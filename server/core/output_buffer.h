// Replies of one connection that wait to be sent, and the turns they wait for.
//
// Commands append to tail(). A reply that shows what a turn changed may leave only when that turn
// is released (engine/engine.h); everything behind it on the connection waits with it. The owner of
// the socket takes what may leave with Collect and reports what went out with Consume.
//
//   sealed pieces ...........  tail
//   [piece][piece][piece]      [bytes of the running and of earlier commands]
//            ^ gate: from this position on, turn 17 must be released
//
// Positions count bytes from the start of the connection. A buffer without bytes holds no memory:
// strings come from, and go back to, a pool.
// Owner: Session. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/types.h"

namespace server {

// Strings with some capacity, for reuse. Owner: ServerContext. Thread: loop.
class BufferPool {
 public:
  std::string Take();
  // Keeps the string's memory unless it is too large or there are enough.
  void Give(std::string buffer);

 private:
  std::vector<std::string> free_;
};

// A queue in one piece of memory; none while it was never used.
template <typename T>
class FrontQueue {
 public:
  bool empty() const { return first_ == items_.size(); }
  size_t size() const { return items_.size() - first_; }
  T& front() { return items_[first_]; }
  const T& back() const { return items_.back(); }
  auto begin() const { return items_.begin() + static_cast<ptrdiff_t>(first_); }
  auto end() const { return items_.end(); }
  void push_back(T item) { items_.push_back(std::move(item)); }
  void pop_front() {
    // Items move up once half of the memory is behind them: a constant amount of work for each.
    if (++first_ * 2 < items_.size()) return;
    items_.erase(items_.begin(), begin());
    first_ = 0;
  }

 private:
  std::vector<T> items_;
  size_t first_ = 0;
};

class OutputBuffer {
 public:
  // `pool` must outlive the buffer.
  explicit OutputBuffer(BufferPool& pool) : pool_(pool) {}
  ~OutputBuffer();
  OutputBuffer(const OutputBuffer&) = delete;
  OutputBuffer& operator=(const OutputBuffer&) = delete;

  // --- For commands ---

  // Where replies are written. The string's address never changes.
  std::string& tail() { return tail_; }
  const std::string& tail() const { return tail_; }
  // Makes the tail ready for a command; the mark to which Rewind takes its reply back.
  size_t BeginReply();
  void Rewind(size_t mark) { tail_.resize(mark); }
  // Rewind when no reply follows for now.
  void Abandon(size_t mark);
  // The reply that began at `mark` is complete and may leave when `turn` is released; a turn that
  // is released already closes no gate.
  void EndReply(size_t mark, engine::Turn turn, engine::Turn released);

  // --- For the owner of the socket ---

  // Unsent bytes.
  size_t size() const { return static_cast<size_t>(end_position() - sent_); }
  bool empty() const { return size() == 0; }
  // Whether some bytes wait for a turn above `released`.
  bool gated(engine::Turn released) const {
    return !gates_.empty() && gates_.back().turn > released;
  }
  // Fills `pieces` with the leading bytes that may leave when `released` is the newest released
  // turn; the number of pieces. The views are valid until the next call of anything else here.
  size_t Collect(engine::Turn released, std::span<std::string_view> pieces);
  // The first `count` bytes have been sent. At most what Collect has shown.
  void Consume(size_t count);

  // Frees all of it. Nothing more may be sent.
  void Discard();

  // For CLIENT LIST: bytes of the tail, pieces before it, memory of all.
  size_t tail_bytes() const { return tail_.size(); }
  size_t piece_count() const { return sealed_.size(); }
  size_t memory_bytes() const { return tail_.capacity() + sealed_capacity_; }

 private:
  struct Gate {
    uint64_t position;  // Bytes from here on wait.
    engine::Turn turn;
  };

  uint64_t end_position() const { return tail_start_ + tail_.size(); }
  void ReleaseTail();

  BufferPool& pool_;
  std::string tail_;
  uint64_t tail_start_ = 0;  // Position of tail_[0].
  uint64_t sent_ = 0;        // Position of the first unsent byte.
  FrontQueue<std::string> sealed_;
  size_t sealed_bytes_ = 0;     // In sealed_, sent or not.
  size_t sealed_capacity_ = 0;  // Memory of sealed_.
  // With rising positions and turns: one entry for each turn that has replies here.
  FrontQueue<Gate> gates_;
};

}  // namespace server
