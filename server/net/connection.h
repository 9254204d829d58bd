// One client's socket: bytes in -> dispatcher -> bytes out, when their gate is open.
//
//   before the events   ExecuteWaiting: input that was left over
//   readable            OnReadable: one read, whole requests executed, replies collect in the
//   session end of the pass     Send: one write; the table destroys what has been closed
//
// Back-pressure: a client that does not take its replies is neither read nor executed until it has
// taken most of them. One whose command waits is read up to a bound; above it only its going away
// is noticed. Nothing is ever allocated from a length that a client declares.
//
// Owner: ConnectionTable. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/types.h"
#include "server/core/output_limits.h"
#include "server/core/session.h"
#include "server/core/transport.h"
#include "server/net/event_loop.h"
#include "server/net/input_buffer.h"
#include "server/net/owned_fd.h"
#include "server/net/socket.h"

namespace server {

class ConnectionTable;

class Connection final : public Transport {
 public:
  // Connects a session. `table` must outlive it.
  Connection(ConnectionTable& table, OwnedFd fd, Peer peer);
  // A session that is left is disconnected.
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ClientId id() const { return id_; }

  // For the table's lists: the connection has been taken out of one.
  // Goes on with input that was left over.
  void ExecuteWaiting();
  // Sends what may leave now that `released` is the newest released turn.
  void Send(engine::Turn released);
  void SendReleased(engine::Turn released);

  // Closes it when it breaks its limit of unsent output. False when it needs no further looks.
  bool CheckOutput();
  // Closes it when its peer sends no more and it is blocked. False when it needs no further looks.
  bool CheckHalfClosed();
  // Closes it when a request has been arriving for too long. False when it needs no further looks.
  bool CheckRequest();
  // Closes it, and frees what its buffers take at once. Not while it is executed.
  void Evict();
  // Closes one that has not logged in, for another that may. False when it is too new for that.
  bool MakeRoom(int64_t now_us);
  // The connection with most of it goes first when clients need too much memory; 0 = it may stay.
  size_t EvictionWeight() const;
  const Peer& peer() const { return peer_; }
  // For a failure of the storage: sends what may leave, then `error_line`, if any reply has to
  // stay.
  void Abandon(engine::Turn released, std::string_view error_line);

  // Transport:
  void OutputReady() override;
  void InputWanted() override;
  void CloseAfterReply() override;
  void CloseNow() override;
  TransportInfo Info() const override;

 private:
  void OnReadable();
  void OnWritable();
  void OnPeerClosed();

  // Executes what is in the input buffer; what next.
  void Execute();
  void OnEndOfInput();
  // It waits for what may never come, and has nobody who would hear of it once the peer has gone.
  bool WaitsForOthers() const;
  // A password is set and the client has not given it.
  bool MustLogIn() const;
  bool ExceedsInputLimit() const;
  // Keeps the table informed whether it has logged in.
  void NoteLogin();
  // Notes what its buffers take.
  void NoteMemory();
  // The end of whatever has been done with it.
  void Settle();
  // Starts and stops reading and executing, as the state of the connection wants it.
  void UpdateInterest();
  void NoteOutput();

  // Sends up to a bound. False when the connection has been dropped.
  bool SendSome(engine::Turn released);
  // What next after a send.
  void AfterSend(engine::Turn released);
  void WaitUntilWritable();
  bool waits_until_writable() const { return writable_.is_added(); }

  // The peer is gone or not wanted any more: closes at the end of the pass.
  void Drop();
  // The same for a connection that has no session any more.
  void Doom();
  void DiscardInput();

  ConnectionTable& table_;
  const OwnedFd fd_;
  const Peer peer_;
  Session* session_;  // Null once disconnected.
  const ClientId id_;
  InputBuffer input_;
  OutputLimitTracker output_limit_;

  bool input_waits_ = false;         // There may be requests in input_; ExecuteWaiting goes on.
  bool is_paused_ = false;           // The client does not take its output.
  bool is_half_closed_ = false;      // The peer sends no more, and all has been read.
  bool closes_after_reply_ = false;  // Takes no more input.
  bool is_doomed_ = false;
  // In which lists of the table it stands.
  bool is_in_input_list_ = false;
  bool is_in_output_list_ = false;
  bool is_in_gated_list_ = false;
  bool is_in_partial_list_ = false;
  bool is_stranger_ = false;  // As the table knows it.

  size_t noted_bytes_ = 0;
  size_t noted_stranger_bytes_ = 0;
  // When CheckRequest first saw the request that is arriving, and after how many commands and
  // bytes.
  int64_t request_since_ms_ = 0;
  uint64_t request_number_ = 0;
  uint64_t request_start_bytes_ = 0;

  uint64_t received_bytes_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t read_count_ = 0;

  // Last: gone before the socket is closed. The second and third are made when first needed.
  Event readable_;
  Event writable_;
  Event peer_closed_;
};

}  // namespace server
