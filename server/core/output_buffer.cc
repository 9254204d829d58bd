#include "server/core/output_buffer.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"
#include "server/limits.h"

namespace server {

std::string BufferPool::Take() {
  if (free_.empty()) {
    std::string buffer;
    buffer.reserve(kPooledBufferBytes);
    return buffer;
  }
  std::string buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void BufferPool::Give(std::string buffer) {
  // A replied megabyte must not stay behind in each of the pool's strings.
  if (buffer.capacity() < kPooledBufferBytes || buffer.capacity() > 2 * kOutputPieceBytes ||
      free_.size() >= kPooledBuffers) {
    return;
  }
  buffer.clear();
  free_.push_back(std::move(buffer));
}

OutputBuffer::~OutputBuffer() { pool_.Give(std::move(tail_)); }

size_t OutputBuffer::BeginReply() {
  if (tail_.empty() && tail_.capacity() < kPooledBufferBytes) tail_ = pool_.Take();
  return tail_.size();
}

void OutputBuffer::Abandon(size_t mark) {
  Rewind(mark);
  // A client may wait for long, and there may be many that do.
  if (empty()) ReleaseTail();
}

void OutputBuffer::EndReply(size_t mark, engine::Turn turn, engine::Turn released) {
  if (tail_.size() == mark) return;
  if (turn > released && (gates_.empty() || gates_.back().turn < turn)) {
    gates_.push_back({.position = tail_start_ + mark, .turn = turn});
  }
  if (tail_.size() < kOutputPieceBytes) return;
  sealed_bytes_ += tail_.size();
  sealed_capacity_ += tail_.capacity();
  tail_start_ += tail_.size();
  sealed_.push_back(std::exchange(tail_, std::string()));
}

size_t OutputBuffer::Collect(engine::Turn released, std::span<std::string_view> pieces) {
  while (!gates_.empty() && gates_.front().turn <= released) gates_.pop_front();
  const uint64_t limit = gates_.empty() ? end_position() : gates_.front().position;
  uint64_t position = tail_start_ - sealed_bytes_;
  size_t count = 0;
  const auto add = [&](std::string_view piece) {
    const uint64_t begin = std::max(position, sent_);
    const uint64_t end = std::min(position + piece.size(), limit);
    if (begin < end) pieces[count++] = piece.substr(begin - position, end - begin);
    position += piece.size();
  };
  for (const std::string& piece : sealed_) {
    if (count == pieces.size() || position >= limit) return count;
    add(piece);
  }
  if (count < pieces.size()) add(tail_);
  return count;
}

void OutputBuffer::Consume(size_t count) {
  CHECK(count <= size());
  sent_ += count;
  while (!sealed_.empty() && tail_start_ - sealed_bytes_ + sealed_.front().size() <= sent_) {
    sealed_bytes_ -= sealed_.front().size();
    sealed_capacity_ -= sealed_.front().capacity();
    pool_.Give(std::move(sealed_.front()));
    sealed_.pop_front();
  }
  if (sent_ == end_position()) ReleaseTail();
}

void OutputBuffer::ReleaseTail() {
  tail_start_ = sent_;
  pool_.Give(std::exchange(tail_, std::string()));
}

void OutputBuffer::Discard() {
  while (!sealed_.empty()) sealed_.pop_front();
  sealed_bytes_ = 0;
  sealed_capacity_ = 0;
  while (!gates_.empty()) gates_.pop_front();
  tail_start_ = sent_ = end_position();
  tail_ = std::string();
}

}  // namespace server
