// Bytes of one connection that have been read and not yet executed.
//
// All connections read into one shared buffer and execute there; what is left, most often nothing,
// is kept in memory of the connection's own. So an idle connection holds none, and the memory that
// is read into is the same, warm one each time. A connection with much unexecuted input, a large
// argument that arrives in parts, reads into its own memory, which grows with what has arrived.
//
//   ReadFrom -> view, Consume ... -> Settle       before the next connection reads
// Owner: Connection. Thread: loop.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace server {

// Owner: ConnectionTable. Thread: loop.
class SharedReadBuffer {
 public:
  SharedReadBuffer();
  char* data() { return data_.get(); }

 private:
  std::unique_ptr<char[]> data_;  // kReadBufferBytes, not zeroed.
};

class InputBuffer {
 public:
  // One read(2): its result. Until Settle the bytes may lie in `shared`.
  ssize_t ReadFrom(int fd, SharedReadBuffer& shared);
  std::string_view view() const { return {begin_, size_}; }
  void Consume(size_t count);
  // Moves what is left into memory of its own; frees memory that is not needed.
  void Settle();
  // Drops everything.
  void Clear();

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Memory of its own; while bytes lie in the shared buffer they are not in it.
  size_t own_bytes() const { return own_capacity_; }
  // Memory of its own that holds nothing.
  size_t free_bytes() const { return own_capacity_ - (is_shared_ ? 0 : size_); }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  void ResizeOwn(size_t capacity);
  // Room in own_ for another read behind the bytes; at most doubles the memory.
  void MakeRoom();

  std::unique_ptr<char, Free> own_;  // From malloc, so that it can grow in place.
  size_t own_capacity_ = 0;
  const char* begin_ = nullptr;
  size_t size_ = 0;
  bool is_shared_ = false;  // The bytes lie in the shared buffer, not in own_.
};

}  // namespace server
