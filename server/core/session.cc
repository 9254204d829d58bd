#include "server/core/session.h"

#include <cstddef>

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

void Session::Reset() {
  writer.set_protocol(2);
  db = 0;
  no_evict = false;
  no_touch = false;
  reply_mode = ReplyMode::kOn;
  name.clear();
}

}  // namespace server
