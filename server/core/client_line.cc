#include "server/core/client_line.h"

#include <iterator>
#include <string_view>

#include "fmt/format.h"
#include "server/core/pubsub.h"
#include "server/core/transaction.h"
#include "server/core/transport.h"

namespace server {
namespace {

std::string FlagsOf(const ServerContext& server, const Session& session,
                    const TransportInfo& transport) {
  const bool is_blocked = server.IsBlocked(session.id) || session.state == SessionState::kPaused;
  std::string flags;
  if (session.is_monitor) flags += 'O';
  if (session.is_subscriber()) flags += 'P';
  if (session.in_transaction()) flags += 'x';
  if (is_blocked) flags += 'b';
  if (server.watches().IsTouched(session.id)) flags += 'd';
  if (session.state == SessionState::kClosing) flags += 'c';
  if (transport.is_unix_socket) flags += 'U';
  if (session.no_evict) flags += 'e';
  if (session.no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

void AppendClientLine(const ServerContext& server, const Session& session, int64_t now_monotonic_us,
                      std::string* out) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  const Settings& settings = server.settings();
  const TransportInfo transport = session.transport.Info();
  const size_t parked_bytes = session.parked == nullptr ? 0 : session.parked->bytes.capacity();
  const size_t output_bytes = session.output.memory_bytes();
  const CommandQueue* const queue = session.transaction.get();
  const size_t queued_bytes = queue == nullptr ? 0 : queue->memory_bytes();
  const std::string queued = queue == nullptr ? "-1" : std::to_string(queue->size());
  const size_t total_bytes = sizeof(Session) + parked_bytes + queued_bytes + output_bytes +
                             transport.input_bytes + transport.input_free_bytes;
  const std::string_view command =
      session.last_command == nullptr ? "NULL" : session.last_command->name;
  const auto append = [out](std::string_view format, const auto&... values) {
    fmt::vformat_to(std::back_inserter(*out), format, fmt::make_format_args(values...));
  };
  append(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} "
      "multi={}",
      session.id, transport.peer_address, transport.local_address, transport.fd, session.name,
      (now_monotonic_us - session.connected_at_us) / kMicrosPerSecond,
      (now_monotonic_us - session.last_used_us) / kMicrosPerSecond,
      FlagsOf(server, session, transport), session.db, CountOf(session, SubscriptionKind::kChannel),
      CountOf(session, SubscriptionKind::kPattern),
      CountOf(session, SubscriptionKind::kShardChannel), queued);
  if (settings.tells_of(7, 4)) append(" watch={}", server.watches().CountOf(session.id));
  append(
      " qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} "
      "tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
      transport.input_bytes, transport.input_free_bytes, parked_bytes, queued_bytes,
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
