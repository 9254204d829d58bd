// Every bound of the server beside those of the protocol (resp/limits.h), with what happens at it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace server {

// --- Turns ---

// Commands one connection executes in a turn, and bytes of input they may take; the rest of its
// input waits until the others have had their turn.
inline constexpr size_t kCommandsPerTurn = 1024;
inline constexpr size_t kInputBytesPerTurn = 256 * 1024;
// Blocked clients that are run again in a turn. While more are ready no other command runs, so that
// each of them sees what made it ready.
inline constexpr size_t kWakeUpsPerTurn = 1024;
// Blocked clients whose time is up, answered in a turn; the rest follow in the next.
inline constexpr size_t kTimeoutsPerTurn = 4096;
// Commands that had to wait and are tried again in a turn.
inline constexpr size_t kRetriesPerTurn = 1024;
// Connections looked at for idleness in one tick.
inline constexpr size_t kIdleChecksPerTick = 1024;

// Times a command is parked to have objects fetched; after them what it lacks is fetched at once.
inline constexpr int kMaxLoadRounds = 16;
// How long until the loop looks again whether there is room for unsaved bytes.
inline constexpr int64_t kRoomPollMicros = 1000;
// How long a reading of the memory in use serves to judge commands that need more.
inline constexpr int64_t kMemoryCheckMicros = 10'000;

// --- Memory ---

// While the server is quiet, memory that was freed goes back to the system when it is more than
// this.
inline constexpr uint64_t kUnusedBytesKept = uint64_t{8} * 1024 * 1024;

// --- Transactions ---

// What one MULTI may queue, arguments and our own notes of them together. A command that would be
// too much is refused, and the transaction with it.
inline constexpr size_t kMaxTransactionBytes = 128 * 1024 * 1024;

// --- Logging in ---

// After a wrong password clients at that address wait so long, and one of them at a time goes on in
// each such round. One that has failed n times itself waits for n rounds, but for no more than
// this.
inline constexpr int64_t kLoginRoundMicros = 100'000;
inline constexpr int64_t kMaxLoginRounds = 10;
// Addresses with wrong passwords that are kept in mind, each so long after the last one; when there
// are more, one of those that nobody waits at is forgotten.
inline constexpr size_t kMaxLoginAddresses = 16 * 1024;
inline constexpr int64_t kLoginMemoryMicros = 10'000'000;

// --- Output ---

// Unsent replies above which a connection is neither read nor executed, until they are half of it.
inline constexpr size_t kOutputPauseBytes = 1024 * 1024;

// Replies that wait to be sent to a client that has not authenticated, where it has to. Above it no
// further request of it is executed in this turn, and one that still has so many unsent after a
// turn, because it does not read, is closed.
inline constexpr size_t kUnauthenticatedOutputBytes = 1024;
// Lines that wait to be sent to a client that monitors; above it the client is closed, whatever
// `client-output-buffer-limit` says: what others do must not fill the memory.
inline constexpr size_t kMonitorOutputBytes = 64 * 1024 * 1024;
// While clients need more memory than they may, a subscriber gets no message that would make its
// unsent bytes more than this; it is closed.
inline constexpr int64_t kSmallOutputBytes = 64 * 1024;
// A piece of output takes no further replies at this size, so that what was sent can be freed.
inline constexpr size_t kOutputPieceBytes = 64 * 1024;
// Buffers for replies that are kept for reuse, and the capacity each has. A larger one is freed.
inline constexpr size_t kPooledBuffers = 128;
inline constexpr size_t kPooledBufferBytes = 16 * 1024;

// --- Looking back ---

// Arguments of a command that the slow log keeps, and bytes of each; the rest is counted.
inline constexpr size_t kSlowLogArguments = 32;
inline constexpr size_t kSlowLogArgumentBytes = 128;
// Samples of one event that the latency monitor keeps; the oldest go.
inline constexpr size_t kLatencySamples = 160;

// --- Texts and names ---

// Different first words of errors that are counted; further ones are counted together.
inline constexpr size_t kMaxErrorKinds = 128;
// Bytes of a client's own words that an error about an unknown command repeats.
inline constexpr size_t kMaxEchoedBytes = 128;

// Rules that group-policy or stream-policy may have; one more is refused.
inline constexpr size_t kMaxPolicyRules = 1000;

}  // namespace server
