#include "server/core/stream_events.h"

#include <string>

#include "engine/engine.h"
#include "engine/events.h"
#include "fmt/format.h"
#include "server/core/key_event.h"
#include "server/core/publish.h"
#include "server/core/server_context.h"

namespace server {
namespace {

using engine::StreamEvent;

// On a channel named after the group, in a message that waits for the running turn.
void Alert(ServerContext& server, const engine::Engine& engine, std::string_view kind,
           const StreamEvent& event) {
  if (server.pubsub().has_no_listeners()) return;
  const std::string channel = fmt::format("{}:{}:{}", kind, event.key, event.group);
  const std::string id = event.id.ToString();
  Publish(server, {.channel = channel,
                   .text = id,
                   .turn = engine.current_turn(),
                   .released = engine.released_turn()});
}

void Report(ServerContext& server, const engine::Engine& engine, const StreamEvent& event) {
  const auto changed = [&](const KeyEvent& what) {
    ReportChange(server, engine, event.db, event.key, what);
  };
  switch (event.kind) {
    case StreamEvent::Kind::kCreated:
      return changed(key_event::kNew);
    case StreamEvent::Kind::kAdded:
      server.waiters().Signal(event.db, event.key);
      return changed(key_event::kXadd);
    case StreamEvent::Kind::kTrimmed:
      return changed(key_event::kXtrim);
    case StreamEvent::Kind::kDeleted:
      return changed(key_event::kXdel);
    case StreamEvent::Kind::kGroupDestroyed:
      server.waiters().Signal(event.db, event.key);
      return changed(key_event::kXgroupDestroy);
    case StreamEvent::Kind::kConsumerDeleted:
      return changed(key_event::kXgroupDelConsumer);
    case StreamEvent::Kind::kReady:
      return server.waiters().SignalPending(event.db, event.key);
    case StreamEvent::Kind::kRoom:
      return server.producers().Signal(event.db, event.key);
    case StreamEvent::Kind::kLetter:
      return Alert(server, engine, "__dlq__", event);
    case StreamEvent::Kind::kParked:
      return Alert(server, engine, "__parked__", event);
  }
}

}  // namespace

void ReportStreamEvents(ServerContext& server, engine::Engine& engine) {
  for (const StreamEvent& event : engine.TakeEvents()) Report(server, engine, event);
}

}  // namespace server
