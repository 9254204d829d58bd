#include "server/core/waiters.h"

#include <algorithm>
#include <functional>

#include "engine/check.h"
#include "engine/fault_point.h"

namespace server {
namespace {

// Of readers outside of groups.
constexpr uint32_t kFanOutLane = 0;

}  // namespace

struct Waiters::Key {
  uint32_t db = 0;
  std::string name;
  LaneNumber last_lane = kFanOutLane;
  absl::flat_hash_map<std::string, Lane, engine::KeyedHash, engine::BytesEqual> groups;
  absl::btree_map<Place, ClientId> clients;
  absl::btree_set<ClaimPlace> claims;

  // While the key is ready: where its pass stands, and whether it was signalled again since.
  bool is_ready = false;
  bool is_signalled_again = false;
  bool has_pending_ones = false;  // See SignalPending().
  bool has_begun = false;
  std::vector<Head> heads;  // A heap, the oldest on top.
};

Waiters::Waiters() = default;
Waiters::~Waiters() = default;

void Waiters::Add(ClientId id, uint32_t db, const WaitRequest& wait, int64_t deadline_us) {
  const auto [entry, is_new] = clients_.try_emplace(id);
  CHECK(is_new);
  Client& client = entry->second;
  client.ticket = ++last_ticket_;
  client.deadline_us = deadline_us;
  client.group = wait.group;
  client.consumer = wait.consumer;
  client.group_read = wait.group_read;
  client.leaves_some = wait.leaves_some;
  if (wait.claim) client.claim_min_idle_ms = wait.claim->min_idle_ms;
  for (const std::string& name : wait.keys) {
    Key& key = KeyFor(db, name);
    const auto same = [&key](const auto& place) { return place.first == &key; };
    if (std::ranges::any_of(client.places, same)) continue;
    const LaneNumber lane = JoinLane(key, client);
    key.clients.emplace(Place(lane, client.ticket), id);
    client.places.emplace_back(&key, lane);
    if (wait.claim) key.claims.insert({lane, wait.claim->min_idle_ms, client.ticket, id});
  }
  if (deadline_us != kForever) deadlines_.emplace(deadline_us, id);
}

void Waiters::Remove(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  SetLook(id, client, kForever);
  for (const auto& [key, lane] : client.places) {
    key->clients.erase(Place(lane, client.ticket));
    if (client.claim_min_idle_ms) {
      LeaveClaimLine(*key, {lane, *client.claim_min_idle_ms, client.ticket, id});
    }
    LeaveLane(*key, client);
    EraseIfUnused(*key);
  }
  deadlines_.erase({client.deadline_us, id});
  clients_.erase(found);
}

void Waiters::SignalDatabase(uint32_t db) {
  for (const auto& [name, key] : keys_) {
    if (name.db == db) MarkReady(*key);
  }
}

void Waiters::SignalAll() {
  for (const auto& [name, key] : keys_) MarkReady(*key);
}

size_t Waiters::CountOn(uint32_t db, std::string_view name) const {
  const auto found = keys_.find(KeyName{db, name});
  return found == keys_.end() ? 0 : found->second->clients.size();
}

ClientId Waiters::FirstOn(uint32_t db, std::string_view name) const {
  const auto found = keys_.find(KeyName{db, name});
  const bool is_empty = found == keys_.end() || found->second->clients.empty();
  return is_empty ? 0 : found->second->clients.begin()->second;
}

void Waiters::SignalKeysOf(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  for (const auto& [key, lane] : found->second.places) MarkReady(*key);
}

void Waiters::MarkReady(uint32_t db, std::string_view name) {
  if (PLANTED_BUG("lost_wake")) return;
  const auto found = keys_.find(KeyName{db, name});
  if (found != keys_.end()) MarkReady(*found->second);
}

void Waiters::SignalPending(uint32_t db, std::string_view name) {
  const auto found = keys_.find(KeyName{db, name});
  if (found == keys_.end()) return;
  found->second->has_pending_ones = true;
  MarkReady(*found->second);
}

void Waiters::MarkReady(Key& key) {
  key.is_signalled_again = key.is_ready;
  if (key.is_ready) return;
  key.is_ready = true;
  key.has_begun = false;
  ready_.push_back(&key);
}

// --- Claims
// ---------------------------------------------------------------------------------------

const Waiters::ClaimPlace* Waiters::FirstInLine(const Key& key, const ClaimPlace& place) {
  const auto first = key.claims.lower_bound({place.lane, place.min_idle_ms, 0, 0});
  const bool in_line = first != key.claims.end() && first->lane == place.lane &&
                       first->min_idle_ms == place.min_idle_ms;
  return in_line ? &*first : nullptr;
}

void Waiters::LeaveClaimLine(Key& key, const ClaimPlace& place) {
  const bool was_first = *FirstInLine(key, place) == place;
  key.claims.erase(place);
  const ClaimPlace* const next = FirstInLine(key, place);
  // Nobody has kept its time until now.
  if (was_first && next != nullptr) SetLook(next->client, clients_.at(next->client), kAtOnce);
}

void Waiters::SetLook(ClientId id, Client& client, int64_t at_us) {
  if (client.look_at_us != kForever) looks_.erase({client.look_at_us, client.ticket, id});
  client.look_at_us = at_us;
  if (at_us != kForever) looks_.insert({at_us, client.ticket, id});
}

void Waiters::LookAgain(ClientId id, int64_t at_us) {
  const auto found = clients_.find(id);
  if (found == clients_.end() || !found->second.claim_min_idle_ms) return;
  Client& client = found->second;
  const bool is_first = std::ranges::any_of(client.places, [&](const auto& place) {
    const auto& [key, lane] = place;
    return FirstInLine(*key, {lane, *client.claim_min_idle_ms, 0, 0})->client == id;
  });
  SetLook(id, client, is_first ? at_us : kForever);
}

void Waiters::SignalClaims(uint32_t db, std::string_view name, std::string_view group) {
  if (clients_.empty()) return;
  const auto found = keys_.find(KeyName{db, name});
  if (found == keys_.end()) return;
  const Key& key = *found->second;
  const auto lane = key.groups.find(group);
  if (lane == key.groups.end()) return;
  const LaneNumber number = lane->second.number;
  auto first = key.claims.lower_bound({number, 0, 0, 0});
  while (first != key.claims.end() && first->lane == number) {
    SetLook(first->client, clients_.at(first->client), kAtOnce);
    constexpr Ticket kLastTicket = std::numeric_limits<Ticket>::max();
    first = key.claims.upper_bound({number, first->min_idle_ms, kLastTicket, 0});
  }
}

void Waiters::StartDueClaims(int64_t now_us) {
  auto due = looks_.lower_bound({kAtOnce + 1, 0, 0});
  while (due != looks_.end() && due->at_us <= now_us) {
    const ClientId id = due->client;
    SetLook(id, clients_.at(id), kAtOnce);
    due = looks_.lower_bound({kAtOnce + 1, 0, 0});
  }
}

size_t Waiters::Serve(size_t max, absl::FunctionRef<WakeUp(ClientId)> run) {
  size_t count = 0;
  while (count < max && has_ready()) {
    if (ready_.empty()) {
      const ClientId id = looks_.begin()->client;
      SetLook(id, clients_.at(id), kForever);
      ++count;
      run(id);
      continue;
    }
    Key& key = *ready_.front();  // Is not erased while it is ready.
    if (!key.has_begun) StartPass(key);
    if (const auto next = TakeNext(key)) {
      const auto& [place, client] = *next;
      ++count;
      const bool goes_on =
          place.first == kFanOutLane || (key.has_pending_ones && clients_.at(client).leaves_some);
      if (run(client) == WakeUp::kServed || goes_on) GoOnBehind(key, place);
      continue;
    }
    ready_.pop_front();
    key.is_ready = false;
    if (key.is_signalled_again && !key.clients.empty()) {
      MarkReady(key);
    } else {
      key.has_pending_ones = false;
      EraseIfUnused(key);
    }
  }
  return count;
}

void Waiters::StartPass(Key& key) {
  key.has_begun = true;
  key.heads.clear();
  GoOnBehind(key, {kFanOutLane, 0});
  for (const auto& [group, lane] : key.groups) GoOnBehind(key, {lane.number, 0});
}

std::optional<std::pair<Waiters::Place, ClientId>> Waiters::TakeNext(Key& key) {
  while (!key.heads.empty()) {
    const Head head = key.heads.front();
    std::ranges::pop_heap(key.heads, std::greater());
    key.heads.pop_back();
    const Place place(head.lane, head.ticket);
    if (const auto found = key.clients.find(place); found != key.clients.end()) return *found;
    GoOnBehind(key, place);
  }
  return std::nullopt;
}

void Waiters::GoOnBehind(Key& key, const Place& place) {
  const auto next = key.clients.upper_bound(place);
  if (next == key.clients.end() || next->first.first != place.first) return;
  key.heads.push_back({.ticket = next->first.second, .lane = place.first});
  std::ranges::push_heap(key.heads, std::greater());
}

void Waiters::ForEachConsumer(uint32_t db, std::string_view name, std::string_view group,
                              absl::FunctionRef<void(std::string_view consumer)> visit) const {
  const auto found = keys_.find(KeyName{db, name});
  if (found == keys_.end()) return;
  const Key& key = *found->second;
  const auto lane = key.groups.find(group);
  if (lane == key.groups.end()) return;
  const LaneNumber number = lane->second.number;
  for (auto place = key.clients.lower_bound({number, 0});
       place != key.clients.end() && place->first.first == number; ++place) {
    visit(clients_.at(place->second).consumer);
  }
}

std::optional<ClientId> Waiters::Expired(int64_t now_us) const {
  if (deadlines_.empty() || next_deadline_us() > now_us) return std::nullopt;
  return deadlines_.begin()->second;
}

Waiters::Key& Waiters::KeyFor(uint32_t db, const std::string& name) {
  if (const auto found = keys_.find(KeyName{db, name}); found != keys_.end()) {
    return *found->second;
  }
  auto key = std::make_unique<Key>();
  key->db = db;
  key->name = name;
  Key& result = *key;
  keys_.emplace(KeyName{db, result.name}, std::move(key));
  return result;
}

Waiters::LaneNumber Waiters::JoinLane(Key& key, const Client& client) {
  if (!client.group_read) return kFanOutLane;
  if (key.groups.empty()) ++group_key_count_;
  Lane& lane = key.groups[client.group];
  if (lane.client_count++ == 0) lane.number = ++key.last_lane;
  return lane.number;
}

void Waiters::LeaveLane(Key& key, const Client& client) {
  if (!client.group_read) return;
  const auto lane = key.groups.find(client.group);
  if (--lane->second.client_count > 0) return;
  key.groups.erase(lane);
  if (key.groups.empty()) --group_key_count_;
}

void Waiters::EraseIfUnused(Key& key) {
  if (key.clients.empty() && !key.is_ready) keys_.erase(KeyName{key.db, key.name});
}

}  // namespace server
