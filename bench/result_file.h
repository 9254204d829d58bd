// What result files have in common.
//
// Thread: main.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "bench/client.h"
#include "bench/environment.h"

namespace bench {

// Replaces the file.
Problem WriteFile(const std::string& path, std::string_view text);

nlohmann::ordered_json ToJson(const Environment& environment);

// Writes `json`, indented, with a series of flat objects one on a line. Nothing if `path` is empty.
Problem WriteResult(const std::string& path, const nlohmann::ordered_json& json);

}  // namespace bench
