// One client as CLIENT LIST and CLIENT INFO show it: connection specification section 4.
//
// Thread: loop.
#pragma once

#include <cstdint>
#include <string>

#include "server/core/server_context.h"
#include "server/core/session.h"
#include "server/core/settings.h"

namespace server {

// Appends the line, with its LF. Names and order of the fields are fixed: parsers of clients know
// just these, so what is newer than option `redis-version` is left out. `server` tells what the
// client waits for and watches.
void AppendClientLine(const ServerContext& server, const Session& session, int64_t now_monotonic_us,
                      std::string* out);

}  // namespace server
