// The engine: durable streams and consumer groups, without sockets, wire format or clock.
//
// A command is: OpenStream / OpenGroup, checks, then at most one call that changes state. Calls
// that change state validate first and turn what happened into effects (engine/effects.h), which
// are applied to memory at once and become durable with the turn's journal record. EndTurn() closes
// the turn.
//
// A call that needs an object which is not in memory answers kNotLoaded before its first effect and
// lists the object in Op::needs. The caller hands the list to StartLoad(), parks the client, and
// runs the whole command again when its callback says so.
//
// Handles (Stream*, Group*, Consumer*) are valid until the command ends, never longer.
// Owner: server::Server. Thread: loop, except where a call says otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/calls.h"
#include "engine/events.h"
#include "engine/limits.h"
#include "engine/op.h"
#include "engine/options.h"
#include "engine/pending_page.h"
#include "engine/policy.h"
#include "engine/schedule_token.h"
#include "engine/status.h"
#include "engine/stream_id.h"
#include "engine/top_groups.h"
#include "engine/totals.h"
#include "engine/types.h"

namespace engine {

class Stream;  // engine/stream.h: counters and names that XINFO shows.
class Group;   // engine/group.h
class Consumer;
class Core;          // engine/core.h: the state behind this face.
struct CheckReport;  // engine/checker.h

class Engine {
 public:
  // Opens or creates the store in options.directory and replays its journal. kCorruption and kIo
  // come with words for the operator. `now` is the wall clock at start. Thread: main, before the
  // loop runs.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options, Now now);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // --- Turns
  // ---------------------------------------------------------------------------------------

  // The store's time for a wall and a monotonic reading; feeds Op::now.
  Now TimeNow(int64_t unix_ms, int64_t monotonic_ms);
  // Number that the running turn's record will have.
  Turn current_turn() const;
  // Newest turn whose replies may leave under the current fsync mode. Thread: any.
  Turn released_turn() const;
  // Closes the turn: hands its effects to the journal, moves a running checkpoint on by one slice,
  // keeps memory within its budget. Soft effects alone make no record.
  void EndTurn(Now now);
  // True when the turn has so many effects that the caller should end it before the next command.
  bool TurnIsFull() const;
  // kOk, or why commands with effects cannot run now: kIo after a storage failure, kLimit while
  // unsaved bytes are at their cap (the caller parks the client and asks again), kNoSpace while the
  // disk is full, kClosing.
  Status CanWrite() const;
  // The same for a command that needs more room than there was, with so many bytes of arguments:
  // kNoSpace when the disk is nearly full, or checkpoints fail for too long. Does not include
  // CanWrite.
  Status CanGrow(uint64_t request_bytes) const;

  // --- Loading
  // -------------------------------------------------------------------------------------

  // Fetches `items` on a reader thread; `done` runs on the loop through EngineOptions::post, with
  // the fetched objects in memory and pinned in `pins`, or with the reason of the failure.
  void StartLoad(std::vector<LoadItem> items, Pins* pins, std::function<void(Status)> done);
  // Fetches at once, blocking (tests, EXEC).
  Status LoadNow(const std::vector<LoadItem>& items, Pins* pins);
  void ReleasePins(Pins* pins);

  // --- Keys
  // ----------------------------------------------------------------------------------------

