#include "engine/journal_writer.h"

#include <algorithm>
#include <utility>

#include "engine/fault_point.h"

namespace engine {
namespace {

// A rest of a segment shorter than this is not worth a fragment of its own.
constexpr uint64_t kSmallestSplit = 1024;
constexpr std::string_view kPadding("\0\0\0\0\0\0\0", kFragmentAlignment - 1);

}  // namespace

JournalWriter::JournalWriter(JournalSegments& segments) : segments_(segments) {
  pieces_.reserve(3 * kMaxFragmentsPerWrite);
}

Status JournalWriter::Begin(Turn durable_turn, Turn checkpoint_turn) {
  checkpoint_turn_ = checkpoint_turn;
  return BeginEpoch(durable_turn + 1, durable_turn);
}

Status JournalWriter::BeginEpoch(Turn first_turn, Turn durable_turn) {
  epoch_ = segments_.highest_epoch() + 1;
  RETURN_IF_ERROR(Roll(first_turn, durable_turn));
  RETURN_IF_ERROR(WriteKept(0, durable_turn));
  FAULT_POINT("journal.epoch_written");
  const std::vector<JournalSegment*> dirty = TakeDirty();
  for (JournalSegment* segment : dirty) {
    RETURN_IF_ERROR(segment->file->Sync());
  }
  return OkStatus();
}

Status JournalWriter::Append(std::vector<JournalRecordBuffer>& records, Turn durable_turn) {
  const size_t from = kept_.size();
  for (JournalRecordBuffer& record : records) {
    kept_bytes_ += record.payload.size();
    kept_.push_back(std::move(record));
  }
  records.clear();
  const Status status = WriteKept(from, durable_turn);
  if (!status.ok()) {
    current_->is_suspect = true;
    for (JournalSegment* segment : without_header_) {
      segment->is_suspect = true;
    }
  }
  return status;
}

Status JournalWriter::Failover(Turn durable_turn) {
  if (current_ != nullptr) {
    current_->is_suspect = true;
  }
  for (JournalSegment* segment : without_header_) {
    segment->is_suspect = true;
  }
  without_header_.clear();
  fragment_count_ = 0;
  pieces_.clear();
  const bool hole = has_hole(durable_turn);
  const std::vector<JournalSegment*> older = TakeDirty();
  const Turn first_turn = kept_.empty() ? durable_turn + 1 : kept_.front().turn;
  RETURN_IF_ERROR(BeginEpoch(first_turn, durable_turn));
  if (hole) {
    // What was let go is in these only.
    dirty_ = older;
    MarkDirty(current_);
  }
  return OkStatus();
}

std::vector<std::unique_ptr<JournalSegment>> JournalWriter::TakeCovered(Turn turn) {
  checkpoint_turn_ = std::max(checkpoint_turn_, turn);
  // What becomes a spare or is deleted needs no sync any more.
  std::erase_if(dirty_, [this, turn](const JournalSegment* segment) {
    return segment != current_ && segment->last_turn <= turn;
  });
  return segments_.TakeCovered(turn, current_);
}

bool JournalWriter::HasRoom(uint64_t bytes) const {
  const auto& spares = segments_.spares();
  const uint64_t more =
      spares.empty() ? 0 : spares.back()->header.segment_bytes - kSegmentHeaderBlockBytes;
  // What a split at the end of the segment costs.
  return bytes + FragmentBytes(0) + kSmallestSplit <= room_bytes() + more;
}

std::vector<std::string> JournalWriter::LetGoThrough(Turn turn) {
  std::vector<std::string> buffers;
  while (!kept_.empty() && kept_.front().turn <= turn) {
    let_go_turn_ = kept_.front().turn;
    kept_bytes_ -= kept_.front().payload.size();
    buffers.push_back(std::move(kept_.front().payload));
    kept_.pop_front();
  }
  return buffers;
}

std::vector<std::string> JournalWriter::LetGoAbove(uint64_t bytes) {
  uint64_t left = kept_bytes_;
  Turn turn = 0;
  for (const JournalRecordBuffer& record : kept_) {
    if (left <= bytes) {
      break;
    }
    left -= record.payload.size();
    turn = record.turn;
  }
  return LetGoThrough(turn);
}

std::vector<JournalSegment*> JournalWriter::TakeDirty() { return std::exchange(dirty_, {}); }

uint64_t JournalWriter::room_bytes() const {
  return current_ == nullptr ? 0 : current_->header.segment_bytes - offset_;
}

Status JournalWriter::WriteKept(size_t from, Turn durable_turn) {
  for (size_t i = from; i < kept_.size(); ++i) {
    RETURN_IF_ERROR(WriteRecord(kept_[i], durable_turn));
  }
  RETURN_IF_ERROR(FlushFragments());
  // Headers last, and backwards: until the first of them is there, a reader finds the old segments
  // whole and nothing that voids them.
  while (!without_header_.empty()) {
    FAULT_POINT("journal.before_header");
    RETURN_IF_ERROR(JournalSegments::WriteHeader(*without_header_.back()));
    FAULT_POINT("journal.after_header");
    MarkDirty(without_header_.back());
    without_header_.pop_back();
  }
  return OkStatus();
}

Status JournalWriter::WriteRecord(const JournalRecordBuffer& record, Turn durable_turn) {
  std::string_view rest = record.payload;
  FragmentHeader header;
  header.epoch = epoch_;
  header.turn = record.turn;
  header.store_ms = record.store_ms;
  header.durable_turn = durable_turn;
  do {
    const uint64_t least = FragmentBytes(std::min<uint64_t>(rest.size(), kSmallestSplit));
    if (room_bytes() < least) {
      RETURN_IF_ERROR(Roll(record.turn, durable_turn));
    }
    if (fragment_count_ == kMaxFragmentsPerWrite) {
      RETURN_IF_ERROR(FlushFragments());
    }
    const std::string_view payload = rest.substr(
        0,
        static_cast<size_t>(std::min<uint64_t>(room_bytes() - kFragmentHeaderBytes, rest.size())));
    rest.remove_prefix(payload.size());
    header.length = static_cast<uint32_t>(payload.size());
    header.is_last = rest.empty();
    AddFragment(header, payload);
    CHECK(header.is_last || header.index < UINT16_MAX);
    ++header.index;
  } while (!header.is_last);
  return OkStatus();
}

Status JournalWriter::Roll(Turn first_turn, Turn durable_turn) {
  RETURN_IF_ERROR(FlushFragments());
  ASSIGN_OR_RETURN(JournalSegment* const next,
                   segments_.Activate(epoch_, first_turn, checkpoint_turn_, durable_turn));
  FAULT_POINT("journal.segment_taken");
  current_ = next;
  current_->last_turn = first_turn - 1;
  without_header_.push_back(next);
  offset_ = flush_offset_ = kSegmentHeaderBlockBytes;
  return OkStatus();
}

void JournalWriter::AddFragment(const FragmentHeader& header, std::string_view payload) {
  auto& encoded = fragment_headers_[fragment_count_++];
  EncodeFragmentHeader(header, payload, current_->seed, offset_, encoded.data());
  pieces_.emplace_back(encoded.data(), encoded.size());
  pieces_.push_back(payload);
  const uint64_t bytes = FragmentBytes(payload.size());
  pieces_.push_back(
      kPadding.substr(0, static_cast<size_t>(bytes - kFragmentHeaderBytes - payload.size())));
  offset_ += bytes;
  current_->last_turn = header.turn;
}

Status JournalWriter::FlushFragments() {
  if (fragment_count_ == 0) {
    return OkStatus();
  }
  MarkDirty(current_);
  FAULT_POINT("journal.before_fragments");
  const Status status = current_->file->Write(flush_offset_, pieces_);
  flush_offset_ = offset_;
  fragment_count_ = 0;
  pieces_.clear();
  return status;
}

void JournalWriter::MarkDirty(JournalSegment* segment) {
  if (std::find(dirty_.begin(), dirty_.end(), segment) == dirty_.end()) {
    dirty_.push_back(segment);
  }
}

}  // namespace engine
