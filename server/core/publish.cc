#include "server/core/publish.h"

#include <initializer_list>
#include <string>

#include "resp/writer.h"
#include "server/core/pubsub.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/limits.h"

namespace server {
namespace {

// One message as it is on the wire, encoded when first needed in that protocol.
class Encoded {
 public:
  explicit Encoded(std::initializer_list<std::string_view> parts) : parts_(parts) {}

  const std::string& In(int protocol) {
    std::string& text = protocol == 3 ? resp3_ : resp2_;
    if (text.empty()) {
      resp::Writer writer(&text);
      writer.set_protocol(protocol);
      writer.PushHeader(parts_.size());
      for (std::string_view part : parts_) writer.Bulk(part);
    }
    return text;
  }

 private:
  const std::initializer_list<std::string_view> parts_;
  std::string resp2_;
  std::string resp3_;
};

int64_t Deliver(ServerContext& server, const Message& message, const PubSub::Clients& clients,
                Encoded& encoded) {
  const OutputLimit& limit = server.settings().output_limit(ClientClass::kPubSub);
  for (ClientId id : clients) {
    Session* const session = server.clients().Find(id);
    if (session == nullptr || !session->is_open()) continue;
    const std::string& bytes = encoded.In(session->writer.protocol());
    const auto pending = static_cast<int64_t>(session->pending_bytes() + bytes.size());
    const bool is_too_much = limit.hard_bytes > 0 && pending > limit.hard_bytes;
    // One large message to many subscribers at once could fill the memory.
    const bool fits = pending <= kSmallOutputBytes || !server.clients_need_too_much();
    if (is_too_much || !fits) {
      server.pubsub().NoteOverflow(id);
    } else {
      session->Push(bytes, message.turn, message.released);
    }
  }
  return static_cast<int64_t>(clients.size());
}

}  // namespace

int64_t Publish(ServerContext& server, const Message& message) {
  const PubSub& pubsub = server.pubsub();
  const SubscriptionKind kind =
      message.is_sharded ? SubscriptionKind::kShardChannel : SubscriptionKind::kChannel;
  int64_t receivers = 0;
  if (const PubSub::Clients* clients = pubsub.Find(kind, message.channel)) {
    const std::initializer_list<std::string_view> parts = {
        message.is_sharded ? "smessage" : "message", message.channel, message.text};
    Encoded encoded(parts);
    receivers += Deliver(server, message, *clients, encoded);
  }
  if (message.is_sharded) return receivers;
  pubsub.ForEachMatch(message.channel,
                      [&](std::string_view pattern, const PubSub::Clients& clients) {
                        const std::initializer_list<std::string_view> parts = {
                            "pmessage", pattern, message.channel, message.text};
                        Encoded encoded(parts);
                        receivers += Deliver(server, message, clients, encoded);
                      });
  return receivers;
}

}  // namespace server
