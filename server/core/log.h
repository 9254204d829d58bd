// The server's log: one line per event, `time=... level=... msg="..." key=value ...`, written by a
// thread of its own. A writer never waits: when the queue is full the oldest lines
// are lost.
//
// Owner: server::Server; everybody else has a reference. Thread: any.
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "engine/options.h"
#include "engine/status.h"
#include "server/core/settings.h"

namespace server {

// Lines that may wait for the log's thread.
inline constexpr size_t kLogQueueLines = 8192;

struct LogField {
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, std::integral auto number)
      : name(field_name), value(std::to_string(number)) {}

  std::string_view name;
  std::string value;
};

class Log {
 public:
  // To a file, which is appended to, or to standard error when `file` is empty. kIo with words.
  static engine::Result<std::unique_ptr<Log>> Open(const std::string& file, LogThreshold threshold);
  // Writes what is queued.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void SetThreshold(LogThreshold threshold);

  void Debug(std::string_view message, std::initializer_list<LogField> fields = {});
  void Verbose(std::string_view message, std::initializer_list<LogField> fields = {});
  void Notice(std::string_view message, std::initializer_list<LogField> fields = {});
  void Warning(std::string_view message, std::initializer_list<LogField> fields = {});
  // For EngineOptions::log; errors are warnings here.
  void Engine(engine::LogLevel level, std::string_view message);

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  void Write(LogThreshold level, std::string_view message, std::initializer_list<LogField> fields);

  std::unique_ptr<Impl> impl_;
};

// A line without its time and level: the message and the fields, quoted where needed. For tests.
std::string FormatLogLine(std::string_view message, std::initializer_list<LogField> fields);

}  // namespace server
