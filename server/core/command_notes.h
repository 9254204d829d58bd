// What is kept, and told to clients that MONITOR, of each command that ran: by itself or in a
// transaction.
//
// Thread: loop.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/types.h"
#include "server/core/clock.h"
#include "server/core/command.h"

namespace server {

// One run of a command, when it has ended.
struct CommandRun {
  const Session& session;
  const CommandSpec& spec;
  std::span<const std::string_view> args;
  Instant end;
  int64_t elapsed_us = 0;
  engine::Turn seen_turn = 0;
};

// For histograms, the latency monitor and the slow log.
void NoteRun(ServerContext& server, const CommandRun& run);

// Sends the command to all that MONITOR, except for administrative ones. Not for commands that run
// again after they had to wait. Cheap when nobody monitors. A client that does not take what it is
// sent is closed: it can be the one that runs the command.
void ShowToMonitors(ServerContext& server, const CommandRun& run, engine::Turn released_turn);

}  // namespace server
