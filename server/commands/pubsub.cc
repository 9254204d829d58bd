#include "server/commands/pubsub.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/commands/help.h"
#include "server/core/publish.h"
#include "server/core/pubsub.h"
#include "server/core/server_context.h"
#include "server/core/session.h"

namespace server {
namespace {

constexpr std::string_view kHelp[] = {
    "CHANNELS [<pattern>]",
    "    The channels that somebody is subscribed to; with a glob pattern, those that match.",
    "NUMPAT",
    "    How many patterns there are subscriptions to.",
    "NUMSUB [<channel> ...]",
    "    How many clients are subscribed to each channel, not counting patterns.",
    "SHARDCHANNELS [<pattern>]",
    "    As CHANNELS, for shard channels.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    As NUMSUB, for shard channels.",
};

// What the confirmation says the client is subscribed to: shard channels count for themselves.
size_t ShownCount(const Session& session, SubscriptionKind kind) {
  if (kind == SubscriptionKind::kShardChannel) return CountOf(session, kind);
  return CountOf(session, SubscriptionKind::kChannel) +
         CountOf(session, SubscriptionKind::kPattern);
}

// One frame for each name. `name` null: there was none to give up.
void Confirm(CommandContext& context, SubscriptionKind kind, std::optional<std::string_view> name) {
  context.out.PushHeader(3);
  context.out.Bulk(context.spec.name);
  if (name) {
    context.out.Bulk(*name);
  } else {
    context.out.Null();
  }
  context.out.Integer(static_cast<int64_t>(ShownCount(context.session, kind)));
}

Outcome Subscribe(CommandContext& context, SubscriptionKind kind) {
  for (std::string_view name : context.args.subspan(1)) {
    context.server.pubsub().Subscribe(context.session, kind, name);
    Confirm(context, kind, name);
  }
  return Done();
}

void UnsubscribeOne(CommandContext& context, SubscriptionKind kind, std::string_view name) {
  context.server.pubsub().Unsubscribe(context.session, kind, name);
  Confirm(context, kind, name);
}

Outcome Unsubscribe(CommandContext& context, SubscriptionKind kind) {
  for (std::string_view name : context.args.subspan(1)) UnsubscribeOne(context, kind, name);
  if (context.args.size() > 1) return Done();
  if (CountOf(context.session, kind) == 0) {
    Confirm(context, kind, std::nullopt);
    return Done();
  }
  const Subscriptions::Names all = context.session.subscriptions->of(kind);
  for (const std::string& name : all) UnsubscribeOne(context, kind, name);
  return Done();
}

enum class Sharded : bool { kNo, kYes };

// What the client has seen so far in its transaction may be told by the message.
Outcome PublishFrom(CommandContext& context, Sharded sharded) {
  context.out.Integer(Publish(context.server, {.channel = context.args[1],
                                               .text = context.args[2],
                                               .is_sharded = sharded == Sharded::kYes,
                                               .turn = context.op.seen_turn,
                                               .released = context.engine.released_turn()}));
  return Done();
}

Outcome ListChannels(CommandContext& context, SubscriptionKind kind) {
  constexpr size_t kMaxArguments = 3;
  if (context.args.size() > kMaxArguments) {
    return {Error::kSubcommandSyntax, {context.args[1], "PUBSUB"}};
  }
  const std::string_view glob = context.args.size() == kMaxArguments ? context.args[2] : "*";
  const std::vector<std::string_view> names = context.server.pubsub().Names(kind, glob);
  context.out.ArrayHeader(names.size());
  for (std::string_view name : names) context.out.Bulk(name);
  return Done();
}

Outcome CountSubscribers(CommandContext& context, SubscriptionKind kind) {
  const auto names = context.args.subspan(2);
  context.out.ArrayHeader(2 * names.size());
  for (std::string_view name : names) {
    const PubSub::Clients* const clients = context.server.pubsub().Find(kind, name);
    context.out.Bulk(name);
    context.out.Integer(clients == nullptr ? 0 : static_cast<int64_t>(clients->size()));
  }
  return Done();
}

}  // namespace

Outcome CmdSubscribe(CommandContext& context) {
  return Subscribe(context, SubscriptionKind::kChannel);
}
Outcome CmdUnsubscribe(CommandContext& context) {
  return Unsubscribe(context, SubscriptionKind::kChannel);
}
Outcome CmdPSubscribe(CommandContext& context) {
  return Subscribe(context, SubscriptionKind::kPattern);
}
Outcome CmdPUnsubscribe(CommandContext& context) {
  return Unsubscribe(context, SubscriptionKind::kPattern);
}

Outcome CmdSSubscribe(CommandContext& context) {
  // Inside EXEC.
  if (!context.may_block) return {Error::kDenyBlocking, {"SSUBSCRIBE"}};
  return Subscribe(context, SubscriptionKind::kShardChannel);
}

Outcome CmdSUnsubscribe(CommandContext& context) {
  return Unsubscribe(context, SubscriptionKind::kShardChannel);
}

Outcome CmdPublish(CommandContext& context) { return PublishFrom(context, Sharded::kNo); }
Outcome CmdSPublish(CommandContext& context) { return PublishFrom(context, Sharded::kYes); }

Outcome CmdPubSubChannels(CommandContext& context) {
  return ListChannels(context, SubscriptionKind::kChannel);
}

Outcome CmdPubSubNumPat(CommandContext& context) {
  context.out.Integer(static_cast<int64_t>(context.server.pubsub().pattern_count()));
  return Done();
}

Outcome CmdPubSubNumSub(CommandContext& context) {
  return CountSubscribers(context, SubscriptionKind::kChannel);
}
Outcome CmdPubSubShardChannels(CommandContext& context) {
  return ListChannels(context, SubscriptionKind::kShardChannel);
}
Outcome CmdPubSubShardNumSub(CommandContext& context) {
  return CountSubscribers(context, SubscriptionKind::kShardChannel);
}

Outcome CmdPubSubHelp(CommandContext& context) {
  WriteHelp(context.out, "PUBSUB", kHelp);
  return Done();
}

}  // namespace server
