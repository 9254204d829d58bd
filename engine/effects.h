// Effects: the redo records of a turn. They say what happened, not what was asked.
//
// Applying an effect reads nothing but the object it names; ids, times and decisions are in it.
// Numbers of types are written to disk: never reuse one. Layout: docs/disk-format.md. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/counters.h"
#include "engine/pending_page.h"
#include "engine/retirement.h"
#include "engine/schedule_token.h"
#include "engine/status.h"
#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

enum class EffectType : uint8_t {
  kStreamNamed = 1,
  kStreamCreated = 2,
  kEntryAdded = 3,
  kEntriesDeleted = 4,
  kTrimmed = 5,
  kIdSet = 6,
  kGroupCreated = 7,
  kGroupDestroyed = 8,
  kGroupMoved = 9,
  kConsumerCreated = 10,
  kConsumerDeleted = 11,
  kConsumerSeen = 12,
  kDelivered = 13,
  kAcknowledged = 14,
  kClaimed = 15,
  kKeyDeleted = 16,
  kDatabaseFlushed = 17,
  kClockStepped = 18,
  kStringSet = 19,
  kExpirySet = 20,
  kKeyRenamed = 21,
  kDatabasesSwapped = 22,
  kPendingCopied = 23,
  kReleased = 27,
  kRangesTrimmed = 32,
  kIidRecorded = 33,
  kDuplicateRefused = 34,
  kIidsForgotten = 35,
  kIdempotencySet = 36,
  kIidsCounted = 37,
  kStreamPolicySet = 38,
  kGroupPolicySet = 39,
  kHandedBack = 40,
  kGroupCounted = 41,
  kLettersHeld = 42,
  kScheduled = 43,
  kUnscheduled = 44,
  kStreamCounted = 45,
  kGroupTimed = 46,
  kExpected = 60,
  kRetirementSet = 65,
  kRefusalsCounted = 66,
};

// Gives a key's value the next number of this record, by which its effects name it.
struct StreamNamed {
  uint32_t physical_db = 0;
  Uid uid = 0;
  std::string_view key;
};

struct StreamCreated {
  uint32_t idmp_duration_s = 0;
  uint32_t idmp_max_size = 0;
};

struct EntryAdded {
  StreamId id;
  bool opens_node = false;
  bool opens_block = false;
  uint32_t arg_count = 0;
  uint64_t data_bytes = 0;
  std::string_view payload;
};

// Live entries, ascending.
struct EntriesDeleted {
  std::span<const StreamId> ids;
};

// Every entry below `first_id` is gone; 0-0: every entry.
struct Trimmed {
  StreamId first_id;
};

// Trimming that leaves entries between those that go: every live entry within these ranges is gone.
// Ascending and apart from each other; at least one.
struct IdRange {
  StreamId first;
  StreamId last;  // Part of it.
};
struct RangesTrimmed {
  std::span<const IdRange> ranges;
};

struct IdSet {
  StreamId last_id;
  uint64_t entries_added = 0;
  StreamId max_deleted;
};

// The producer's iid stands for this entry from now on. If it was known it has expired: it is
// forgotten first, and with it those of the producer that are older. Beyond the stream's number of
// iids per producer the oldest one is forgotten.
struct IidRecorded {
  std::string_view producer;
  std::string_view iid;
  StreamId id;
};

// An entry was not added since its iid was known.
struct DuplicateRefused {};

// What the stream has counted in its life (a copy takes over the counts of its source).
struct IidsCounted {
  uint64_t added = 0;
  uint64_t duplicates = 0;
};

// Of producers whose names' hashes lie within the bounds, the iids of entries up to this time.
struct IidsForgotten {
  uint64_t first_hash = 0;
  uint64_t last_hash = 0;
  uint64_t through_ms = 0;
};

// All iids are forgotten with it.
struct IdempotencySet {
  uint32_t duration_s = 0;
  uint32_t max_size = 0;
};

struct GroupCreated {
  GroupNumber group = 0;
  std::string_view name;
  StreamId last_id;
  std::optional<int64_t> entries_read;
};

struct GroupDestroyed {
  GroupNumber group = 0;
};

struct GroupMoved {
  GroupNumber group = 0;
  StreamId last_id;
  std::optional<int64_t> entries_read;
};

