#include "engine/rocks_logger.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/store.h"

namespace engine {
namespace {

int LevelOf(rocksdb::InfoLogLevel level) {
  switch (level) {
    case rocksdb::InfoLogLevel::DEBUG_LEVEL:
      return static_cast<int>(StoreLogLevel::kDebug);
    case rocksdb::InfoLogLevel::WARN_LEVEL:
      return static_cast<int>(StoreLogLevel::kWarning);
    case rocksdb::InfoLogLevel::ERROR_LEVEL:
    case rocksdb::InfoLogLevel::FATAL_LEVEL:
      return static_cast<int>(StoreLogLevel::kError);
    default:
      return static_cast<int>(StoreLogLevel::kInfo);
  }
}

}  // namespace

void RocksLogger::Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (!sink_ || level < GetInfoLogLevel()) {
    return;
  }
  std::array<char, 1024> line;
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  if (length <= 0) {
    return;
  }
  // These come every second for as long as a compaction finds no room.
  const std::string_view text(line.data());
  const bool is_told_before = text.find("Waiting after background") != text.npos ||
                              text.find("may not take the last room") != text.npos;
  sink_(is_told_before ? static_cast<int>(StoreLogLevel::kDebug) : LevelOf(level),
        std::string_view(line.data(), std::min(static_cast<size_t>(length), line.size() - 1)));
}

}  // namespace engine
