// RocksDB's log lines, handed to a callback. The built-in logger writes a file of its own and takes
// the process down when the disk is full. Only store.cc includes this. Thread: any.
#pragma once

#include <rocksdb/env.h>

#include <cstdarg>
#include <functional>
#include <string_view>
#include <utility>

namespace engine {

class RocksLogger final : public rocksdb::Logger {
 public:
  using Sink = std::function<void(int level, std::string_view text)>;
  explicit RocksLogger(Sink sink)
      : rocksdb::Logger(rocksdb::InfoLogLevel::INFO_LEVEL), sink_(std::move(sink)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  // Lines longer than the buffer are cut; without a sink they are dropped.
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;

 private:
  const Sink sink_;
};

}  // namespace engine
