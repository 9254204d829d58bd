// Rules of policies by name: options `group-policy` and `stream-policy`.
//
// A rule is `<key-glob> [<group-glob>] option value [option value ...]`; words may be quoted as in
// the configuration file. A line of the file is one rule, or a text of several with ';' between
// them; the whole value is such a text. The first rule that matches and names an option decides.
// Thread: main at start, then loop.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/policy.h"
#include "server/core/config_options.h"

namespace engine {
class Engine;
}

namespace server {

class ServerContext;

// Functions of the two options, for config_options.cc.
std::string AssignGroupPolicy(std::span<const std::string> words, AssignMode mode,
                              Settings* settings);
std::string ShowGroupPolicy(const Settings& settings);
std::string AssignStreamPolicy(std::span<const std::string> words, AssignMode mode,
                               Settings* settings);
std::string ShowStreamPolicy(const Settings& settings);

// The rules of a whole value, one text for each; what is shown is made of them.
std::vector<std::string> SplitPolicyRules(const std::string& value);

// Makes the engine follow the rules of now, and has those look again who wait for what a policy
// held back: once at start, and after every change.
void ApplyPolicyRules(ServerContext& server, engine::Engine& engine);

}  // namespace server
