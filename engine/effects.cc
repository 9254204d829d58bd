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

std::vector<StreamId> ReadIds(Decoder* decoder) {
  const uint64_t count = decoder->ReadVarint();
  std::vector<StreamId> ids;
  StreamId base;
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    base = decoder->ReadIdDelta(base);
    ids.push_back(base);
  }
  return ids;
}

void PutRecords(std::string* out, std::span<const ClaimedRecord> records) {
  PutVarint(out, records.size());
  for (const ClaimedRecord& record : records) {
    PutVarintId(out, record.id);
    PutVarint(out, record.count);
  }
}

std::vector<ClaimedRecord> ReadRecords(Decoder* decoder) {
  const uint64_t count = decoder->ReadVarint();
  std::vector<ClaimedRecord> records;
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    const StreamId id = decoder->ReadVarintId();
    records.push_back({id, decoder->ReadVarint()});
  }
  return records;
}

void PutEntriesRead(std::string* out, std::optional<int64_t> entries_read) {
  PutSignedVarint(out, entries_read.value_or(-1));
}

std::optional<int64_t> ReadEntriesRead(Decoder* decoder) {
  const int64_t value = decoder->ReadSignedVarint();
  return value < 0 ? std::nullopt : std::optional<int64_t>(value);
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
  PutU8(&bytes_, static_cast<uint8_t>(type));
  PutVarint(&bytes_, stream);
  ++effect_count_;
  hard_ = true;
}

void Recorder::BeginWithGroup(EffectType type, uint32_t stream, GroupNumber group) {
  Begin(type, stream);
  PutVarint(&bytes_, group);
}

uint32_t Recorder::NameStream(const StreamNamed& effect) {
  PutU8(&bytes_, static_cast<uint8_t>(EffectType::kStreamNamed));
  PutVarint(&bytes_, effect.physical_db);
  PutVarint(&bytes_, effect.uid);
  PutString(&bytes_, effect.key);
  return next_stream_++;
}

void Recorder::Add(uint32_t stream, const StreamCreated& effect) {
  Begin(EffectType::kStreamCreated, stream);
  PutVarint(&bytes_, effect.idmp_duration_s);
  PutVarint(&bytes_, effect.idmp_max_size);
}

