// CLIENT PAUSE: until when commands have to wait, and which.
//
// Owner: ServerContext; the dispatcher keeps the clients that wait. Thread: loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "server/core/command.h"

namespace server {

class ClientPause {
 public:
  enum class Mode : uint8_t { kWrites, kAll };

  // A pause that holds already is neither shortened nor narrowed.
  void Begin(Mode mode, int64_t end_us, int64_t now_us) {
    const bool goes_on = Holds(now_us);
    end_us_ = goes_on ? std::max(end_us_, end_us) : end_us;
    mode_ = goes_on ? std::max(mode_, mode) : mode;
  }
  void End() { end_us_ = 0; }

  bool Holds(int64_t now_us) const { return now_us < end_us_; }
  // Whether a command with these flags has to wait. For EXEC: the flags of all that it would run.
  bool HoldsBack(uint32_t flags, int64_t now_us) const {
    return Holds(now_us) && (mode_ == Mode::kAll || (flags & (kWrite | kMayReplicate)) != 0);
  }
  int64_t end_us() const { return end_us_; }

  // Clients whose command waits for the end.
  size_t waiting_clients() const { return waiting_clients_; }
  void NoteWaiting() { ++waiting_clients_; }
  void NoteGone() { --waiting_clients_; }

 private:
  size_t waiting_clients_ = 0;
  int64_t end_us_ = 0;  // Monotonic.
  Mode mode_ = Mode::kWrites;
};

}  // namespace server
