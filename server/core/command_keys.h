// Which arguments of a request are keys: by position as the command's row says, or by the command's
// own finder.
//
// Thread: any.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/core/command.h"

namespace server {

// Appends the positions of the keys in `args` (the command's name first). False when the command
// has keys and they cannot be told from these arguments. Precondition: the arity matches.
bool FindKeys(const CommandSpec& spec, std::span<const std::string_view> args,
              std::vector<int>* positions);

// Whether the command can have keys at all. Shard channels, which stand where keys would, are none.
bool HasKeys(const CommandSpec& spec);

// The KeyFinder of XREAD and XREADGROUP: the first half of what follows the STREAMS option. Options
// are read one by one, since a group, a consumer or a key may be called STREAMS too.
bool FindStreamsKeys(std::span<const std::string_view> args, std::vector<int>* positions);

// The KeyFinder of XREDRIVE: the first argument, and the value of its option TO.
bool FindRedriveKeys(std::span<const std::string_view> args, std::vector<int>* positions);

}  // namespace server
