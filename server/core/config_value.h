// Values of the configuration as text: numbers, sizes, yes and no, quoted words.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace server {

// Digits with an optional minus in front, nothing else, within 64 bits.
std::optional<int64_t> ParseConfigInteger(std::string_view text);
// Octal digits.
std::optional<int64_t> ParseConfigOctal(std::string_view text);
// Digits and a unit: none or b, k = 1000, kb = 1024, m, mb, g, gb; in any case.
std::optional<int64_t> ParseConfigMemory(std::string_view text);
// `yes` or `no`, in any case.
std::optional<bool> ParseConfigBool(std::string_view text);

// Words of a line as the configuration file and inline requests have them: separated by blanks,
// whole or partly in "double quotes" with \n \r \t \a \b \\ \" \xHH or in 'single quotes' with \'.
// Nothing when a quote is not closed or is followed by something else than a blank.
std::optional<std::vector<std::string>> SplitWords(std::string_view line);
// The other way round: in quotes when it would not come back as one word otherwise.
std::string QuoteWord(std::string_view word);

}  // namespace server
