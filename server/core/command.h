// What a command is: its row in the table, and what its handler is given.
//
// A handler reads all arguments, makes its engine calls, writes its reply to `context.out`,
// returns. Nothing needs to be undone on failure: the dispatcher takes back what was written when
// the outcome is an error or "not loaded"; state changes only in the last engine call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/op.h"
#include "resp/request.h"
#include "resp/writer.h"
#include "server/core/error_reply.h"
#include "server/core/key_event.h"

namespace server {

class Session;        // server/core/session.h
class ServerContext;  // server/core/server_context.h: the narrow doors to config, clients, stats,
                      // waiters.
struct CommandSpec;

enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kFast = 1u << 3,
  kBlocking = 1u << 4,
  kMovableKeys = 1u << 5,
  kAdmin = 1u << 6,
  kNoScript = 1u << 7,
  kLoading = 1u << 8,
  kStale = 1u << 9,
  kNoAuthNeeded = 1u << 10,  // "no_auth"
  kNoMulti = 1u << 11,
  kSkipMonitor = 1u << 12,
  kSkipSlowlog = 1u << 13,
  kPubSub = 1u << 14,
  kAllowBusy = 1u << 15,
  kNoAsyncLoading = 1u << 16,
  // Ours: has subcommands; a handler only if it also works without one.
  kContainer = 1u << 17,
  // Ours: runs at once inside MULTI; all others are queued.
  kNotQueued = 1u << 18,
  // Ours: may run while a RESP2 connection is subscribed.
  kWhileSubscribed = 1u << 19,
  // Ours: the reply is made of pushes, which CLIENT REPLY does not hold back.
  kRepliesByPush = 1u << 20,
  // Ours: no write, but CLIENT PAUSE WRITE holds it back as one.
  kMayReplicate = 1u << 21,
};

enum class TimeoutReply : uint8_t { kNullArray, kZero, kRefusal };

// A blocked reader: which keys wake it, until when. Stored with the session, by value.
struct WaitRequest {
  std::vector<std::string> keys;
  // For XREADGROUP the group; readers of one group compete, all others fan out.
  std::string group;
  std::string consumer;
  bool group_read = false;
  // Some of what a reader behind it in the group could get is not for it (NOACK, CLAIM).
  bool leaves_some = false;
  // Relative, as the client gave it; 0 = for ever. The deadline is fixed when the client first
  // parks.
  int64_t timeout_ms = 0;
  // Ids as resolved by the first run (`$` becomes the id of that moment), one per key; the handler
  // finds them again in CommandContext::resolved_ids when it is run again.
  std::vector<engine::StreamId> resolved_ids;
  // What is answered when the time is up.
  TimeoutReply timeout_reply = TimeoutReply::kNullArray;
  // An entry that waits for room in the stream, behind all others that do. kRefusal is this one.
  bool for_room = false;
  Outcome refusal = {};
  // XREADGROUP with CLAIM: a pending record may become due without any write.
  struct Claim {
    int64_t min_idle_ms = 0;
    int64_t wait_ms = 0;  // Looking again before that finds nothing.
  };
  std::optional<Claim> claim;
};

struct CommandContext {
  Session& session;
  ServerContext& server;
  engine::Engine& engine;
  engine::Op& op;  // op.now is the command's one clock reading; op.db the client's database.
  resp::Writer& out;
  const CommandSpec& spec;
  std::span<const std::string_view> args;  // args[0] is the command's name as sent.
  const resp::Request& request;  // For the wire bytes of the arguments (XADD); same order as args.
  bool may_block = true;         // False inside EXEC.
  bool is_rerun = false;         // A blocked or parked command is run again.
  // From WaitRequest, on a re-run of a blocked read.
  std::span<const engine::StreamId> resolved_ids = {};

  // Blocks the client: no reply is sent now. The handler returns Done() right after it.
  void Park(WaitRequest wait);
  // The key may have something for blocked readers (XADD): they are run again after this command.
  // Cheap when nobody waits.
  void SignalReaders(std::string_view key);
  // The same for all who wait on the key, since it has gone or changed (DEL, XGROUP DESTROY).
  void SignalKey(std::string_view key);
  // Pending records of the group may be claimed that could not be before, without the passing of
  // time: blocked readers with CLAIM are run again.
  void SignalClaims(std::string_view key, std::string_view group);
  // All keys of the database have gone (FLUSHDB): as SignalKey for each key that somebody waits on,
  // and as a change for those that watch one of them.
  void SignalDatabase(uint32_t db);
  // Reports a change for WATCH and keyspace notifications; once per change, after it.
  void KeyChanged(std::string_view key, const KeyEvent& event) { KeyChanged(op.db, key, event); }
  void KeyChanged(uint32_t db, std::string_view key, const KeyEvent& event);
  // Whether anybody may hear of such an event: for those that cost something to find out about.
  bool Notifies(const KeyEvent& event) const;
  // A key that was to be read is not there. Published when the command has run: one that is run
  // again because something must be fetched first finds out anew.
  void KeyMissed(std::string_view key);
  void TellMisses();

  std::vector<std::string_view> missed_keys = {};
};

// Writes the reply of a command that failed, and counts it.
void WriteErrorReply(ServerContext& server, resp::Writer& out, const Outcome& outcome);

using Handler = Outcome (*)(CommandContext&);
// Appends the indices of the key arguments of `args` (movable keys). False when none can be found.
using KeyFinder = bool (*)(std::span<const std::string_view> args, std::vector<int>* positions);

// Positions of the key arguments; `last` counts from the end when negative. All 0 = none, or
// movable.
struct KeyRange {
  int16_t first = 0;
  int16_t last = 0;
  int16_t step = 0;
};

// Where COMMAND says the keys of a movable-keys command begin: behind a word, looked for from an
// argument on. For clients only; the server itself uses CommandSpec::find_keys.
struct KeyWord {
  std::string_view word;
  int16_t start_from = 0;
};

// One argument in COMMAND DOCS.
struct ArgumentDoc;

struct CommandSpec {
  std::string_view name;  // "xadd"; subcommands "xgroup|create".
  int16_t arity = 0;      // Counts the name (both words of a subcommand); negative = at least.
  uint32_t flags = 0;
  KeyRange keys = {};
  Handler handler = nullptr;
  std::string_view acl = {};    // "@write @stream @fast"
  std::string_view group = {};  // COMMAND DOCS group: "stream", "generic", ...
  std::string_view since = {};
  std::string_view complexity = {};
  std::string_view summary = {};
  std::span<const ArgumentDoc> arguments = {};
  KeyFinder find_keys = nullptr;
  KeyWord key_word = {};
  std::string_view key_flags = {};  // What happens to the keys: "RW update".
  std::string_view tips = {};       // Hints for proxies in COMMAND, blank-separated.
  uint16_t index = 0;               // Position in the table; set there.
};

}  // namespace server
