// Caps of the wire format. What happens at each cap is written beside it; the error texts are in
// parser.cc. None of these ever sizes an allocation: buffers grow with the bytes that arrived.
#pragma once

#include <cstddef>
#include <cstdint>

namespace resp {

// Longest inline request, `*count` line or `$length` line, without its line end. One byte more is
// a protocol error.
inline constexpr size_t kMaxLineBytes = 65536;

// Largest argument count a request may declare; above it is a protocol error.
inline constexpr int64_t kMaxArguments = 2147483647;

// Default of the option `proto-max-bulk-len`: the largest single argument.
inline constexpr int64_t kDefaultMaxBulkBytes = 536870912;

// What a connection may declare before it authenticated, where authentication is required.
inline constexpr int64_t kMaxUnauthenticatedArguments = 10;
inline constexpr int64_t kMaxUnauthenticatedBulkBytes = 16384;

// Unread input above these closes the connection without a reply. Enforced by the owner of the
// read buffer, not by the parser. The first is the default of `client-query-buffer-limit`.
inline constexpr size_t kDefaultQueryBufferBytes = size_t{1} << 30;
inline constexpr size_t kUnauthenticatedQueryBufferBytes = size_t{1} << 20;

// Parser::wanted() never exceeds this, so a declared length alone reserves no more.
inline constexpr size_t kMaxWantedBytes = 65536;

// A parser gives memory above these back once the request that needed it is done.
inline constexpr size_t kMaxRetainedArguments = 4096;
inline constexpr size_t kMaxRetainedInlineBytes = 16384;

// Deepest nesting a reply decoder follows; deeper replies are malformed.
inline constexpr size_t kMaxReplyDepth = 128;

// Work one glob match may do, in compared pattern elements; above it the text does not match.
inline constexpr size_t kMaxGlobSteps = size_t{1} << 22;

}  // namespace resp
