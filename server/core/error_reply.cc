#include "server/core/error_reply.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

#include "engine/check.h"

namespace server {
namespace {

struct Row {
  Error error;
  std::string_view text;
};

// In the order of the enum. A `{}` takes the next argument.
constexpr Row kTexts[] = {
    {Error::kSyntax, "ERR syntax error"},
    {Error::kNotInteger, "ERR value is not an integer or out of range"},
    {Error::kInvalidStreamId, "ERR Invalid stream ID specified as stream command argument"},
    {Error::kInvalidRangeStart, "ERR invalid start ID for the interval"},
    {Error::kInvalidRangeEnd, "ERR invalid end ID for the interval"},
    {Error::kWrongType, "WRONGTYPE Operation against a key holding the wrong kind of value"},
    {Error::kNoSuchKey, "ERR no such key"},
    {Error::kWrongArity, "ERR wrong number of arguments for '{}' command"},
    {Error::kSubcommandSyntax,
     "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP."},
    {Error::kUnknownSubcommand, "ERR unknown subcommand '{}'. Try {} HELP."},
    {Error::kNoGroupForKeyName, "NOGROUP No such consumer group '{}' for key name '{}'"},
    {Error::kNoKeyOrGroup, "NOGROUP No such key '{}' or consumer group '{}'"},
    {Error::kNoKeyOrGroupInReadGroup,
     "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option"},
    {Error::kBusyGroup, "BUSYGROUP Consumer Group name already exists"},
    {Error::kXGroupKeyMissing,
     "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
     "use the MKSTREAM option to create an empty stream automatically."},
    {Error::kXGroupEntriesRead, "ERR value for ENTRIESREAD must be positive or -1"},
    {Error::kXAddIdZero, "ERR The ID specified in XADD must be greater than 0-0"},
    {Error::kXAddIdTooSmall,
     "ERR The ID specified in XADD is equal or smaller than the target stream top item"},
    {Error::kXAddIdExhausted,
     "ERR The stream has exhausted the last possible ID, unable to add more items"},
    {Error::kXAddTooLarge, "ERR Elements are too large to be stored"},
    {Error::kMaxLenNegative, "ERR The MAXLEN argument must be >= 0."},
    {Error::kLimitNegative, "ERR The LIMIT argument must be >= 0."},
    {Error::kTwoTrimStrategies,
     "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"},
    {Error::kLimitWithoutStrategy,
     "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"},
    {Error::kLimitWithoutApproximate,
     "ERR syntax error, LIMIT cannot be used without the special ~ option"},
    {Error::kXTrimNoStrategy, "ERR syntax error, XTRIM must be called with a trimming strategy"},
    {Error::kIdmpTwice, "ERR syntax error, IDMP/IDMPAUTO specified multiple times"},
    {Error::kIdmpAutoEmptyProducer, "ERR syntax error, IDMPAUTO requires a non-empty producer ID"},
    {Error::kIdmpEmptyProducer, "ERR syntax error, IDMP requires a non-empty producer ID"},
    {Error::kIdmpEmptyIid, "ERR syntax error, IDMP requires a non-empty idempotent ID"},
    {Error::kIdmpExplicitId,
     "ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs"},
    {Error::kNumIdsNotPositive, "ERR Number of IDs must be a positive integer"},
    {Error::kNumIdsTooLarge, "ERR The `numids` parameter must match the number of arguments"},
    {Error::kIdsMissing, "ERR IDS option is required"},
    {Error::kXRedriveCount, "ERR COUNT must be between 1 and 10000"},
    {Error::kXRedriveSameKey, "ERR TO must be another key"},
    {Error::kIdmpDurationRange, "ERR IDMP-DURATION must be between 1 and 86400 seconds"},
    {Error::kIdmpMaxSizeRange, "ERR IDMP-MAXSIZE must be between 1 and 10000 entries"},
    {Error::kNoParameterGiven, "ERR At least one parameter must be specified"},
    {Error::kOptionTwice, "ERR {} specified multiple times"},
    {Error::kOptionRange, "ERR {} must be between {} and {}"},
    {Error::kOptionWord, "ERR {} must be one of {}"},
    {Error::kDeadLetterSlot, "CROSSSLOT DEADLETTER-KEY must hash to the slot of the stream"},
    {Error::kNotAnotherKey, "ERR {} must be another key"},
    {Error::kEmptyProducer, "ERR producer ID must be non-empty"},
    {Error::kEmptyIid, "ERR idempotent ID must be non-empty"},
    {Error::kNoSuchEntry, "ERR No such message in stream"},
    {Error::kIidTaken, "ERR IID already exists for this producer with a different stream ID"},
    {Error::kXSetIdEntriesAddedNegative, "ERR entries_added must be positive"},
    {Error::kXSetIdBelowGivenMaxDeleted,
     "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"},
    {Error::kXSetIdBelowMaxDeleted,
     "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"},
    {Error::kXSetIdBelowTopItem,
     "ERR The ID specified in XSETID is smaller than the target stream top item"},
    {Error::kXSetIdEntriesAddedTooSmall,
     "ERR The entries_added specified in XSETID is smaller than the target stream length"},
    {Error::kTimeoutNotInteger, "ERR timeout is not an integer or out of range"},
    {Error::kTimeoutNegative, "ERR timeout is negative"},
    {Error::kTimeoutOutOfRange, "ERR timeout is out of range"},
    {Error::kUnbalancedXRead,
     "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be "
     "specified."},
    {Error::kUnbalancedXReadGroup,
     "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be "
     "specified."},
    {Error::kGroupOnlyInXReadGroup,
     "ERR The {} option is only supported by XREADGROUP. You called XREAD instead."},
    {Error::kNewIdOnlyInXReadGroup,
     "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
     "<consumer> option."},
    {Error::kMeaninglessId,
     "ERR The {} ID is meaningless in the context of XREADGROUP: you want to read the history of "
     "this consumer by specifying a proper ID, or use the > ID to get new messages. The {} ID "
     "would just return an empty result set."},
    {Error::kMissingGroupOption, "ERR Missing GROUP option for XREADGROUP"},
    {Error::kMaxCountNotPositive, "ERR MAXCOUNT must be a positive integer"},
    {Error::kMaxCountBelowCount, "ERR MAXCOUNT must be greater than or equal to COUNT"},
    {Error::kMaxSizeNotPositive, "ERR MAXSIZE must be a positive integer"},
    {Error::kMinIdleNotInteger, "ERR min-idle-time is not an integer or out of range"},
    {Error::kMinIdleNegative, "ERR min-idle-time must be a positive integer"},
    {Error::kXClaimMinIdle, "ERR Invalid min-idle-time argument for {}"},
    {Error::kXClaimOptionValue, "ERR Invalid {} option argument for XCLAIM"},
    {Error::kXClaimUnknownOption, "ERR Unrecognized XCLAIM option '{}'"},
    {Error::kXAutoClaimCount, "ERR COUNT must be > 0"},
    {Error::kXNackMode, "ERR mode must be SILENT, FAIL, or FATAL"},
    {Error::kXNackIdCount, "ERR numids must be a positive integer"},
    {Error::kXNackIdsMissing, "ERR number of IDs doesn't match numids"},
    {Error::kXNackRetryCount, "ERR Invalid RETRYCOUNT value, must be >= 0"},
    {Error::kXNackUnknownOption, "ERR Unrecognized XNACK option '{}'"},
    {Error::kXNackDelay, "ERR DELAY must be a non-negative integer"},
    {Error::kXNackReason, "ERR REASON is too long"},
    {Error::kXNackNoIds, "ERR syntax error, expected IDS keyword"},
    {Error::kUnblocked, "UNBLOCKED client unblocked via CLIENT UNBLOCK"},
    {Error::kUnknownCommand, "ERR unknown command '{}', with args beginning with: {}"},
    {Error::kNoAuth, "NOAUTH Authentication required."},
    {Error::kUnauthenticatedHello,
     "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
     "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
     "protocol version at the same time"},
    {Error::kWrongPassword, "WRONGPASS invalid username-password pair or user is disabled."},
    {Error::kNoPassword,
     "ERR AUTH <password> called without any password configured for the default user. Are you "
     "sure your configuration is correct?"},
    {Error::kProtocolNotInteger, "ERR Protocol version is not an integer or out of range"},
    {Error::kProtocolUnsupported, "NOPROTO unsupported protocol version"},
    {Error::kHelloOption, "ERR Syntax error in HELLO option '{}'"},
    {Error::kDbNotInt32,
     "ERR value is out of range, value must between -2147483648 and 2147483647"},
    {Error::kDbOutOfRange, "ERR DB index is out of range"},
    {Error::kStorageFailed, "MISCONF Errors writing to the AOF file: {}"},
    {Error::kCorrupt, "CORRUPT {}"},
    {Error::kOutOfMemory, "OOM command not allowed when used memory > 'maxmemory'."},
    {Error::kClientName, "ERR Client names cannot contain spaces, newlines or special characters."},
    {Error::kClientAttribute, "ERR {} cannot contain spaces, newlines or special characters."},
    {Error::kClientUnknownAttribute, "ERR Unrecognized option '{}'"},
    {Error::kClientUnknownType, "ERR Unknown client type '{}'"},
    {Error::kClientInvalidId, "ERR Invalid client ID"},
    {Error::kClientIdNotPositive, "ERR client-id should be greater than 0"},
    {Error::kClientNone, "ERR No such client"},
    {Error::kClientUnknownUser, "ERR No such user '{}'"},
    {Error::kClientMaxAgeNotInteger, "ERR maxage is not an integer or out of range"},
    {Error::kClientMaxAgeNotPositive, "ERR maxage should be greater than 0"},
    {Error::kClientUnblockReason, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"},
    {Error::kConfigUnknownOption,
     "ERR Unknown option or number of arguments for CONFIG SET - '{}'"},
    {Error::kConfigSetFailed, "ERR CONFIG SET failed (possibly related to argument '{}') - {}"},
    {Error::kConfigNoFile, "ERR The server is running without a config file"},
    {Error::kConfigRewriteFailed, "ERR Rewriting config file: {}"},
    {Error::kGetKeysInvalidCommand, "ERR Invalid command specified"},
    {Error::kGetKeysNoKeys, "ERR The command has no key arguments"},
    {Error::kGetKeysArity, "ERR Invalid number of arguments specified for command"},
    {Error::kGetKeysNotFound, "ERR Invalid arguments specified for command"},
    {Error::kSaveRunning, "ERR Background save already in progress"},
    {Error::kNoShutdown, "ERR No shutdown in progress."},
    {Error::kShutdownFailed, "ERR Errors trying to SHUTDOWN. Check logs."},
    {Error::kNestedMulti, "ERR MULTI calls can not be nested"},
    {Error::kWatchInMulti, "ERR WATCH inside MULTI is not allowed"},
    {Error::kExecWithoutMulti, "ERR EXEC without MULTI"},
    {Error::kDiscardWithoutMulti, "ERR DISCARD without MULTI"},
    {Error::kNotInTransaction, "ERR Command not allowed inside a transaction"},
    {Error::kTransactionSpoiled, "EXECABORT Transaction discarded because of previous errors."},
    {Error::kTransactionRefused, "EXECABORT Transaction discarded because of: {}"},
    {Error::kTransactionTooLarge,
     "ERR Transaction is too large: its queued commands may take {} bytes"},
    {Error::kSubscribed,
     "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
     "allowed in this context"},
    {Error::kDenyBlocking, "ERR {} isn't allowed for a DENY BLOCKING client"},
    {Error::kInvalidCursor, "ERR invalid cursor"},
    {Error::kUnknownTypeName, "ERR unknown type name '{}'"},
    {Error::kSlowLogCount, "ERR count should be greater than or equal to -1"},
    {Error::kLatencyNoSamples, "ERR No samples available for event '{}'"},
    {Error::kMonitorInTransaction, "ERR MONITOR isn't allowed for DENY BLOCKING client"},
    {Error::kPauseMode, "ERR CLIENT PAUSE mode must be WRITE or ALL"},
    {Error::kTrackingRedirect, "ERR The client ID you want redirect to does not exist"},
    {Error::kTrackingPrefix, "ERR PREFIX option requires BCAST mode to be enabled"},
    {Error::kTrackingBroadcast, "ERR OPTIN and OPTOUT are not compatible with BCAST"},
    {Error::kTrackingOptInOut, "ERR You can't specify both OPTIN mode and OPTOUT mode"},
    {Error::kTrackingUnsupported, "ERR This server does not track keys for clients"},
    {Error::kTrackingOff,
     "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
     "OPTOUT mode enabled"},
    {Error::kMasterPort, "ERR Invalid master port"},
    {Error::kNoReplication, "ERR This server cannot be a replica"},
    {Error::kClusterOff, "ERR This instance has cluster support disabled"},
    {Error::kAclUnknownCategory, "ERR Unknown category '{}'"},
    {Error::kAclGenPass,
     "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
     "number up to 4096"},
    {Error::kAclDefaultUserStays, "ERR The 'default' user cannot be removed"},
    {Error::kAclUnknownUser, "ERR User '{}' not found"},
    {Error::kAclUnknownCommand, "ERR Command '{}' not found"},
    {Error::kAclNoFile,
     "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
     "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
     "configuration file set) in order to store users in the Redis configuration."},
    {Error::kAclOneUser,
     "ERR This server has one user, 'default', with all permissions; its password is the option "
     "requirepass"},
    {Error::kDebugNotAllowed,
     "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
     "can run it from a local connection, otherwise you need to set this option in the "
     "configuration file, and then restart the server."},
    {Error::kReloadBusy, "ERR Other clients are waiting for the store, try again"},
    {Error::kNeedsResp3, "ERR RESP2 is not supported by this command"},
    {Error::kProtocolSample,
     "ERR Wrong protocol type name. Please use one of the following: "
     "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"},
    {Error::kVerbatim, "{}"},
    {Error::kInvalidExpireTime, "ERR invalid expire time in '{}' command"},
    {Error::kExpireOption, "ERR Unsupported option {}"},
    {Error::kExpireNxAndOthers,
     "ERR NX and XX, GT or LT options at the same time are not compatible"},
    {Error::kExpireGtAndLt, "ERR GT and LT options at the same time are not compatible"},
    {Error::kNumberOverflow, "ERR increment or decrement would overflow"},
    {Error::kDecrementOverflow, "ERR decrement would overflow"},
    {Error::kStringTooLong, "ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
    {Error::kSameObject, "ERR source and destination objects are the same"},
    {Error::kFirstDbIndex, "ERR invalid first DB index"},
    {Error::kSecondDbIndex, "ERR invalid second DB index"},
    {Error::kObjectFreq,
     "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
     "when switching between policies at runtime LRU and LFU data will take some time to adjust."},
    {Error::kStreamFull, "STREAMFULL stream '{}' is at its limit of {} {}"},
    {Error::kEntryAboveMaxBytes, "ERR entry is larger than MAXBYTES"},
    {Error::kScheduleDelay, "ERR DELAY must be between 0 and 31536000000"},
    {Error::kScheduleAt, "ERR AT must be a unix time in milliseconds"},
    {Error::kScheduleFull, "STREAMFULL stream '{}' is at its limit of {} scheduled entries"},
};

constexpr bool HasRowForEachError() {
  for (size_t i = 0; i < std::size(kTexts); ++i) {
    if (kTexts[i].error != static_cast<Error>(i)) return false;
  }
  return std::size(kTexts) == static_cast<size_t>(Error::kCount);
}
static_assert(HasRowForEachError(), "kTexts must have one row for each error, in their order");

std::string Fill(std::string_view text, std::initializer_list<std::string_view> arguments) {
  std::string filled;
  const std::string_view* argument = arguments.begin();
  for (size_t at = 0; at < text.size();) {
    const size_t hole = argument == arguments.end() ? text.npos : text.find("{}", at);
    filled += text.substr(at, hole - at);
    if (hole == text.npos) break;
    filled += *argument++;
    at = hole + 2;
  }
  std::ranges::replace_if(
      filled, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return filled;
}

std::string TextOf(Error error, std::initializer_list<std::string_view> arguments = {}) {
  return Fill(kTexts[static_cast<size_t>(error)].text, arguments);
}

// What clients are told when a handler passes on what the engine said.
std::string TextOf(const engine::Status& status) {
  using engine::Code;
  switch (status.code()) {
    case Code::kNotFound:
      return TextOf(Error::kNoSuchKey);
    case Code::kNoGroup:
      return Fill("NOGROUP {}", {status.message()});
    case Code::kGroupExists:
      return TextOf(Error::kBusyGroup);
    case Code::kWrongType:
      return TextOf(Error::kWrongType);
    case Code::kIdTooSmall:
      return TextOf(Error::kXAddIdTooSmall);
    case Code::kIdExhausted:
      return TextOf(Error::kXAddIdExhausted);
    case Code::kTooLarge:
      return TextOf(Error::kXAddTooLarge);
    case Code::kCorruption:
      return TextOf(Error::kCorrupt, {status.message()});
    case Code::kIo:
      return TextOf(Error::kStorageFailed, {status.message()});
    case Code::kNoSpace:
      return Fill("MISCONF {}", {status.message()});
    case Code::kInvalid:
    case Code::kLimit:
      return Fill("ERR {}", {status.message()});
    case Code::kClosing:
      return "ERR The server is shutting down";
    case Code::kOk:
    case Code::kNotLoaded:
      break;
  }
  CHECK(false);
}

}  // namespace

Outcome::Outcome(Error error, std::initializer_list<std::string_view> arguments)
    : text_(TextOf(error, arguments)) {}

std::string Outcome::Text() const { return text_.empty() ? TextOf(status_) : text_.text(); }

}  // namespace server
