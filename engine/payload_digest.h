// The iid of an entry whose producer gives none (XADD IDMPAUTO): a digest of its fields and values.
// Kept in producer pages, so it is part of the disk format: docs/disk-format-producers.md. Thread:
// any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace engine {

// 16 bytes. Which value belongs to which field counts, the order of the pairs does not.
// Precondition: an even number of strings.
std::string PayloadDigest(std::span<const std::string_view> fields_and_values);

}  // namespace engine
