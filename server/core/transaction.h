// MULTI: the commands a client has queued, and running them as one.
//
// EXEC is one command for everybody else: one reading of the clock, one turn, one reply with one
// gate, and blocked readers are served after it.
// Owner of a queue: the session between MULTI and the end of the transaction. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/request.h"
#include "server/core/command.h"

namespace server {

class CommandQueue {
 public:
  // Copies the request. False, and the queue stays as it is, when it would get larger than
  // kMaxTransactionBytes. Once the transaction is spoiled nothing is kept: it will never run.
  bool Add(const CommandSpec& spec, const resp::Request& request);
  // A command was refused: EXEC will refuse all of them.
  void Spoil() { is_spoiled_ = true; }

  bool is_spoiled() const { return is_spoiled_; }
  size_t size() const { return commands_.size(); }
  // Flags that any of the commands has.
  uint32_t flags() const { return flags_; }
  // What a command needs, and its arguments, which are views into the queue.
  const CommandSpec& Get(size_t index, std::vector<std::string_view>* args) const;
  size_t memory_bytes() const;

 private:
  struct Place {
    size_t offset = 0;
    size_t size = 0;
  };
  struct Command {
    const CommandSpec* spec = nullptr;
    size_t first_argument = 0;  // In places_; they end where those of the next command begin.
  };

  // The arguments as they are on the wire, so that XADD can take its fields as they stand.
  std::string bytes_;
  std::vector<Place> places_;
  std::vector<Command> commands_;
  uint32_t flags_ = 0;
  bool is_spoiled_ = false;
};

// Runs the queue of the session of `exec` and writes the array of replies. kNotLoaded, with nothing
// changed and `exec.op.needs` filled in, when objects must be fetched first.
//
// What the commands name is fetched before the first one runs. Something that is missed later is
// fetched by running all of them again, as long as none has changed anything; from then on misses
// are read at once.
Outcome RunTransaction(CommandContext& exec, const CommandQueue& queue);

// The client is outside of MULTI, and watches nothing.
void EndTransaction(ServerContext& server, Session& session);

}  // namespace server
