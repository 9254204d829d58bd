// Passes on what the engine did by itself, or beside what a command asked for: wakes readers,
// touches WATCH, notifies, sends alerts. What the server does looks like the command it stands for
// (delivery specification, section 8). Thread: loop.
#pragma once

namespace engine {
class Engine;
}

namespace server {

class ServerContext;

// All events so far. They are in the running turn: what is published leaves when it is durable.
void ReportStreamEvents(ServerContext& server, engine::Engine& engine);

}  // namespace server
