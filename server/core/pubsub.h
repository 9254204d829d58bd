// Who is subscribed to what: channels and shard channels by exact name, patterns in a list.
//
// Subscribers are ids, never pointers; what a client is subscribed to stands in its session as
// well, so that it can be given up without a search. Owner: ServerContext. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "engine/key_hash.h"
#include "server/core/session.h"

namespace server {

enum class SubscriptionKind : uint8_t { kChannel, kPattern, kShardChannel };
inline constexpr size_t kSubscriptionKinds = 3;

// One client's.
struct Subscriptions {
  using Names = absl::btree_set<std::string, std::less<>>;
  Names by_kind[kSubscriptionKinds];

  Names& of(SubscriptionKind kind) { return by_kind[static_cast<size_t>(kind)]; }
  const Names& of(SubscriptionKind kind) const { return by_kind[static_cast<size_t>(kind)]; }
  bool empty() const;
};

// How many names of a kind the client is subscribed to.
size_t CountOf(const Session& session, SubscriptionKind kind);

class PubSub {
 public:
  // By id: the order of connecting.
  using Clients = absl::btree_set<ClientId>;

  PubSub() = default;
  PubSub(const PubSub&) = delete;
  PubSub& operator=(const PubSub&) = delete;

  // No effect when the client is subscribed to the name already.
  void Subscribe(Session& session, SubscriptionKind kind, std::string_view name);
  // No effect when it is not.
  void Unsubscribe(Session& session, SubscriptionKind kind, std::string_view name);
  void UnsubscribeAll(Session& session);

  // Nobody at all is subscribed to channels or patterns.
  bool has_no_listeners() const { return channels_.empty() && patterns_.empty(); }
  // Null when nobody is subscribed to it. Not for patterns.
  const Clients* Find(SubscriptionKind kind, std::string_view name) const;
  // In order of the patterns' bytes. `visit` must not change anything here.
  void ForEachMatch(std::string_view channel,
                    absl::FunctionRef<void(std::string_view, const Clients&)> visit) const;
  // Names of channels or shard channels that match a glob; all when it is empty. In any order.
  std::vector<std::string_view> Names(SubscriptionKind kind, std::string_view glob) const;

  size_t channel_count() const { return channels_.size(); }
  size_t pattern_count() const { return patterns_.size(); }
  size_t shard_channel_count() const { return shard_channels_.size(); }
  // Clients with any subscription.
  size_t client_count() const { return client_count_; }

  // A subscriber does not take its messages and one was not given to it: it has to go at the end of
  // the turn.
  void NoteOverflow(ClientId client) { overflowed_.push_back(client); }
  std::vector<ClientId> TakeOverflowed() { return std::exchange(overflowed_, {}); }

 private:
  using Channels = absl::flat_hash_map<std::string, Clients, engine::KeyedHash, engine::BytesEqual>;

  const Channels& ChannelsOf(SubscriptionKind kind) const {
    return kind == SubscriptionKind::kShardChannel ? shard_channels_ : channels_;
  }
  void Add(ClientId client, SubscriptionKind kind, std::string_view name);
  void Remove(ClientId client, SubscriptionKind kind, std::string_view name);

  Channels channels_;
  Channels shard_channels_;
  absl::btree_map<std::string, Clients, std::less<>> patterns_;
  size_t client_count_ = 0;
  std::vector<ClientId> overflowed_;
};

}  // namespace server
