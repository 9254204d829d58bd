// What handlers report to the rest of the server.
#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "server/core/command.h"
#include "server/core/publish.h"
#include "server/core/pubsub.h"
#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/watches.h"

namespace server {
namespace {

constexpr std::string_view kAllButRareClasses = "g$lshzxet";

// Whether option notify-keyspace-events has the letter; as it is kept, `A` stands for many.
bool HasClass(std::string_view classes, char letter) {
  if (classes.find(letter) != std::string_view::npos) return true;
  return classes.starts_with('A') && kAllButRareClasses.find(letter) != std::string_view::npos;
}

bool Listens(const ServerContext& server, const KeyEvent& event) {
  const std::string_view classes = server.settings().notify_keyspace_events;
  if (classes.empty() || event.name.empty() || server.pubsub().has_no_listeners()) return false;
  return HasClass(classes, event.category);
}

// Precondition: somebody listens.
void Announce(ServerContext& server, uint32_t db, std::string_view key, const KeyEvent& event,
              Message message) {
  const std::string_view classes = server.settings().notify_keyspace_events;
  if (HasClass(classes, 'K')) {
    const std::string channel = fmt::format("__keyspace@{}__:{}", db, key);
    message.channel = channel;
    message.text = event.name;
    Publish(server, message);
  }
  if (HasClass(classes, 'E')) {
    const std::string channel = fmt::format("__keyevent@{}__:{}", db, event.name);
    message.channel = channel;
    message.text = key;
    Publish(server, message);
  }
}

}  // namespace

void CommandContext::Park(WaitRequest wait) { session.park_request = std::move(wait); }

void CommandContext::SignalReaders(std::string_view key) { server.waiters().Signal(op.db, key); }

void CommandContext::SignalKey(std::string_view key) { server.SignalKey(op.db, key); }

void CommandContext::SignalClaims(std::string_view key, std::string_view group) {
  server.waiters().SignalClaims(op.db, key, group);
}

void CommandContext::SignalDatabase(uint32_t db) {
  server.waiters().SignalDatabase(db);
  server.producers().SignalDatabase(db);
  server.watches().TouchDatabase(db);
}

void CommandContext::KeyChanged(uint32_t db, std::string_view key, const KeyEvent& event) {
  if (event.touches) server.watches().Touch(db, key);
  if (!Listens(server, event)) return;
  // A change is in the running turn's record; a miss changes nothing.
  const engine::Turn turn = event.category == 'm' ? op.seen_turn : engine.current_turn();
  Announce(server, db, key, event, {.turn = turn, .released = engine.released_turn()});
}

void ReportChange(ServerContext& server, const engine::Engine& engine, uint32_t db,
                  std::string_view key, const KeyEvent& event) {
  if (event.touches) server.watches().Touch(db, key);
  if (!Listens(server, event)) return;
  Announce(server, db, key, event,
           {.turn = engine.current_turn(), .released = engine.released_turn()});
}

bool CommandContext::Notifies(const KeyEvent& event) const { return Listens(server, event); }

void ReportExpired(ServerContext& server, const engine::Engine& engine, uint32_t db,
                   std::string_view key) {
  server.SignalKey(db, key);
  server.watches().TouchExpired(db, key);
  const KeyEvent& event = key_event::kExpired;
  if (!Listens(server, event)) return;
  Announce(server, db, key, event,
           {.turn = engine.current_turn(), .released = engine.released_turn()});
}

void CommandContext::KeyMissed(std::string_view key) {
  if (Notifies(key_event::kKeyMiss)) missed_keys.push_back(key);
}

void CommandContext::TellMisses() {
  for (std::string_view key : missed_keys) KeyChanged(key, key_event::kKeyMiss);
}

void WriteErrorReply(ServerContext& server, resp::Writer& out, const Outcome& outcome) {
  const std::string text = outcome.Text();
  server.stats().CountError(text);
  out.Error(text);
}

}  // namespace server
