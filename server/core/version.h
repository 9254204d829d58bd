// The version of this server. What clients are told is another one: option `redis-version`.
#pragma once

#include <string_view>

namespace server {

inline constexpr std::string_view kWeirVersion = "0.1.0";

}  // namespace server
