#include "engine/journal_segments.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/fault_point.h"

namespace engine {
namespace {

constexpr std::string_view kPrefix = "segment-";
constexpr std::string_view kUnfinished = ".new";
constexpr size_t kFillStepBytes = size_t{1} << 20;

std::string ParentOf(const std::string& directory) {
  const size_t slash = directory.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : directory.substr(0, slash);
}

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

bool ParseFileNumber(std::string_view name, uint64_t* number) {
  if (!name.starts_with(kPrefix)) {
    return false;
  }
  name.remove_prefix(kPrefix.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), *number);
  return error == std::errc() && end == name.data() + name.size();
}

// What the header says of the file itself stays.
void SetHeader(JournalSegment& segment, SegmentHeader header) {
  header.segment_bytes = segment.header.segment_bytes;
  header.has_whole_size = segment.header.has_whole_size;
  segment.header = header;
}

}  // namespace

JournalSpareBuilder::JournalSpareBuilder(JournalFileOps& ops, std::string path,
                                         const SegmentHeader& header, Fill fill)
    : ops_(ops),
      path_(std::move(path)),
      new_path_(path_ + std::string(kUnfinished)),
      header_(header),
      fill_(fill) {
  header_.has_whole_size = true;
}

Result<std::unique_ptr<JournalSegment>> JournalSpareBuilder::Step() {
  auto result = StepOrFail();
  if (!result.ok()) {
    file_.reset();
    // Best effort: what stays is removed at the next start.
    static_cast<void>(ops_.Remove(new_path_));
  }
  return result;
}

Result<std::unique_ptr<JournalSegment>> JournalSpareBuilder::StepOrFail() {
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, ops_.OpenFile(new_path_, true));
    FAULT_POINT("spare.created");
    const std::string block = EncodeSegmentHeaderBlock(header_);
    const std::string_view piece = block;
    RETURN_IF_ERROR(file_->Write(0, {&piece, 1}));
    filled_ = kSegmentHeaderBlockBytes;
  }
  if (fill_ == Fill::kNot) {
    // The last byte alone gives it its size.
    const std::string_view piece("\0", 1);
    RETURN_IF_ERROR(file_->Write(header_.segment_bytes - 1, {&piece, 1}));
    RETURN_IF_ERROR(file_->Sync());
  } else if (filled_ < header_.segment_bytes) {
    const std::string zeros(
        static_cast<size_t>(std::min<uint64_t>(kFillStepBytes, header_.segment_bytes - filled_)),
        '\0');
    const std::string_view piece = zeros;
    RETURN_IF_ERROR(file_->Write(filled_, {&piece, 1}));
    FAULT_POINT("spare.filled");
    RETURN_IF_ERROR(file_->Sync());
    filled_ += zeros.size();
    if (filled_ < header_.segment_bytes) {
      return std::unique_ptr<JournalSegment>();
    }
  }
  FAULT_POINT("spare.before_rename");
  RETURN_IF_ERROR(ops_.Rename(new_path_, path_));
  FAULT_POINT("spare.renamed");
  if (!PLANTED_BUG("journal_directory_sync_skipped")) {
    RETURN_IF_ERROR(ops_.SyncDirectory(DirectoryOf(path_)));
  }
  FAULT_POINT("spare.directory_synced");
  auto segment = std::make_unique<JournalSegment>();
  segment->path = path_;
  segment->file = std::move(file_);
  segment->header = header_;
  return segment;
}

JournalSegments::JournalSegments(JournalFileOps& ops, std::string directory,
                                 const JournalStoreId& store_id, uint64_t segment_bytes)
    : ops_(ops),
      directory_(std::move(directory)),
      store_id_(store_id),
      segment_bytes_((segment_bytes + kFragmentAlignment - 1) / kFragmentAlignment *
                     kFragmentAlignment) {
  CHECK(segment_bytes_ >= 2 * kSegmentHeaderBlockBytes);
}

Status JournalSegments::Load(const LoadOptions& options) {
  auto names = ops_.List(directory_);
  if (names.code() == Code::kNotFound) {
    if (!options.create_if_missing) {
      return Status(Code::kCorruption, "journal directory " + directory_ +
                                           " is missing; --accept-loss starts without it");
    }
    RETURN_IF_ERROR(ops_.CreateDirectory(directory_));
    FAULT_POINT("open.journal_directory_made");
    RETURN_IF_ERROR(ops_.SyncDirectory(ParentOf(directory_)));
    FAULT_POINT("open.journal_directory_synced");
    return OkStatus();
  }
  if (!names.ok()) {
    return names.status();
  }
  for (const std::string& name : *names) {
    RETURN_IF_ERROR(LoadFile(name, options.drop_damaged));
  }
  std::sort(live_.begin(), live_.end(),
            [](const auto& a, const auto& b) { return a->header.sequence < b->header.sequence; });
  return OkStatus();
}

