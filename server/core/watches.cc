#include "server/core/watches.h"

#include <algorithm>

namespace server {

struct Watches::Client {
  bool is_touched = false;
  std::vector<std::pair<Key*, bool>> keys;  // With whether it existed.
};

struct Watches::Key {
  uint32_t db = 0;
  std::string name;
  absl::flat_hash_map<Client*, bool> watchers;  // With whether it existed.
};

Watches::Watches() = default;
Watches::~Watches() = default;

void Watches::Add(ClientId id, const WatchedKey& watched) {
  auto found = keys_.find(KeyName{watched.db, watched.name});
  if (found == keys_.end()) {
    auto key = std::make_unique<Key>();
    key->db = watched.db;
    key->name = watched.name;
    const KeyName name{key->db, key->name};
    found = keys_.emplace(name, std::move(key)).first;
  }
  std::unique_ptr<Client>& client = clients_[id];
  if (client == nullptr) client = std::make_unique<Client>();
  Key& key = *found->second;
  if (!key.watchers.emplace(client.get(), watched.existed).second) return;
  client->keys.emplace_back(&key, watched.existed);
}

void Watches::Forget(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  for (const auto& [key, existed] : found->second->keys) {
    key->watchers.erase(found->second.get());
    if (key->watchers.empty()) keys_.erase(KeyName{key->db, key->name});
  }
  clients_.erase(found);
}

void Watches::TouchDatabase(uint32_t db) {
  for (const auto& [name, key] : keys_) {
    if (name.db == db) TouchWatchers(*key, Who::kThoseWhoSawIt);
  }
}

void Watches::TouchWatchers(uint32_t db, std::string_view key, Who who) {
  const auto found = keys_.find(KeyName{db, key});
  if (found != keys_.end()) TouchWatchers(*found->second, who);
}

void Watches::TouchWatchers(const Key& key, Who who) {
  for (const auto& [client, existed] : key.watchers) {
    if (existed || who == Who::kAll) client->is_touched = true;
  }
}

const Watches::Client* Watches::Find(ClientId id) const {
  const auto found = clients_.find(id);
  return found == clients_.end() ? nullptr : found->second.get();
}

bool Watches::IsTouched(ClientId id) const {
  const Client* const client = Find(id);
  return client != nullptr && client->is_touched;
}

size_t Watches::CountOf(ClientId id) const {
  const Client* const client = Find(id);
  return client == nullptr ? 0 : client->keys.size();
}

bool Watches::AllOf(ClientId id, absl::FunctionRef<bool(const WatchedKey&)> visit) const {
  const Client* const client = Find(id);
  return client == nullptr || std::ranges::all_of(client->keys, [visit](const auto& watched) {
           const auto& [key, existed] = watched;
           return visit({.db = key->db, .name = key->name, .existed = existed});
         });
}

}  // namespace server
