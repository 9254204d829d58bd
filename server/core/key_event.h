// What can happen to a key, as WATCH and keyspace notifications see it (streams spec 18.1 and 18.2,
// connection spec 3 and 9.2). Handlers report with CommandContext::KeyChanged.
#pragma once

#include <cstdint>
#include <string_view>

namespace engine {
class Engine;
}

namespace server {

class ServerContext;

struct KeyEvent {
  std::string_view name;  // As in `__keyevent@0__:<name>`; empty = nothing is published.
  char category = 0;      // Letter of notify-keyspace-events: g $ x t e m n.
  bool touches = true;    // A client that watches the key fails at EXEC.
};

namespace key_event {

inline constexpr KeyEvent kXadd{"xadd", 't'};
inline constexpr KeyEvent kXtrim{"xtrim", 't'};
inline constexpr KeyEvent kXdel{"xdel", 't'};
inline constexpr KeyEvent kXsetid{"xsetid", 't', false};
inline constexpr KeyEvent kXgroupCreate{"xgroup-create", 't', false};
inline constexpr KeyEvent kXgroupSetid{"xgroup-setid", 't', false};
inline constexpr KeyEvent kXgroupDestroy{"xgroup-destroy", 't', false};
inline constexpr KeyEvent kXgroupCreateConsumer{"xgroup-createconsumer", 't', false};
inline constexpr KeyEvent kXgroupDelConsumer{"xgroup-delconsumer", 't', false};
// Something is scheduled, or not any more.
inline constexpr KeyEvent kSchedule{"", 0};
// XGROUP CREATE MKSTREAM made the key.
inline constexpr KeyEvent kCreated{"", 0};

inline constexpr KeyEvent kDel{"del", 'g'};
inline constexpr KeyEvent kExpire{"expire", 'g'};
inline constexpr KeyEvent kPersist{"persist", 'g'};
inline constexpr KeyEvent kRenameFrom{"rename_from", 'g'};
inline constexpr KeyEvent kRenameTo{"rename_to", 'g'};
inline constexpr KeyEvent kCopyTo{"copy_to", 'g'};
inline constexpr KeyEvent kMoveFrom{"move_from", 'g'};
inline constexpr KeyEvent kMoveTo{"move_to", 'g'};
inline constexpr KeyEvent kSet{"set", '$'};
inline constexpr KeyEvent kAppend{"append", '$'};
inline constexpr KeyEvent kIncrBy{"incrby", '$'};
inline constexpr KeyEvent kExpired{"expired", 'x'};
// A new key: before the command's own event.
inline constexpr KeyEvent kNew{"new", 'n', false};
inline constexpr KeyEvent kKeyMiss{"keymiss", 'm', false};

}  // namespace key_event

// For changes that no command asked for, in the running turn.
void ReportChange(ServerContext& server, const engine::Engine& engine, uint32_t db,
                  std::string_view key, const KeyEvent& event);
// For keys that go by themselves, in the running turn, because their time is up: to blocked
// readers, to those who watch the key and saw it, and as a notification.
void ReportExpired(ServerContext& server, const engine::Engine& engine, uint32_t db,
                   std::string_view key);

}  // namespace server
