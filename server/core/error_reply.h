// The only place with error words of the wire. A handler names an error; the text is made here.
//
// Thread: any.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/status.h"

namespace server {

// One value per error text that a command can send. Texts with `{}` take arguments in order.
// X-macro free: the table in error_reply.cc is indexed by this enum and checked at compile time.
enum class Error : unsigned short {
  kSyntax,             // ERR syntax error
  kNotInteger,         // ERR value is not an integer or out of range
  kInvalidStreamId,    // ERR Invalid stream ID specified as stream command argument
  kInvalidRangeStart,  // ERR invalid start ID for the interval
  kInvalidRangeEnd,    // ERR invalid end ID for the interval
  kWrongType,          // WRONGTYPE ...
  kNoSuchKey,          // ERR no such key
  kWrongArity,         // ERR wrong number of arguments for '{}' command
  kSubcommandSyntax,   // ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.
  kUnknownSubcommand,  // ERR unknown subcommand '{}'. Try {} HELP.
  kNoGroupForKeyName,  // NOGROUP No such consumer group '{group}' for key name '{key}'
  kNoKeyOrGroup,       // NOGROUP No such key '{key}' or consumer group '{group}'
  kNoKeyOrGroupInReadGroup,  // ... in XREADGROUP with GROUP option
  kBusyGroup,
  kXGroupKeyMissing,
  kXGroupEntriesRead,  // ERR value for ENTRIESREAD must be positive or -1
  kXAddIdZero,
  kXAddIdTooSmall,
  kXAddIdExhausted,
  kXAddTooLarge,
  kMaxLenNegative,
  kLimitNegative,
  kTwoTrimStrategies,
  kLimitWithoutStrategy,
  kLimitWithoutApproximate,
  kXTrimNoStrategy,
  kIdmpTwice,
  kIdmpAutoEmptyProducer,
  kIdmpEmptyProducer,
  kIdmpEmptyIid,
  kIdmpExplicitId,
  kNumIdsNotPositive,
  kNumIdsTooLarge,
  kIdsMissing,
  kXRedriveCount,
  kXRedriveSameKey,
  kIdmpDurationRange,
  kIdmpMaxSizeRange,
  kNoParameterGiven,
  // Policies; the first argument is the option.
  kOptionTwice,     // ERR {} specified multiple times
  kOptionRange,     // ERR {} must be between {} and {}
  kOptionWord,      // ERR {} must be one of {}
  kDeadLetterSlot,  // CROSSSLOT DEADLETTER-KEY must hash to the slot of the stream
  kNotAnotherKey,   // ERR {} must be another key
  kEmptyProducer,
  kEmptyIid,
  kNoSuchEntry,
  kIidTaken,
  kXSetIdEntriesAddedNegative,
  kXSetIdBelowGivenMaxDeleted,
  kXSetIdBelowMaxDeleted,
  kXSetIdBelowTopItem,
  kXSetIdEntriesAddedTooSmall,
  kTimeoutNotInteger,
  kTimeoutNegative,
  kTimeoutOutOfRange,
  kUnbalancedXRead,
  kUnbalancedXReadGroup,
  kGroupOnlyInXReadGroup,  // The {} option is only supported by XREADGROUP. You called XREAD
                           // instead.
  kNewIdOnlyInXReadGroup,  // The > ID can be specified only when calling XREADGROUP ...
  kMeaninglessId,          // The {} ID is meaningless in the context of XREADGROUP: ...
  kMissingGroupOption,
  kMaxCountNotPositive,  // ERR MAXCOUNT must be a positive integer
  kMaxCountBelowCount,   // ERR MAXCOUNT must be greater than or equal to COUNT
  kMaxSizeNotPositive,   // ERR MAXSIZE must be a positive integer
  kMinIdleNotInteger,    // ERR min-idle-time is not an integer or out of range
  kMinIdleNegative,      // ERR min-idle-time must be a positive integer
  kXClaimMinIdle,        // ERR Invalid min-idle-time argument for {XCLAIM|XAUTOCLAIM}
  kXClaimOptionValue,    // ERR Invalid {IDLE} option argument for XCLAIM
  kXClaimUnknownOption,  // ERR Unrecognized XCLAIM option '{}'
  kXAutoClaimCount,
  kXNackMode,           // ERR mode must be SILENT, FAIL, or FATAL
  kXNackIdCount,        // ERR numids must be a positive integer
  kXNackIdsMissing,     // ERR number of IDs doesn't match numids
  kXNackRetryCount,     // ERR Invalid RETRYCOUNT value, must be >= 0
  kXNackUnknownOption,  // ERR Unrecognized XNACK option '{}'
  kXNackDelay,          // ERR DELAY must be a non-negative integer
  kXNackReason,         // ERR REASON is too long
  kXNackNoIds,          // ERR syntax error, expected IDS keyword
  kUnblocked,           // UNBLOCKED client unblocked via CLIENT UNBLOCK
  // The core's own (connection, config, client, ...) follow; add freely, keep the table complete.
  kUnknownCommand,  // ERR unknown command '{}', with args beginning with: {}
  kNoAuth,
  // Connection.
  kUnauthenticatedHello,  // NOAUTH HELLO must be called with the client already authenticated, ...
  kWrongPassword,         // WRONGPASS ...
  kNoPassword,            // ERR AUTH <password> called without any password configured ...
  kProtocolNotInteger,    // ERR Protocol version is not an integer or out of range
  kProtocolUnsupported,   // NOPROTO unsupported protocol version
  kHelloOption,           // ERR Syntax error in HELLO option '{}'
  kDbNotInt32,            // ERR value is out of range, value must between ...
  kDbOutOfRange,          // ERR DB index is out of range
  kStorageFailed,         // MISCONF Errors writing to the AOF file: {}
  kCorrupt,               // CORRUPT {}
  kOutOfMemory,           // OOM command not allowed when used memory > 'maxmemory'.
  // CLIENT.
  kClientName,               // ERR Client names cannot contain spaces, ...
  kClientAttribute,          // ERR {} cannot contain spaces, ...
  kClientUnknownAttribute,   // ERR Unrecognized option '{}'
  kClientUnknownType,        // ERR Unknown client type '{}'
  kClientInvalidId,          // ERR Invalid client ID
  kClientIdNotPositive,      // ERR client-id should be greater than 0
  kClientNone,               // ERR No such client
  kClientUnknownUser,        // ERR No such user '{}'
  kClientMaxAgeNotInteger,   // ERR maxage is not an integer or out of range
  kClientMaxAgeNotPositive,  // ERR maxage should be greater than 0
  kClientUnblockReason,      // ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
  // CONFIG.
  kConfigUnknownOption,  // ERR Unknown option or number of arguments for CONFIG SET - '{}'
  kConfigSetFailed,      // ERR CONFIG SET failed (possibly related to argument '{}') - {}
  kConfigNoFile,         // ERR The server is running without a config file
  kConfigRewriteFailed,  // ERR Rewriting config file: {}
  // COMMAND.
  kGetKeysInvalidCommand,  // ERR Invalid command specified
  kGetKeysNoKeys,          // ERR The command has no key arguments
  kGetKeysArity,           // ERR Invalid number of arguments specified for command
  kGetKeysNotFound,        // ERR Invalid arguments specified for command
  // Saving and stopping.
  kSaveRunning,     // ERR Background save already in progress
  kNoShutdown,      // ERR No shutdown in progress.
  kShutdownFailed,  // ERR Errors trying to SHUTDOWN. Check logs.
  // Transactions.
  kNestedMulti,          // ERR MULTI calls can not be nested
  kWatchInMulti,         // ERR WATCH inside MULTI is not allowed
  kExecWithoutMulti,     // ERR EXEC without MULTI
  kDiscardWithoutMulti,  // ERR DISCARD without MULTI
  kNotInTransaction,     // ERR Command not allowed inside a transaction
  kTransactionSpoiled,   // EXECABORT Transaction discarded because of previous errors.
  kTransactionRefused,   // EXECABORT Transaction discarded because of: {}
  kTransactionTooLarge,  // ERR Transaction is too large: ...
  // Pub/Sub.
  kSubscribed,    // ERR Can't execute '{}': only ... are allowed in this context
  kDenyBlocking,  // ERR {} isn't allowed for a DENY BLOCKING client
  // Keys.
  kInvalidCursor,    // ERR invalid cursor
  kUnknownTypeName,  // ERR unknown type name '{}'
  // Looking back.
  kSlowLogCount,          // ERR count should be greater than or equal to -1
  kLatencyNoSamples,      // ERR No samples available for event '{}'
  kMonitorInTransaction,  // ERR MONITOR isn't allowed for DENY BLOCKING client
  // CLIENT PAUSE, CLIENT TRACKING.
  kPauseMode,            // ERR CLIENT PAUSE mode must be WRITE or ALL
  kTrackingRedirect,     // ERR The client ID you want redirect to does not exist
  kTrackingPrefix,       // ERR PREFIX option requires BCAST mode to be enabled
  kTrackingBroadcast,    // ERR OPTIN and OPTOUT are not compatible with BCAST
  kTrackingOptInOut,     // ERR You can't specify both OPTIN mode and OPTOUT mode
  kTrackingUnsupported,  // ERR This server does not track keys for clients
  kTrackingOff,          // ERR CLIENT CACHING can be called only when the client is ...
  // Replication and cluster.
  kMasterPort,     // ERR Invalid master port
  kNoReplication,  // ERR This server cannot be a replica
  kClusterOff,     // ERR This instance has cluster support disabled
  // ACL.
  kAclUnknownCategory,   // ERR Unknown category '{}'
  kAclGenPass,           // ERR ACL GENPASS argument must be the number of bits for ...
  kAclDefaultUserStays,  // ERR The 'default' user cannot be removed
  kAclUnknownUser,       // ERR User '{}' not found
  kAclUnknownCommand,    // ERR Command '{}' not found
  kAclNoFile,            // ERR This Redis instance is not configured to use an ACL ...
  kAclOneUser,           // ERR This server has one user, 'default', with all ...
  // DEBUG.
  kDebugNotAllowed,  // ERR DEBUG command not allowed. If the ...
  kReloadBusy,       // ERR Other clients are waiting for the store, try again
  kNeedsResp3,       // ERR RESP2 is not supported by this command
  kProtocolSample,   // ERR Wrong protocol type name. Please use one of the ...
  kVerbatim,         // {}
  // Expiry, strings, moving.
  kInvalidExpireTime,  // ERR invalid expire time in '{}' command
  kExpireOption,       // ERR Unsupported option {}
  kExpireNxAndOthers,  // ERR NX and XX, GT or LT options at the same time are not com...
  kExpireGtAndLt,      // ERR GT and LT options at the same time are not compatible
  kNumberOverflow,     // ERR increment or decrement would overflow
  kDecrementOverflow,  // ERR decrement would overflow
  kStringTooLong,      // ERR string exceeds maximum allowed size (proto-max-bulk-len)
  kSameObject,         // ERR source and destination objects are the same
  kFirstDbIndex,       // ERR invalid first DB index
  kSecondDbIndex,      // ERR invalid second DB index
  kObjectFreq,         // ERR An LFU maxmemory policy is not selected, access frequenc...
  // Streams with a policy.
  kStreamFull,          // STREAMFULL stream '{}' is at its limit of {} {entries|bytes}
  kEntryAboveMaxBytes,  // ERR entry is larger than MAXBYTES
  // Scheduling.
  kScheduleDelay,  // ERR DELAY must be between 0 and 31536000000
  kScheduleAt,     // ERR AT must be a unix time in milliseconds
  kScheduleFull,   // STREAMFULL stream '{}' is at its limit of {} scheduled entries
  kCount,
};

// What a handler gives back: fine, an engine outcome, or an error text ready for the wire.
class [[nodiscard]] Outcome {
 public:
  Outcome() = default;
  // An engine status; error_reply.cc turns its code into words. kNotLoaded parks the command.
  Outcome(engine::Status status) : status_(std::move(status)) {}
  // An error reply; `arguments` fill the `{}` of the text, CR and LF in them become blanks.
  Outcome(Error error, std::initializer_list<std::string_view> arguments = {});

  bool ok() const { return status_.ok() && text_.empty(); }
  bool not_loaded() const { return status_.code() == engine::Code::kNotLoaded; }
  engine::Code code() const { return status_.code(); }
  // The error line without the leading dash. Precondition: !ok() and !not_loaded().
  std::string Text() const;

 private:
  engine::Status status_;
  engine::OptionalText text_;
};

inline Outcome Done() { return Outcome(); }

}  // namespace server

#define RETURN_IF_FAILED(expression)                         \
  do {                                                       \
    ::server::Outcome outcome_of_expression_ = (expression); \
    if (!outcome_of_expression_.ok()) {                      \
      return outcome_of_expression_;                         \
    }                                                        \
  } while (false)
