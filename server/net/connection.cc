#include "server/net/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "engine/fault_point.h"
#include "server/core/transaction.h"
#include "server/limits.h"
#include "server/net/connection_table.h"
#include "server/net/limits.h"

namespace server {

Connection::Connection(ConnectionTable& table, OwnedFd fd, Peer peer)
    : table_(table),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
      session_(&table.dispatcher().Connect(*this)),
      id_(session_->id) {
  readable_ =
      table_.loop().NewEvent<&Connection::OnReadable>(fd_.get(), Readiness::kReadable, this);
  readable_.Add();
  NoteLogin();
}

Connection::~Connection() {
  if (session_ != nullptr) table_.dispatcher().Disconnect(*std::exchange(session_, nullptr));
  NoteLogin();
  NoteMemory();
}

// --- Input ---------------------------------------------------------------------------------------

void Connection::OnReadable() {
  // What was read before is executed before more is read. The table goes on with it in this pass.
  if (is_doomed_ || closes_after_reply_ || input_waits_) return;
  const ssize_t count = input_.ReadFrom(fd_.get(), table_.read_buffer());
  if (count > 0) {
    received_bytes_ += static_cast<uint64_t>(count);
    ++read_count_;
    table_.context().stats().net_input_bytes += static_cast<uint64_t>(count);
    Execute();
  } else if (count == 0) {
    OnEndOfInput();
  } else if (errno != EAGAIN && errno != EINTR) {
    Drop();
  }
  Settle();
}

void Connection::ExecuteWaiting() {
  is_in_input_list_ = false;
  if (session_ == nullptr || closes_after_reply_ || is_paused_) return;
  Execute();
  Settle();
}

void Connection::Settle() {
  input_.Settle();
  NoteLogin();
  NoteMemory();
  table_.EvictAboveLimit();
}

void Connection::NoteLogin() {
  const bool is_stranger = session_ != nullptr && MustLogIn();
  if (is_stranger == is_stranger_) return;
  is_stranger_ = is_stranger;
  if (is_stranger) {
    table_.AddStranger(peer_.network, id_);
  } else {
    table_.RemoveStranger(peer_.network, id_);
  }
}

void Connection::NoteMemory() {
  const size_t bytes = session_ == nullptr ? 0 : input_.own_bytes() + session_->memory_bytes();
  table_.context().client_memory().Note(bytes, &noted_bytes_);
  table_.stranger_memory().Note(is_stranger_ ? bytes : 0, &noted_stranger_bytes_);
}

void Connection::Execute() {
  input_waits_ = false;
  if (session_->state == SessionState::kReady && !input_.empty()) {
    const FeedResult result = table_.dispatcher().Feed(*session_, input_.view());
    if (session_ == nullptr || closes_after_reply_) {
      input_.Clear();
      return;
    }
    input_.Consume(result.consumed);
    input_waits_ = result.outcome == FeedOutcome::kMoreLater && !input_.empty();
    if (!session_->output.empty()) NoteOutput();
    if (ExceedsInputLimit()) {
      table_.context().log().Warning("client closed: too much unexecuted input",
                                     {{"client", id_}, {"address", peer_.address}});
      Drop();
      return;
    }
  }
  if (is_half_closed_ && !input_waits_) OnEndOfInput();
  UpdateInterest();
  if (!input_.empty() && !is_in_partial_list_) {
    is_in_partial_list_ = true;
    table_.NotePartial(id_);
  }
}

void Connection::OnEndOfInput() {
  is_half_closed_ = true;
  readable_.Remove();
  if (session_->state == SessionState::kReady) {
    // It may still read: what it has sent is answered.
    table_.dispatcher().CloseAfterReply(*session_);
  } else if (WaitsForOthers()) {
    Drop();
  } else {
    // The command may block once it has what it needs.
    table_.NoteHalfClosed(id_);
  }
}

bool Connection::MustLogIn() const {
  return !session_->authenticated && !table_.settings().requirepass.empty();
}

bool Connection::ExceedsInputLimit() const {
  if (!MustLogIn()) {
    return std::cmp_greater(input_.size(), table_.settings().client_query_buffer_limit);
  }
  return std::cmp_greater(input_.size(), kUnauthenticatedInputBytes) ||
         (!input_.empty() && table_.stranger_memory().bytes() > kStrangersBytes);
}

void Connection::UpdateInterest() {
  if (session_ == nullptr || closes_after_reply_) return;
  const bool is_parked = session_->state != SessionState::kReady;
  const bool has_room = !is_parked || input_.size() < kParkedInputBytes;
  const bool reads = has_room && !is_paused_ && !is_half_closed_;
  if (reads) {
    readable_.Add();
  } else {
    readable_.Remove();
  }
  if (is_parked && !reads && !is_half_closed_) {
    if (!peer_closed_.exists()) {
      peer_closed_ = table_.loop().NewEvent<&Connection::OnPeerClosed>(
          fd_.get(), Readiness::kPeerClosed, this);
    }
    peer_closed_.Add();
  } else if (peer_closed_.exists()) {
    peer_closed_.Remove();
  }
  if (input_waits_ && !is_paused_ && !is_in_input_list_) {
    is_in_input_list_ = true;
    table_.NoteWaitingInput(id_);
  }
}

void Connection::OnPeerClosed() {
  peer_closed_.Remove();
  if (session_ == nullptr) return;
  if (WaitsForOthers()) {
    Drop();
  } else {
    table_.NoteHalfClosed(id_);
  }
}

bool Connection::WaitsForOthers() const {
  return session_->state == SessionState::kBlocked || session_->state == SessionState::kHeldUp ||
         session_->state == SessionState::kPaused;
}

bool Connection::CheckHalfClosed() {
  if (session_ == nullptr || session_->state == SessionState::kReady) return false;
  if (!WaitsForOthers()) return true;
  Drop();
  return false;
}

bool Connection::CheckRequest() {
  constexpr int64_t kMillisPerSecond = 1000;
  if (session_ == nullptr || input_.empty()) {
    is_in_partial_list_ = false;
    return false;
  }
  const int64_t now_ms = table_.context().clock().MonotonicMs();
  const bool is_arriving = session_->state == SessionState::kReady && !is_paused_ && !input_waits_;
  if (!is_arriving || request_since_ms_ == 0 || request_number_ != session_->command_count) {
    // Above 0, which stands for never.
    request_since_ms_ = is_arriving ? std::max<int64_t>(now_ms, 1) : 0;
    request_number_ = session_->command_count;
    request_start_bytes_ = received_bytes_;
    return true;
  }
  const int64_t limit_ms = table_.settings().request_timeout_seconds * kMillisPerSecond;
  const int64_t passed_ms = now_ms - request_since_ms_;
  const auto arrived_bytes = static_cast<int64_t>(received_bytes_ - request_start_bytes_);
  if (limit_ms == 0 || passed_ms <= limit_ms ||
      arrived_bytes * kMillisPerSecond >= kSlowestRequestBytesPerSecond * passed_ms) {
    return true;
  }
  table_.context().log().Warning("client closed: its request does not arrive",
                                 {{"client", id_}, {"address", peer_.address}});
  Drop();
  return false;
}

size_t Connection::EvictionWeight() const {
  if (session_ == nullptr || session_->no_evict) return 0;
  return noted_bytes_ + (kUnsentWeight - 1) * session_->output.size();
}

void Connection::Evict() {
  table_.context().log().Warning(
      "client closed: clients need too much memory, and it most of it",
      {{"client", id_}, {"address", peer_.address}, {"bytes", noted_bytes_}});
  ++table_.context().stats().evicted_clients;
  Session& session = *session_;  // Stays until the end of the turn, its buffers need not.
  Drop();
  session.output.Discard();
  session.transaction.reset();
  input_.Clear();
}

bool Connection::MakeRoom(int64_t now_us) {
  if (session_ == nullptr || now_us - session_->connected_at_us < kTimeToLogInMicros) return false;
  Drop();
  return true;
}

// --- Output --------------------------------------------------------------------------------------

void Connection::NoteOutput() {
  if (is_in_output_list_) return;
  is_in_output_list_ = true;
  table_.NoteOutput(id_);
}

void Connection::Send(engine::Turn released) {
  is_in_output_list_ = false;
  if (session_ == nullptr) return;
  if (waits_until_writable() || SendSome(released)) AfterSend(released);
}

void Connection::SendReleased(engine::Turn released) {
  is_in_gated_list_ = false;
  Send(released);
}

void Connection::OnWritable() {
  if (session_ == nullptr) return;
  const engine::Turn released = table_.engine().released_turn();
  if (SendSome(released)) AfterSend(released);
}

bool Connection::SendSome(engine::Turn released) {
  std::array<std::string_view, kPiecesPerSend> pieces;
  for (size_t budget = kSendBytesPerPass;;) {
    const size_t piece_count = session_->output.Collect(released, pieces);
    if (piece_count == 0) break;
    std::array<iovec, kPiecesPerSend> parts;
    size_t size = 0;
    for (size_t i = 0; i < piece_count; ++i) {
      parts[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
      size += pieces[i].size();
    }
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = piece_count;
    FAULT_POINT("reply.before_send");
    const ssize_t sent = piece_count == 1 ? send(fd_.get(), pieces[0].data(), size, MSG_NOSIGNAL)
                                          : sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      Drop();
      return false;
    }
    FAULT_POINT("reply.sent");
    const size_t count = sent > 0 ? static_cast<size_t>(sent) : 0;
    session_->output.Consume(count);
    sent_bytes_ += count;
    table_.context().stats().net_output_bytes += count;
    if (count < size) {
      WaitUntilWritable();
      return true;
    }
    if (piece_count < pieces.size()) break;  // That was all that may leave.
    budget -= std::min(budget, count);
    if (budget == 0) {
      WaitUntilWritable();
      return true;
    }
  }
  if (writable_.exists()) writable_.Remove();
  return true;
}

void Connection::WaitUntilWritable() {
  if (!writable_.exists()) {
    writable_ =
        table_.loop().NewEvent<&Connection::OnWritable>(fd_.get(), Readiness::kWritable, this);
  }
  writable_.Add();
  table_.NoteSlow(id_);
}

void Connection::AfterSend(engine::Turn released) {
  NoteMemory();
  // A session's output lives on until the end of the pass, whatever happens here.
  const OutputBuffer& output = session_->output;
  if (output.empty() && closes_after_reply_) {
    DiscardInput();
    Drop();
    return;
  }
  if (output.gated(released) && !is_in_gated_list_) {
    is_in_gated_list_ = true;
    table_.NoteGated(id_);
  }
  if (!output.empty() && !CheckOutput()) return;
  const bool pauses = output.size() > (is_paused_ ? kOutputPauseBytes / 2 : kOutputPauseBytes);
  if (pauses == is_paused_) return;
  is_paused_ = pauses;
  UpdateInterest();
}

bool Connection::CheckOutput() {
  if (session_ == nullptr) return false;
  const size_t size = session_->output.size();
  if (MustLogIn() && size > kUnauthenticatedOutputBytes && waits_until_writable()) {
    table_.context().log().Warning("client closed: it neither logs in nor takes its replies",
                                   {{"client", id_}, {"address", peer_.address}});
    Drop();
    return false;
  }
  const ClientClass kind = session_->is_subscriber() ? ClientClass::kPubSub : ClientClass::kNormal;
  const OutputLimit& limit = table_.settings().output_limit(kind);
  if (limit.hard_bytes == 0 && limit.soft_bytes == 0) return size > 0;
  if (!output_limit_.Exceeded(size, limit, table_.context().clock().MonotonicMs())) return size > 0;
  table_.context().log().Warning("client closed: it does not take its replies",
                                 {{"client", id_}, {"address", peer_.address}, {"bytes", size}});
  Drop();
  return false;
}

void Connection::Abandon(engine::Turn released, std::string_view error_line) {
  if (session_ == nullptr || !session_->output.gated(released)) return;
  if (!SendSome(released) || waits_until_writable()) return;
  // Replies begin at gates, so the line is read as one. Nothing can be done if it does not go out.
  [[maybe_unused]] const ssize_t sent =
      send(fd_.get(), error_line.data(), error_line.size(), MSG_NOSIGNAL);
}

// --- Transport -----------------------------------------------------------------------------------

void Connection::OutputReady() {
  NoteOutput();
  NoteMemory();
}

void Connection::InputWanted() {
  input_waits_ = true;
  UpdateInterest();
}

void Connection::CloseAfterReply() {
  closes_after_reply_ = true;
  input_waits_ = false;
  readable_.Remove();
  if (peer_closed_.exists()) peer_closed_.Remove();
  NoteOutput();
}

void Connection::CloseNow() {
  session_ = nullptr;
  Doom();
}

TransportInfo Connection::Info() const {
  return {.peer_address = peer_.address,
          .local_address = LocalAddress(fd_.get()),
          .network = peer_.network,
          .fd = fd_.get(),
          .is_unix_socket = peer_.is_unix_socket,
          .is_local = peer_.is_unix_socket || peer_.is_loopback,
          .input_bytes = input_.size(),
          .input_free_bytes = input_.free_bytes(),
          .received_bytes = received_bytes_,
          .sent_bytes = sent_bytes_,
          .read_count = read_count_};
}

// --- The end -------------------------------------------------------------------------------------

void Connection::Drop() {
  if (session_ != nullptr) table_.dispatcher().Disconnect(*std::exchange(session_, nullptr));
  Doom();
}

void Connection::Doom() {
  if (is_doomed_) return;
  is_doomed_ = true;
  input_waits_ = false;
  readable_.Remove();
  if (writable_.exists()) writable_.Remove();
  if (peer_closed_.exists()) peer_closed_.Remove();
  NoteLogin();
  NoteMemory();
  table_.NoteClosed(id_);
}

void Connection::DiscardInput() {
  for (size_t discarded = 0; discarded < kDiscardedInputBytes;) {
    const ssize_t count =
        recv(fd_.get(), table_.read_buffer().data(), kReadBufferBytes, MSG_DONTWAIT);
    if (count <= 0) return;
    discarded += static_cast<size_t>(count);
  }
}

}  // namespace server
