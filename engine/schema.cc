#include "engine/schema.h"

#include "engine/check.h"
#include "engine/codec.h"
#include "engine/key_hash.h"

namespace engine {

uint64_t ScanHash(std::string_view key) { return Hash64(key); }

std::string DatabasePrefix(uint32_t physical_db) {
  std::string out;
  out.reserve(40);
  out.push_back(kDatabaseKeyTag);
  PutU32(&out, physical_db);
  return out;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xff) {
    out.pop_back();
  }
  CHECK(!out.empty());
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

std::string StreamPrefix(uint32_t physical_db, Uid uid) {
  std::string out = DatabasePrefix(physical_db);
  PutU64(&out, uid);
  return out;
}

std::string KeyRecordKey(uint32_t physical_db, std::string_view key) {
  std::string out = KeyScanStart(physical_db, ScanHash(key));
  out.append(key);
  return out;
}

std::string KeyScanStart(uint32_t physical_db, uint64_t hash) {
  std::string out = DatabasePrefix(physical_db);
  PutU64(&out, hash);
  return out;
}

bool ParseKeyRecordKey(std::string_view stored, uint32_t* physical_db, uint64_t* hash,
                       std::string_view* key) {
  if (stored.size() < 13 || stored.front() != kDatabaseKeyTag) {
    return false;
  }
  *physical_db = LoadU32(stored.data() + 1);
  *hash = LoadU64(stored.data() + 5);
  *key = stored.substr(13);
  return true;
}

std::string BlockKey(uint32_t physical_db, Uid uid, StreamId first_id) {
  std::string out = StreamPrefix(physical_db, uid);
  PutU8(&out, static_cast<uint8_t>(BlockRecordKind::kBlock));
  PutStreamId(&out, first_id);
  return out;
}

std::string DirectoryPageKey(uint32_t physical_db, Uid uid, uint32_t number) {
  std::string out = StreamPrefix(physical_db, uid);
  PutU8(&out, static_cast<uint8_t>(BlockRecordKind::kDirectoryPage));
  PutU32(&out, number);
  return out;
}

std::string ProducerPageKey(uint32_t physical_db, Uid uid, uint32_t number) {
  std::string out = StreamPrefix(physical_db, uid);
  PutU8(&out, static_cast<uint8_t>(SideRecordKind::kProducerPage));
  PutU32(&out, number);
  return out;
}

std::string ScheduledKey(uint32_t physical_db, Uid uid, ScheduleToken token) {
  std::string out = StreamPrefix(physical_db, uid);
  PutU8(&out, static_cast<uint8_t>(SideRecordKind::kScheduled));
  PutU64(&out, static_cast<uint64_t>(token.due_ms));
  PutU64(&out, token.sequence);
  return out;
}

std::optional<ScheduleToken> ParseScheduledKey(std::string_view stored) {
  if (stored.size() != kScheduledPrefixBytes + 16 ||
      stored[kScheduledPrefixBytes - 1] != static_cast<char>(SideRecordKind::kScheduled)) {
    return std::nullopt;
  }
  const uint64_t due_ms = LoadU64(stored.data() + kScheduledPrefixBytes);
  if (due_ms > INT64_MAX) {
    return std::nullopt;
  }
  return ScheduleToken{static_cast<int64_t>(due_ms),
                       LoadU64(stored.data() + kScheduledPrefixBytes + 8)};
}

std::string GroupPrefix(uint32_t physical_db, Uid uid, GroupNumber group) {
  std::string out = StreamPrefix(physical_db, uid);
  PutU32(&out, group);
  return out;
}

std::string GroupHeaderKey(uint32_t physical_db, Uid uid, GroupNumber group) {
  std::string out = GroupPrefix(physical_db, uid, group);
  PutU8(&out, static_cast<uint8_t>(GroupRecordKind::kHeader));
  return out;
}

std::string PendingPageKey(uint32_t physical_db, Uid uid, GroupNumber group, uint32_t number) {
  std::string out = GroupPrefix(physical_db, uid, group);
  PutU8(&out, static_cast<uint8_t>(GroupRecordKind::kPendingPage));
  PutU32(&out, number);
  return out;
}

}  // namespace engine
