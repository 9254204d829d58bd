#include "engine/block.h"

#include <algorithm>
#include <utility>

#include "engine/block_segment.h"
#include "engine/check.h"
#include "engine/codec.h"

namespace engine {
namespace {

bool IsLive(const EntryView& entry, StreamId live_from) {
  return !entry.deleted && entry.id >= live_from;
}

}  // namespace

// ---- Life ----

Block::Block(StreamId first_id) : first_id_(first_id) {}

Block Block::OpenTail(StreamId first_id, const BlockSummary& summary) {
  Block block(first_id);
  block.last_id_ = summary.last_id;
  block.older_last_id_ = summary.last_id;
  block.entry_count_ = block.older_entry_count_ = summary.entry_count;
  block.live_count_ = block.older_live_count_ = summary.live_count;
  block.older_bytes_ = summary.byte_size;
  block.complete_ = false;
  block.in_store_ = true;
  return block;
}

Result<Block> Block::Decode(StreamId first_id, std::string_view stored) {
  Block block(first_id);
  std::string_view rest = stored;
  while (!rest.empty()) {
    RETURN_IF_ERROR(block.AddSegment(&rest));
  }
  if (block.entry_count_ == 0) {
    return block.Corrupt("no entries");
  }
  block.in_store_ = true;
  block.saved_end_ = block.flight_end_ = static_cast<uint32_t>(block.bytes_.size());
  return block;
}

Status Block::MergeOlder(std::string_view stored) {
  CHECK(!complete_);
  ASSIGN_OR_RETURN(Block older, Decode(first_id_, stored));
  // A checkpoint may have made part of the tail durable already; the tail knows better.
  older.CutAfter(older_last_id_);
  for (const StreamId id : flight_deletions_) {
    older.MarkDeleted(id);
  }
  for (const StreamId id : unsaved_deletions_) {
    older.MarkDeleted(id);
  }
  if (older.entry_count_ != older_entry_count_ || older.live_count_ != older_live_count_) {
    return Corrupt("counts differ from the stream's");
  }
  const uint32_t shift = static_cast<uint32_t>(older.bytes_.size());
  last_offset_ = bytes_.empty() ? older.last_offset_ : last_offset_ + shift;
  older.bytes_ += bytes_;
  bytes_ = std::move(older.bytes_);
  saved_end_ += shift;
  flight_end_ += shift;
  older_entry_count_ = older_live_count_ = older_bytes_ = 0;
  complete_ = true;
  ForgetIndex();
  return OkStatus();
}

size_t Block::memory_bytes() const {
  return sizeof(*this) + bytes_.capacity() + offsets_.capacity() * sizeof(offsets_[0]) +
         (unsaved_deletions_.capacity() + flight_deletions_.capacity()) * sizeof(StreamId);
}

BlockSummary Block::Summary() const {
  return {last_id_, entry_count_, live_count_, static_cast<uint32_t>(byte_size())};
}

void Block::Append(StreamId id, bool opens_node, uint32_t arg_count, std::string_view payload) {
  if (entry_count_ == 0) {
    CHECK(id == first_id_ && opens_node);
  } else {
    CHECK(id > last_id_);
  }
  CHECK(payload.size() < UINT32_MAX - kMaxEntryHeaderBytes - bytes_.size());
  last_offset_ = static_cast<uint32_t>(bytes_.size());
  PutEntry(&bytes_, first_id_, {id, arg_count, payload, opens_node, false});
  last_id_ = id;
  ++entry_count_;
  ++live_count_;
}

bool Block::MarkDeleted(StreamId id) {
  CHECK(Covers(id));
  const Cursor cursor = SeekAtOrAfter(id);
  if (!cursor.valid() || cursor.entry_.id != id || cursor.entry_.deleted) {
    return false;
  }
  char& flags = bytes_[cursor.flags_offset_];
  flags = static_cast<char>(flags | kEntryDeleted);
  --live_count_;
  // Bytes that no checkpoint has yet carry the mark themselves.
  if (cursor.offset_ < flight_end_) {
    unsaved_deletions_.push_back(id);
  }
  return true;
}

void Block::DropDeadTail(StreamId live_from) {
  const std::optional<NodeSpan> newest = LastLiveNode(live_from);
  CHECK(newest.has_value());
  const StreamId cut = newest->last_id;
  if (cut == Last().entry_.id) {
    return;
  }
  CutAfter(cut);
  // A dropped id may come back (XSETID can lower the stream's last id): no mark of it may be left.
  const auto is_dropped = [cut](StreamId id) { return id > cut; };
  std::erase_if(unsaved_deletions_, is_dropped);
  std::erase_if(flight_deletions_, is_dropped);
  // Also if all that was dropped counts as unsaved: a failed checkpoint may have made it durable.
  // With a lower cut pending, that one is enough: all that is above it is still to be handed out.
  unsaved_cut_ = std::min(unsaved_cut_.value_or(cut), cut);
}

// ---- Decoding ----

Status Block::AddSegment(std::string_view* rest) {
  const Segment segment = ReadSegment(rest, first_id_);
  if (!segment.error.empty()) {
    return Corrupt(segment.error);
  }
  switch (segment.kind) {
    case SegmentKind::kEntries:
      return AddEntries(segment.body);
    case SegmentKind::kDeletions:
      return AddDeletions(segment.body);
    case SegmentKind::kCut:
      return AddCut(segment.body);
  }
  return Corrupt("unknown segment kind");
}

Status Block::AddEntries(std::string_view body) {
  Decoder decoder(body);
  // Ids increase, so entries the block has already, if any, come before all new ones.
  const char* new_begin = nullptr;
  std::optional<StreamId> previous;
  do {
    const char* const begin = decoder.position();
    const EntryView entry = ReadEntry(&decoder, first_id_).view;
    if (!decoder.ok() || (previous.has_value() && entry.id <= *previous)) {
      return Corrupt("bad entry");
    }
    previous = entry.id;
    if (entry_count_ != 0 && entry.id <= last_id_) {
      if (entry.deleted) {
        MarkDeleted(entry.id);
      }
      continue;
    }
    if (new_begin == nullptr) {
      new_begin = begin;
    }
    last_offset_ = static_cast<uint32_t>(bytes_.size() + static_cast<size_t>(begin - new_begin));
    last_id_ = entry.id;
    ++entry_count_;
    live_count_ += entry.deleted ? 0 : 1;
  } while (!decoder.AtEnd());
  if (new_begin != nullptr) {
    bytes_.append(new_begin, static_cast<size_t>(body.data() + body.size() - new_begin));
  }
  return OkStatus();
}

Status Block::AddDeletions(std::string_view body) {
  Decoder decoder(body);
  StreamId previous = first_id_;
  bool first = true;
  do {
    const StreamId id = decoder.ReadIdDelta(previous);
    if (!decoder.ok() || (!first && id == previous)) {
      return Corrupt("bad deletion");
    }
    // An id that is not here was dropped by a rewrite whose checkpoint was repeated.
    MarkDeleted(id);
    previous = id;
    first = false;
  } while (!decoder.AtEnd());
  return OkStatus();
}

Status Block::AddCut(std::string_view body) {
  Decoder decoder(body);
  const StreamId id = decoder.ReadIdDelta(first_id_);
  if (!decoder.AtEnd()) {
    return Corrupt("bad cut");
  }
  CutAfter(id);
  return OkStatus();
}

// Drops the entries above `id` from memory and from the counts.
void Block::CutAfter(StreamId id) {
  const Cursor last_kept = SeekAtOrBefore(id);
  const uint32_t cut = last_kept.valid() ? last_kept.end_ : 0;
  if (cut == bytes_.size()) {
    return;
  }
  for (Cursor cursor(this, cut); cursor.valid(); cursor.Next()) {
    --entry_count_;
    live_count_ -= cursor.entry().deleted ? 0 : 1;
  }
  bytes_.resize(cut);
  last_offset_ = last_kept.offset_;
  last_id_ = last_kept.valid() ? last_kept.entry_.id : first_id_;
  saved_end_ = std::min(saved_end_, cut);
  flight_end_ = std::min(flight_end_, cut);
  ForgetIndex();
}

Status Block::Corrupt(std::string_view what) const {
  return Status(Code::kCorruption, "block " + first_id_.ToString() + ": " + std::string(what));
}

// ---- Reading ----

Block::Cursor::Cursor(const Block* block, uint32_t offset, size_t index)
    : block_(block), index_(index) {
  Load(offset);
}

void Block::Cursor::Load(uint32_t offset) {
  const std::string_view bytes(block_->bytes_);
  Decoder decoder(bytes.substr(offset));
  const DecodedEntry decoded = ReadEntry(&decoder, block_->first_id_);
  CHECK(decoder.ok());
  entry_ = decoded.view;
  offset_ = offset;
  flags_offset_ = static_cast<uint32_t>(decoded.flags - bytes.data());
  end_ = static_cast<uint32_t>(decoder.position() - bytes.data());
}

void Block::Cursor::Next() {
  if (end_ == block_->bytes_.size()) {
    block_ = nullptr;
    return;
  }
  if (index_ != kUnknownIndex) {
    ++index_;
  }
  Load(end_);
}

void Block::Cursor::Prev() {
  if (offset_ == 0) {
    block_ = nullptr;
    return;
  }
  index_ = Index() - 1;
  Load(block_->offsets_[index_]);
}

size_t Block::Cursor::Index() {
  block_->EnsureIndex();
  if (index_ == kUnknownIndex) {
    const std::vector<uint32_t>& offsets = block_->offsets_;
    const auto found = std::lower_bound(offsets.begin(), offsets.end(), offset_);
    index_ = static_cast<size_t>(found - offsets.begin());
  }
  return index_;
}

void Block::EnsureIndex() const {
  const std::string_view bytes(bytes_);
  Decoder decoder(bytes.substr(indexed_end_));
  while (decoder.remaining() != 0) {
    offsets_.push_back(static_cast<uint32_t>(decoder.position() - bytes.data()));
    ReadEntry(&decoder, first_id_);
  }
  indexed_end_ = static_cast<uint32_t>(bytes_.size());
}

void Block::ForgetIndex() {
  offsets_ = {};
  indexed_end_ = 0;
}

StreamId Block::IdAt(size_t index) const {
  return Decoder(std::string_view(bytes_).substr(offsets_[index])).ReadIdDelta(first_id_);
}

// Position of the first entry at or above `id`; offsets_.size() if there is none.
size_t Block::IndexLowerBound(StreamId id) const {
  EnsureIndex();
  size_t low = 0;
  size_t high = offsets_.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (IdAt(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Block::Cursor Block::Begin() const { return bytes_.empty() ? Cursor() : Cursor(this, 0, 0); }

Block::Cursor Block::Last() const { return bytes_.empty() ? Cursor() : Cursor(this, last_offset_); }

Block::Cursor Block::SeekAtOrAfter(StreamId id) const {
  // Readers that keep up ask for the newest entry, scans begin with the first: neither needs the
  // index.
  const Cursor last = Last();
  if (!last.valid() || id >= last.entry_.id) {
    return last.valid() && id == last.entry_.id ? last : Cursor();
  }
  const Cursor first = Begin();
  if (id <= first.entry_.id) {
    return first;
  }
  const size_t index = IndexLowerBound(id);
  return Cursor(this, offsets_[index], index);
}

Block::Cursor Block::SeekAtOrBefore(StreamId id) const {
  const Cursor last = Last();
  if (!last.valid() || id >= last.entry_.id) {
    return last;
  }
  Cursor cursor = SeekAtOrAfter(id);
  if (cursor.entry_.id != id) {
    cursor.Prev();
  }
  return cursor;
}

std::optional<EntryView> Block::Find(StreamId id) const {
  const Cursor cursor = SeekAtOrAfter(id);
  if (!cursor.valid() || cursor.entry_.id != id) {
    return std::nullopt;
  }
  return cursor.entry_;
}

uint32_t Block::CountLiveBelow(StreamId live_from, StreamId below) const {
  uint32_t count = 0;
  for (Cursor cursor = SeekAtOrAfter(live_from); cursor.valid() && cursor.entry_.id < below;
       cursor.Next()) {
    count += cursor.entry_.deleted ? 0 : 1;
  }
  return count;
}

std::optional<StreamId> Block::NthLive(StreamId live_from, uint32_t skip) const {
  for (Cursor cursor = SeekAtOrAfter(live_from); cursor.valid(); cursor.Next()) {
    if (cursor.entry_.deleted) {
      continue;
    }
    if (skip == 0) {
      return cursor.entry_.id;
    }
    --skip;
  }
  return std::nullopt;
}

std::optional<StreamId> Block::FirstLiveAtOrAfter(StreamId id) const { return NthLive(id, 0); }

std::optional<StreamId> Block::LastLiveAtOrBefore(StreamId id, StreamId live_from) const {
  for (Cursor cursor = SeekAtOrBefore(id); cursor.valid() && cursor.entry_.id >= live_from;
       cursor.Prev()) {
    if (!cursor.entry_.deleted) {
      return cursor.entry_.id;
    }
  }
  return std::nullopt;
}

// ---- Nodes ----

NodeSpan Block::SpanAround(size_t index, StreamId live_from) const {
  Cursor cursor(this, offsets_[index], index);
  while (!cursor.entry_.opens_node && cursor.offset_ != 0) {
    cursor.Prev();
  }
  NodeSpan span;
  span.first_id = cursor.entry_.id;
  do {
    span.last_id = cursor.entry_.id;
    ++span.entry_count;
    span.live_count += IsLive(cursor.entry_, live_from) ? 1 : 0;
    cursor.Next();
  } while (cursor.valid() && !cursor.entry_.opens_node);
  return span;
}

std::optional<NodeSpan> Block::NodeContaining(StreamId id, StreamId live_from) const {
  CHECK(complete_);
  Cursor cursor = SeekAtOrBefore(id);
  if (!cursor.valid()) {
    return std::nullopt;
  }
  return SpanAround(cursor.Index(), live_from);
}

std::optional<NodeSpan> Block::FirstLiveNode(StreamId live_from) const {
  CHECK(complete_);
  Cursor cursor = SeekAtOrAfter(live_from);
  while (cursor.valid() && cursor.entry_.deleted) {
    cursor.Next();
  }
  if (!cursor.valid()) {
    return std::nullopt;
  }
  return SpanAround(cursor.Index(), live_from);
}

std::optional<NodeSpan> Block::LastLiveNode(StreamId live_from) const {
  CHECK(complete_);
  Cursor cursor = Last();
  while (cursor.valid() && cursor.entry_.deleted) {
    cursor.Prev();
  }
  if (!cursor.valid() || cursor.entry_.id < live_from) {
    return std::nullopt;
  }
  return SpanAround(cursor.Index(), live_from);
}

uint32_t Block::LiveNodeCount(StreamId live_from) const {
  CHECK(complete_);
  uint32_t count = 0;
  bool counted = false;
  for (Cursor cursor = SeekAtOrAfter(live_from); cursor.valid(); cursor.Next()) {
    if (cursor.entry_.opens_node) {
      counted = false;
    }
    if (!cursor.entry_.deleted && !counted) {
      ++count;
      counted = true;
    }
  }
  return count;
}

// ---- Checkpoints ----

bool Block::HasUnsaved() const {
  return flight_end_ < bytes_.size() || !unsaved_deletions_.empty() || unsaved_cut_.has_value();
}

Block::WriteAs Block::EncodeUnsaved(std::string* out) {
  CHECK(!in_flight_ && HasUnsaved());
  if (!in_store_) {
    // The bytes say everything.
    unsaved_deletions_.clear();
    unsaved_cut_.reset();
  }
  if (unsaved_cut_.has_value()) {
    PutCut(out, first_id_, *unsaved_cut_);
  }
  const std::string_view unsaved = std::string_view(bytes_).substr(saved_end_);
  if (!unsaved.empty()) {
    PutSegment(out, first_id_, SegmentKind::kEntries, unsaved);
  }
  if (!unsaved_deletions_.empty()) {
    std::sort(unsaved_deletions_.begin(), unsaved_deletions_.end());
    PutDeletions(out, first_id_, unsaved_deletions_);
  }
  flight_deletions_ = std::exchange(unsaved_deletions_, {});
  flight_cut_ = std::exchange(unsaved_cut_, std::nullopt);
  flight_end_ = static_cast<uint32_t>(bytes_.size());
  in_flight_ = true;
  return in_store_ ? WriteAs::kMerge : WriteAs::kPut;
}

void Block::ConfirmSaved() {
  CHECK(in_flight_);
  saved_end_ = flight_end_;
  flight_deletions_ = {};
  flight_cut_.reset();
  in_store_ = true;
  in_flight_ = false;
}

void Block::RevertSaved() {
  CHECK(in_flight_);
  flight_end_ = saved_end_;
  unsaved_deletions_.insert(unsaved_deletions_.end(), flight_deletions_.begin(),
                            flight_deletions_.end());
  flight_deletions_ = {};
  if (flight_cut_.has_value()) {
    unsaved_cut_ = std::min(unsaved_cut_.value_or(*flight_cut_), *flight_cut_);
    flight_cut_.reset();
  }
  in_flight_ = false;
}

void Block::Compact() {
  CHECK(complete_ && !in_flight_ && live_count_ > 0);
  std::string kept;
  kept.reserve(bytes_.size());
  bool node_lost_its_opener = false;
  for (Cursor cursor = Begin(); cursor.valid(); cursor.Next()) {
    EntryView entry = cursor.entry_;
    if (entry.deleted) {
      node_lost_its_opener |= entry.opens_node;
      continue;
    }
    entry.opens_node |= node_lost_its_opener;
    node_lost_its_opener = false;
    last_offset_ = static_cast<uint32_t>(kept.size());
    PutEntry(&kept, first_id_, entry);
  }
  kept.shrink_to_fit();
  bytes_ = std::move(kept);
  ForgetIndex();
  entry_count_ = live_count_;
  saved_end_ = flight_end_ = 0;
  unsaved_deletions_ = {};
  unsaved_cut_.reset();
  in_store_ = false;
}

bool Block::DropSavedPrefix() {
  if (in_flight_ || saved_end_ == 0) {
    return false;
  }
  StreamId last_dropped;
  for (Cursor cursor = Begin(); cursor.valid() && cursor.offset_ < saved_end_; cursor.Next()) {
    last_dropped = cursor.entry_.id;
    ++older_entry_count_;
    older_live_count_ += cursor.entry_.deleted ? 0 : 1;
  }
  // With nothing left in memory ids up to last_id_ are below the tail, also one that Compact()
  // dropped.
  const bool all_dropped = saved_end_ == bytes_.size();
  older_last_id_ = all_dropped ? last_id_ : last_dropped;
  older_bytes_ += saved_end_;
  last_offset_ = all_dropped ? 0 : last_offset_ - saved_end_;
  bytes_ = std::string(bytes_, saved_end_);
  saved_end_ = flight_end_ = 0;
  complete_ = false;
  ForgetIndex();
  return true;
}

}  // namespace engine
