// Slows down those who guess passwords: after a wrong one nothing of what clients at that address
// send before they have logged in is executed for a while, and then only one after the other.
//
//   Holds? -> Wait -> (rounds pass) -> TakeDue: may send one request -> NoteFailure, or logged in
//
// In each round, a tenth of a second, one waiting client of each address goes on, and the next one
// at once when it has logged in. So an address gets no more than ten refusals a second however many
// connections it has, and those who know the password do not wait for each other; a client that has
// failed several times waits for more rounds. Nobody else waits.
// Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"

namespace server {

using ClientId = uint64_t;

class LoginGuard {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  LoginGuard() = default;
  LoginGuard(const LoginGuard&) = delete;
  LoginGuard& operator=(const LoginGuard&) = delete;

  // No address is held up. Most often so.
  bool is_idle() const { return addresses_.empty(); }
  // Whether clients at the address have to wait. Times are monotonic.
  bool Holds(std::string_view address, int64_t now_us) const;
  // The client takes its place in the line of its address; `failures` wrong passwords of its own
  // make it wait for as many rounds, up to a bound. Precondition: Holds().
  void Wait(std::string_view address, ClientId client, int64_t failures, int64_t now_us);
  // How many wrong passwords have come from the address since it was last heard of.
  uint64_t NoteFailure(std::string_view address, int64_t now_us);
  // A client at the address has logged in.
  void NoteSuccess(std::string_view address, int64_t now_us);

  // When TakeDue is to be called next; kNever when nobody waits.
  int64_t next_due_us() const { return waiting_count_ == 0 ? kNever : next_round_us_; }
  // The clients that may send one request now, unless the round is not over. Of those for whom
  // `is_waiting` is false nothing is known any more.
  std::vector<ClientId> TakeDue(int64_t now_us, absl::FunctionRef<bool(ClientId)> is_waiting);

 private:
  struct Place {
    ClientId client;
    int64_t not_before_us;
  };
  struct Address {
    int64_t held_until_us = 0;
    uint64_t failures = 0;
    std::deque<Place> line;
  };

  void ForgetOne();

  absl::flat_hash_map<std::string, Address, engine::KeyedHash, engine::BytesEqual> addresses_;
  size_t waiting_count_ = 0;
  int64_t next_round_us_ = 0;
};

}  // namespace server