  Result<KeyType> TypeOf(Op& op, std::string_view key);
  // Deletes the keys that exist; the number of them. All are in memory before the first one goes.
  // `deleted` (may be null) gets the names of those that went.
  Result<int64_t> DeleteKeys(Op& op, std::span<const std::string_view> keys,
                             std::vector<std::string_view>* deleted);
  int64_t KeyCount(Op& op);
  int64_t KeyCountOf(uint32_t db) const;
  // One step of a SCAN in hash order; sees every key that exists throughout the whole scan.
  // `pattern` empty = all; `type` kNone = all.
  Result<ScanResult> Scan(Op& op, uint64_t cursor, int64_t count, std::string_view pattern,
                          std::optional<KeyType> type);
  Result<std::vector<std::string>> Keys(Op& op, std::string_view pattern);
  // Any key of the database, drawn by the caller's random number; nothing when it is empty.
  Result<std::optional<std::string>> RandomKey(Op& op, uint64_t random);
  Status FlushDb(Op& op, uint32_t db);
  Status FlushAll(Op& op);
  // Not a use of the key.
  Result<KeyInfo> Describe(Op& op, std::string_view key);
  // Checks that what is under these names is in memory (kNotLoaded otherwise): for calls that
  // change several of them.
  Status PrepareKeys(Op& op, std::span<const std::string_view> keys);
  // Whether `from` is called `to` now; false when there is something under `to` and `replace` is
  // not set. kNotFound: no such key.
  Result<bool> Rename(Op& op, std::string_view from, std::string_view to, bool replace);
  // The same with a copy under `to` in another database, or under another name. kLimit when it is
  // too large. Copies keep the expiry.
  Result<bool> Copy(Op& op, std::string_view from, uint32_t to_db, std::string_view to,
                    bool replace);
  // A copy in another database instead of the key.
  Result<bool> Move(Op& op, std::string_view key, uint32_t to_db);
  // Each of the two is what the other one was.
  Status SwapDatabases(Op& op, uint32_t first, uint32_t second);

  // --- Expiry
  // --------------------------------------------------------------------------------------

  // A key whose time has come (Op::now) does not exist for any call, whether it is deleted already
  // or not. 0 = none. False when there is no such key.
  Result<bool> SetExpiry(Op& op, std::string_view key, int64_t expire_ms);
  // Deletes keys whose time has come, a bounded number; for every turn.
  void ReapExpired(Now now);
  // Unix time from which on ReapExpired has something to do; INT64_MAX = never.
  int64_t next_reap_unix_ms() const;
  // Told of each key that is deleted because its time has come, by ReapExpired or by a call that
  // makes the key anew.
  void SetExpirySink(std::function<void(uint32_t db, std::string_view key)> sink);
  struct ExpiryStats {
    int64_t keys = 0;  // With an expiry.
    int64_t mean_ttl_ms = 0;
  };
  ExpiryStats ExpiryStatsOf(uint32_t db, Now now) const;

  // --- Lookahead
  // -----------------------------------------------------------------------------------

  // Whether PrepareFor() pays for this database.
  bool WantsLookahead(uint32_t db) const;
  // Commands on these names follow (engine/lookahead.h). ForgetPrepared() before the names' bytes
  // change.
  void PrepareFor(uint32_t db, std::span<const std::string_view> names);
  void ForgetPrepared();

  // --- Strings
  // -------------------------------------------------------------------------------------

  // kNotFound, kWrongType, kNotLoaded. Until the next change.
  Result<const std::string*> OpenString(Op& op, std::string_view key);
  // The key is this string, whatever it was before. `expire_ms` as in SetExpiry. True when there
  // was none.
  Result<bool> SetString(Op& op, std::string_view key, std::string_view value, int64_t expire_ms);

  // --- Streams
  // -------------------------------------------------------------------------------------

