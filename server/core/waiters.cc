#include "server/core/waiters.h"

#include <algorithm>

#include "engine/check.h"

namespace server {
namespace {

// Of readers outside of groups.
constexpr uint32_t kFanOutLane = 0;

}  // namespace

struct Waiters::Key {
  uint32_t db = 0;
  std::string name;
  LaneNumber last_lane = kFanOutLane;
  absl::flat_hash_map<std::string, Lane> groups;
  absl::btree_map<Place, ClientId> clients;

  // While the key is ready: where its pass stands, and whether it was signalled again since.
  bool is_ready = false;
  bool is_signalled_again = false;
  Place last_run = {kFanOutLane, 0};
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
  client.group_read = wait.group_read;
  for (const std::string& name : wait.keys) {
    Key& key = KeyFor(db, name);
    const auto same = [&key](const auto& place) { return place.first == &key; };
    if (std::ranges::any_of(client.places, same)) continue;
    const LaneNumber lane = JoinLane(key, client);
    key.clients.emplace(Place(lane, client.ticket), id);
    client.places.emplace_back(&key, lane);
  }
  if (deadline_us != kForever) deadlines_.emplace(deadline_us, id);
}

void Waiters::Remove(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  const Client& client = found->second;
  for (const auto& [key, lane] : client.places) {
    key->clients.erase(Place(lane, client.ticket));
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

void Waiters::SignalKeysOf(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  for (const auto& [key, lane] : found->second.places) MarkReady(*key);
}

void Waiters::MarkReady(uint32_t db, std::string_view name) {
  const auto found = keys_.find(KeyName{db, name});
  if (found != keys_.end()) MarkReady(*found->second);
}

void Waiters::MarkReady(Key& key) {
  key.is_signalled_again = key.is_ready;
  if (key.is_ready) return;
  key.is_ready = true;
  key.last_run = {kFanOutLane, 0};
  ready_.push_back(&key);
}

size_t Waiters::Serve(size_t max, absl::FunctionRef<WakeUp(ClientId)> run) {
  size_t count = 0;
  while (!ready_.empty() && count < max) {
    Key& key = *ready_.front();  // Is not erased while it is ready.
    const auto next = key.clients.upper_bound(key.last_run);
    if (next != key.clients.end()) {
      key.last_run = next->first;
      ++count;
      if (run(next->second) != WakeUp::kServed && key.last_run.first != kFanOutLane) {
        key.last_run.second = std::numeric_limits<Ticket>::max();  // On to the next group.
      }
      continue;
    }
    ready_.pop_front();
    key.is_ready = false;
    if (key.is_signalled_again && !key.clients.empty()) {
      MarkReady(key);
    } else {
      EraseIfUnused(key);
    }
  }
  return count;
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
