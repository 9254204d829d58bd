// What the engine's calls (engine/engine.h) are given, and what they answer.
//
// Times are in milliseconds; what is a Unix time or a time of the store's line says so. Thread:
// any; views live as long as what the call that answered with them says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/block.h"
#include "engine/counters.h"
#include "engine/pending_page.h"
#include "engine/policy.h"
#include "engine/schedule_token.h"
#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

using EntrySink = absl::FunctionRef<void(const EntryView&)>;

// How XADD's id argument was written.
struct AddId {
  enum class Form : uint8_t { kAuto, kAutoSequence, kExplicit };
  Form form = Form::kAuto;
  StreamId id;  // kExplicit: all of it. kAutoSequence: ms.
};

// What removing an entry has to do with the groups that hold it: nothing, end it, or wait for it.
enum class References : uint8_t { kKeep, kDrop, kRespect };

struct TrimArgs {
  enum class Strategy : uint8_t { kNone, kMaxLen, kMinId };
  Strategy strategy = Strategy::kNone;
  bool approximate = false;
  uint64_t max_len = 0;
  StreamId min_id;
  int64_t limit = 0;  // Entries removed at most; 0 = no limit. Only with `approximate`.
  // With kDrop and kRespect `approximate` does not stop at node borders; the limit is still judged
  // node by node.
  References references = References::kKeep;
};

// What became of one id that was to be removed; the values are those of the wire.
enum class Removal : int8_t { kMissing = -1, kRemoved = 1, kReferenced = 2 };
struct RemovalResult {
  std::vector<Removal> outcomes;  // One for each id given.
  int64_t removed_entries = 0;
};

// An entry's fields and values as the bulk strings they are on the wire, one after another.
struct Payload {
  std::string_view wire;
  uint32_t arg_count = 0;   // Fields and values together: even, at least 2.
  uint64_t data_bytes = 0;  // Sum of the lengths of all fields and values.
};

// The bound of a stream that keeps an entry out.
enum class Bound : uint8_t {
  kNone,
  kMaxLen,
  kMaxBytes,
  kEntryBytes,  // MAXBYTES, which the entry exceeds by itself.
};
struct Refusal {
  Bound bound = Bound::kNone;
  int64_t limit = 0;
  // OVERFLOW BLOCK: the entry may wait for room, so long (0 = for ever).
  bool may_wait = false;
  int64_t timeout_ms = 0;
};

// Whether others wait for room in the stream, behind whom an entry that may wait has to stay,
// however small it is.
enum class RoomLine : uint8_t { kFree, kTaken };

struct AddResult {
  StreamId id;
  int64_t trimmed = 0;
  bool created = false;       // The key came into being.
  bool is_duplicate = false;  // Nothing was added: `id` is what was added under the iid before.
  Refusal refusal;            // Nothing was added or removed, and nothing else is set.
};

// Who sends an entry, and which one of his it is: what was added under the two once is not added
// again. Neither is empty.
struct Production {
  std::string_view producer;
  std::string_view iid;
};
using IidSink = absl::FunctionRef<void(const Production&, StreamId)>;

struct IdempotencySettings {
  std::optional<uint32_t> duration_s;
  std::optional<uint32_t> max_size;
};

struct ProducerCounts {
  uint64_t producers = 0;
  uint64_t iids = 0;
};

struct RangeArgs {
  StreamId start;
  StreamId end;
  bool reverse = false;
  int64_t count = -1;  // Entries at most; negative = all.
  // 0 = no bound; else the entry with which the sum of payload sizes and kEntryReplyOverhead
  // reaches it is the last one. The same below.
  uint64_t max_bytes = 0;
};

struct ReadNewArgs {
  std::string_view consumer;
  int64_t count = 0;  // 0 = all there is. Claimed and new ones together.
  bool no_ack = false;
  // Claims pending records that have been idle for so long before it delivers new ones.
  std::optional<int64_t> claim_min_idle_ms;
  uint64_t max_bytes = 0;
  bool follows_others = false;  // The reply has entries already.
};
// What a record was before this delivery; zeros for a new one.
struct PriorDelivery {
  int64_t idle_ms = 0;
  uint64_t count = 0;
  bool operator==(const PriorDelivery&) const = default;
};
// False: this entry is the last one wanted. It is delivered, those behind it are not.
using DeliverySink = absl::FunctionRef<bool(const EntryView&, const PriorDelivery&)>;
struct ReadNewResult {
  int64_t count = 0;
  // With claim_min_idle_ms and nothing to claim: how long it takes at least until there may be.
  int64_t claim_wait_ms = INT64_MAX;
  bool ends_reply = false;  // Nothing may follow in the whole reply: ISOLATE-LAST.
};

struct HistoryArgs {
  std::string_view consumer;
  StreamId after;
  int64_t count = 0;  // 0 = all.
  uint64_t max_bytes = 0;
  bool follows_others = false;  // As in ReadNewArgs.
};
struct HistoryResult {
  int64_t count = 0;
  bool ends_reply = false;  // As in ReadNewResult.
};
// `entry` is null when the entry has been deleted. False: this is the last one wanted.
using HistorySink = absl::FunctionRef<bool(StreamId, const EntryView* entry)>;

struct PendingSummary {
  int64_t total = 0;
  StreamId lowest;
  StreamId highest;
  // Consumers with at least one record, by name.
  std::vector<std::pair<std::string_view, int64_t>> consumers;
};

