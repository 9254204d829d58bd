// Lays records out over segments and writes them; keeps what is not durable for a second attempt.
// Owner: Journal. Thread: not thread-safe, guarded by the journal's io_mutex_.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal_format.h"
#include "engine/journal_segments.h"
#include "engine/status.h"

namespace engine {

class JournalWriter {
 public:
  // `segments` outlives the writer.
  explicit JournalWriter(JournalSegments& segments);

  // Opens a segment of a new epoch for the turns above `durable_turn` and syncs its header: from
  // now on older records of these turns are void.
  Status Begin(Turn durable_turn, Turn checkpoint_turn);

  // Moves the records out of `records`, keeps them, then writes them. After a failure the only
  // useful call is Failover.
  Status Append(std::vector<JournalRecordBuffer>& records, Turn durable_turn);

  // Writes everything kept above `durable_turn` to fresh segments under a higher epoch and syncs
  // them. On success all kept records are durable if none was let go before, see has_hole.
  Status Failover(Turn durable_turn);

  // True if records above `durable_turn` were let go: they are in older segments only.
  bool has_hole(Turn durable_turn) const { return let_go_turn_ > durable_turn; }

  // Forgets records up to `turn`; their buffers come back for reuse.
  std::vector<std::string> LetGoThrough(Turn turn);
  // Forgets the oldest until at most `bytes` are kept.
  std::vector<std::string> LetGoAbove(uint64_t bytes);

  // Segments written since they were last taken. They stay valid until the next TakeCovered.
  std::vector<JournalSegment*> TakeDirty();
  bool is_dirty() const { return !dirty_.empty(); }

  // The store has everything up to `turn`: see JournalSegments::TakeCovered.
  std::vector<std::unique_ptr<JournalSegment>> TakeCovered(Turn turn);
  // Whether so many bytes of fragments can be written without creating a file first.
  bool HasRoom(uint64_t bytes) const;

  // The newest record kept or let go.
  Turn newest_turn() const { return kept_.empty() ? let_go_turn_ : kept_.back().turn; }
  uint32_t epoch() const { return epoch_; }
  uint64_t kept_bytes() const { return kept_bytes_; }
  // Bytes left in the current segment.
  uint64_t room_bytes() const;

 private:
  static constexpr size_t kMaxFragmentsPerWrite = 256;

  Status BeginEpoch(Turn first_turn, Turn durable_turn);
  Status WriteKept(size_t from, Turn durable_turn);
  Status WriteRecord(const JournalRecordBuffer& record, Turn durable_turn);
  Status Roll(Turn first_turn, Turn durable_turn);
  Status FlushFragments();
  void AddFragment(const FragmentHeader& header, std::string_view payload);
  void MarkDirty(JournalSegment* segment);

  JournalSegments& segments_;
  JournalSegment* current_ = nullptr;
  uint64_t offset_ = 0;        // Where the next fragment goes, including those not flushed yet.
  uint64_t flush_offset_ = 0;  // Where the collected fragments begin.
  uint32_t epoch_ = 0;
  Turn checkpoint_turn_ = 0;
  Turn let_go_turn_ = 0;
  std::deque<JournalRecordBuffer> kept_;
  uint64_t kept_bytes_ = 0;
  std::vector<JournalSegment*> dirty_;
  std::vector<JournalSegment*> without_header_;

  // Fragments collected for one write.
  std::array<std::array<char, kFragmentHeaderBytes>, kMaxFragmentsPerWrite> fragment_headers_;
  size_t fragment_count_ = 0;
  std::vector<std::string_view> pieces_;
};

}  // namespace engine
