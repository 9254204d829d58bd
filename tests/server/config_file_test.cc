#include "server/core/config_file.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/config_directory.h"

namespace server {
namespace {

std::string OptionsOf(const std::vector<std::string_view>& arguments) {
  const engine::Result<CommandLine> parsed = ParseCommandLine(arguments);
  return parsed.ok() ? parsed->options : parsed.status().message();
}

TEST(CommandLine, NothingIsFine) {
  const engine::Result<CommandLine> parsed = ParseCommandLine({});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->config_file, "");
  EXPECT_EQ(parsed->options, "");
  EXPECT_FALSE(parsed->reads_stdin);
}

TEST(CommandLine, TheFirstArgumentMayBeAFile) {
  const std::vector<std::string_view> arguments = {"weir.conf", "--port", "7000"};
  const engine::Result<CommandLine> parsed = ParseCommandLine(arguments);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->config_file, std::filesystem::absolute("weir.conf").string());
  EXPECT_EQ(parsed->options, "port 7000 ");
}

TEST(CommandLine, ADashMeansStandardInput) {
  for (const std::vector<std::string_view>& arguments :
       {std::vector<std::string_view>{"-"}, {"-", "--port", "1"}, {"--port", "1", "-"}}) {
    const engine::Result<CommandLine> parsed = ParseCommandLine(arguments);
    ASSERT_TRUE(parsed.ok());
    EXPECT_TRUE(parsed->reads_stdin);
  }
}

TEST(CommandLine, OptionsBecomeLines) {
  EXPECT_EQ(OptionsOf({"--port", "7000", "--bind", "127.0.0.1", "::1"}),
            "port 7000 \nbind 127.0.0.1 ::1 ");
  EXPECT_EQ(OptionsOf({"--port 7000", "--dir", "/a b"}), "port 7000 \ndir \"/a b\" ");
}

TEST(CommandLine, AValueMayBeginWithDashes) {
  EXPECT_EQ(OptionsOf({"--requirepass", "--secret", "--port", "1"}),
            "requirepass --secret \nport 1 ");
}

TEST(CommandLine, SaveWithoutAValueIsEmpty) {
  EXPECT_EQ(OptionsOf({"--save"}), "save \"\"");
  EXPECT_EQ(OptionsOf({"--save", "--port", "1"}), "save \"\"\nport 1 ");
  EXPECT_EQ(OptionsOf({"--save", "", "--port", "1"}), "save \"\" \nport 1 ");
  EXPECT_EQ(OptionsOf({"--save", "60", "1"}), "save 60 1 ");
}

TEST(CommandLine, AValueWithoutAnOptionIsRefused) {
  EXPECT_EQ(OptionsOf({"weir.conf", "other.conf"}),
            "unexpected argument 'other.conf': options begin with --");
}

TEST(ConfigText, KeepsSourceAndNumberOfLines) {
  const engine::Result<std::vector<ConfigLine>> lines =
      ParseConfigText("# comment\n\n  PORT  7000 \r\nbind a 'b c'", "x.conf");
  ASSERT_TRUE(lines.ok());
  ASSERT_EQ(lines->size(), 2u);
  EXPECT_EQ((*lines)[0].number, 3);
  EXPECT_EQ((*lines)[0].source, "x.conf");
  EXPECT_EQ((*lines)[0].text, "PORT  7000");
  EXPECT_EQ((*lines)[0].words, (std::vector<std::string>{"port", "7000"}));
  EXPECT_EQ((*lines)[1].words, (std::vector<std::string>{"bind", "a", "b c"}));
}

TEST(ConfigText, UnbalancedQuotesNameTheLine) {
  const engine::Result<std::vector<ConfigLine>> lines = ParseConfigText("a 1\nb \"x", "x.conf");
  ASSERT_FALSE(lines.ok());
  EXPECT_EQ(lines.status().message(),
            "x.conf, at line 2\n>>> 'b \"x'\nUnbalanced quotes in configuration line");
}

TEST(ConfigText, IncludesFilesInPlace) {
  ConfigDirectory directory;
  const std::string first = directory.Write("first.conf", "b 2");
  directory.Write("10.more", "c 3\n");
  directory.Write("20.more", "d 4\n");
  const engine::Result<std::vector<ConfigLine>> lines =
      ParseConfigText("a 1\ninclude " + first + "\ninclude " + directory.path("*.more") +
                          "\ninclude " + directory.path("*.none") + "\ne 5\n",
                      "main");
  ASSERT_TRUE(lines.ok()) << lines.status().message();
  std::string names;
  for (const ConfigLine& line : *lines) names += line.words[0];
  EXPECT_EQ(names, "abcde");
  EXPECT_EQ((*lines)[1].source, first);
}

TEST(ConfigText, AMissingIncludeIsRefused) {
  const engine::Result<std::vector<ConfigLine>> lines =
      ParseConfigText("include does/not/exist.conf", "main");
  ASSERT_FALSE(lines.ok());
  EXPECT_NE(lines.status().message().find("does/not/exist.conf"), std::string::npos);
}

TEST(ConfigText, AnIncludeOfItselfEnds) {
  ConfigDirectory directory;
  const std::string path = directory.path("loop.conf");
  directory.Write("loop.conf", "include " + path);
  const engine::Result<std::vector<ConfigLine>> lines = ParseConfigText("include " + path, "main");
  ASSERT_FALSE(lines.ok());
  EXPECT_NE(lines.status().message().find("too many nested include"), std::string::npos);
}

TEST(ReplaceFile, KeepsPermissionsAndLeavesNothingBehind) {
  ConfigDirectory directory;
  const std::string path = directory.Write("weir.conf", "old");
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  ASSERT_TRUE(ReplaceFile(path, "new text\n").ok());
  EXPECT_EQ(*ReadConfigFile(path), "new text\n");
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0640));
  EXPECT_EQ(directory.file_count(), 1u);
}

TEST(ReplaceFile, SaysWhyItCannot) {
  const engine::Status status = ReplaceFile("does/not/exist.conf", "x");
  EXPECT_EQ(status.code(), engine::Code::kIo);
  EXPECT_EQ(status.message(), "No such file or directory");
}

TEST(ReadConfigFile, ADirectoryIsNoFile) {
  ConfigDirectory directory;
  EXPECT_FALSE(ReadConfigFile(directory.path("")).ok());
  EXPECT_EQ(*ReadConfigFile(directory.Write("empty.conf", "")), "");
}

}  // namespace
}  // namespace server
