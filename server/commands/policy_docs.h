// The options of policies as COMMAND DOCS shows them, for the rows of several commands.
//
// A test compares them with the tables of engine/policy.h. Thread: any; immutable.
#pragma once

#include "server/core/command_docs.h"

namespace server::policy_docs {

inline constexpr ArgumentDoc kOnExhaust[] = {doc::Word("deadletter", "DEADLETTER"),
                                             doc::Word("park", "PARK"), doc::Word("drop", "DROP")};
inline constexpr ArgumentDoc kBackoff[] = {
    doc::Number("min"), doc::Number("max"), {"factor", ArgumentType::kDouble, {}, kOptional, {}}};
inline constexpr ArgumentDoc kYesNo[] = {doc::Word("yes", "yes"), doc::Word("no", "no")};
inline constexpr ArgumentDoc kOverflow[] = {doc::Word("reject", "REJECT"),
                                            doc::Word("block", "BLOCK"), doc::Word("drop", "DROP")};
inline constexpr ArgumentDoc kRetain[] = {doc::Word("all", "ALL"), doc::Word("unacked", "UNACKED")};

inline constexpr ArgumentDoc kGroupOptions[] = {
    doc::Option("MAX-DELIVERIES", "count", ArgumentType::kInteger),
    doc::OneOf("on-exhaust", kOnExhaust, kOptional, "ON-EXHAUST"),
    doc::Option("DEADLETTER-KEY", "dead-letter-key", ArgumentType::kString),
    doc::Option("DEADLETTER-MAXLEN", "length", ArgumentType::kInteger),
    doc::Option("ACK-WAIT", "milliseconds", ArgumentType::kInteger),
    doc::Block("backoff", kBackoff, kOptional, "BACKOFF"),
    doc::Option("MAX-PENDING", "count", ArgumentType::kInteger),
    doc::OneOf("isolate-last", kYesNo, kOptional, "ISOLATE-LAST"),
    doc::OneOf("paused", kYesNo, kOptional, "PAUSED"),
    doc::Option("CONSUMER-TTL", "milliseconds", ArgumentType::kInteger),
    doc::Option("GROUP-TTL", "milliseconds", ArgumentType::kInteger),
};

inline constexpr ArgumentDoc kStreamOptions[] = {
    doc::Option("IDMP-DURATION", "duration", ArgumentType::kInteger),
    doc::Option("IDMP-MAXSIZE", "maxsize", ArgumentType::kInteger),
    doc::Option("MAXLEN", "length", ArgumentType::kInteger),
    doc::Option("MAXBYTES", "bytes", ArgumentType::kString),
    doc::OneOf("overflow", kOverflow, kOptional, "OVERFLOW"),
    doc::Option("OVERFLOW-TIMEOUT", "milliseconds", ArgumentType::kInteger),
    doc::Option("MAX-SCHEDULED", "count", ArgumentType::kInteger),
    doc::Option("MAXAGE", "milliseconds", ArgumentType::kInteger),
    doc::OneOf("retain", kRetain, kOptional, "RETAIN"),
};

inline constexpr ArgumentDoc kOfGroup[] = {doc::Text("group"),
                                           doc::Block("group-options", kGroupOptions)};
inline constexpr ArgumentDoc kOfEither[] = {
    doc::Block("group-policy", kOfGroup, kRequired, "GROUP"),
    doc::Block("stream-policy", kStreamOptions)};

}  // namespace server::policy_docs
