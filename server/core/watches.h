// WATCH: who watches which key, and whose keys have changed since.
//
// Costs one look while nobody watches. Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"
#include "server/core/session.h"

namespace server {

// A key as one client watches it.
struct WatchedKey {
  uint32_t db = 0;
  std::string_view name = {};
  bool existed = false;  // When the client began to watch it.
};

class Watches {
 public:
  Watches();
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // No effect when the client watches the key already.
  void Add(ClientId client, const WatchedKey& key);
  // The client watches nothing any more.
  void Forget(ClientId client);

  // The value of a key has changed, or whether there is one. Cheap when nobody watches.
  void Touch(uint32_t db, std::string_view key) {
    if (!clients_.empty()) TouchWatchers(db, key, Who::kAll);
  }
  // The key's time was up and it has gone: no news to those who began to watch it after that.
  void TouchExpired(uint32_t db, std::string_view key) {
    if (!clients_.empty()) TouchWatchers(db, key, Who::kThoseWhoSawIt);
  }
  // All keys of the database have gone: those that were there.
  void TouchDatabase(uint32_t db);

  bool IsTouched(ClientId client) const;
  size_t CountOf(ClientId client) const;
  // False as soon as `visit` says so.
  bool AllOf(ClientId client, absl::FunctionRef<bool(const WatchedKey&)> visit) const;

  size_t client_count() const { return clients_.size(); }
  size_t key_count() const { return keys_.size(); }

 private:
  enum class Who : uint8_t { kAll, kThoseWhoSawIt };
  struct Key;
  struct Client;
  struct KeyName {
    uint32_t db;
    std::string_view name;  // Key::name.
    bool operator==(const KeyName&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const KeyName& key) {
      return H::combine(std::move(state), key.db, engine::KeyedHash()(key.name));
    }
  };

  void TouchWatchers(uint32_t db, std::string_view key, Who who);
  static void TouchWatchers(const Key& key, Who who);
  const Client* Find(ClientId client) const;

  absl::flat_hash_map<ClientId, std::unique_ptr<Client>> clients_;
  absl::flat_hash_map<KeyName, std::unique_ptr<Key>> keys_;
};

}  // namespace server
