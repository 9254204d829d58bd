// Bytes on a connection of the real network layer, over a socket pair: the server reads them as
// they come, answers, closes, and stands; what is left of the state adds up. Another client waits
// for an entry meanwhile. Also what AFL++ runs.
//
// Input: a byte that chooses the pieces in which the rest is sent, and the rest.
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "resp/reply.h"
#include "server/net/connection.h"
#include "server/net/connection_table.h"
#include "server/net/event_loop.h"
#include "server/net/owned_fd.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_server.h"

// What libFuzzer and AFL++ call.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {
namespace {

constexpr int kMaxTurns = 10'000;

// The client's end; never blocks.
class Peer {
 public:
  explicit Peer(server::OwnedFd fd) : fd_(std::move(fd)) {}

  // The number of bytes that the socket took.
  size_t Send(std::string_view bytes) {
    const ssize_t count = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count > 0 ? static_cast<size_t>(count) : 0;
  }
  // Reads all there is, which must be replies; false when there was nothing.
  bool Receive() {
    static std::array<char, 65536> buffer;
    bool any = false;
    for (;;) {
      const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
      closed_ = closed_ || count == 0;
      if (count <= 0) return any;
      any = true;
      std::string_view rest(buffer.data(), static_cast<size_t>(count));
      while (!rest.empty()) {
        size_t used = 0;
        const resp::ReplySkipper::Outcome outcome = replies_.Next(rest, &used);
        Require(outcome != resp::ReplySkipper::Outcome::kMalformed, "replies are well-formed");
        rest.remove_prefix(used);
      }
    }
  }
  bool closed() const { return closed_; }

 private:
  server::OwnedFd fd_;
  resp::ReplySkipper replies_;
  bool closed_ = false;
};

class World {
 public:
  World() {
    auto loop = server::EventLoop::Create(fuzz_server_.server().clock());
    Require(loop.ok(), "there is a loop");
    loop_ = std::move(loop).value();
    tests::TestServer& server = fuzz_server_.server();
    table_ = std::make_unique<server::ConnectionTable>(*loop_, server.context(),
                                                       server.dispatcher(), server.engine());
  }
  ~World() { table_->CloseAll(); }

  void Run(std::string_view bytes, size_t piece_bytes) {
    fuzz_server_.NoteBytes(bytes);
    Peer waiting = Connect();
    waiting.Send("XREAD BLOCK 0 STREAMS s t $ $\r\n");
    Turn();
    Peer client = Connect();
    for (int turns = 0, quiet = 0; quiet < 3 && !client.closed(); ++turns) {
      Require(turns < kMaxTurns, "it comes to an end");
      const size_t sent = client.Send(bytes.substr(0, piece_bytes));
      bytes.remove_prefix(sent);
      Turn();
      const bool received = client.Receive();
      quiet = sent > 0 || received || table_->HasWaitingInput() ? 0 : quiet + 1;
    }
    waiting.Receive();
  }

  // All clients have gone.
  void Settle() {
    for (int turns = 0; table_->count() > 0; ++turns) {
      Require(turns < kMaxTurns, "who has gone is forgotten");
      Turn();
    }
    fuzz_server_.Settle();
  }
  FuzzServer& fuzz_server() { return fuzz_server_; }

 private:
  Peer Connect() {
    int fds[2];
    Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0, "there are sockets");
    table_->Admit(server::OwnedFd(fds[0]), {.address = "127.0.0.1:5", .is_loopback = true});
    return Peer(server::OwnedFd(fds[1]));
  }

  // As server/server_turn.cc makes it, without waiting.
  void Turn() {
    tests::TestServer& server = fuzz_server_.server();
    table_->ExecuteWaiting();
    loop_->RunOnce(server::Wait::kNone);
    server.dispatcher().RunDueWork();
    server.engine().EndTurn(
        server.engine().TimeNow(server.clock().UnixMs(), server.clock().MonotonicMs()));
    table_->SendOutput();
    table_->DestroyClosed();
  }

  FuzzServer fuzz_server_;
  std::unique_ptr<server::EventLoop> loop_;
  std::unique_ptr<server::ConnectionTable> table_;
};

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Not destroyed at exit: what RocksDB needs for that has gone by then.
  static auto& world = *new std::unique_ptr<fuzz::World>();
  if (world == nullptr) world = std::make_unique<fuzz::World>();
  fuzz::Input input(data, size);
  constexpr size_t kPieces[] = {SIZE_MAX, 1, 7, 64};
  const size_t piece_bytes = kPieces[input.TakeBelow(std::size(kPieces))];
  world->Run(input.rest(), piece_bytes);
  world->Settle();
  if (world->fuzz_server().worn()) world.reset();
  return 0;
}
