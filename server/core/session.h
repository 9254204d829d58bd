// A client's state, without a socket: who it is, how it is answered, and what it waits for.
//
// Created by Dispatcher::Connect, found by id through ClientRegistry, freed at the end of the turn
// in which it was disconnected. Outside of the connection that carries it nobody keeps a pointer to
// one: whatever happens later looks it up by its id. Owner: ClientRegistry. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/op.h"
#include "engine/stream_id.h"
#include "resp/parser.h"
#include "resp/request.h"
#include "resp/writer.h"
#include "server/core/clock.h"
#include "server/core/command.h"
#include "server/core/output_buffer.h"

namespace server {

class Transport;

// Never reused within a process; 0 is nobody.
using ClientId = uint64_t;

enum class SessionState : uint8_t {
  kReady,    // Executes what comes.
  kBlocked,  // A blocking read waits for data; see Waiters.
  kLoading,  // Objects are being fetched for a command.
  kRetry,    // A command waits for its turn or for room for unsaved bytes.
  kPaused,   // A command waits for the end of a CLIENT PAUSE.
  kClosing,  // Closes when its replies have been sent; executes nothing.
  kClosed,   // Disconnected.
};

// CLIENT REPLY.
enum class ReplyMode : uint8_t {
  kOn,
  kOff,
  kSkipThis,  // The running command is answered by nothing; then kOn.
  kSkipNext,  // The running one and the next are.
};

// A command that could not end when it ran, with arguments of its own.
struct ParkedCommand {
  ParkedCommand(const CommandSpec& command, const resp::Request& request);
  ParkedCommand(const ParkedCommand&) = delete;
  ParkedCommand& operator=(const ParkedCommand&) = delete;

  const CommandSpec& spec;
  std::string bytes;  // What args look at.
  std::vector<std::string_view> args;
  bool inline_form;

  // A blocking read: what it waits for, and when the wait ends on the monotonic clock.
  std::optional<WaitRequest> wait;

  // What was fetched for it. Shared with the fetch under way, which may outlive the session.
  std::shared_ptr<engine::Pins> pins;
  int load_rounds = 0;
  bool has_run = false;  // Its handler has been called; monitors have seen it.

  resp::Request request() const { return {.args = args, .inline_form = inline_form}; }
};

class Session {
 public:
  Session(ClientId id, Transport& transport, BufferPool& pool, int64_t monotonic_us);

  const ClientId id;
  Transport& transport;
  const int64_t connected_at_us;  // Monotonic.

  resp::Parser parser;
  OutputBuffer output;
  resp::Writer writer;  // Appends to output.tail(); knows the protocol version.

  uint32_t db = 0;
  bool authenticated = true;
  bool no_evict = false;
  bool no_touch = false;
  bool is_monitor = false;  // Set by Monitors.
  ReplyMode reply_mode = ReplyMode::kOn;
  std::string name;
  std::string lib_name;
  std::string lib_ver;

  // The last command that was found in the table; null before it.
  const CommandSpec* last_command = nullptr;
  int64_t last_used_us = 0;  // When it last sent a command; monotonic.
  uint64_t command_count = 0;

  SessionState state = SessionState::kReady;
  // The command that waits; set in kBlocked, kLoading, kRetry and kPaused.
  std::unique_ptr<ParkedCommand> parked;
  // Set by CommandContext::Park for the dispatcher, which takes it after the handler has returned.
  std::optional<WaitRequest> park_request;
  // Tells a fetch that ends from one whose command has been given up.
  uint64_t load_number = 0;
  // While Dispatcher::Feed runs for it the transport needs no calls.
  bool is_feeding = false;

  bool is_open() const { return state < SessionState::kClosing; }
  // Whether the running command's reply is left out.
  bool suppresses_reply() const { return reply_mode != ReplyMode::kOn; }
  // What RESET does to a connection; the caller decides on `authenticated`.
  void Reset();
};

}  // namespace server
