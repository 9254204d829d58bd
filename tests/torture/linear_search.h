// Whether the replies of a short concurrent history could have come from a server that carries out
// one command after another (Wing and Gong's search, with Lowe's memory of states).
//
// The order that is looked for keeps that of each client, puts an operation that had returned
// before another one was sent in front of it, and gives each reply by the reference model. An
// operation without a reply happened at some moment until its connection broke, or never; of those
// sent together on one connection, none happened without the ones before it. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/torture/linear_call.h"

namespace tests {

// One command, or several as one transaction.
struct Operation {
  size_t connection = 0;  // Of its client; another one after each break.
  int64_t invoked_ns = 0;
  int64_t returned_ns = 0;  // Without a reply: when the connection was seen to be broken.
  std::vector<Call> calls;
  // One for each call (AnswerOf); empty: there was no reply.
  std::vector<std::string> answers;

  bool is_known() const { return !answers.empty(); }
};

struct LinearHistory {
  // By client; of each in the order in which it sent them.
  std::vector<std::vector<Operation>> clients;
  // Wall clock before all operations: no id that the server chooses for them is below it.
  uint64_t begun_unix_ms = 0;
};

enum class Linear : uint8_t { kYes, kNo, kUndecided };

struct LinearVerdict {
  Linear linear = Linear::kUndecided;
  uint64_t states = 0;  // Looked at.
  // The longest order that was found: client and number of its operation.
  struct Step {
    size_t client = 0;
    size_t number = 0;
    bool happened = true;
  };
  std::vector<Step> order;
  // Behind that order: what the model would have answered instead, a line for each operation that
  // could be next.
  std::string instead;
};

// Ends undecided when it would have to look at more than `most_states`.
LinearVerdict FindLinearOrder(const LinearHistory& history, uint64_t most_states);

// The ids that an answer shows, each once, ascending.
std::vector<engine::StreamId> IdsIn(const std::string& answer);

// A line for each operation, by time of sending, with the place in the order that was found.
std::string Describe(const LinearHistory& history, const LinearVerdict& verdict);

}  // namespace tests
