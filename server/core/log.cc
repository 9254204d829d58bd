#include "server/core/log.h"

#include <utility>

#include "fmt/format.h"
#include "spdlog/async_logger.h"
#include "spdlog/details/thread_pool.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/basic_file_sink.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace server {
namespace {

// Level names are those of the option `loglevel`, which spdlog does not have.
class LevelName : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view name = "warning";
    if (message.level == spdlog::level::trace) name = "debug";
    if (message.level == spdlog::level::debug) name = "verbose";
    if (message.level == spdlog::level::info) name = "notice";
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelName>();
  }
};

spdlog::level::level_enum SpdlogLevel(LogThreshold level) {
  switch (level) {
    case LogThreshold::kDebug:
      return spdlog::level::trace;
    case LogThreshold::kVerbose:
      return spdlog::level::debug;
    case LogThreshold::kNotice:
      return spdlog::level::info;
    case LogThreshold::kWarning:
      return spdlog::level::warn;
    case LogThreshold::kNothing:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

// A value in quotes when a reader that splits at blanks would take it apart otherwise.
void AppendValue(std::string_view value, std::string* line) {
  const bool plain =
      !value.empty() && value.find_first_of(" \"\\=\t\r\n") == std::string_view::npos;
  if (plain) {
    line->append(value);
    return;
  }
  line->push_back('"');
  for (char c : value) {
    if (c == '"' || c == '\\') {
      line->push_back('\\');
      line->push_back(c);
    } else if (static_cast<unsigned char>(c) < ' ') {
      line->append(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
    } else {
      line->push_back(c);
    }
  }
  line->push_back('"');
}

spdlog::sink_ptr MakeSink(const std::string& file) {
  if (file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
}

}  // namespace

struct Log::Impl {
  // The pool is shared with the logger because spdlog wants a weak pointer to it; it outlives it
  // here.
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() { impl_->logger->flush(); }

engine::Result<std::unique_ptr<Log>> Log::Open(const std::string& file, LogThreshold threshold) {
  spdlog::sink_ptr sink;
  try {
    sink = MakeSink(file);
  } catch (const spdlog::spdlog_ex& failure) {
    return engine::Status(engine::Code::kIo, failure.what());
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<LevelName>('*').set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%* %v");
  sink->set_formatter(std::move(formatter));
  auto impl = std::make_unique<Impl>();
  impl->pool = std::make_shared<spdlog::details::thread_pool>(kLogQueueLines, 1);
  impl->logger = std::make_shared<spdlog::async_logger>(
      "weir", std::move(sink), impl->pool, spdlog::async_overflow_policy::overrun_oldest);
  // Flushing happens on the log's thread; a line that stays in a buffer is missed after a crash.
  impl->logger->flush_on(spdlog::level::trace);
  impl->logger->set_level(SpdlogLevel(threshold));
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

void Log::SetThreshold(LogThreshold threshold) { impl_->logger->set_level(SpdlogLevel(threshold)); }

void Log::Write(LogThreshold level, std::string_view message,
                std::initializer_list<LogField> fields) {
  if (!impl_->logger->should_log(SpdlogLevel(level))) return;
  const std::string line = FormatLogLine(message, fields);
  impl_->logger->log(SpdlogLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

void Log::Debug(std::string_view message, std::initializer_list<LogField> fields) {
  Write(LogThreshold::kDebug, message, fields);
}
void Log::Verbose(std::string_view message, std::initializer_list<LogField> fields) {
  Write(LogThreshold::kVerbose, message, fields);
}
void Log::Notice(std::string_view message, std::initializer_list<LogField> fields) {
  Write(LogThreshold::kNotice, message, fields);
}
void Log::Warning(std::string_view message, std::initializer_list<LogField> fields) {
  Write(LogThreshold::kWarning, message, fields);
}

void Log::Engine(engine::LogLevel level, std::string_view message) {
  LogThreshold threshold = LogThreshold::kWarning;
  if (level == engine::LogLevel::kDebug) threshold = LogThreshold::kDebug;
  if (level == engine::LogLevel::kInfo) threshold = LogThreshold::kNotice;
  Write(threshold, message, {{"unit", "engine"}});
}

std::string FormatLogLine(std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = "msg=";
  AppendValue(message, &line);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    AppendValue(field.value, &line);
  }
  return line;
}

}  // namespace server
