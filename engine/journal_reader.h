// Reads a journal back and decides what a bad place in it is: a torn tail, which is cut, or rot,
// which is refused. The rule needs no knowledge of the place: turns are lost if and only if a turn
// that some intact record or header calls durable is not among the contiguous ones.
//
// Owner: Journal. Thread: the one that opens the journal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal_format.h"
#include "engine/journal_segments.h"
#include "engine/status.h"

namespace engine {

class JournalReader {
 public:
  using Visitor = std::function<Status(const JournalRecord&)>;

  JournalReader(const JournalSegments& segments, Turn after_turn);

  // Reads everything once without yielding. kCorruption if something durable is missing;
  // last_turn() and the words of what is lost are known then too.
  Status Examine();
  // The newest turn that can be replayed; after_turn if there is none.
  Turn last_turn() const { return last_turn_; }
  // Turns above last_turn() that were found but have to be cut.
  Turn newest_turn_seen() const { return newest_turn_seen_; }

  // Yields the records up to last_turn(). Precondition: Examine was called.
  Status Replay(const Visitor& visit);

 private:
  Status Pass(Turn up_to, const Visitor* visit);
  Status PassSegment(JournalSegment& segment, Turn up_to, const Visitor* visit);
  Status TakeFragment(const Fragment& fragment, Turn up_to, const Visitor* visit);
  void NoteClaim(uint32_t epoch, Turn durable_turn);
  Turn VoidFrom(uint32_t epoch) const;
  Status Verdict() const;
  const JournalSegment* FindCutOff() const;

  const JournalSegments& segments_;
  const Turn after_turn_;
  std::vector<SegmentHeader> headers_;

  // State of a pass.
  Turn expected_turn_ = 0;
  uint32_t expected_index_ = 0;
  uint32_t partial_epoch_ = 0;
  std::string partial_payload_;

  Turn last_turn_ = 0;
  Turn claimed_durable_ = 0;
  Turn newest_turn_seen_ = 0;
  std::string buffer_;
};

}  // namespace engine
