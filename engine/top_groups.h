// Which groups have most pending, most to read yet, and the oldest pending record, whether their
// streams are in memory or not.
//
// What is in memory is looked at when somebody asks, at most once a second. A stream that leaves
// memory changes no more until it is back: its groups are kept here, of each list the first
// kTopGroupsKept. A checkpoint stores the lists as they are for all streams, so that a start needs
// no look at any. Should so many of the first groups cease to be among them that kept ones run out,
// others are missing until their streams have been in memory. Owner: Core. Thread: loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace engine {

class Core;
class Group;
class Stream;

struct TopGroup {
  uint32_t physical_db = 0;
  Uid uid = 0;  // Of the stream.
  std::string key;
  std::string group;
  int64_t value = 0;
  uint32_t db = 0;  // Logical; when it is shown.
};

class TopGroups {
 public:
  // By pending records; by entries to be read; by the time of the oldest delivery, negated.
  enum List : uint8_t { kPending, kLag, kOldest };
  // Each with the largest value first.
  using Lists = std::array<std::vector<TopGroup>, 3>;

  // The stream is about to leave memory, or has come back.
  void NoteLeft(Stream& stream);
  void NoteBack(Uid uid);

  // For all streams, as they were within the last second.
  const Lists& Collect(Core& core, int64_t now_ms);
  // At that time: pending records that were due in groups in memory; of a page that may have some
  // and is not in memory all records count.
  int64_t due() const { return due_; }

  // All lists as they are now, for the checkpoint's record; and back.
  std::string Encode(Core& core) const;
  // False when the bytes are not whole.
  bool Decode(std::string_view stored);

 private:
  Lists CollectNow(Core& core) const;

  Lists away_;  // Of streams that are not in memory.
  Lists collected_;
  int64_t due_ = 0;
  int64_t collected_ms_ = INT64_MIN;
};

}  // namespace engine
