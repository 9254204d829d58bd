// Rows of the commands about publishing and subscribing.
#include "server/commands/pubsub.h"
#include "server/core/command_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using doc::Glob;
using doc::Text;

constexpr uint32_t kPublishes = kPubSub | kLoading | kStale | kFast | kMayReplicate;
constexpr uint32_t kSubscribes =
    kPubSub | kNoScript | kLoading | kStale | kWhileSubscribed | kRepliesByPush;
constexpr uint32_t kLooks = kPubSub | kLoading | kStale;
constexpr std::string_view kPublishAcl = "@pubsub @fast";
constexpr std::string_view kAcl = "@pubsub @slow";
// Shard channels are routed like keys, and are none.
constexpr std::string_view kNoKey = "not_key";

constexpr ArgumentDoc Many(ArgumentDoc argument, uint8_t flags = kMultiple) {
  argument.flags = flags;
  return argument;
}

constexpr ArgumentDoc kMessage[] = {Text("channel"), Text("message")};
constexpr ArgumentDoc kShardMessage[] = {Text("shardchannel"), Text("message")};
constexpr ArgumentDoc kChannels[] = {Text("channel", kMultiple)};
constexpr ArgumentDoc kPatterns[] = {Many(Glob("pattern"))};
constexpr ArgumentDoc kShardChannels[] = {Text("shardchannel", kMultiple)};
constexpr ArgumentDoc kSomeChannels[] = {Text("channel", kOptional | kMultiple)};
constexpr ArgumentDoc kSomePatterns[] = {Many(Glob("pattern"), kOptional | kMultiple)};
constexpr ArgumentDoc kSomeShardChannels[] = {Text("shardchannel", kOptional | kMultiple)};
constexpr ArgumentDoc kOnePattern[] = {Many(Glob("pattern"), kOptional)};

constexpr CommandSpec Row(std::string_view name, int16_t arity, uint32_t flags, Handler handler,
                          std::string_view since, std::string_view complexity,
                          std::string_view summary, std::span<const ArgumentDoc> arguments = {}) {
  return {
      .name = name,
      .arity = arity,
      .flags = flags,
      .handler = handler,
      .acl = (flags & kFast) != 0 ? kPublishAcl : kAcl,
      .group = "pubsub",
      .since = since,
      .complexity = complexity,
      .summary = summary,
      .arguments = arguments,
  };
}

constexpr CommandSpec Sharded(CommandSpec spec, int16_t last) {
  spec.keys = {1, last, 1};
  spec.key_flags = kNoKey;
  return spec;
}

constexpr std::string_view kPerName =
    "O(log N) for each name, with N the clients subscribed to it.";

constexpr CommandSpec kRows[] = {
    Row("psubscribe", -2, kSubscribes, CmdPSubscribe, "2.0.0", kPerName,
        "Subscribes to all channels that match patterns.", kPatterns),
    Row("publish", 3, kPublishes, CmdPublish, "2.0.0",
        "O(N+M) with N the subscribers of the channel and M the patterns subscribed to.",
        "Sends a message to a channel.", kMessage),
    {
        .name = "pubsub",
        .arity = -2,
        .flags = kContainer,
        .acl = "@slow",
        .group = "pubsub",
        .since = "2.8.0",
        .complexity = "Depends on subcommand.",
        .summary = "Holds the commands about channels and subscribers.",
    },
    Row("pubsub|channels", -2, kLooks, CmdPubSubChannels, "2.8.0", "O(N) with N the channels.",
        "The channels that have subscribers.", kOnePattern),
    {
        .name = "pubsub|help",
        .arity = 2,
        .flags = kLoading | kStale,
        .handler = CmdPubSubHelp,
        .acl = "@slow",
        .group = "pubsub",
        .since = "6.2.0",
        .complexity = "O(1)",
        .summary = "Shows what PUBSUB can do.",
    },
    Row("pubsub|numpat", 2, kLooks, CmdPubSubNumPat, "2.8.0", "O(1)",
        "The number of patterns subscribed to."),
    Row("pubsub|numsub", -2, kLooks, CmdPubSubNumSub, "2.8.0", "O(1) for each channel.",
        "The numbers of subscribers of channels.", kSomeChannels),
    Row("pubsub|shardchannels", -2, kLooks, CmdPubSubShardChannels, "7.0.0",
        "O(N) with N the shard channels.", "The shard channels that have subscribers.",
        kOnePattern),
    Row("pubsub|shardnumsub", -2, kLooks, CmdPubSubShardNumSub, "7.0.0",
        "O(1) for each shard channel.", "The numbers of subscribers of shard channels.",
        kSomeShardChannels),
    Row("punsubscribe", -1, kSubscribes, CmdPUnsubscribe, "2.0.0", kPerName,
        "Gives up patterns, or all of them.", kSomePatterns),
    Sharded(Row("spublish", 3, kPublishes, CmdSPublish, "7.0.0",
                "O(N) with N the subscribers of the shard channel.",
                "Sends a message to a shard channel.", kShardMessage),
            1),
    Sharded(Row("ssubscribe", -2, kSubscribes, CmdSSubscribe, "7.0.0", kPerName,
                "Subscribes to shard channels.", kShardChannels),
            -1),
    Row("subscribe", -2, kSubscribes, CmdSubscribe, "2.0.0", kPerName, "Subscribes to channels.",
        kChannels),
    Sharded(Row("sunsubscribe", -1, kSubscribes, CmdSUnsubscribe, "7.0.0", kPerName,
                "Gives up shard channels, or all of them.", kSomeShardChannels),
            -1),
    Row("unsubscribe", -1, kSubscribes, CmdUnsubscribe, "2.0.0", kPerName,
        "Gives up channels, or all of them.", kSomeChannels),
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kRows; }

}  // namespace server
