// What all clients' buffers take together, and whether that is more than option
// `maxmemory-clients` allows. Each connection notes its own part whenever it may have changed.
//
// Counted: input that is not executed, unsent replies, commands that wait or are queued in MULTI.
// Owner: ServerContext. Thread: loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace server {

class ClientMemory {
 public:
  // A client's part was `*noted` and is `bytes` now.
  void Note(size_t bytes, size_t* noted) {
    bytes_ = bytes_ - *noted + bytes;
    *noted = bytes;
  }
  size_t bytes() const { return bytes_; }
  // `limit_bytes` 0 = no limit. While it is so nothing large is added: the largest clients go
  // first.
  bool IsOver(int64_t limit_bytes) const {
    return limit_bytes > 0 && bytes_ > std::max(static_cast<size_t>(limit_bytes), tolerated_bytes_);
  }
  // Nobody is left who may be closed for it: so much has to be.
  void Tolerate(size_t bytes) { tolerated_bytes_ = bytes; }

 private:
  size_t bytes_ = 0;
  size_t tolerated_bytes_ = 0;
};

}  // namespace server
