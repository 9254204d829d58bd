// Sends a message to the subscribers of a channel.
//
// It leaves through the same gates as replies: a message that tells about a change does so only
// once the change is durable. Thread: loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/types.h"

namespace server {

class ServerContext;

struct Message {
  std::string_view channel = {};
  std::string_view text = {};
  bool is_sharded = false;
  engine::Turn turn = 0;      // The newest turn it tells about; 0 = none.
  engine::Turn released = 0;  // The newest released turn.
};

// The number of receivers; a client that is subscribed to the channel and to patterns that match it
// counts, and gets the message, once for each.
int64_t Publish(ServerContext& server, const Message& message);

}  // namespace server
