#include "engine/journal_reader.h"

#include <algorithm>
#include <utility>

namespace engine {
namespace {

// The epoch field of a fragment header, to skip most places that cannot be one without hashing.
bool MayBeFragment(std::string_view segment, uint64_t offset, uint32_t epoch) {
  constexpr size_t kEpochOffset = 40;
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    const auto byte = static_cast<unsigned char>(segment[offset + kEpochOffset + i]);
    value |= static_cast<uint32_t>(byte) << (8 * i);
  }
  return value == epoch;
}

std::string MissingText(Turn first, Turn last) {
  return std::to_string(last - first + 1) + " turns are missing (" + std::to_string(first) +
         " to " + std::to_string(last) + "); --accept-loss starts without them";
}

}  // namespace

JournalReader::JournalReader(const JournalSegments& segments, Turn after_turn)
    : segments_(segments), after_turn_(after_turn), last_turn_(after_turn) {
  for (const auto& segment : segments_.live()) {
    headers_.push_back(segment->header);
  }
  for (const auto& segment : segments_.spares()) {
    headers_.push_back(segment->header);
  }
}

Status JournalReader::Examine() {
  for (const SegmentHeader& header : headers_) {
    NoteClaim(header.epoch, header.durable_turn);
  }
  RETURN_IF_ERROR(Pass(UINT64_MAX, nullptr));
  last_turn_ = expected_turn_ - 1;
  for (const auto& segment : segments_.live()) {
    // A segment with nothing but void records holds back nothing.
    segment->last_turn = std::min(segment->last_turn, last_turn_);
  }
  return Verdict();
}

Status JournalReader::Verdict() const {
  Turn checkpoint_turn = 0;
  for (const SegmentHeader& header : headers_) {
    if (header.epoch == segments_.highest_epoch()) {
      checkpoint_turn = std::max(checkpoint_turn, header.checkpoint_turn);
    }
  }
  // The turns between are gone from the journal for good, unless it has them by chance.
  if (checkpoint_turn > last_turn_) {
    return Status(Code::kCorruption, "the journal follows checkpoint " +
                                         std::to_string(checkpoint_turn) + " but the store is at " +
                                         std::to_string(after_turn_) + ": " +
                                         MissingText(last_turn_ + 1, checkpoint_turn));
  }
  const auto& live = segments_.live();
  const auto oldest = std::find_if(live.begin(), live.end(), [this](const auto& segment) {
    return segment->header.first_turn < VoidFrom(segment->header.epoch);
  });
  if (oldest != live.end()) {
    const Turn first_turn = (*oldest)->header.first_turn;
    if (first_turn > after_turn_ + 1) {
      return Status(Code::kCorruption, "the journal begins at turn " + std::to_string(first_turn) +
                                           " but the store is at " + std::to_string(after_turn_) +
                                           ": " + MissingText(after_turn_ + 1, first_turn - 1));
    }
  }
  if (const JournalSegment* segment = FindCutOff()) {
    return Status(Code::kCorruption, "journal segment " + segment->path +
                                         " has been cut off: turns after " +
                                         std::to_string(last_turn_) +
                                         " may be missing; --accept-loss starts without them");
  }
  if (claimed_durable_ > last_turn_) {
    return Status(Code::kCorruption, "the journal is damaged: turn " +
                                         std::to_string(claimed_durable_) + " was durable but " +
                                         MissingText(last_turn_ + 1, claimed_durable_));
  }
  return OkStatus();
}

// A segment that has lost its end, and with it turns that cannot be replayed. What begins in one
// that is not the newest is at most as new as the first turn of the next: the record between them.
const JournalSegment* JournalReader::FindCutOff() const {
  const auto& live = segments_.live();
  for (size_t i = 0; i < live.size(); ++i) {
    const SegmentHeader& header = live[i]->header;
    const Turn next = i + 1 == live.size() ? UINT64_MAX : live[i + 1]->header.first_turn;
    if (live[i]->is_cut_off && last_turn_ < std::min(next, VoidFrom(header.epoch) - 1)) {
      return live[i].get();
    }
  }
  return nullptr;
}