struct ConsumerCreated {
  GroupNumber group = 0;
  ConsumerNumber consumer = 0;
  std::string_view name;
  int64_t seen_ms = 0;
};

struct ConsumerDeleted {
  GroupNumber group = 0;
  ConsumerNumber consumer = 0;
};

struct ConsumerSeen {
  GroupNumber group = 0;
  ConsumerNumber consumer = 0;
  int64_t seen_ms = 0;
  int64_t active_ms = -1;
};

// New pending records, or records that another delivery takes over: owner, time, count 1. Sequence
// numbers count up from `first_sequence`. Ids ascending.
struct Delivered {
  GroupNumber group = 0;
  ConsumerNumber consumer = 0;
  int64_t delivery_ms = 0;
  uint64_t first_sequence = 0;
  std::span<const StreamId> ids;
};

// Pending records that are gone: acknowledged, or their entry was found deleted.
struct Acknowledged {
  GroupNumber group = 0;
  std::span<const StreamId> ids;
};

// One record that has a new owner, time and count; made if there is none.
struct ClaimedRecord {
  StreamId id;
  uint64_t count = 0;
};
struct Claimed {
  GroupNumber group = 0;
  ConsumerNumber consumer = 0;
  int64_t delivery_ms = 0;
  uint64_t first_sequence = 0;
  std::span<const ClaimedRecord> records;  // In order of claiming.
};

// Pending records as they are, times and sequence included; there are none with these ids.
struct PendingCopied {
  GroupNumber group = 0;
  std::span<const PendingRecord> records;  // Ascending.
};

// The key is a string with this value and expiry; it is made if there is none.
struct StringSet {
  int64_t expire_ms = 0;
  std::string_view value;
};

struct ExpirySet {
  int64_t expire_ms = 0;  // Unix time; 0 = none.
};

// The value has another name, which was free.
struct KeyRenamed {
  std::string_view key;
};

// Each of the two logical databases is what the other one was.
struct DatabasesSwapped {
  uint32_t first = 0;
  uint32_t second = 0;
};

// Pending records that belong to nobody from now on, in order of release: each keeps its times and
// gets this count. One that there was none of is made; its times are `released_ms`.
struct Released {
  GroupNumber group = 0;
  int64_t released_ms = 0;
  uint64_t first_sequence = 0;
  std::span<const ClaimedRecord> records;
};

// Pending records that belong to nobody from now on, as Released, with what else is known of them.
// One that there was none of has not been delivered yet.
struct HandedBackRecord {
  StreamId id;
  uint64_t count = 0;
  int64_t due_ms = 0;  // Store time of its own at which it is due; 0 = as the policy says.
  uint32_t hops = 0;   // How often its payload has been a dead letter.
  bool parked = false;
  bool fatal = false;       // Only with `parked`.
  std::string_view reason;  // Empty: the one it has, if any, stays.
};
struct HandedBack {
  GroupNumber group = 0;
  int64_t released_ms = 0;
  uint64_t first_sequence = 0;
  std::span<const HandedBackRecord> records;
};

// All that the stream, or the group, has set of its own from now on.
struct StreamPolicySet {
  std::string_view settings;  // PolicySettings::Encode
};
struct GroupPolicySet {
  GroupNumber group = 0;
  std::string_view settings;
};

// To be added to what the group counts.
struct GroupCounted {
  GroupNumber group = 0;
  GroupCounters counters;
};
// To be added to what the stream counts.
struct StreamCounted {
  StreamCounters counters;
};
// So many entries have been refused at a bound of the stream in its life. Soft: hence the whole
// number, which may be applied twice.
struct RefusalsCounted {
  uint64_t rejected = 0;
};

// How far entries that no group needs any more have been removed; see Retirement.
struct RetirementSet {
  Retirement state = Retirement::kOff;
  StreamId from;  // kSweeping only.
};

// When the group was made, or last lost a consumer.
struct GroupTimed {
  GroupNumber group = 0;
  int64_t created_ms = 0;  // Store time.
};

// The stream holds dead letters from now on, for good.
struct LettersHeld {};

