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

class CommandQueue;  // server/core/transaction.h
class Transport;
struct Subscriptions;  // server/core/pubsub.h

// Never reused within a process; 0 is nobody.
using ClientId = uint64_t;

enum class SessionState : uint8_t {
  kReady,    // Executes what comes.
  kBlocked,  // A blocking read waits for data; see Waiters.
  kLoading,  // Objects are being fetched for a command.
  kRetry,    // A command waits for its turn or for room for unsaved bytes.
  kPaused,   // A command waits for the end of a CLIENT PAUSE.
  kHeldUp,   // It has not logged in, and from its address came a wrong password; see LoginGuard.
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

// Pushes that came up while a command of the same client was writing its reply. They stand beside
// the reply, never inside of it: those that came before its first byte in front, the others behind.
struct HeldPushes {
  std::string before;
  std::string behind;
  engine::Turn turn = 0;  // The newest that any of them tells about.
};

class Session {
 public:
  Session(ClientId id, Transport& transport, BufferPool& pool, int64_t monotonic_us);
  ~Session();

  const ClientId id;
  Transport& transport;
  const int64_t connected_at_us;  // Monotonic.

  resp::Parser parser;
  OutputBuffer output;
  resp::Writer writer;  // Appends to output.tail(); knows the protocol version.

  uint32_t db = 0;
  bool authenticated = true;
  int64_t login_failures = 0;     // Wrong passwords in a row.
  bool may_send_request = false;  // It was held up, and is not for its next request.
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

  // Set between MULTI and the end of the transaction.
  std::unique_ptr<CommandQueue> transaction;
  // What PubSub keeps for this client; null when it is subscribed to nothing.
  std::unique_ptr<Subscriptions> subscriptions;

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
  bool in_transaction() const { return transaction != nullptr; }
  bool is_subscriber() const { return subscriptions != nullptr; }
  // A subscriber of the old protocol cannot tell messages from replies: few commands are allowed.
  bool in_subscribe_mode() const { return is_subscriber() && writer.protocol() == 2; }

  // --- Output ---

  // Begins the reply of a command that is about to run; its mark. Pushes wait until it has ended.
  size_t BeginReply();
  // The reply is all that stands behind `mark`, or nothing. It and the held pushes leave when their
  // turns are released.
  void EndReply(size_t mark, engine::Turn turn, engine::Turn released);
  // Sends encoded bytes that are no reply, now or beside the reply that is being written.
  void Push(std::string_view encoded, engine::Turn turn, engine::Turn released);
  // Bytes that wait to be sent, held pushes included.
  size_t pending_bytes() const;
  // What the client makes the server keep beside its input: unsent replies, commands that wait or
  // are queued. An estimate, in constant time.
  size_t memory_bytes() const;

  // What RESET does to a connection; the caller decides on `authenticated`, and gives up watches
  // and subscriptions.
  void Reset();

 private:
  std::optional<size_t> reply_mark_;  // While a command writes its reply.
  std::unique_ptr<HeldPushes> held_pushes_;
};

}  // namespace server
