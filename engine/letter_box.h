// Where a group's dead letters go, for one call that writes some. Thread: loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/core.h"
#include "engine/letter.h"
#include "engine/status.h"

namespace engine {

// The name of the group's dead-letter stream: its policy's, else the derived one. Empty: none.
std::string DeadLetterKeyOf(const GroupPolicy& policy, const Stream& stream, const Group& group);

class LetterBox {
 public:
  // Nothing changes before the first letter. `policy` is the group's, and outlives the box.
  LetterBox(Core& core, Op& op, const Stream& source, const Group& group,
            const GroupPolicy& policy);

  // What is needed for so many letters is in memory afterwards, or in op.needs. kNotLoaded.
  Status Require(uint64_t letter_count);
  // Whether there is, or may be, such a stream. Precondition as that of Put().
  bool Look();

  // Writes a letter, making the stream if there is none, and tells of it. False when it cannot,
  // from then on for every letter. Precondition: Require() has nothing to note.
  bool Put(const OwnedPayload& letter);
  // Trims the stream where the policy wants it.
  void Finish();

  std::string_view key() const { return key_; }
  // Why Put() or Look() fails.
  const std::string& refusal() const { return refusal_; }
  // At most once a minute.
  void LogRefusal() const;

 private:
  bool Refuse(std::string why);

  Core& core_;
  Op& op_;
  const Stream& source_;
  const Group& group_;
  const GroupPolicy& policy_;
  const std::string key_;
  std::string refusal_;
  Stream* stream_ = nullptr;
  bool wrote_ = false;
};

}  // namespace engine
