// Every bound of the engine, with what happens when it is reached.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine {

// A block takes no further node once its entries hold this many bytes.
inline constexpr size_t kBlockTargetBytes = 16 * 1024;
// Largest sum of field and value lengths of one entry; above it XADD is refused (kTooLarge).
inline constexpr uint64_t kMaxEntryBytes = uint64_t{1} << 30;
// A producer page above this is split, unless it is all of one producer.
inline constexpr size_t kProducerPageBytes = 16 * 1024;
// Expired iids of a page that is in use stay at most this part of their lifetime longer: so that a
// page is not gone through for each of them.
inline constexpr uint64_t kIidGraceOf = 8;
// Blocks described by one directory page.
inline constexpr size_t kDirectoryPageSlots = 256;
// A turn ends when its effects reach this size, so that no journal record grows without bound.
inline constexpr size_t kTurnEffectBytes = 4 * 1024 * 1024;
// A checkpoint starts when the journal or the unsaved objects reach this size.
inline constexpr size_t kCheckpointBytes = 32 * 1024 * 1024;
// It also starts when this much journal has come since the last one and nothing changes any more;
// or this much, and the last one was some time ago: a start after a crash has less to read then.
// Or anything, and the last one was EngineOptions::idle_limit_ms ago (kTimedCheckpointMs at least).
inline constexpr uint64_t kRestCheckpointBytes = uint64_t{1} << 20;
inline constexpr int64_t kRestCheckpointMs = 1000;
inline constexpr uint64_t kTimedCheckpointBytes = uint64_t{8} << 20;
inline constexpr int64_t kTimedCheckpointMs = 10'000;
// Commands with effects wait when unsaved bytes (dirty plus frozen) reach this size.
inline constexpr size_t kDirtyCapBytes = 160 * 1024 * 1024;
// They also wait when the journal has reached this size since the last checkpoint. If checkpoints
// fail, commands that need room are refused at three quarters of either bound, and all that change
// anything at the bound itself.
inline constexpr uint64_t kJournalCapBytes = uint64_t{1} << 30;
// A request larger than this is compared with the room that the disk has.
inline constexpr uint64_t kLargeRequestBytes = uint64_t{1} << 20;
// Frozen bytes encoded per turn: the pause that a running checkpoint may add to one turn.
inline constexpr size_t kEncodeSliceBytes = 512 * 1024;
// Keys looked at by one step of SCAN; a larger COUNT is cut to it.
inline constexpr int64_t kMaxScanCount = 100'000;
// Objects one command may have fetched for it and pinned; above it the command fails (kLimit).
inline constexpr size_t kMaxPinnedBytes = 512 * 1024 * 1024;
// A soft bound on reply bytes of XREAD and XREADGROUP: the entry that crosses it is the last one.
inline constexpr size_t kReadReplySoftCap = 64 * 1024 * 1024;
// Objects that a command which may need any number of them asks for at a time.
inline constexpr size_t kLoadRoundItems = 256;
// What an entry adds to a reply beside its payload: id, headers.
inline constexpr size_t kEntryReplyOverhead = 48;
// Missing pages and blocks that a walk over pending records asks for at a time: over a cold group
// it proceeds in such steps.
inline constexpr size_t kObjectsPerLoad = 256;
// A DELAY longer than this, ten thousand years, is cut to it.
inline constexpr int64_t kMaxDelayMs = 315'360'000'000'000;
// A blocked reader with CLAIM looks again no sooner than this, however small its min-idle is.
inline constexpr int64_t kMinClaimWaitMs = 10;
// Exhausted and gone entries that one read does away with; those behind them are left to the next
// one, or to the steward.
inline constexpr size_t kSettledPerRead = 128;
// Pages that the steward looks at in one step because something in them may have fallen due.
inline constexpr int kDuePagesPerStep = 16;
// A blocked reader with CLAIM looks again no sooner than this while its group is paused; the end of
// the pause wakes it.
inline constexpr int64_t kPausedClaimWaitMs = 3'600'000;
// XAUTOCLAIM looks at this many records per record of COUNT.
inline constexpr int64_t kAutoClaimLookFactor = 10;
// Entries that one call may find exhausted, or that are parked and one step moves; what comes after
// them is left to the next one. Payload bytes are bounded likewise.
inline constexpr size_t kExhaustedPerCall = 10'000;
inline constexpr uint64_t kExhaustedBytesPerCall = uint64_t{32} << 20;
inline constexpr size_t kParkedPerStep = 250;
// Letters' payload bytes that one XREDRIVE FROM looks at.
inline constexpr uint64_t kRedriveBytes = uint64_t{16} << 20;
// Keys that are known to be the next ones to go, or to be looked at; more of them are in the store
// alone.
inline constexpr size_t kTimeWindowKeys = 4096;
// Expired keys that one turn deletes, and fetches from the store.
inline constexpr size_t kReapedKeysPerTurn = 256;
inline constexpr size_t kReapLoads = 64;
// Scheduled entries of a stream that are known to be the next ones, by what they take in memory;
// and how many of them are fetched at a time.
inline constexpr size_t kScheduleWindowBytes = 256 * 1024;
inline constexpr size_t kSchedulePageEntries = 2048;
// Scheduled entries added to a stream by one look, and bytes of payload of these.
inline constexpr size_t kPumpedEntries = 256;
inline constexpr uint64_t kPumpedBytes = 256 * 1024;
// Streams that the steward looks at in one turn, and fetches from the store at a time.
inline constexpr int kStewardLooks = 64;
inline constexpr size_t kStewardFetches = 64;
// Entries above MAXAGE are looked for at most so often; blocks dropped by one such look.
inline constexpr int64_t kAgePauseMs = 200;
inline constexpr size_t kAgedBlocksPerStep = 256;
// Blocks in which one step of a sweep looks for entries that no group needs.
inline constexpr size_t kSweptBlocksPerStep = 64;
// Payload bytes of the largest stream that COPY and MOVE take; above it they fail (kLimit).
inline constexpr uint64_t kMaxCopyBytes = uint64_t{64} << 20;
// Consumers and groups that one look at a stream's idle ones goes through; the rest follows in the
// next turn, but a group is looked at as a whole. And consumers of a group that it deletes.
inline constexpr size_t kIdleLooksPerStep = 4096;
inline constexpr size_t kIdleRemovalsPerLook = 256;
// Groups kept of each list of those with most of something, and shown of it.
inline constexpr size_t kTopGroupsKept = 100;
inline constexpr size_t kTopGroupsShown = 10;
// More deletes of one stream than this become one range delete.
inline constexpr size_t kPointDeletesPerStream = 100;
// Units that one turn looks at because their keys may not have been used for long; units that it
// lets go, each a matter of microseconds. And keys not in memory whose last use is remembered: 4.5
// MB.
inline constexpr size_t kAgedLooksPerTurn = 1024;
inline constexpr size_t kAgedPerTurn = 64;
inline constexpr size_t kIdleTimesKept = 200'000;
// Names of which what follows is brought near the processor at a time; and databases with fewer
// names in memory than this, of which everything is near anyway.
inline constexpr size_t kLookaheadNames = 16;
inline constexpr size_t kLookaheadLeastNames = 256;

}  // namespace engine