Result<Turn> JournalSegments::NewestCheckpoint(JournalFileOps& ops, const std::string& directory) {
  const auto names = ops.List(directory);
  if (names.code() == Code::kNotFound) {
    return Turn{0};
  }
  RETURN_IF_ERROR(names.status());
  Turn newest = 0;
  for (const std::string& name : *names) {
    uint64_t number = 0;
    if (!ParseFileNumber(name, &number)) {
      continue;
    }
    ASSIGN_OR_RETURN(const auto file, ops.OpenFile(directory + "/" + name, false));
    std::string block(kSegmentHeaderBlockBytes, '\0');
    ASSIGN_OR_RETURN(const size_t got, file->Read(0, block.data(), block.size()));
    if (const auto header = DecodeSegmentHeaderBlock(std::string_view(block).substr(0, got))) {
      newest = std::max(newest, header->checkpoint_turn);
    }
  }
  return newest;
}

Status JournalSegments::LoadFile(const std::string& name, bool drop_damaged) {
  const std::string path = directory_ + "/" + name;
  if (name.starts_with(kPrefix) && name.ends_with(kUnfinished)) {
    return ops_.Remove(path);
  }
  uint64_t number = 0;
  if (!ParseFileNumber(name, &number)) {
    return OkStatus();
  }
  next_file_number_ = std::max(next_file_number_, number + 1);
  auto segment = std::make_unique<JournalSegment>();
  segment->path = path;
  ASSIGN_OR_RETURN(segment->file, ops_.OpenFile(path, false));
  std::string block(kSegmentHeaderBlockBytes, '\0');
  ASSIGN_OR_RETURN(const size_t got, segment->file->Read(0, block.data(), block.size()));
  const auto header = DecodeSegmentHeaderBlock(std::string_view(block).substr(0, got));
  if (!header || header->segment_bytes < 2 * kSegmentHeaderBlockBytes ||
      header->segment_bytes % kFragmentAlignment != 0) {
    if (drop_damaged) {
      return Delete(std::move(segment));
    }
    return Status(Code::kCorruption, "journal segment " + path +
                                         ": the header is damaged; what it holds cannot be told");
  }
  if (header->store_id != store_id_) {
    return Status(Code::kCorruption, "journal segment " + path + " belongs to another store");
  }
  segment->header = *header;
  segment->seed = SegmentSeed(store_id_, header->sequence);
  highest_sequence_ = std::max(highest_sequence_, header->sequence);
  highest_epoch_ = std::max(highest_epoch_, header->epoch);
  if (header->state == SegmentState::kSpare && header->has_whole_size) {
    char last = 0;
    ASSIGN_OR_RETURN(const size_t last_bytes,
                     segment->file->Read(header->segment_bytes - 1, &last, 1));
    segment->header.has_whole_size = last_bytes == 1;
  }
  auto& list = header->state == SegmentState::kActive ? live_ : spares_;
  list.push_back(std::move(segment));
  return OkStatus();
}

SegmentHeader JournalSegments::SpareHeader(Turn checkpoint_turn) const {
  SegmentHeader header;
  header.store_id = store_id_;
  header.sequence = highest_sequence_;
  header.epoch = highest_epoch_;
  header.checkpoint_turn = checkpoint_turn;
  header.segment_bytes = segment_bytes_;
  return header;
}

Result<JournalSegment*> JournalSegments::Activate(uint32_t epoch, Turn first_turn,
                                                  Turn checkpoint_turn, Turn durable_turn) {
  if (spares_.empty()) {
    // Turns wait for it.
    const auto builder = NewSpareBuilder(JournalSpareBuilder::Fill::kNot);
    ASSIGN_OR_RETURN(std::unique_ptr<JournalSegment> built, builder->Step());
    spares_.push_back(std::move(built));
  }
  std::unique_ptr<JournalSegment> segment = std::move(spares_.back());
  spares_.pop_back();
  highest_epoch_ = std::max(highest_epoch_, epoch);
  checkpoint_turn_ = std::max(checkpoint_turn_, checkpoint_turn);
  SegmentHeader& header = segment->header;
  header.state = SegmentState::kActive;
  header.sequence = ++highest_sequence_;
  header.epoch = epoch;
  header.first_turn = first_turn;
  header.checkpoint_turn = checkpoint_turn;
  header.durable_turn = durable_turn;
  segment->seed = SegmentSeed(store_id_, header.sequence);
  segment->last_turn = 0;
  live_.push_back(std::move(segment));
  return live_.back().get();
}

Status JournalSegments::WriteHeader(JournalSegment& segment) {
  const std::string block = EncodeSegmentHeaderBlock(segment.header);
  const std::string_view piece = block;
  return segment.file->Write(0, {&piece, 1});
}

