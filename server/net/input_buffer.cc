#include "server/net/input_buffer.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "engine/check.h"
#include "server/net/limits.h"
#include "server/net/memory.h"

namespace server {
namespace {

// Least room for a read into a connection's own memory.
constexpr size_t kReadRoomBytes = 16 * 1024;
// Own memory that is kept although it is mostly empty.
constexpr size_t kIdleOwnBytes = kReadBufferBytes;

}  // namespace

SharedReadBuffer::SharedReadBuffer()
    : data_(std::make_unique_for_overwrite<char[]>(kReadBufferBytes)) {}

ssize_t InputBuffer::ReadFrom(int fd, SharedReadBuffer& shared) {
  static_assert(kCarriedInputBytes < kReadBufferBytes);
  char* target = nullptr;
  size_t room = 0;
  if (size_ <= kCarriedInputBytes) {
    // An empty buffer has no address yet.
    if (size_ > 0) std::memcpy(shared.data(), begin_, size_);
    begin_ = shared.data();
    is_shared_ = true;
    target = shared.data() + size_;
    room = kReadBufferBytes - size_;
  } else {
    MakeRoom();
    const size_t offset = static_cast<size_t>(begin_ - own_.get()) + size_;
    target = own_.get() + offset;
    room = own_capacity_ - offset;
  }
  const ssize_t count = ::read(fd, target, room);
  if (count > 0) size_ += static_cast<size_t>(count);
  return count;
}

void InputBuffer::Consume(size_t count) {
  CHECK(count <= size_);
  begin_ += count;
  size_ -= count;
}

void InputBuffer::Settle() {
  if (size_ == 0) {
    Clear();
    return;
  }
  if (is_shared_) {
    if (own_capacity_ < size_) ResizeOwn(size_);
    std::memcpy(own_.get(), begin_, size_);
    begin_ = own_.get();
    is_shared_ = false;
  }
  if (own_capacity_ > kIdleOwnBytes && own_capacity_ / 4 > size_) {
    std::memmove(own_.get(), begin_, size_);
    begin_ = own_.get();
    ResizeOwn(std::max(size_, kReadRoomBytes));
  }
}

void InputBuffer::Clear() {
  own_.reset();
  own_capacity_ = 0;
  begin_ = nullptr;
  size_ = 0;
  is_shared_ = false;
}

void InputBuffer::ResizeOwn(size_t capacity) {
  const bool holds_bytes = own_capacity_ > 0 && !is_shared_;
  const size_t offset = holds_bytes ? static_cast<size_t>(begin_ - own_.get()) : 0;
  char* const memory = static_cast<char*>(Reallocate(own_.release(), capacity));
  own_.reset(memory);
  own_capacity_ = capacity;
  if (holds_bytes) begin_ = memory + offset;
}

void InputBuffer::MakeRoom() {
  const size_t offset = static_cast<size_t>(begin_ - own_.get());
  if (own_capacity_ - offset - size_ >= kReadRoomBytes) return;
  if (offset > 0) {
    std::memmove(own_.get(), begin_, size_);
    begin_ = own_.get();
  }
  if (own_capacity_ - size_ < kReadRoomBytes) ResizeOwn(2 * std::max(size_, kReadRoomBytes));
}

}  // namespace server
