// Which clients CLIENT LIST and CLIENT KILL are about.
//
// Thread: loop.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "server/core/command.h"
#include "server/core/session.h"

namespace server {

// What a client is here for. There are no replicas.
enum class ClientType : uint8_t { kAny, kNormal, kPubSub, kReplication };
bool IsOfType(const Session& session, ClientType type);

struct ClientListFilter {
  ClientType type = ClientType::kAny;
  bool has_ids = false;
  std::vector<ClientId> ids;
};
Outcome ReadListFilter(std::span<const std::string_view> arguments, ClientListFilter* filter);

// All conditions that are given must hold.
struct ClientKillFilter {
  std::optional<ClientId> id;
  std::optional<std::string_view> peer_address;
  std::optional<std::string_view> local_address;
  std::optional<int64_t> max_age_s;
  ClientType type = ClientType::kAny;
  bool skip_me = true;
};
Outcome ReadKillFilter(std::span<const std::string_view> arguments, ClientKillFilter* filter);
bool Passes(const ClientKillFilter& filter, const Session& session, int64_t now_monotonic_us);

bool HasPeerAddress(const Session& session, std::string_view address);

// At once; the client that asks is closed after its reply.
void KillClient(CommandContext& context, Session& session);

}  // namespace server
