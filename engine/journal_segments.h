// The segment files of a journal: which are in use, which are spare, how one becomes the other.
//
// A file is created under a ".new" name, filled with zeros and synced before it gets its own, so
// every "segment-N" has a valid header. It never shrinks; using it again is a matter of its header.
// Owner: Journal. Thread: not thread-safe, guarded by the journal's io_mutex_.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/journal_file.h"
#include "engine/journal_format.h"
#include "engine/status.h"

namespace engine {

struct JournalSegment {
  std::string path;
  std::unique_ptr<JournalFile> file;
  SegmentHeader header;
  uint64_t seed = 0;
  // The newest turn a record in it belongs to.
  Turn last_turn = 0;
  // When the journal was read: the file ends before the place where the next record would begin, or
  // in the middle of it, although it had a size.
  bool is_cut_off = false;
  // A write or sync failed: never written again, deleted instead of reused.
  bool is_suspect = false;
};

// Creates one spare file in steps that are short enough to go between two commits.
class JournalSpareBuilder {
 public:
  // kWithZeros: a later fdatasync has no metadata to write, and a full disk is met now. kNot: for
  // somebody who waits; the file has its size, but not yet the room.
  enum class Fill { kWithZeros, kNot };
  // `header` is what the spare will carry. `path` is its final name.
  JournalSpareBuilder(JournalFileOps& ops, std::string path, const SegmentHeader& header,
                      Fill fill);
  // Does the next step. The segment when done, null while there is more to do. After a failure the
  // unfinished file has been removed as well as that was possible and the builder is of no more
  // use.
  Result<std::unique_ptr<JournalSegment>> Step();

 private:
  Result<std::unique_ptr<JournalSegment>> StepOrFail();

  JournalFileOps& ops_;
  const std::string path_;
  const std::string new_path_;
  SegmentHeader header_;
  const Fill fill_;
  std::unique_ptr<JournalFile> file_;
  uint64_t filled_ = 0;
};

class JournalSegments {
 public:
  JournalSegments(JournalFileOps& ops, std::string directory, const JournalStoreId& store_id,
                  uint64_t segment_bytes);

  struct LoadOptions {
    bool create_if_missing = false;
    // A file whose header is damaged is deleted instead of refused.
    bool drop_damaged = false;
  };
  Status Load(const LoadOptions& options);
  // Makes the names of all files durable.
  Status SyncDirectory() const { return ops_.SyncDirectory(directory_); }
  // See Journal::NewestCheckpoint.
  static Result<Turn> NewestCheckpoint(JournalFileOps& ops, const std::string& directory);

  // In use, oldest first.
  const std::vector<std::unique_ptr<JournalSegment>>& live() const { return live_; }
  // Headers of the spares, for what they say about checkpoint and epoch.
  const std::vector<std::unique_ptr<JournalSegment>>& spares() const { return spares_; }

  uint32_t highest_epoch() const { return highest_epoch_; }

  // Gives the next place in the journal to a spare, or to a file created on the spot. The header is
  // set in memory only: on disk the segment stays void until WriteHeader.
  Result<JournalSegment*> Activate(uint32_t epoch, Turn first_turn, Turn checkpoint_turn,
                                   Turn durable_turn);
  static Status WriteHeader(JournalSegment& segment);

  // A builder for one more spare, and where its result goes.
  std::unique_ptr<JournalSpareBuilder> NewSpareBuilder(
      JournalSpareBuilder::Fill fill = JournalSpareBuilder::Fill::kWithZeros);
  void AddSpare(std::unique_ptr<JournalSegment> spare);

  // Before the first epoch of a life begins: what a checkpoint through `turn` has all of, and that
  // voids nothing behind it, becomes a spare as it is. Gives those that are more than `max_spares`
  // spares; to be deleted when the epoch has begun.
  std::vector<std::unique_ptr<JournalSegment>> ReuseCovered(Turn turn, size_t max_spares);
  // Takes out the live segments other than `current` with nothing above `turn`. What becomes of
  // them is file work that needs no lock: MakeSpare, then AddSpare, or Delete.
  std::vector<std::unique_ptr<JournalSegment>> TakeCovered(Turn turn,
                                                           const JournalSegment* current);
  // The header that turns a covered segment into a spare one.
  SegmentHeader SpareHeader(Turn checkpoint_turn) const;
  // Not synced: if the header is lost, the records come back, and the stamp says they are old.
  // False: the segment could not be written and belongs deleted.
  static bool MakeSpare(JournalSegment& segment, const SegmentHeader& header);
  // Notes in a spare that turns of the newest segment are durable, once for each such segment:
  // nothing else would tell that its file is missing. Not synced. Does nothing without a spare.
  void LeaveWitness(Turn durable_turn);
  // Thread: any.
  Status Delete(std::unique_ptr<JournalSegment> segment) const;

  // Makes every segment void, durably, with a note of the checkpoint that replaces them.
  Status VoidAll(Turn checkpoint_turn, size_t max_spares);

  uint64_t disk_bytes() const;
  // Bytes for fragments in the spares.
  uint64_t spare_bytes() const;

 private:
  Status LoadFile(const std::string& name, bool drop_damaged);

  JournalFileOps& ops_;
  const std::string directory_;
  const JournalStoreId store_id_;
  const uint64_t segment_bytes_;
  std::vector<std::unique_ptr<JournalSegment>> live_;
  std::vector<std::unique_ptr<JournalSegment>> spares_;
  uint64_t highest_sequence_ = 0;
  uint32_t highest_epoch_ = 0;
  Turn checkpoint_turn_ = 0;
  uint64_t witnessed_sequence_ = 0;  // See LeaveWitness.
  uint64_t next_file_number_ = 1;
};

}  // namespace engine