std::unique_ptr<JournalSpareBuilder> JournalSegments::NewSpareBuilder(
    JournalSpareBuilder::Fill fill) {
  const std::string path =
      directory_ + "/" + std::string(kPrefix) + std::to_string(next_file_number_++);
  return std::make_unique<JournalSpareBuilder>(ops_, path, SpareHeader(checkpoint_turn_), fill);
}

void JournalSegments::AddSpare(std::unique_ptr<JournalSegment> spare) {
  spares_.push_back(std::move(spare));
}

Status JournalSegments::Delete(std::unique_ptr<JournalSegment> segment) const {
  const std::string path = segment->path;
  segment.reset();
  return ops_.Remove(path);
}

std::vector<std::unique_ptr<JournalSegment>> JournalSegments::TakeCovered(
    Turn turn, const JournalSegment* current) {
  checkpoint_turn_ = std::max(checkpoint_turn_, turn);
  std::vector<std::unique_ptr<JournalSegment>> covered;
  std::vector<std::unique_ptr<JournalSegment>> kept;
  for (auto& segment : live_) {
    const bool stays = segment.get() == current || segment->last_turn > turn;
    (stays ? kept : covered).push_back(std::move(segment));
  }
  live_.swap(kept);
  return covered;
}

std::vector<std::unique_ptr<JournalSegment>> JournalSegments::ReuseCovered(Turn turn,
                                                                           size_t max_spares) {
  std::vector<std::unique_ptr<JournalSegment>> kept;
  std::vector<std::unique_ptr<JournalSegment>> surplus;
  for (auto& segment : live_) {
    const bool is_covered = segment->last_turn <= turn && segment->header.first_turn <= turn + 1;
    const bool is_of_use = spares_.size() < max_spares && !segment->is_suspect;
    auto& list = !is_covered ? kept : is_of_use ? spares_ : surplus;
    list.push_back(std::move(segment));
  }
  live_.swap(kept);
  return surplus;
}

bool JournalSegments::MakeSpare(JournalSegment& segment, const SegmentHeader& header) {
  if (segment.is_suspect) {
    return false;
  }
  SetHeader(segment, header);
  return WriteHeader(segment).ok();
}

void JournalSegments::LeaveWitness(Turn durable_turn) {
  if (live_.empty() || spares_.empty()) {
    return;
  }
  const SegmentHeader& newest = live_.back()->header;
  if (newest.sequence == witnessed_sequence_ || newest.first_turn > durable_turn) {
    return;
  }
  // The one that is used last.
  SegmentHeader header = SpareHeader(checkpoint_turn_);
  header.durable_turn = durable_turn;
  if (MakeSpare(*spares_.front(), header)) {
    witnessed_sequence_ = newest.sequence;
    FAULT_POINT("journal.witness_left");
    return;
  }
  std::unique_ptr<JournalSegment> spare = std::move(spares_.front());
  spares_.erase(spares_.begin());
  // Best effort: a file with half a header is refused at the next start.
  static_cast<void>(Delete(std::move(spare)));
}

Status JournalSegments::VoidAll(Turn checkpoint_turn, size_t max_spares) {
  checkpoint_turn_ = std::max(checkpoint_turn_, checkpoint_turn);
  // What failed once is not written again, not even to void it: it is deleted below.
  std::vector<std::unique_ptr<JournalSegment>> suspects;
  for (auto& segment : live_) {
    (segment->is_suspect ? suspects : spares_).push_back(std::move(segment));
  }
  live_.clear();
  for (auto& segment : spares_) {
    SetHeader(*segment, SpareHeader(checkpoint_turn));
    segment->header.first_turn = checkpoint_turn + 1;
    RETURN_IF_ERROR(WriteHeader(*segment));
    FAULT_POINT("close.segment_voided");
    RETURN_IF_ERROR(segment->file->Sync());
    FAULT_POINT("close.void_synced");
  }
  // Only after all of the others carry the highest sequence.
  for (auto& segment : suspects) {
    RETURN_IF_ERROR(Delete(std::move(segment)));
  }
  while (spares_.size() > std::max<size_t>(max_spares, 1)) {
    std::unique_ptr<JournalSegment> segment = std::move(spares_.back());
    spares_.pop_back();
    RETURN_IF_ERROR(Delete(std::move(segment)));
    FAULT_POINT("close.segment_deleted");
  }
  return SyncDirectory();
}

uint64_t JournalSegments::disk_bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : live_) {
    bytes += segment->header.segment_bytes;
  }
  for (const auto& segment : spares_) {
    bytes += segment->header.segment_bytes;
  }
  return bytes;
}

uint64_t JournalSegments::spare_bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : spares_) {
    bytes += segment->header.segment_bytes - kSegmentHeaderBlockBytes;
  }
  return bytes;
}

}  // namespace engine
