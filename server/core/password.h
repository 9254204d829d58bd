// Comparing passwords without telling by the time it takes how much of one was right.
//
// Thread: any.
#pragma once

#include <string_view>

namespace server {

// Takes the same time whatever the two have in common.
bool PasswordsMatch(std::string_view given, std::string_view expected);

}  // namespace server
