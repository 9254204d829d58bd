#include "engine/effects.h"

#include <utility>

#include "engine/codec.h"

namespace engine {
namespace {

void PutIds(std::string* out, std::span<const StreamId> ids) {
  PutVarint(out, ids.size());
  StreamId base;
  for (const StreamId id : ids) {
    PutIdDelta(out, base, id);
    base = id;
  }
}

void PutRecords(std::string* out, std::span<const ClaimedRecord> records) {
  PutVarint(out, records.size());
  for (const ClaimedRecord& record : records) {
    PutVarintId(out, record.id);
    PutVarint(out, record.count);
  }
}

void PutEntriesRead(std::string* out, std::optional<int64_t> entries_read) {
  PutSignedVarint(out, entries_read.value_or(-1));
}

}  // namespace

std::string Recorder::Take(std::string spare) {
  spare.clear();
  std::swap(bytes_, spare);
  ++record_number_;
  next_stream_ = 0;
  hard_ = false;
  effect_count_ = 0;
  return spare;
}

void Recorder::Begin(EffectType type, uint32_t stream) {
  char header[1 + kMaxVarintBytes];
  header[0] = static_cast<char>(type);
  const char* const end = WriteVarint(header + 1, stream);
  bytes_.append(header, static_cast<size_t>(end - header));
  ++effect_count_;
  hard_ = true;
}

void Recorder::BeginWithGroup(EffectType type, uint32_t stream, GroupNumber group) {
  Begin(type, stream);
  PutVarint(&bytes_, group);
}

uint32_t Recorder::NameStream(const StreamNamed& effect) {
  char header[1 + 3 * kMaxVarintBytes];
  char* next = header;
  *next++ = static_cast<char>(EffectType::kStreamNamed);
  next = WriteVarint(next, effect.physical_db);
  next = WriteVarint(next, effect.uid);
  next = WriteVarint(next, effect.key.size());
  bytes_.append(header, static_cast<size_t>(next - header));
  bytes_.append(effect.key);
  return next_stream_++;
}

void Recorder::Add(uint32_t stream, const StreamCreated& effect) {
  Begin(EffectType::kStreamCreated, stream);
  PutVarint(&bytes_, effect.idmp_duration_s);
  PutVarint(&bytes_, effect.idmp_max_size);
}

// Put together first: most of all effects are of this kind.
void Recorder::Add(uint32_t stream, const EntryAdded& effect) {
  char header[2 + 6 * kMaxVarintBytes];
  char* next = header;
  *next++ = static_cast<char>(EffectType::kEntryAdded);
  next = WriteVarint(next, stream);
  next = WriteVarint(next, effect.id.ms);
  next = WriteVarint(next, effect.id.seq);
  *next++ = static_cast<char>((effect.opens_node ? 1 : 0) | (effect.opens_block ? 2 : 0));
  next = WriteVarint(next, effect.arg_count);
  next = WriteVarint(next, effect.data_bytes);
  next = WriteVarint(next, effect.payload.size());
  bytes_.append(header, static_cast<size_t>(next - header));
  bytes_.append(effect.payload);
  ++effect_count_;
  hard_ = true;
}

void Recorder::Add(uint32_t stream, const EntriesDeleted& effect) {
  Begin(EffectType::kEntriesDeleted, stream);
  PutIds(&bytes_, effect.ids);
}

void Recorder::Add(uint32_t stream, const Trimmed& effect) {
  Begin(EffectType::kTrimmed, stream);
  PutVarintId(&bytes_, effect.first_id);
}

void Recorder::Add(uint32_t stream, const RangesTrimmed& effect) {
  Begin(EffectType::kRangesTrimmed, stream);
  PutVarint(&bytes_, effect.ranges.size());
  StreamId base;
  for (const IdRange& range : effect.ranges) {
    PutIdDelta(&bytes_, base, range.first);
    PutIdDelta(&bytes_, range.first, range.last);
    base = range.last;
  }
}

void Recorder::Add(uint32_t stream, const IdSet& effect) {
  Begin(EffectType::kIdSet, stream);
  PutVarintId(&bytes_, effect.last_id);
  PutVarint(&bytes_, effect.entries_added);
  PutVarintId(&bytes_, effect.max_deleted);
}

void Recorder::Add(uint32_t stream, const IidRecorded& effect) {
  Begin(EffectType::kIidRecorded, stream);
  PutString(&bytes_, effect.producer);
  PutString(&bytes_, effect.iid);
  PutVarintId(&bytes_, effect.id);
}

void Recorder::Add(uint32_t stream, const DuplicateRefused&) {
  Begin(EffectType::kDuplicateRefused, stream);
}

void Recorder::Add(uint32_t stream, const IidsCounted& effect) {
  Begin(EffectType::kIidsCounted, stream);
  PutVarint(&bytes_, effect.added);
  PutVarint(&bytes_, effect.duplicates);
}

void Recorder::Add(uint32_t stream, const IidsForgotten& effect) {
  Begin(EffectType::kIidsForgotten, stream);
  PutU64(&bytes_, effect.first_hash);
  PutU64(&bytes_, effect.last_hash);
  PutVarint(&bytes_, effect.through_ms);
}

void Recorder::Add(uint32_t stream, const IdempotencySet& effect) {
  Begin(EffectType::kIdempotencySet, stream);
  PutVarint(&bytes_, effect.duration_s);
  PutVarint(&bytes_, effect.max_size);
}

void Recorder::Add(uint32_t stream, const GroupCreated& effect) {
  BeginWithGroup(EffectType::kGroupCreated, stream, effect.group);
  PutString(&bytes_, effect.name);
  PutVarintId(&bytes_, effect.last_id);
  PutEntriesRead(&bytes_, effect.entries_read);
}

void Recorder::Add(uint32_t stream, const GroupDestroyed& effect) {
  BeginWithGroup(EffectType::kGroupDestroyed, stream, effect.group);
}

void Recorder::Add(uint32_t stream, const GroupMoved& effect) {
  BeginWithGroup(EffectType::kGroupMoved, stream, effect.group);
  PutVarintId(&bytes_, effect.last_id);
  PutEntriesRead(&bytes_, effect.entries_read);
}

void Recorder::Add(uint32_t stream, const ConsumerCreated& effect) {
  BeginWithGroup(EffectType::kConsumerCreated, stream, effect.group);
  PutVarint(&bytes_, effect.consumer);
  PutString(&bytes_, effect.name);
  PutSignedVarint(&bytes_, effect.seen_ms);
}

void Recorder::Add(uint32_t stream, const ConsumerDeleted& effect) {
  BeginWithGroup(EffectType::kConsumerDeleted, stream, effect.group);
  PutVarint(&bytes_, effect.consumer);
}

void Recorder::Add(uint32_t stream, const ConsumerSeen& effect) {
  const bool was_hard = hard_;
  BeginWithGroup(EffectType::kConsumerSeen, stream, effect.group);
  PutVarint(&bytes_, effect.consumer);
  PutSignedVarint(&bytes_, effect.seen_ms);
  PutSignedVarint(&bytes_, effect.active_ms);
  hard_ = was_hard;
}

void Recorder::Add(uint32_t stream, const Delivered& effect) {
  BeginWithGroup(EffectType::kDelivered, stream, effect.group);
  PutVarint(&bytes_, effect.consumer);
  PutSignedVarint(&bytes_, effect.delivery_ms);
  PutVarint(&bytes_, effect.first_sequence);
  PutIds(&bytes_, effect.ids);
}

void Recorder::Add(uint32_t stream, const Acknowledged& effect) {
  BeginWithGroup(EffectType::kAcknowledged, stream, effect.group);
  PutVarint(&bytes_, effect.ids.size());
  for (const StreamId id : effect.ids) {
    PutVarintId(&bytes_, id);
  }
}

void Recorder::Add(uint32_t stream, const Claimed& effect) {
  BeginWithGroup(EffectType::kClaimed, stream, effect.group);
  PutVarint(&bytes_, effect.consumer);
  PutSignedVarint(&bytes_, effect.delivery_ms);
  PutVarint(&bytes_, effect.first_sequence);
  PutRecords(&bytes_, effect.records);
}

void Recorder::Add(uint32_t stream, const Released& effect) {
  BeginWithGroup(EffectType::kReleased, stream, effect.group);
  PutSignedVarint(&bytes_, effect.released_ms);
  PutVarint(&bytes_, effect.first_sequence);
  PutRecords(&bytes_, effect.records);
}

void Recorder::Add(uint32_t stream, const HandedBack& effect) {
  BeginWithGroup(EffectType::kHandedBack, stream, effect.group);
  PutSignedVarint(&bytes_, effect.released_ms);
  PutVarint(&bytes_, effect.first_sequence);
  PutVarint(&bytes_, effect.records.size());
  for (const HandedBackRecord& record : effect.records) {
    PutVarintId(&bytes_, record.id);
    PutVarint(&bytes_, record.count);
    PutSignedVarint(&bytes_, record.due_ms);
    PutVarint(&bytes_, record.hops);
    PutU8(&bytes_, static_cast<uint8_t>((record.parked ? 1 : 0) | (record.fatal ? 2 : 0)));
    PutString(&bytes_, record.reason);
  }
}

void Recorder::Add(uint32_t stream, const StreamPolicySet& effect) {
  Begin(EffectType::kStreamPolicySet, stream);
  PutString(&bytes_, effect.settings);
}

void Recorder::Add(uint32_t stream, const GroupPolicySet& effect) {
  BeginWithGroup(EffectType::kGroupPolicySet, stream, effect.group);
  PutString(&bytes_, effect.settings);
}

void Recorder::Add(uint32_t stream, const GroupCounted& effect) {
  BeginWithGroup(EffectType::kGroupCounted, stream, effect.group);
  ForEachCounter(effect.counters, [this](uint64_t value) { PutVarint(&bytes_, value); });
}

void Recorder::Add(uint32_t stream, const StreamCounted& effect) {
  Begin(EffectType::kStreamCounted, stream);
  ForEachCounter(effect.counters, [this](uint64_t value) { PutVarint(&bytes_, value); });
}

void Recorder::Add(uint32_t stream, const RefusalsCounted& effect) {
  const bool was_hard = hard_;
  Begin(EffectType::kRefusalsCounted, stream);
  PutVarint(&bytes_, effect.rejected);
  hard_ = was_hard;
}

void Recorder::Add(uint32_t stream, const RetirementSet& effect) {
  Begin(EffectType::kRetirementSet, stream);
  PutU8(&bytes_, static_cast<uint8_t>(effect.state));
  PutVarintId(&bytes_, effect.from);
}

void Recorder::Add(uint32_t stream, const GroupTimed& effect) {
  BeginWithGroup(EffectType::kGroupTimed, stream, effect.group);
  PutSignedVarint(&bytes_, effect.created_ms);
}

void Recorder::Add(uint32_t stream, const LettersHeld&) { Begin(EffectType::kLettersHeld, stream); }

void Recorder::Add(uint32_t stream, const Scheduled& effect) {
  Begin(EffectType::kScheduled, stream);
  PutSignedVarint(&bytes_, effect.token.due_ms);
  PutVarint(&bytes_, effect.token.sequence);
  PutVarint(&bytes_, effect.arg_count);
  PutVarint(&bytes_, effect.data_bytes);
  PutString(&bytes_, effect.payload);
}

void Recorder::Add(uint32_t stream, const Expected& effect) {
  const bool was_hard = hard_;
  Begin(EffectType::kExpected, stream);
  PutSignedVarint(&bytes_, effect.due_ms);
  hard_ = was_hard;
}

void Recorder::Add(uint32_t stream, const Unscheduled& effect) {
  Begin(EffectType::kUnscheduled, stream);
  PutVarint(&bytes_, effect.tokens.size());
  for (const ScheduleToken& token : effect.tokens) {
    PutSignedVarint(&bytes_, token.due_ms);
    PutVarint(&bytes_, token.sequence);
  }
  PutVarint(&bytes_, effect.payload_bytes);
}

void Recorder::AddKeyDeleted(uint32_t stream) { Begin(EffectType::kKeyDeleted, stream); }

void Recorder::Add(uint32_t stream, const PendingCopied& effect) {
  BeginWithGroup(EffectType::kPendingCopied, stream, effect.group);
  PutVarint(&bytes_, effect.records.size());
  StreamId base;
  for (const PendingRecord& record : effect.records) {
    PutIdDelta(&bytes_, base, record.id);
    PutVarint(&bytes_, record.owner);
    PutSignedVarint(&bytes_, record.delivery_ms);
    PutSignedVarint(&bytes_, record.first_delivery_ms);
    PutVarint(&bytes_, record.sequence);
    PutVarint(&bytes_, record.count);
    PutPendingExtras(&bytes_, record);
    base = record.id;
  }
}

void Recorder::Add(uint32_t stream, const StringSet& effect) {
  Begin(EffectType::kStringSet, stream);
  PutSignedVarint(&bytes_, effect.expire_ms);
  PutString(&bytes_, effect.value);
}

void Recorder::Add(uint32_t stream, const ExpirySet& effect) {
  Begin(EffectType::kExpirySet, stream);
  PutSignedVarint(&bytes_, effect.expire_ms);
}

void Recorder::Add(uint32_t stream, const KeyRenamed& effect) {
  Begin(EffectType::kKeyRenamed, stream);
  PutString(&bytes_, effect.key);
}

void Recorder::Add(const DatabasesSwapped& effect) {
  Begin(EffectType::kDatabasesSwapped, effect.first);
  PutVarint(&bytes_, effect.second);
}

void Recorder::Add(const DatabaseFlushed& effect) {
  Begin(EffectType::kDatabaseFlushed, effect.database);
  PutVarint(&bytes_, effect.new_physical);
}

void Recorder::Add(const ClockStepped& effect) {
  Begin(EffectType::kClockStepped, 0);
  PutSignedVarint(&bytes_, effect.offset_ms);
}

}  // namespace engine
