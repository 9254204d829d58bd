#include "server/core/client_line.h"

#include <iterator>
#include <string_view>

#include "fmt/format.h"
#include "server/core/transport.h"

namespace server {
namespace {

std::string FlagsOf(const Session& session, bool blocked, const TransportInfo& transport) {
  std::string flags;
  if (session.is_monitor) flags += 'O';
  if (blocked) flags += 'b';
  if (session.state == SessionState::kClosing) flags += 'c';
  if (transport.is_unix_socket) flags += 'U';
  if (session.no_evict) flags += 'e';
  if (session.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

void AppendClientLine(const Session& session, bool blocked, const Settings& settings,
                      int64_t now_monotonic_us, std::string* out) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  const TransportInfo transport = session.transport.Info();
  const size_t parked_bytes = session.parked == nullptr ? 0 : session.parked->bytes.capacity();
  const size_t output_bytes = session.output.memory_bytes();
  const size_t total_bytes = sizeof(Session) + parked_bytes + output_bytes + transport.input_bytes +
                             transport.input_free_bytes;
  const std::string_view command =
      session.last_command == nullptr ? "NULL" : session.last_command->name;
  const auto append = [out](std::string_view format, const auto&... values) {
    fmt::vformat_to(std::back_inserter(*out), format, fmt::make_format_args(values...));
  };
  append(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub=0 psub=0 ssub=0 "
      "multi=-1",
      session.id, transport.peer_address, transport.local_address, transport.fd, session.name,
      (now_monotonic_us - session.connected_at_us) / kMicrosPerSecond,
      (now_monotonic_us - session.last_used_us) / kMicrosPerSecond,
      FlagsOf(session, blocked, transport), session.db);
  if (settings.tells_of(7, 4)) append(" watch=0");
  append(
      " qbuf={} qbuf-free={} argv-mem={} multi-mem=0 rbs={} rbp={} obl={} oll={} omem={} "
      "tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
      transport.input_bytes, transport.input_free_bytes, parked_bytes,
      session.output.tail().capacity(), session.output.tail_bytes(), session.output.tail_bytes(),
      session.output.piece_count(), output_bytes, total_bytes, session.output.empty() ? "r" : "rw",
      command, session.writer.protocol(), session.lib_name, session.lib_ver);
  if (settings.tells_of(8, 0)) {
    append(" io-thread=0 tot-net-in={} tot-net-out={} tot-cmds={}", transport.received_bytes,
           transport.sent_bytes, session.command_count);
  }
  if (settings.tells_of(8, 4)) {
    append(" read-events={} parse-batch-cmd-sum={} parse-batch-cnt={}", transport.read_count,
           session.command_count, transport.read_count);
  }
  *out += '\n';
}

}  // namespace server