Status JournalReader::Replay(const Visitor& visit) {
  RETURN_IF_ERROR(Pass(last_turn_, &visit));
  if (expected_turn_ != last_turn_ + 1) {
    return Status(Code::kCorruption, "the journal reads differently the second time");
  }
  return OkStatus();
}

Status JournalReader::Pass(Turn up_to, const Visitor* visit) {
  expected_turn_ = after_turn_ + 1;
  expected_index_ = 0;
  partial_payload_.clear();
  for (const auto& segment : segments_.live()) {
    if (expected_turn_ > up_to) {
      break;
    }
    RETURN_IF_ERROR(PassSegment(*segment, up_to, visit));
  }
  buffer_.clear();
  buffer_.shrink_to_fit();
  return OkStatus();
}

Status JournalReader::PassSegment(JournalSegment& segment, Turn up_to, const Visitor* visit) {
  buffer_.resize(segment.header.segment_bytes);
  ASSIGN_OR_RETURN(const size_t got, segment.file->Read(0, buffer_.data(), buffer_.size()));
  const std::string_view bytes = std::string_view(buffer_).substr(0, got);
  uint64_t offset = kSegmentHeaderBlockBytes;
  uint64_t end = offset;
  while (offset + kFragmentHeaderBytes <= bytes.size() && expected_turn_ <= up_to) {
    if (!MayBeFragment(bytes, offset, segment.header.epoch)) {
      offset += kFragmentAlignment;
      continue;
    }
    const auto fragment = DecodeFragment(bytes, offset, segment.seed);
    if (!fragment) {
      // The end, or a damaged place with more behind it: look for the next intact one.
      offset += kFragmentAlignment;
      continue;
    }
    const Turn turn = fragment->header.turn;
    if (turn < VoidFrom(fragment->header.epoch)) {
      segment.last_turn = std::max(segment.last_turn, turn);
    }
    RETURN_IF_ERROR(TakeFragment(*fragment, up_to, visit));
    offset += FragmentBytes(fragment->header.length);
    end = offset;
  }
  // Records follow one another: where the next one has not begun there is none behind it either.
  const bool is_short = segment.header.has_whole_size && got < segment.header.segment_bytes;
  segment.is_suspect |= is_short;  // Not used again.
  segment.is_cut_off =
      is_short && (end + kFragmentHeaderBytes > got || HasFragmentHeader(bytes, end, segment.seed));
  return OkStatus();
}

Status JournalReader::TakeFragment(const Fragment& fragment, Turn up_to, const Visitor* visit) {
  const FragmentHeader& header = fragment.header;
  NoteClaim(header.epoch, header.durable_turn);
  if (header.turn >= VoidFrom(header.epoch)) {
    return OkStatus();
  }
  newest_turn_seen_ = std::max(newest_turn_seen_, header.turn);
  if (header.turn != expected_turn_ || header.turn > up_to) {
    return OkStatus();
  }
  if (header.index == 0) {
    // Also when a record begins anew under a higher epoch.
    partial_payload_.clear();
    partial_epoch_ = header.epoch;
    expected_index_ = 0;
  } else if (header.index != expected_index_ || header.epoch != partial_epoch_) {
    return OkStatus();
  }
  const bool is_whole = header.index == 0 && header.is_last;
  if (!is_whole && visit != nullptr) {
    partial_payload_.append(fragment.payload);
  }
  ++expected_index_;
  if (!header.is_last) {
    return OkStatus();
  }
  ++expected_turn_;
  expected_index_ = 0;
  // No fragment of the next turn continues this one.
  partial_epoch_ = 0;
  if (visit == nullptr) {
    return OkStatus();
  }
  return (*visit)(JournalRecord{header.turn, header.store_ms,
                                is_whole ? fragment.payload : std::string_view(partial_payload_)});
}

void JournalReader::NoteClaim(uint32_t epoch, Turn durable_turn) {
  // What an older epoch said ends where a newer one begins.
  claimed_durable_ = std::max(claimed_durable_, std::min(durable_turn, VoidFrom(epoch) - 1));
}

Turn JournalReader::VoidFrom(uint32_t epoch) const {
  Turn turn = kVoidsNothing;
  for (const SegmentHeader& header : headers_) {
    if (header.epoch > epoch) {
      turn = std::min(turn, header.first_turn);
    }
  }
  return turn;
}

}  // namespace engine
