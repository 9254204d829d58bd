#include "server/commands/client_filter.h"

#include "server/core/args.h"
#include "server/core/server_context.h"
#include "server/core/text.h"
#include "server/core/transport.h"

namespace server {
namespace {

struct TypeName {
  std::string_view name;
  ClientType type;
};
constexpr TypeName kTypeNames[] = {
    {"NORMAL", ClientType::kNormal},      {"PUBSUB", ClientType::kPubSub},
    {"MASTER", ClientType::kReplication}, {"REPLICA", ClientType::kReplication},
    {"SLAVE", ClientType::kReplication},
};

Outcome ReadType(std::string_view word, ClientType* type) {
  for (const TypeName& known : kTypeNames) {
    if (!EqualsIgnoreCase(word, known.name)) continue;
    *type = known.type;
    return Done();
  }
  return {Error::kClientUnknownType, {word}};
}

Outcome ReadYesNo(std::string_view word, bool* value) {
  *value = EqualsIgnoreCase(word, "YES");
  return *value || EqualsIgnoreCase(word, "NO") ? Done() : Outcome(Error::kSyntax);
}

Outcome ReadKillId(std::string_view text, ClientKillFilter* filter) {
  const std::optional<int64_t> id = ParseInteger(text);
  if (!id || *id < 1) return Error::kClientIdNotPositive;
  filter->id = static_cast<ClientId>(*id);
  return Done();
}

Outcome ReadMaxAge(std::string_view text, ClientKillFilter* filter) {
  const std::optional<int64_t> max_age_s = ParseInteger(text);
  if (!max_age_s) return Error::kClientMaxAgeNotInteger;
  if (*max_age_s < 1) return Error::kClientMaxAgeNotPositive;
  filter->max_age_s = *max_age_s;
  return Done();
}

Outcome ReadKillCondition(std::string_view word, std::string_view value, ClientKillFilter* filter) {
  if (EqualsIgnoreCase(word, "ID")) return ReadKillId(value, filter);
  if (EqualsIgnoreCase(word, "TYPE")) return ReadType(value, &filter->type);
  if (EqualsIgnoreCase(word, "SKIPME")) return ReadYesNo(value, &filter->skip_me);
  if (EqualsIgnoreCase(word, "MAXAGE")) return ReadMaxAge(value, filter);
  if (EqualsIgnoreCase(word, "ADDR")) {
    filter->peer_address = value;
  } else if (EqualsIgnoreCase(word, "LADDR")) {
    filter->local_address = value;
  } else if (!EqualsIgnoreCase(word, "USER")) {
    return Error::kSyntax;
  } else if (value != "default") {
    return {Error::kClientUnknownUser, {value}};
  }
  return Done();
}

}  // namespace

Outcome ReadListFilter(std::span<const std::string_view> arguments, ClientListFilter* filter) {
  Args args(arguments, 2);
  while (args.more()) {
    if (args.WordWithValues("TYPE", 1)) {
      RETURN_IF_FAILED(ReadType(args.Text(), &filter->type));
    } else if (args.WordWithValues("ID", 1)) {
      filter->has_ids = true;
      // Numbers to the end, or to the next word.
      while (args.more() && !EqualsIgnoreCase(args.Peek(), "TYPE")) {
        const std::optional<int64_t> id = ParseInteger(args.Text());
        if (!id) return Error::kClientInvalidId;
        filter->ids.push_back(static_cast<ClientId>(*id));
      }
    } else {
      return Error::kSyntax;
    }
  }
  return args.Finish();
}

Outcome ReadKillFilter(std::span<const std::string_view> arguments, ClientKillFilter* filter) {
  Args args(arguments, 2);
  while (args.more()) {
    const std::string_view word = args.Text();
    const std::string_view value = args.Text();
    if (args.failed()) break;
    RETURN_IF_FAILED(ReadKillCondition(word, value, filter));
  }
  return args.Finish();
}

bool IsOfType(const Session& session, ClientType type) {
  const ClientType actual = session.is_subscriber() ? ClientType::kPubSub : ClientType::kNormal;
  return type == ClientType::kAny || type == actual;
}

bool HasPeerAddress(const Session& session, std::string_view address) {
  return session.transport.Info().peer_address == address;
}

bool Passes(const ClientKillFilter& filter, const Session& session, int64_t now_monotonic_us) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  const int64_t age_s = (now_monotonic_us - session.connected_at_us) / kMicrosPerSecond;
  if (!IsOfType(session, filter.type)) return false;
  if (filter.id && *filter.id != session.id) return false;
  if (filter.max_age_s && age_s < *filter.max_age_s) return false;
  if (filter.peer_address && !HasPeerAddress(session, *filter.peer_address)) return false;
  return !filter.local_address || session.transport.Info().local_address == *filter.local_address;
}

void KillClient(CommandContext& context, Session& session) {
  if (&session == &context.session) {
    context.server.client_control().CloseAfterReply(session);
  } else {
    context.server.client_control().Kill(session);
  }
}

}  // namespace server
