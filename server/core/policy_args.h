// The grammar of policy options: `option value [option value ...]`, in commands and in rules of the
// configuration. What options there are stands in engine/policy.h.
//
// Options are read from left to right, and the first thing that is wrong is told: delivery
// specification, section 1. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy.h"
#include "server/core/error_reply.h"

namespace server {

// Where options stand, and what may stand there.
struct PolicyGrammar {
  std::span<const engine::PolicyOptionSpec> specs;
  // A rule sets values; it names no key, and has nothing to take back.
  bool is_rule = false;
  // Of group options in a command: the stream that they are for.
  std::string_view key = {};
};

// Takes the option at `*position`, values included, and moves `*position` behind it. What `change`
// has already cannot come again. Precondition: there is an argument at `*position`.
Outcome TakePolicyOption(std::span<const std::string_view> args, size_t* position,
                         const PolicyGrammar& grammar, engine::PolicyChange* change);

// The options from args[first] to the end, at least one.
Outcome ReadPolicyOptions(std::span<const std::string_view> args, size_t first,
                          const PolicyGrammar& grammar, engine::PolicyChange* change);

// Appends the positions of the keys that group options from args[first] on name, up to the first
// argument that is none of their grammar.
void FindPolicyKeys(std::span<const std::string_view> args, size_t first,
                    std::vector<int>* positions);

// "min max factor", the factor with as many decimals as it needs.
std::string FormatBackoff(const engine::Backoff& backoff);

}  // namespace server