struct PendingRangeArgs {
  StreamId start;
  StreamId end;
  int64_t count = 0;
  int64_t min_idle_ms = 0;
  std::optional<std::string_view> consumer;
};
struct PendingRow {
  StreamId id;
  std::string_view consumer;  // Empty when released.
  int64_t idle_ms = 0;
  int64_t delivery_unix_ms = 0;
  uint64_t delivery_count = 0;
};
// The same in more words. Times are Unix ms.
struct PendingDetails {
  enum class State : uint8_t { kOwned, kReleased, kParked };
  StreamId id;
  std::string_view consumer;  // Empty unless owned.
  State state = State::kOwned;
  uint64_t delivery_count = 0;
  int64_t first_unix_ms = -1;  // -1: it has not been delivered yet.
  int64_t last_unix_ms = -1;
  int64_t due_unix_ms = -1;  // -1: not by itself.
  std::string_view reason;   // Until the sink returns.
};
using PendingDetailsSink = absl::FunctionRef<void(const PendingDetails&)>;
using PendingSink = absl::FunctionRef<void(const PendingRow&)>;

struct ClaimArgs {
  std::string_view consumer;
  int64_t min_idle_ms = 0;
  std::optional<int64_t> idle_ms;  // IDLE
  std::optional<int64_t>
      delivery_unix_ms;  // TIME; the parser of options keeps the last of the two.
  std::optional<int64_t> retry_count;
  bool force = false;
  bool just_id = false;
  std::optional<StreamId> last_id;
};
// `entry` is null with JUSTID.
using ClaimSink = absl::FunctionRef<void(StreamId, const EntryView* entry)>;

struct AutoClaimArgs {
  std::string_view consumer;
  int64_t min_idle_ms = 0;
  StreamId start;
  int64_t count = 100;
  bool just_id = false;
};
struct AutoClaimResult {
  StreamId cursor;  // 0-0 at the end.
  std::vector<StreamId> deleted;
};

struct ReleaseArgs {
  // What becomes of the count of deliveries: one less, as it is, as high as it gets.
  enum class Mode : uint8_t { kSilent, kFail, kFatal };
  Mode mode = Mode::kFail;
  std::optional<uint64_t> retry_count;  // The count, whatever the mode.
  bool force = false;                   // Makes records for entries that are not pending.
  std::optional<int64_t> delay_ms;      // Due after so long, whatever the policy says.
  std::string_view reason;              // Kept with the records; empty: what they have stays.
};

// Which letters are looked at, and where they go.
struct RedriveArgs {
  static constexpr int64_t kDefaultCount = 100;

  std::optional<std::string_view> group;  // Letters of other groups are passed over.
  std::optional<std::string_view> to;     // Nothing: back to where each came from.
  std::span<const StreamId> ids;          // These, or those from `from` on.
  std::optional<StreamId> from;
  int64_t count = kDefaultCount;  // Letters looked at, from there on.
  // Whether the client may write a key that a letter names.
  absl::FunctionRef<bool(std::string_view key)> may_write;
};
struct RedrivenLetter {
  enum class How : uint8_t { kRequeued, kAppended, kForeign, kGone, kRefused };
  StreamId id;
  StreamId new_id;  // Where it was requeued or appended.
  How how = How::kForeign;
};
struct RedriveResult {
  int64_t moved = 0;
  StreamId cursor;  // The next letter; 0-0 at the end, and for ids.
  std::vector<RedrivenLetter> letters;
};

// What a group has done with entries that it could not work off.
struct DeadLetterInfo {
  enum class Held : uint8_t { kNo, kPaused, kMaxPending };
  GroupCounters counters;
  int64_t parked = 0;
  int64_t due = 0;
  Held held = Held::kNo;  // Why `>` reads get nothing new.
  std::string key;        // Of the dead-letter stream; empty: there is none.
  uint64_t length = 0;    // Of that stream.
  std::optional<StreamId> oldest_letter;
};

struct SetIdArgs {
  StreamId last_id;
  std::optional<uint64_t> entries_added;
  std::optional<StreamId> max_deleted;
};

// What can be told of a key without loading more of it. Nothing when there is none (kNone).
struct KeyInfo {
  KeyType type = KeyType::kNone;
  int64_t expire_ms = 0;      // Unix time; 0 = never.
  int64_t idle_ms = 0;        // Since its last use that is known.
  uint64_t memory_bytes = 0;  // What it would take, wholly in memory: an estimate.
  std::string_view text;      // Of a string. Until the next change.
};

// What became of an entry that was to be scheduled.
enum class ScheduleRefusal : uint8_t { kNone, kFull, kLargerThanMaxBytes };
struct ScheduleResult {
  ScheduleRefusal refusal = ScheduleRefusal::kNone;
  int64_t limit = 0;  // kFull: of scheduled entries.
  ScheduleToken token;
  bool created = false;  // The key came into being.
};
using ScheduledSink = absl::FunctionRef<void(ScheduleToken, const Payload&)>;
struct ScheduleSummary {
  uint64_t count = 0;
  int64_t next_due_unix_ms = -1;  // -1: nothing is scheduled.
};

struct ScanResult {
  uint64_t cursor = 0;  // 0 at the end.
  std::vector<std::string> keys;
};

}  // namespace engine