  // kNotFound, kWrongType, kCorruption, kNotLoaded.
  Result<Stream*> OpenStream(Op& op, std::string_view key);
  // `stream` is null when the key does not exist (the call creates it). kIdTooSmall, kIdExhausted,
  // kTooLarge. The stream's bounds are looked at when nothing else is in the way.
  Result<AddResult> Add(Op& op, std::string_view key, Stream* stream, const AddId& id,
                        const Payload& payload, const TrimArgs& trim,
                        RoomLine line = RoomLine::kFree);
  // The same with an automatic id, unless the producer's iid is known: it is looked at before
  // anything else. Afterwards it is known.
  Result<AddResult> AddOnce(Op& op, std::string_view key, Stream* stream,
                            const Production& production, const Payload& payload,
                            const TrimArgs& trim, RoomLine line = RoomLine::kFree);
  // Counts an entry that a bound has kept out for good.
  void CountRefusal(Op& op, Stream& stream);
  // The bound that would keep the next entry out, or make it push out one that a group needs.
  Result<Bound> FullBound(Op& op, Stream& stream);
  // Changes nothing when it answers anything but kNone.
  enum class IidRefusal : uint8_t { kNone, kNoEntry, kOtherId };
  // Makes the iid stand for an entry that is there.
  Result<IidRefusal> RecordIid(Op& op, Stream& stream, const Production& production, StreamId id);
  // A value that changes makes all iids unknown.
  Status SetIdempotency(Op& op, Stream& stream, const IdempotencySettings& settings);
  // Producers and iids that have not expired.
  Result<ProducerCounts> CountProducers(Op& op, Stream& stream);
  // Each of those iids; a producer's by age.
  Status ListIids(Op& op, Stream& stream, IidSink sink);
  Status Range(Op& op, Stream& stream, const RangeArgs& args, EntrySink sink);
  Result<std::optional<StreamId>> FirstEntry(Op& op, Stream& stream, EntrySink sink);
  Result<std::optional<StreamId>> LastEntry(Op& op, Stream& stream, EntrySink sink);
  // Number removed; a repeated id counts once. `ids` in any order.
  Result<int64_t> DeleteEntries(Op& op, Stream& stream, std::span<const StreamId> ids);
  // Id by id in the order given: one that comes again finds what the first one left.
  Result<RemovalResult> RemoveEntries(Op& op, Stream& stream, References references,
                                      std::span<const StreamId> ids);
  Result<int64_t> Trim(Op& op, Stream& stream, const TrimArgs& args);
  // LIMIT of `~` when none is given: 100 nodes of the configured size, within 1..1000000; 10000
  // when nodes are not limited by entries.
  int64_t DefaultTrimLimit() const;
  // Changes nothing when it answers anything but kNone.
  enum class SetIdRefusal : uint8_t {
    kNone,
    kBelowMaxDeleted,
    kBelowTopItem,
    kEntriesAddedTooSmall
  };
  Result<SetIdRefusal> SetId(Op& op, Stream& stream, const SetIdArgs& args);

  // --- Entries that are added later
  // --------------------------------------------------------------------------------

  // `stream` is null when the key does not exist (the call creates it). Nothing is changed unless
  // `refusal` is kNone. A time that has passed is as good as any. kTooLarge.
  Result<ScheduleResult> ScheduleEntry(Op& op, std::string_view key, Stream* stream,
                                       int64_t due_unix_ms, const Payload& payload);
  // Number of entries that will not be added; a repeated token counts once.
  Result<int64_t> CancelScheduled(Op& op, Stream& stream, std::span<const ScheduleToken> tokens);
  // In order of time; fewer than `count` when they are very large (kReadReplySoftCap).
  Status ListScheduled(Op& op, Stream& stream, ScheduleToken first, ScheduleToken last,
                       size_t count, ScheduledSink sink);
  // kNotLoaded when only the store knows what is next.
  Result<ScheduleSummary> SummarizeSchedule(Op& op, Stream& stream);

  // --- Groups
  // --------------------------------------------------------------------------------------

  // kNoGroup when there is no such group.
  Result<Group*> OpenGroup(Op& op, Stream& stream, std::string_view name);
  // Creates an empty stream under `key`, which must not exist.
  Result<Stream*> CreateStream(Op& op, std::string_view key);
  // kGroupExists. `entries_read` is lowered to the stream's entries-added.
  Status CreateGroup(Op& op, Stream& stream, std::string_view name, StreamId last_id,
                     std::optional<int64_t> entries_read, const PolicyChange& policy = {});
  Status DestroyGroup(Op& op, Stream& stream, Group& group);
  Status SetGroupId(Op& op, Stream& stream, Group& group, StreamId last_id,
                    std::optional<int64_t> entries_read);
  // True when it did not exist.
  Result<bool> CreateConsumer(Op& op, Stream& stream, Group& group, std::string_view name);
  // Number of pending records it had; 0 when it did not exist.
  Result<int64_t> DeleteConsumer(Op& op, Stream& stream, Group& group, std::string_view name);

  // --- Delivery
  // ------------------------------------------------------------------------------------

