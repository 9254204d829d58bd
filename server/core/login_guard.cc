#include "server/core/login_guard.h"

#include <algorithm>
#include <iterator>

#include "server/limits.h"

namespace server {

bool LoginGuard::Holds(std::string_view address, int64_t now_us) const {
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return false;
  return !found->second.line.empty() || now_us < found->second.held_until_us;
}

void LoginGuard::Wait(std::string_view address, ClientId client, int64_t failures, int64_t now_us) {
  const int64_t rounds = std::clamp<int64_t>(failures, 0, kMaxLoginRounds);
  addresses_[address].line.push_back({client, now_us + rounds * kLoginRoundMicros});
  if (waiting_count_++ == 0) next_round_us_ = std::max(next_round_us_, now_us + kLoginRoundMicros);
}

uint64_t LoginGuard::NoteFailure(std::string_view address, int64_t now_us) {
  if (addresses_.size() >= kMaxLoginAddresses && !addresses_.contains(address)) ForgetOne();
  Address& entry = addresses_[address];
  // Whoever was let go on in this round ends no later for having failed.
  if (entry.held_until_us <= now_us) entry.held_until_us = now_us + kLoginRoundMicros;
  return ++entry.failures;
}

void LoginGuard::NoteSuccess(std::string_view address, int64_t now_us) {
  const auto found = addresses_.find(address);
  // Where nobody waits a wrong password is no less recent for it.
  if (found == addresses_.end() || found->second.line.empty()) return;
  found->second.held_until_us = now_us;
  next_round_us_ = now_us;
}

std::vector<ClientId> LoginGuard::TakeDue(int64_t now_us,
                                          absl::FunctionRef<bool(ClientId)> is_waiting) {
  std::vector<ClientId> due;
  if (now_us < next_round_us_) return due;
  next_round_us_ = now_us + kLoginRoundMicros;
  absl::erase_if(addresses_, [&](auto& item) {
    Address& address = item.second;
    const size_t length = address.line.size();
    std::erase_if(address.line, [&](const Place& place) { return !is_waiting(place.client); });
    const auto first = std::ranges::find_if(
        address.line, [now_us](const Place& place) { return place.not_before_us <= now_us; });
    if (first != address.line.end() && now_us >= address.held_until_us) {
      due.push_back(first->client);
      address.line.erase(first);
      address.held_until_us = now_us + kLoginRoundMicros;
    }
    waiting_count_ -= length - address.line.size();
    return address.line.empty() && now_us > address.held_until_us + kLoginMemoryMicros;
  });
  return due;
}

void LoginGuard::ForgetOne() {
  const auto idle =
      std::ranges::find_if(addresses_, [](const auto& item) { return item.second.line.empty(); });
  // When all are in use, whose clients wait already, one more may as well be the first's.
  if (idle != addresses_.end()) addresses_.erase(idle);
}

}  // namespace server