// An entry that is to be added later; its number is above those of all before it, but in a copy.
struct Scheduled {
  ScheduleToken token;
  uint32_t arg_count = 0;
  uint64_t data_bytes = 0;
  std::string_view payload;
};
// Added by now, or cancelled. Ascending.
struct Unscheduled {
  std::span<const ScheduleToken> tokens;
  uint64_t payload_bytes = 0;  // Of these entries, in wire form.
};

// The steward looks at the stream at `due_ms`, store time, and not before; INT64_MAX: it need not.
struct Expected {
  int64_t due_ms = INT64_MAX;
};

struct DatabaseFlushed {
  uint32_t database = 0;      // Logical.
  uint32_t new_physical = 0;  // What the database is from now on.
};

struct ClockStepped {
  int64_t offset_ms = 0;  // Unix time minus store time.
};

// The effects of one turn under construction.
class Recorder {
 public:
  // Number of the record under construction; 0 is none.
  uint64_t record_number() const { return record_number_; }
  const std::string& bytes() const { return bytes_; }
  // Whether anything in it must be committed; soft effects alone wait for company.
  bool has_hard_effects() const { return hard_; }
  uint64_t effect_count() const { return effect_count_; }

  // Hands the record over and begins the next one in `spare`'s memory.
  std::string Take(std::string spare);

  uint32_t NameStream(const StreamNamed& effect);
  // `stream` is the number that NameStream gave.
  void Add(uint32_t stream, const StreamCreated& effect);
  void Add(uint32_t stream, const EntryAdded& effect);
  void Add(uint32_t stream, const EntriesDeleted& effect);
  void Add(uint32_t stream, const Trimmed& effect);
  void Add(uint32_t stream, const RangesTrimmed& effect);
  void Add(uint32_t stream, const IdSet& effect);
  void Add(uint32_t stream, const IidRecorded& effect);
  void Add(uint32_t stream, const DuplicateRefused& effect);
  void Add(uint32_t stream, const IidsCounted& effect);
  void Add(uint32_t stream, const IidsForgotten& effect);
  void Add(uint32_t stream, const IdempotencySet& effect);
  void Add(uint32_t stream, const GroupCreated& effect);
  void Add(uint32_t stream, const GroupDestroyed& effect);
  void Add(uint32_t stream, const GroupMoved& effect);
  void Add(uint32_t stream, const ConsumerCreated& effect);
  void Add(uint32_t stream, const ConsumerDeleted& effect);
  // Soft.
  void Add(uint32_t stream, const ConsumerSeen& effect);
  void Add(uint32_t stream, const Delivered& effect);
  void Add(uint32_t stream, const Acknowledged& effect);
  void Add(uint32_t stream, const Claimed& effect);
  void Add(uint32_t stream, const Released& effect);
  void Add(uint32_t stream, const HandedBack& effect);
  void Add(uint32_t stream, const StreamPolicySet& effect);
  void Add(uint32_t stream, const GroupPolicySet& effect);
  void Add(uint32_t stream, const GroupCounted& effect);
  void Add(uint32_t stream, const StreamCounted& effect);
  // Soft.
  void Add(uint32_t stream, const RefusalsCounted& effect);
  void Add(uint32_t stream, const RetirementSet& effect);
  void Add(uint32_t stream, const GroupTimed& effect);
  void Add(uint32_t stream, const LettersHeld& effect);
  void Add(uint32_t stream, const Scheduled& effect);
  void Add(uint32_t stream, const Unscheduled& effect);
  // Soft: what it goes with is in the same record.
  void Add(uint32_t stream, const Expected& effect);
  void AddKeyDeleted(uint32_t stream);
  void Add(uint32_t stream, const PendingCopied& effect);
  void Add(uint32_t stream, const StringSet& effect);
  void Add(uint32_t stream, const ExpirySet& effect);
  void Add(uint32_t stream, const KeyRenamed& effect);
  void Add(const DatabasesSwapped& effect);
  void Add(const DatabaseFlushed& effect);
  void Add(const ClockStepped& effect);

 private:
  void Begin(EffectType type, uint32_t stream);
  void BeginWithGroup(EffectType type, uint32_t stream, GroupNumber group);

  std::string bytes_;
  uint64_t record_number_ = 1;
  uint64_t effect_count_ = 0;
  uint32_t next_stream_ = 0;
  bool hard_ = false;
};

