#include "server/core/pubsub.h"

#include <algorithm>
#include <memory>

#include "resp/glob.h"

namespace server {
namespace {

template <typename Map>
void RemoveFrom(Map& map, ClientId client, const std::string& name) {
  const auto found = map.find(name);
  found->second.erase(client);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

bool Subscriptions::empty() const { return std::ranges::all_of(by_kind, &Names::empty); }

size_t CountOf(const Session& session, SubscriptionKind kind) {
  return session.subscriptions == nullptr ? 0 : session.subscriptions->of(kind).size();
}

void PubSub::Subscribe(Session& session, SubscriptionKind kind, std::string_view name) {
  if (session.subscriptions == nullptr) {
    session.subscriptions = std::make_unique<Subscriptions>();
    ++client_count_;
  }
  if (session.subscriptions->of(kind).emplace(name).second) Add(session.id, kind, name);
}

void PubSub::Unsubscribe(Session& session, SubscriptionKind kind, std::string_view name) {
  if (session.subscriptions == nullptr) return;
  Subscriptions::Names& names = session.subscriptions->of(kind);
  const auto found = names.find(name);
  if (found == names.end()) return;
  Remove(session.id, kind, *found);
  names.erase(found);
  if (!session.subscriptions->empty()) return;
  session.subscriptions.reset();
  --client_count_;
}

void PubSub::UnsubscribeAll(Session& session) {
  if (session.subscriptions == nullptr) return;
  const std::unique_ptr<Subscriptions> given_up = std::move(session.subscriptions);
  --client_count_;
  for (size_t i = 0; i < kSubscriptionKinds; ++i) {
    for (const std::string& name : given_up->by_kind[i]) {
      Remove(session.id, static_cast<SubscriptionKind>(i), name);
    }
  }
}

const PubSub::Clients* PubSub::Find(SubscriptionKind kind, std::string_view name) const {
  const Channels& channels = ChannelsOf(kind);
  const auto found = channels.find(name);
  return found == channels.end() ? nullptr : &found->second;
}

void PubSub::ForEachMatch(std::string_view channel,
                          absl::FunctionRef<void(std::string_view, const Clients&)> visit) const {
  for (const auto& [pattern, clients] : patterns_) {
    if (resp::GlobMatch(pattern, channel)) visit(pattern, clients);
  }
}

std::vector<std::string_view> PubSub::Names(SubscriptionKind kind, std::string_view glob) const {
  std::vector<std::string_view> names;
  for (const auto& [name, clients] : ChannelsOf(kind)) {
    if (glob.empty() || resp::GlobMatch(glob, name)) names.push_back(name);
  }
  return names;
}

void PubSub::Add(ClientId client, SubscriptionKind kind, std::string_view name) {
  std::string owned(name);
  if (kind == SubscriptionKind::kPattern) {
    patterns_[std::move(owned)].insert(client);
  } else if (kind == SubscriptionKind::kShardChannel) {
    shard_channels_[std::move(owned)].insert(client);
  } else {
    channels_[std::move(owned)].insert(client);
  }
}

void PubSub::Remove(ClientId client, SubscriptionKind kind, std::string_view name) {
  const std::string owned(name);
  if (kind == SubscriptionKind::kPattern) {
    RemoveFrom(patterns_, client, owned);
  } else {
    RemoveFrom(kind == SubscriptionKind::kShardChannel ? shard_channels_ : channels_, client,
               owned);
  }
}

}  // namespace server