void Recorder::Add(uint32_t stream, const EntryAdded& effect) {
  Begin(EffectType::kEntryAdded, stream);
  PutVarintId(&bytes_, effect.id);
  PutU8(&bytes_, static_cast<uint8_t>((effect.opens_node ? 1 : 0) | (effect.opens_block ? 2 : 0)));
  PutVarint(&bytes_, effect.arg_count);
  PutVarint(&bytes_, effect.data_bytes);
  PutString(&bytes_, effect.payload);
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

namespace {

// Reads one effect after another; the decoder's state says whether what was read is whole.
class EffectReader {
 public:
  EffectReader(std::string_view record, EffectVisitor* visitor)
      : decoder_(record), visitor_(visitor) {}

  Status Run() {
    while (decoder_.ok() && !decoder_.AtEnd()) {
      const auto type = static_cast<EffectType>(decoder_.ReadU8());
      RETURN_IF_ERROR(type == EffectType::kStreamNamed ? Named() : OfStream(type));
    }
    return decoder_.ok() ? OkStatus() : Damaged();
  }

 private:
  static Status Damaged() { return Status(Code::kCorruption, "effects are malformed"); }

  Status Named() {
    StreamNamed effect;
    effect.physical_db = decoder_.ReadVarint32();
    effect.uid = decoder_.ReadVarint();
    effect.key = decoder_.ReadString();
    return decoder_.ok() ? visitor_->OnStreamNamed(next_stream_++, effect) : Damaged();
  }

  template <typename Effect>
  Status Tell(uint32_t stream, const Effect& effect) {
    return decoder_.ok() ? visitor_->On(stream, effect) : Damaged();
  }

  Status OfStream(EffectType type) {
    const uint32_t stream = decoder_.ReadVarint32();
    if (type == EffectType::kDatabaseFlushed) {
      const DatabaseFlushed effect{stream, decoder_.ReadVarint32()};
      return decoder_.ok() ? visitor_->On(effect) : Damaged();
    }
    if (type == EffectType::kDatabasesSwapped) {
      const DatabasesSwapped effect{stream, decoder_.ReadVarint32()};
      return decoder_.ok() ? visitor_->On(effect) : Damaged();
    }
    if (type == EffectType::kClockStepped) {
      const ClockStepped effect{decoder_.ReadSignedVarint()};
      return decoder_.ok() ? visitor_->On(effect) : Damaged();
    }
    if (!decoder_.ok() || stream >= next_stream_) {
      return Damaged();
    }
    switch (type) {
      case EffectType::kStreamCreated: {
        StreamCreated effect;
        effect.idmp_duration_s = decoder_.ReadVarint32();
        effect.idmp_max_size = decoder_.ReadVarint32();
        return Tell(stream, effect);
      }
      case EffectType::kEntryAdded:
        return Added(stream);
      case EffectType::kEntriesDeleted: {
        const std::vector<StreamId> ids = ReadIds(&decoder_);
        return Tell(stream, EntriesDeleted{ids});
      }
      case EffectType::kTrimmed:
        return Tell(stream, Trimmed{decoder_.ReadVarintId()});
      case EffectType::kRangesTrimmed:
        return RangesGone(stream);
      case EffectType::kIdSet: {
        IdSet effect;
        effect.last_id = decoder_.ReadVarintId();
        effect.entries_added = decoder_.ReadVarint();
        effect.max_deleted = decoder_.ReadVarintId();
        return Tell(stream, effect);
      }
      case EffectType::kIidRecorded:
      case EffectType::kDuplicateRefused:
      case EffectType::kIidsCounted:
      case EffectType::kIidsForgotten:
      case EffectType::kIdempotencySet:
        return OfIdempotency(type, stream);
      case EffectType::kKeyDeleted:
        return visitor_->OnKeyDeleted(stream);
      case EffectType::kStringSet:
      case EffectType::kExpirySet:
      case EffectType::kKeyRenamed:
        return OfKey(type, stream);
      default:
        return OfGroup(type, stream, decoder_.ReadVarint32());
    }
  }

  Status OfIdempotency(EffectType type, uint32_t stream) {
    switch (type) {
      case EffectType::kIidRecorded: {
        IidRecorded effect;
        effect.producer = decoder_.ReadString();
        effect.iid = decoder_.ReadString();
        effect.id = decoder_.ReadVarintId();
        return Tell(stream, effect);
      }
      case EffectType::kIidsForgotten: {
        IidsForgotten effect;
        effect.first_hash = decoder_.ReadU64();
        effect.last_hash = decoder_.ReadU64();
        effect.through_ms = decoder_.ReadVarint();
        return Tell(stream, effect);
      }
      case EffectType::kIdempotencySet: {
        IdempotencySet effect;
        effect.duration_s = decoder_.ReadVarint32();
        effect.max_size = decoder_.ReadVarint32();
        return Tell(stream, effect);
      }
      case EffectType::kIidsCounted: {
        IidsCounted effect;
        effect.added = decoder_.ReadVarint();
        effect.duplicates = decoder_.ReadVarint();
        return Tell(stream, effect);
      }
      default:
        return Tell(stream, DuplicateRefused());
    }
  }

  Status RangesGone(uint32_t stream) {
    const uint64_t count = decoder_.ReadVarint();
    std::vector<IdRange> ranges;
    StreamId base;
    for (uint64_t i = 0; i < count && decoder_.ok(); ++i) {
      const StreamId first = decoder_.ReadIdDelta(base);
      const StreamId last = decoder_.ReadIdDelta(first);
      if (i > 0 && first <= base) {
        return Damaged();
      }
      ranges.push_back({first, last});
      base = last;
    }
    return ranges.empty() ? Damaged() : Tell(stream, RangesTrimmed{ranges});
  }

  Status OfKey(EffectType type, uint32_t stream) {
    if (type == EffectType::kKeyRenamed) {
      return Tell(stream, KeyRenamed{decoder_.ReadString()});
    }
    const int64_t expire_ms = decoder_.ReadSignedVarint();
    if (expire_ms < 0) {
      return Damaged();
    }
    if (type == EffectType::kExpirySet) {
      return Tell(stream, ExpirySet{expire_ms});
    }
    return Tell(stream, StringSet{expire_ms, decoder_.ReadString()});
  }

  Status Added(uint32_t stream) {
    EntryAdded effect;
    effect.id = decoder_.ReadVarintId();
    const uint8_t flags = decoder_.ReadU8();
    effect.opens_node = (flags & 1) != 0;
    effect.opens_block = (flags & 2) != 0;
    effect.arg_count = decoder_.ReadVarint32();
    effect.data_bytes = decoder_.ReadVarint();
    effect.payload = decoder_.ReadString();
    return flags > 3 ? Damaged() : Tell(stream, effect);
  }

  Status OfGroup(EffectType type, uint32_t stream, GroupNumber group) {
    switch (type) {
      case EffectType::kGroupCreated: {
        GroupCreated effect;
        effect.group = group;
        effect.name = decoder_.ReadString();
        effect.last_id = decoder_.ReadVarintId();
        effect.entries_read = ReadEntriesRead(&decoder_);
        return Tell(stream, effect);
      }
      case EffectType::kGroupDestroyed:
        return Tell(stream, GroupDestroyed{group});
      case EffectType::kGroupMoved: {
        GroupMoved effect;
        effect.group = group;
        effect.last_id = decoder_.ReadVarintId();
        effect.entries_read = ReadEntriesRead(&decoder_);
        return Tell(stream, effect);
      }
      case EffectType::kAcknowledged: {
        const uint64_t count = decoder_.ReadVarint();
        std::vector<StreamId> ids;
        for (uint64_t i = 0; i < count && decoder_.ok(); ++i) {
          ids.push_back(decoder_.ReadVarintId());
        }
        return Tell(stream, Acknowledged{group, ids});
      }
      case EffectType::kPendingCopied:
        return OfCopy(stream, group);
      case EffectType::kReleased: {
        Released effect{group, 0, 0, {}};
        effect.released_ms = decoder_.ReadSignedVarint();
        effect.first_sequence = decoder_.ReadVarint();
        const std::vector<ClaimedRecord> records = ReadRecords(&decoder_);
        effect.records = records;
        return Tell(stream, effect);
      }
      default:
        return OfConsumer(type, stream, group, decoder_.ReadVarint32());
    }
  }

  Status OfCopy(uint32_t stream, GroupNumber group) {
    const uint64_t count = decoder_.ReadVarint();
    std::vector<PendingRecord> records;
    StreamId base;
    for (uint64_t i = 0; i < count && decoder_.ok(); ++i) {
      PendingRecord record;
      base = decoder_.ReadIdDelta(base);
      record.id = base;
      record.owner = decoder_.ReadVarint32();
      record.delivery_ms = decoder_.ReadSignedVarint();
      record.first_delivery_ms = decoder_.ReadSignedVarint();
      record.sequence = decoder_.ReadVarint();
      record.count = decoder_.ReadVarint();
      records.push_back(record);
    }
    return Tell(stream, PendingCopied{group, records});
  }

  Status OfConsumer(EffectType type, uint32_t stream, GroupNumber group, ConsumerNumber consumer) {
    switch (type) {
      case EffectType::kConsumerCreated: {
        ConsumerCreated effect{group, consumer, decoder_.ReadString(), 0};
        effect.seen_ms = decoder_.ReadSignedVarint();
        return Tell(stream, effect);
      }
      case EffectType::kConsumerDeleted:
        return Tell(stream, ConsumerDeleted{group, consumer});
      case EffectType::kConsumerSeen: {
        ConsumerSeen effect{group, consumer, 0, -1};
        effect.seen_ms = decoder_.ReadSignedVarint();
        effect.active_ms = decoder_.ReadSignedVarint();
        return Tell(stream, effect);
      }
      case EffectType::kDelivered: {
        Delivered effect{group, consumer, 0, 0, {}};
        effect.delivery_ms = decoder_.ReadSignedVarint();
        effect.first_sequence = decoder_.ReadVarint();
        const std::vector<StreamId> ids = ReadIds(&decoder_);
        effect.ids = ids;
        return Tell(stream, effect);
      }
      case EffectType::kClaimed:
        return OfClaim(stream, group, consumer);
      default:
        return Damaged();
    }
  }

  Status OfClaim(uint32_t stream, GroupNumber group, ConsumerNumber consumer) {
    Claimed effect{group, consumer, 0, 0, {}};
    effect.delivery_ms = decoder_.ReadSignedVarint();
    effect.first_sequence = decoder_.ReadVarint();
    const std::vector<ClaimedRecord> records = ReadRecords(&decoder_);
    effect.records = records;
    return Tell(stream, effect);
  }

  Decoder decoder_;
  EffectVisitor* visitor_;
  uint32_t next_stream_ = 0;
};

}  // namespace

Status VisitEffects(std::string_view record, EffectVisitor* visitor) {
  return EffectReader(record, visitor).Run();
}

}  // namespace engine
