// Keys of the store: which family holds what under which bytes. docs/disk-format.md is the
// reference.
//
// Integers are big-endian. Everything of one physical database shares a 5-byte prefix in every
// family, so that flushing it is one range delete; everything of one stream shares 8 more. Thread:
// any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/schedule_token.h"
#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

// Version of the layout as a whole, in the `meta` record.
inline constexpr uint8_t kFormatVersion = 3;
inline constexpr uint8_t kFormatVersionWithExpiry = 2;
inline constexpr uint8_t kFormatVersionWithTotals = 3;
inline constexpr uint8_t kOldestFormatVersion = 1;

// First byte of a value in family `keys`. Numbers are written; never reuse one.
enum class KeyRecordKind : uint8_t { kStream = 1, kString = 2 };
// Third part of a key in family `blocks`.
enum class BlockRecordKind : uint8_t { kBlock = 1, kDirectoryPage = 2 };
// Third part of a key in family `side`.
enum class SideRecordKind : uint8_t { kProducerPage = 1, kScheduled = 2 };
// Last part but one of a key in family `groups`.
enum class GroupRecordKind : uint8_t { kHeader = 1, kPendingPage = 2 };

inline constexpr std::string_view kMetaKey = "meta";
inline constexpr std::string_view kTopGroupsKey = "tops";
// First byte of every key that belongs to a database: keys of the store itself begin with zero.
inline constexpr char kDatabaseKeyTag = 'd';
inline constexpr std::string_view kSurveyKey = "survey";
// First byte of the keys of family `system` that list keys by time (engine/time_index.h): those
// with an expiry by Unix time, streams that want to be looked at by store time.
inline constexpr char kExpiryKeyTag = 'e';
inline constexpr char kDueKeyTag = 'w';
// And of those that keep effects on damaged keys (engine/damaged_key.h).
inline constexpr char kKeptEffectsTag = 'x';

// Order of keys within a database, hence of SCAN: a stable hash, then the name.
uint64_t ScanHash(std::string_view key);

std::string DatabasePrefix(uint32_t physical_db);
// The smallest key above all with this prefix (which is not all 0xff).
std::string PrefixEnd(std::string_view prefix);
std::string StreamPrefix(uint32_t physical_db, Uid uid);

std::string KeyRecordKey(uint32_t physical_db, std::string_view key);
std::string KeyScanStart(uint32_t physical_db, uint64_t hash);
// Splits a key of family `keys`; false if it is too short.
bool ParseKeyRecordKey(std::string_view stored, uint32_t* physical_db, uint64_t* hash,
                       std::string_view* key);
std::string BlockKey(uint32_t physical_db, Uid uid, StreamId first_id);
std::string DirectoryPageKey(uint32_t physical_db, Uid uid, uint32_t number);
std::string GroupHeaderKey(uint32_t physical_db, Uid uid, GroupNumber group);
std::string PendingPageKey(uint32_t physical_db, Uid uid, GroupNumber group, uint32_t number);
std::string ProducerPageKey(uint32_t physical_db, Uid uid, uint32_t number);
std::string ScheduledKey(uint32_t physical_db, Uid uid, ScheduleToken token);
inline constexpr size_t kScheduledPrefixBytes = 1 + 4 + 8 + 1;  // Up to the token.
// The token of such a key; nothing when it is another one.
std::optional<ScheduleToken> ParseScheduledKey(std::string_view stored);
std::string GroupPrefix(uint32_t physical_db, Uid uid, GroupNumber group);

}  // namespace engine