  // True when a `>` read would return something now.
  bool HasNew(const Stream& stream, const Group& group) const;
  // Checks that all a read needs is in memory (kNotLoaded otherwise), changing nothing: a command
  // that reads several streams prepares all of them before it reads the first one.
  Status PrepareReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args);
  Status PrepareReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args);
  // Whether the first pending entry that the read would take has one delivery left and must be the
  // whole reply (ISOLATE-LAST). What a read of several streams asks for each of them, after
  // preparing all.
  Result<bool> GoesFirstAndAlone(Op& op, Stream& stream, Group& group, const ReadNewArgs& args);
  Result<bool> GoesFirstAndAlone(Op& op, Stream& stream, Group& group, const HistoryArgs& args);
  // Claims, if asked for, or else redelivers what is due, then delivers new entries. The consumer
  // is created if unknown and its seen-time moves, also when there is nothing. Call PrepareReadNew
  // first.
  Result<ReadNewResult> ReadNew(Op& op, Stream& stream, Group& group, const ReadNewArgs& args,
                                DeliverySink sink);
  Result<HistoryResult> ReadHistory(Op& op, Stream& stream, Group& group, const HistoryArgs& args,
                                    HistorySink sink);
  // Number of records removed.
  Result<int64_t> Acknowledge(Op& op, Stream& stream, Group& group, std::span<const StreamId> ids);
  // The same, and the entries go, as RemoveEntries. kMissing: no record in this group, so nothing
  // happens; kReferenced: acknowledged, but the entry is kept.
  Result<RemovalResult> AcknowledgeAndRemove(Op& op, Stream& stream, Group& group,
                                             References references, std::span<const StreamId> ids);
  // Gives records back to the group, in argument order. Number of records released.
  Result<int64_t> Release(Op& op, Stream& stream, Group& group, const ReleaseArgs& args,
                          std::span<const StreamId> ids);
  Result<PendingSummary> SummarizePending(Op& op, Stream& stream, Group& group);
  // Records in id order.
  Status ListPending(Op& op, Stream& stream, Group& group, const PendingRangeArgs& args,
                     PendingSink sink);
  Status DescribePending(Op& op, Stream& stream, Group& group, const PendingRangeArgs& args,
                         PendingDetailsSink sink);
  // In argument order.
  Status Claim(Op& op, Stream& stream, Group& group, const ClaimArgs& args,
               std::span<const StreamId> ids, ClaimSink sink);
  Result<AutoClaimResult> AutoClaim(Op& op, Stream& stream, Group& group, const AutoClaimArgs& args,
                                    ClaimSink sink);

  // --- Dead letters
  // ---------------------------------------------------------------------------------------

  // Moves letters out of the stream that holds them: each goes there and comes here in one commit.
  Result<RedriveResult> Redrive(Op& op, Stream& letters, const RedriveArgs& args);
  Result<DeadLetterInfo> InspectDeadLetters(Op& op, Stream& stream, Group& group);

  // --- What streams do by themselves
  // ---------------------------------------------------------------

  // While producers wait for room, what may make some is told of (StreamEvent::Kind::kRoom).
  void SetProducersWait(bool producers_wait);
  // Does what is due, a bounded part of it; for every turn.
  void RunDueWork(Now now);
  // The stream may have something to do at this store time, and not before.
  void ExpectWork(Stream& stream, int64_t due_ms);
  // Store time from which on RunDueWork has something to do; INT64_MAX = never.
  int64_t next_due_work_ms() const;
  // Who waits for entries now, by consumer: they count as seen while they do.
  void SetWaitingReaders(WaitingReaders waiting_readers);
  // The consumer has ceased to wait without a read that would show it. No effect on what is not in
  // memory, or not there.
  void NoteWaited(uint32_t db, std::string_view key, std::string_view group,
                  std::string_view consumer, Now now);
  // What happened beside what was asked for since the last call.
  bool has_events() const;
  std::vector<StreamEvent> TakeEvents();

  // --- Policies
  // ------------------------------------------------------------------------------------

  // In place of the rules so far; they hold at once, and streams in memory are looked at.
  void SetGroupRules(std::vector<PolicyRule> rules);
  void SetStreamRules(std::vector<PolicyRule> rules);
  // What is in force, and where it comes from.
  StreamPolicy PolicyOf(Op& op, Stream& stream);
  GroupPolicy PolicyOf(Op& op, Group& group);
  void SetPolicy(Op& op, Stream& stream, const PolicyChange& change);
  void SetPolicy(Op& op, Stream& stream, Group& group, const PolicyChange& change);

  // --- Looking
  // -------------------------------------------------------------------------------------

  // Entries not yet read by the group, or nothing when it cannot be known (streams spec 4.2).
  std::optional<int64_t> Lag(const Stream& stream, const Group& group) const;
  // Unix time of a stored time.
  int64_t ToUnixMs(int64_t store_ms) const;
  struct Stats {
    uint64_t memory_bytes = 0;   // Taken from the budget.
    uint64_t dirty_bytes = 0;    // Not yet in a checkpoint.
    uint64_t journal_bytes = 0;  // Since the last checkpoint.
    uint64_t disk_bytes = 0;
    uint64_t disk_free_bytes = 0;     // Of the file system.
    uint64_t disk_floor_bytes = 0;    // See DiskLimits::min_free_bytes.
    uint64_t disk_ballast_bytes = 0;  // Of the file that is there now.
    Turn turn = 0;
    Turn durable_turn = 0;
    Turn checkpoint_turn = 0;
    uint64_t checkpoints = 0;
    uint64_t loads = 0;           // Objects read from the store.
    uint64_t blocking_loads = 0;  // Those read on the loop.
    uint64_t changes_since_checkpoint = 0;
    int64_t last_checkpoint_unix_s = 0;
    bool checkpoint_running = false;
    bool last_checkpoint_ok = true;
    uint64_t cached_objects = 0;  // Streams, blocks, pending pages, names known to be missing.
  };
  Stats GetStats() const;
  // Of all streams, in memory or not.
  struct StreamStats {
    StreamTotals totals;
    // Age of the last delivery of the record that has been pending longest; 0 when there is none.
    // At most a second old, as what follows.
    int64_t oldest_pending_ms = 0;
    // Pending records that are due in groups in memory; of pages that are not, all count.
    int64_t due = 0;
    // By pending records and by entries not yet read, most first; names as they are.
    std::vector<TopGroup> most_pending;
    std::vector<TopGroup> most_lag;
  };
  StreamStats GetStreamStats(Now now);

  // --- Whole store
  // ---------------------------------------------------------------------------------

  // Starts a checkpoint; `done` runs on the loop. kLimit when one runs already.
  Status StartCheckpoint(std::function<void(Status)> done);
  // Runs a whole checkpoint now, blocking (SAVE, clean stop, tests).
  Status CheckpointNow();
  // When that thread has done what it has been asked for before.
  void RunOnCheckpointThread(std::function<void()> work);
  // Blocks until everything so far is durable whatever the mode.
  Status SyncNow();
  Status SetFsyncMode(FsyncMode mode);
  void SetDiskLimits(const DiskLimits& limits);
  // For tests of clients: so many bytes of the disk count as free; nothing = what really is.
  void PretendFreeDisk(std::optional<uint64_t> free_bytes);
  void SetMemoryBudget(uint64_t bytes);
  // See EngineOptions.
  void SetIdleLimit(int64_t ms);
  void SetNodeLimits(int64_t max_entries, int64_t max_bytes);
  // For streams created from now on.
  void SetIdempotencyDefaults(uint32_t duration_s, uint32_t max_size);
  // Closes the store cleanly and opens it again, blocking: nothing stays in memory, everything that
  // was handed out (streams, groups, pins) is void. kLimit, with nothing done, while objects are
  // being fetched. After any other failure the
  // engine refuses everything and calls on_failure.
  Status Reload(Now now);
  // Clean stop: checkpoint, empty journal, close. Nothing may be called afterwards.
  Status Close();

  // --- Tests
  // ---------------------------------------------------------------------------------------

  // Verifies everything there is, in memory or not, as `weir-server --check` does with a closed
  // store; loads what is not in memory. Between two commands.
  Status Verify(CheckReport* report);

 private:
  explicit Engine(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace engine
