// Passwords: compared without telling by the time it takes how much of one was right, shown as
// digests, and made.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace server {

// Takes the same time whatever the two have in common.
bool PasswordsMatch(std::string_view given, std::string_view expected);

// SHA-256 in hex digits: how the protocol shows that there is a password.
std::string Sha256Hex(std::string_view text);
// Hex digits that cannot be guessed.
std::string RandomHex(size_t digits);

}  // namespace server
