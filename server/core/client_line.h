// One client as CLIENT LIST and CLIENT INFO show it: connection specification section 4.
//
// Thread: loop.
#pragma once

#include <cstdint>
#include <string>

#include "server/core/session.h"
#include "server/core/settings.h"

namespace server {

// Appends the line, with its LF. Names and order of the fields are fixed: parsers of clients know
// just these, so what is newer than the version that `settings` tell is left out. `blocked`: it
// waits in a blocking read, or for the end of a pause.
void AppendClientLine(const Session& session, bool blocked, const Settings& settings,
                      int64_t now_monotonic_us, std::string* out);

}  // namespace server
