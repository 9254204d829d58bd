// Where the groups of a stream stand, in order: the lowest position tells what some group has yet
// to read.
//
// Owner: Stream. Thread: loop. Changes only in engine/apply.cc and when a stream is loaded.
#pragma once

#include <set>
#include <utility>

#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

class GroupPositions {
 public:
  bool empty() const { return places_.empty(); }
  // The lowest last-delivered id of all groups. Precondition: !empty().
  StreamId Lowest() const { return places_.begin()->first; }

  void Add(StreamId position, GroupNumber group) { places_.emplace(position, group); }
  void Remove(StreamId position, GroupNumber group) { places_.erase({position, group}); }
  // Without an allocation: it happens with each read of a group.
  void Move(StreamId from, StreamId to, GroupNumber group) {
    if (from == to) {
      return;
    }
    auto node = places_.extract({from, group});
    node.value().first = to;
    places_.insert(std::move(node));
  }

 private:
  std::set<std::pair<StreamId, GroupNumber>> places_;
};

}  // namespace engine
