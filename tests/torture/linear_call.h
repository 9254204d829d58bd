// The commands of the linearizability check: what is sent, what the reference model answers, and
// what of a real reply is compared with that.
//
// Nothing here depends on a clock: idle times, and fields of XINFO beside the counters, are left
// out of what is compared. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/calls.h"
#include "resp/reply.h"
#include "tests/model/reference_model.h"

namespace tests {

enum class Verb : uint8_t {
  kAdd,           // ids[0], or `*`
  kAddSequence,   // ids[0].ms and `*`
  kDelete,        // ids
  kDeleteEx,      // ids, references
  kTrimMaxLen,    // count
  kTrimMinId,     // ids[0]
  kLength,        //
  kRange,         // all, or `count`
  kReverseRange,  // all, or `count`
  kReadNew,       // group, consumer, count; `flag` = NOACK
  kReadHistory,   // group, consumer, ids[0] = after, count
  kAcknowledge,   // group, ids
  kAckDelete,     // group, ids, references
  kClaim,         // group, consumer, ids; `flag` = JUSTID
  kAutoClaim,     // group, consumer, ids[0] = start, count
  kPending,       // group
  kPendingRange,  // group, count
  kGroupCreate,   // group, ids[0], or `$`; `flag` = MKSTREAM
  kGroupSetId,    // group, ids[0], or `$`
  kGroupDestroy,  // group
  kConsumerCreate,
  kConsumerDelete,
  kInfoStream,
  kInfoGroups,
  kRemoveKey,  // DEL
};

struct Call {
  Verb verb = Verb::kLength;
  std::string key = {};
  std::string group = {};
  std::string consumer = {};
  std::vector<engine::StreamId> ids = {};  // Empty where it may be: `*` or `$`.
  int64_t count = 0;                       // 0 = not given, save for kTrimMaxLen.
  bool flag = false;
  engine::References references = engine::References::kKeep;
  std::string value = {};  // kAdd: of the field "f"; no two entries of a history have the same.

  bool chooses_id() const { return verb == Verb::kAdd && ids.empty(); }
};

// The arguments as a client sends them.
std::vector<std::string> WordsOf(const Call& call);

// What is compared of the reply, as text (resp::Render).
std::string AnswerOf(const Call& call, const resp::Reply& reply);

// Carries the command out on the model and gives its answer as AnswerOf() would. `given` is the id
// that the server chose for an XADD with `*`; the model refuses one that is not above the last id
// or, if `is_exact`, that the server's rule cannot give: the next one, or a new millisecond's
// first.
std::string RunOnModel(const Call& call, engine::StreamId given, bool is_exact,
                       ModelDatabase* model);

// All that clients can see of the model, for comparison; times and nodes are left out.
std::string DigestOf(const ModelDatabase& model);

}  // namespace tests