// What a decoded record is told to. `stream` as above.
class EffectVisitor {
 public:
  virtual ~EffectVisitor() = default;
  virtual Status OnStreamNamed(uint32_t stream, const StreamNamed& effect) = 0;
  virtual Status On(uint32_t stream, const StreamCreated& effect) = 0;
  virtual Status On(uint32_t stream, const EntryAdded& effect) = 0;
  virtual Status On(uint32_t stream, const EntriesDeleted& effect) = 0;
  virtual Status On(uint32_t stream, const Trimmed& effect) = 0;
  virtual Status On(uint32_t stream, const RangesTrimmed& effect) = 0;
  virtual Status On(uint32_t stream, const IdSet& effect) = 0;
  virtual Status On(uint32_t stream, const IidRecorded& effect) = 0;
  virtual Status On(uint32_t stream, const DuplicateRefused& effect) = 0;
  virtual Status On(uint32_t stream, const IidsCounted& effect) = 0;
  virtual Status On(uint32_t stream, const IidsForgotten& effect) = 0;
  virtual Status On(uint32_t stream, const IdempotencySet& effect) = 0;
  virtual Status On(uint32_t stream, const GroupCreated& effect) = 0;
  virtual Status On(uint32_t stream, const GroupDestroyed& effect) = 0;
  virtual Status On(uint32_t stream, const GroupMoved& effect) = 0;
  virtual Status On(uint32_t stream, const ConsumerCreated& effect) = 0;
  virtual Status On(uint32_t stream, const ConsumerDeleted& effect) = 0;
  virtual Status On(uint32_t stream, const ConsumerSeen& effect) = 0;
  virtual Status On(uint32_t stream, const Delivered& effect) = 0;
  virtual Status On(uint32_t stream, const Acknowledged& effect) = 0;
  virtual Status On(uint32_t stream, const Claimed& effect) = 0;
  virtual Status On(uint32_t stream, const Released& effect) = 0;
  virtual Status On(uint32_t stream, const HandedBack& effect) = 0;
  virtual Status On(uint32_t stream, const StreamPolicySet& effect) = 0;
  virtual Status On(uint32_t stream, const GroupPolicySet& effect) = 0;
  virtual Status On(uint32_t stream, const GroupCounted& effect) = 0;
  virtual Status On(uint32_t stream, const StreamCounted& effect) = 0;
  virtual Status On(uint32_t stream, const RefusalsCounted& effect) = 0;
  virtual Status On(uint32_t stream, const RetirementSet& effect) = 0;
  virtual Status On(uint32_t stream, const GroupTimed& effect) = 0;
  virtual Status On(uint32_t stream, const LettersHeld& effect) = 0;
  virtual Status On(uint32_t stream, const Scheduled& effect) = 0;
  virtual Status On(uint32_t stream, const Unscheduled& effect) = 0;
  virtual Status On(uint32_t stream, const Expected& effect) = 0;
  virtual Status OnKeyDeleted(uint32_t stream) = 0;
  virtual Status On(uint32_t stream, const PendingCopied& effect) = 0;
  virtual Status On(uint32_t stream, const StringSet& effect) = 0;
  virtual Status On(uint32_t stream, const ExpirySet& effect) = 0;
  virtual Status On(uint32_t stream, const KeyRenamed& effect) = 0;
  virtual Status On(const DatabasesSwapped& effect) = 0;
  virtual Status On(const DatabaseFlushed& effect) = 0;
  virtual Status On(const ClockStepped& effect) = 0;
  // After each effect on a stream: its bytes, and what its On has said; the answer counts instead.
  virtual Status AfterEffect(uint32_t /*stream*/, std::string_view /*bytes*/, Status said) {
    return said;
  }
};

// The bytes of an effect on a stream, of another record, as of the stream with number `stream`.
std::string RenumberEffect(std::string_view bytes, uint32_t stream);
std::string EncodeStreamNamed(const StreamNamed& effect);
EffectType TypeOfEffect(std::string_view bytes);

// Decodes a record and tells `visitor` effect by effect; stops at its first error. kCorruption on
// malformed bytes.
Status VisitEffects(std::string_view record, EffectVisitor* visitor);

}  // namespace engine
