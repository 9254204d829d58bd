// Every bound of the network layer, with what happens when it is reached.
#pragma once

#include <cstddef>
#include <cstdint>

namespace server {

// --- Input ---

// The buffer into which all connections read, one after another: bytes read by one system call.
inline constexpr size_t kReadBufferBytes = 64 * 1024;
// Unexecuted bytes up to this size move to the front of the shared buffer for the next read; a
// connection that has more reads into memory of its own.
inline constexpr size_t kCarriedInputBytes = 16 * 1024;
// Unexecuted bytes after which a connection whose command waits is no longer read.
inline constexpr size_t kParkedInputBytes = 64 * 1024;
// `client-query-buffer-limit` of connections that have not authenticated.
inline constexpr int64_t kUnauthenticatedInputBytes = 1024 * 1024;
// Input and the like of all who have not logged in; one that needs more while there is so much is
// closed.
inline constexpr size_t kStrangersBytes = 16 * 1024 * 1024;
// Who is closed when all clients need too much memory: a byte that one does not take weighs as much
// as so many that it has sent.
inline constexpr size_t kUnsentWeight = 4;
// A request that takes longer than `request-timeout` to arrive is waited for as long as so many
// bytes a second come.
inline constexpr int64_t kSlowestRequestBytesPerSecond = 1024;

// --- Output ---

// Bytes sent to one connection at a time; the rest follows in the next pass.
inline constexpr size_t kSendBytesPerPass = 1024 * 1024;
// Pieces of output in one system call.
inline constexpr size_t kPiecesPerSend = 16;
// Bytes taken from a connection that is about to be closed and dropped: input that is left unread
// makes the kernel reset the connection, and the last reply may be lost.
inline constexpr size_t kDiscardedInputBytes = 256 * 1024;

// --- Connections ---

// Where a password is set: connections that have not logged in, of one address, and together as a
// part of `maxclients`. For one more, the oldest is closed once it has had some time to log in; if
// it has not, a further one of the address may stay for now, and one above the total is refused.
inline constexpr size_t kStrangersPerAddress = 64;
inline constexpr int64_t kClientsPerStranger = 4;
inline constexpr int64_t kLeastStrangers = 64;
inline constexpr int64_t kTimeToLogInMicros = 1'000'000;
// Connections one listener accepts in a pass of the loop.
inline constexpr int kAcceptsPerPass = 256;
// How long a listener rests after accept failed for want of a resource.
inline constexpr int64_t kAcceptPauseMicros = 100'000;

// --- Loop ---

// Interval of the work that no event causes.
inline constexpr int64_t kTickMicros = 100'000;
// Ticks between two looks at output that cannot be sent.
inline constexpr int kTicksPerOutputCheck = 10;

}  // namespace server
