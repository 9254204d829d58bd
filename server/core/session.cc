#include "server/core/session.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/core/pubsub.h"
#include "server/core/transaction.h"
#include "server/core/transport.h"

namespace server {

ParkedCommand::ParkedCommand(const CommandSpec& command, const resp::Request& original)
    : spec(command), inline_form(original.inline_form) {
  size_t size = 0;
  for (std::string_view arg : original.args) size += arg.size();
  bytes.reserve(size);
  args.reserve(original.args.size());
  for (std::string_view arg : original.args) {
    const size_t start = bytes.size();
    bytes += arg;
    args.push_back(std::string_view(bytes).substr(start));
  }
}

Session::Session(ClientId the_id, Transport& the_transport, BufferPool& pool, int64_t monotonic_us)
    : id(the_id),
      transport(the_transport),
      connected_at_us(monotonic_us),
      output(pool),
      writer(&output.tail()),
      last_used_us(monotonic_us) {}

Session::~Session() = default;

size_t Session::BeginReply() {
  const size_t mark = output.BeginReply();
  reply_mark_ = mark;
  return mark;
}

void Session::EndReply(size_t mark, engine::Turn turn, engine::Turn released) {
  reply_mark_.reset();
  if (const std::unique_ptr<HeldPushes> held = std::move(held_pushes_)) {
    output.tail().insert(mark, held->before);
    output.tail() += held->behind;
    turn = std::max(turn, held->turn);
  }
  if (output.tail().size() == mark) {
    output.Abandon(mark);
  } else {
    output.EndReply(mark, turn, released);
  }
}

void Session::Push(std::string_view encoded, engine::Turn turn, engine::Turn released) {
  if (!reply_mark_) {
    // Not a buffer of the pool's: a message may go to thousands that hold nothing else.
    const size_t mark = output.tail().size();
    output.tail() += encoded;
    output.EndReply(mark, turn, released);
    transport.OutputReady();
    return;
  }
  if (held_pushes_ == nullptr) held_pushes_ = std::make_unique<HeldPushes>();
  const bool has_begun = output.tail().size() > *reply_mark_;
  (has_begun ? held_pushes_->behind : held_pushes_->before) += encoded;
  held_pushes_->turn = std::max(held_pushes_->turn, turn);
}

size_t Session::pending_bytes() const {
  const size_t held =
      held_pushes_ == nullptr ? 0 : held_pushes_->before.size() + held_pushes_->behind.size();
  return output.size() + held;
}

size_t Session::memory_bytes() const {
  size_t bytes = output.memory_bytes() + parser.memory_bytes();
  if (held_pushes_ != nullptr) {
    bytes += held_pushes_->before.capacity() + held_pushes_->behind.capacity();
  }
  if (parked != nullptr) {
    bytes += parked->bytes.capacity() + parked->args.capacity() * sizeof(std::string_view);
  }
  if (transaction != nullptr) bytes += transaction->memory_bytes();
  return bytes;
}

void Session::Reset() {
  transaction.reset();
  writer.set_protocol(2);
  db = 0;
  no_evict = false;
  no_touch = false;
  reply_mode = ReplyMode::kOn;
  name.clear();
}

}  // namespace server
