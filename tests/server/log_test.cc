#include "server/core/log.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "resp/glob.h"
#include "tests/server/config_directory.h"

namespace server {
namespace {

std::unique_ptr<Log> OpenLog(const std::string& path, LogThreshold threshold) {
  return std::move(Log::Open(path, threshold)).value();
}

TEST(Log, QuotesWhatWouldFallApart) {
  EXPECT_EQ(FormatLogLine("listening", {{"port", 6379}, {"address", "::1"}}),
            "msg=listening port=6379 address=::1");
  EXPECT_EQ(FormatLogLine("client left", {{"why", "a \"b\"\n\\"}, {"empty", ""}, {"x", "a=b"}}),
            "msg=\"client left\" why=\"a \\\"b\\\"\\x0a\\\\\" empty=\"\" x=\"a=b\"");
  EXPECT_EQ(FormatLogLine("n", {{"big", UINT64_MAX}, {"small", INT64_MIN}}),
            "msg=n big=18446744073709551615 small=-9223372036854775808");
}

TEST(Log, WritesLinesWithTimeAndLevelToAFile) {
  ConfigDirectory directory;
  {
    const std::unique_ptr<Log> log = OpenLog(directory.path("log"), LogThreshold::kDebug);
    log->Debug("one");
    log->Verbose("two");
    log->Notice("three", {{"n", 3}});
    log->Warning("four");
    log->Engine(engine::LogLevel::kError, "five");
  }
  const std::string text = directory.Read("log");
  constexpr std::string_view kExpected =
      "time=20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9].[0-9][0-9][0-9]Z "
      "level=debug msg=one\n"
      "time=* level=verbose msg=two\n"
      "time=* level=notice msg=three n=3\n"
      "time=* level=warning msg=four\n"
      "time=* level=warning msg=five unit=engine\n";
  EXPECT_TRUE(resp::GlobMatch(kExpected, text)) << text;
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  ConfigDirectory directory;
  {
    const std::unique_ptr<Log> log = OpenLog(directory.path("log"), LogThreshold::kWarning);
    log->Notice("no");
    log->Warning("yes");
    log->SetThreshold(LogThreshold::kNothing);
    log->Warning("no");
    log->SetThreshold(LogThreshold::kNotice);
    log->Notice("yes again");
  }
  const std::string text = directory.Read("log");
  EXPECT_EQ(text.find("msg=no"), std::string::npos) << text;
  EXPECT_NE(text.find("msg=yes"), std::string::npos) << text;
  EXPECT_NE(text.find("msg=\"yes again\""), std::string::npos) << text;
}

TEST(Log, AppendsToAFileThatExists) {
  ConfigDirectory directory;
  directory.Write("log", "old\n");
  OpenLog(directory.path("log"), LogThreshold::kNotice)->Notice("new");
  const std::string text = directory.Read("log");
  EXPECT_TRUE(text.starts_with("old\ntime=")) << text;
}

TEST(Log, SaysWhyItCannotOpenAFile) {
  ConfigDirectory directory;
  const auto log = Log::Open(directory.path(""), LogThreshold::kNotice);
  EXPECT_EQ(log.code(), engine::Code::kIo);
  EXPECT_FALSE(log.status().message().empty());
}

}  // namespace
}  // namespace server
