// Reading records of effects back: VisitEffects.
#include <utility>

#include "engine/codec.h"
#include "engine/effects.h"
#include "engine/fault_point.h"

namespace engine {
namespace {

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

std::vector<ClaimedRecord> ReadRecords(Decoder* decoder) {
  const uint64_t count = decoder->ReadVarint();
  std::vector<ClaimedRecord> records;
  for (uint64_t i = 0; i < count && decoder->ok(); ++i) {
    const StreamId id = decoder->ReadVarintId();
    records.push_back({id, decoder->ReadVarint()});
  }
  return records;
}

std::optional<int64_t> ReadEntriesRead(Decoder* decoder) {
  const int64_t value = decoder->ReadSignedVarint();
  return value < 0 ? std::nullopt : std::optional<int64_t>(value);
}

// Reads one effect after another; the decoder's state says whether what was read is whole.
class EffectReader {
 public:
  EffectReader(std::string_view record, EffectVisitor* visitor)
      : decoder_(record), visitor_(visitor) {}

  Status Run() {
    while (decoder_.ok() && !decoder_.AtEnd()) {
      const char* const begin = decoder_.position();
      const auto type = static_cast<EffectType>(decoder_.ReadU8());
      of_stream_.reset();
      Status said = type == EffectType::kStreamNamed ? Named() : OfStream(type);
      if (of_stream_.has_value() && decoder_.ok()) {
        said = visitor_->AfterEffect(*of_stream_, {begin, decoder_.position()}, std::move(said));
      }
      RETURN_IF_ERROR(said);
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
    of_stream_ = stream;
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
      case EffectType::kStreamPolicySet:
      case EffectType::kStreamCounted:
      case EffectType::kRefusalsCounted:
      case EffectType::kRetirementSet:
      case EffectType::kLettersHeld:
      case EffectType::kScheduled:
      case EffectType::kUnscheduled:
      case EffectType::kExpected:
        return OfPolicy(type, stream);
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

  template <typename Counters>
  Counters ReadCounters() {
    Counters counters;
    for (const auto member : Counters::All()) {
      counters.*member = decoder_.ReadVarint();
    }
    return counters;
  }

  ScheduleToken ReadToken() {
    const int64_t due_ms = decoder_.ReadSignedVarint();
    return {due_ms, decoder_.ReadVarint()};
  }

  Status OfPolicy(EffectType type, uint32_t stream) {
    switch (type) {
      case EffectType::kStreamPolicySet:
        return Tell(stream, StreamPolicySet{decoder_.ReadString()});
      case EffectType::kStreamCounted:
        return Tell(stream, StreamCounted{ReadCounters<StreamCounters>()});
      case EffectType::kRefusalsCounted:
        return Tell(stream, RefusalsCounted{decoder_.ReadVarint()});
      case EffectType::kRetirementSet: {
        const uint8_t state = decoder_.ReadU8();
        const StreamId from = decoder_.ReadVarintId();
        if (state > static_cast<uint8_t>(Retirement::kDone)) {
          return Damaged();
        }
        return Tell(stream, RetirementSet{static_cast<Retirement>(state), from});
      }
      case EffectType::kScheduled: {
        Scheduled effect;
        effect.token = ReadToken();
        effect.arg_count = decoder_.ReadVarint32();
        effect.data_bytes = decoder_.ReadVarint();
        effect.payload = decoder_.ReadString();
        return Tell(stream, effect);
      }
      case EffectType::kUnscheduled: {
        const uint64_t count = decoder_.ReadVarint();
        std::vector<ScheduleToken> tokens;
        for (uint64_t i = 0; i < count && decoder_.ok(); ++i) {
          tokens.push_back(ReadToken());
        }
        return Tell(stream, Unscheduled{tokens, decoder_.ReadVarint()});
      }
      case EffectType::kExpected:
        return Tell(stream, Expected{decoder_.ReadSignedVarint()});
      default:
        return Tell(stream, LettersHeld());
    }
  }

  Status OfHandedBack(uint32_t stream, GroupNumber group) {
    HandedBack effect{group, 0, 0, {}};
    effect.released_ms = decoder_.ReadSignedVarint();
    effect.first_sequence = decoder_.ReadVarint();
    const uint64_t count = decoder_.ReadVarint();
    std::vector<HandedBackRecord> records;
    for (uint64_t i = 0; i < count && decoder_.ok(); ++i) {
      HandedBackRecord record;
      record.id = decoder_.ReadVarintId();
      record.count = decoder_.ReadVarint();
      record.due_ms = decoder_.ReadSignedVarint();
      record.hops = decoder_.ReadVarint32();
      const uint8_t flags = decoder_.ReadU8();
      record.parked = (flags & 1) != 0;
      record.fatal = (flags & 2) != 0;
      record.reason = decoder_.ReadString();
      if (flags > 3 || flags == 2) {
        return Damaged();
      }
      records.push_back(record);
    }
    effect.records = records;
    return Tell(stream, effect);
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
        if (PLANTED_BUG("ack_lost_on_restart")) {
          ids.clear();
        }
        return Tell(stream, Acknowledged{group, ids});
      }
      case EffectType::kPendingCopied:
        return OfCopy(stream, group);
      case EffectType::kHandedBack:
        return OfHandedBack(stream, group);
      case EffectType::kGroupPolicySet:
        return Tell(stream, GroupPolicySet{group, decoder_.ReadString()});
      case EffectType::kGroupCounted:
        return Tell(stream, GroupCounted{group, ReadCounters<GroupCounters>()});
      case EffectType::kGroupTimed:
        return Tell(stream, GroupTimed{group, decoder_.ReadSignedVarint()});
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
      ReadPendingExtras(&decoder_, &record);
      records.push_back(std::move(record));
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
  std::optional<uint32_t> of_stream_;  // Of the running effect.
};

}  // namespace

EffectType TypeOfEffect(std::string_view bytes) {
  return static_cast<EffectType>(static_cast<unsigned char>(bytes.front()));
}

std::string RenumberEffect(std::string_view bytes, uint32_t stream) {
  Decoder decoder(bytes.substr(1));
  decoder.ReadVarint();
  std::string out(bytes.substr(0, 1));
  PutVarint(&out, stream);
  return out.append(decoder.ReadBytes(decoder.remaining()));
}

std::string EncodeStreamNamed(const StreamNamed& effect) {
  std::string out;
  PutU8(&out, static_cast<uint8_t>(EffectType::kStreamNamed));
  PutVarint(&out, effect.physical_db);
  PutVarint(&out, effect.uid);
  PutString(&out, effect.key);
  return out;
}

Status VisitEffects(std::string_view record, EffectVisitor* visitor) {
  return EffectReader(record, visitor).Run();
}

}  // namespace engine
