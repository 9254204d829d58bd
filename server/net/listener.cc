#include "server/net/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "server/net/limits.h"

namespace server {
namespace {

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";

}  // namespace

void SpareFd::Reopen() { fd_ = OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

Listener::Listener(EventLoop& loop, Clock& clock, BoundSocket socket, SpareFd& spare,
                   Accepted accepted)
    : clock_(clock), spare_(spare), socket_(std::move(socket)), accepted_(std::move(accepted)) {
  readable_ = loop.NewEvent<&Listener::OnReadable>(socket_.fd.get(), Readiness::kReadable, this);
  readable_.Add();
}

Listener::~Listener() {
  if (!socket_.unix_path.empty()) unlink(socket_.unix_path.c_str());
}

void Listener::Tick() {
  if (!readable_.is_added() && clock_.MonotonicMicros() >= rests_until_us_) readable_.Add();
}

void Listener::OnReadable() {
  for (int i = 0; i < kAcceptsPerPass; ++i) {
    if (!AcceptOne()) return;
  }
}

bool Listener::AcceptOne() {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  OwnedFd fd(accept4(socket_.fd.get(), reinterpret_cast<sockaddr*>(&address), &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.is_open()) {
    accepted_(std::move(fd), {.address = FormatAddress(address, socket_.unix_path),
                              .network = NetworkOf(address, socket_.unix_path),
                              .is_unix_socket = !socket_.unix_path.empty(),
                              .is_loopback = IsLoopback(address)});
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
      return RefuseOne();
    case ENOBUFS:
    case ENOMEM:
      Rest();
      return false;
    default:
      return true;  // That connection has failed; the next one may not.
  }
}

bool Listener::RefuseOne() {
  spare_.Close();
  OwnedFd fd(accept4(socket_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const int error = errno;
  const bool accepted = fd.is_open();
  if (accepted) {
    [[maybe_unused]] const ssize_t sent =
        send(fd.get(), kTooManyClients.data(), kTooManyClients.size(), MSG_NOSIGNAL);
    fd.Close();
  }
  spare_.Reopen();
  // Unless the queue is empty, somebody else has taken the descriptor meanwhile.
  if (!accepted && error != EAGAIN) Rest();
  return accepted;
}

void Listener::Rest() {
  rests_until_us_ = clock_.MonotonicMicros() + kAcceptPauseMicros;
  readable_.Remove();
}

}  // namespace server
