// For commands that look at several objects: one round of loading fetches what all of them lack.
//
// Every engine call that finds something missing adds it to Op::needs. So the command goes on after
// such a call instead of giving up, and answers "not loaded" at its end; what it wrote meanwhile is
// taken back by the dispatcher. Only for calls that change nothing.
// Owner: a handler, for one run. Thread: loop.
#pragma once

#include "engine/status.h"

namespace server {

class MissingObjects {
 public:
  // Takes the outcome of a call: true when it says that something must be fetched first.
  bool Note(const engine::Status& status) {
    if (status.code() != engine::Code::kNotLoaded) return false;
    if (status_.ok()) status_ = status;
    return true;
  }
  bool any() const { return !status_.ok(); }
  // What the command answers at its end.
  const engine::Status& status() const { return status_; }

 private:
  engine::Status status_;
};

}  // namespace server
