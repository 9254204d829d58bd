// Runs every file of tests/transcripts against a server without sockets, on a clock of its own.
#include "tests/support/transcript.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/test_server.h"

namespace tests {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string ReplaceAll(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n    " + line;
  return text.empty() ? "\n    no reply" : text;
}

class TranscriptRun {
 public:
  TranscriptRun(const Transcript& transcript, std::string path)
      : transcript_(transcript),
        path_(std::move(path)),
        server_(nullptr, transcript.HasTag("debug") ? "enable-debug-command yes" : "") {}

  void Run() {
    for (const TranscriptStep& step : transcript_.steps) {
      Do(step);
      if (testing::Test::HasFailure()) return;
    }
  }

 private:
  void Do(const TranscriptStep& step) {
    if (step.kind == "send") {
      DoSend(step);
    } else if (step.kind == "receive") {
      Expect(step, step.replies.empty() ? std::vector<std::string>{"<any>"} : step.replies);
    } else if (step.kind == "raw") {
      std::string bytes;
      for (const std::string& word : SplitLine(step.argument)) bytes += word;
      Client(step.client).SendBytes(bytes);
      if (!step.replies.empty()) Expect(step, step.replies);
    } else if (step.kind == "resp2" || step.kind == "resp3") {
      Client(step.client).CallWords({"HELLO", step.kind.substr(4)});
    } else if (step.kind == "advance") {
      DoAdvance(step);
    } else if (step.kind == "reopen") {
      server_.Reopen();
      clients_.clear();
    } else if (step.kind == "blocked") {
      DoBlocked(step);
    } else {
      DoRepeat(step);
    }
  }

  TestClient& Client(const std::string& name) {
    TestClient*& client = clients_[name];
    if (client == nullptr) {
      client = &server_.Connect();
      if (transcript_.HasTag("resp3")) client->CallWords({"HELLO", "3"});
    }
    return *client;
  }

  void DoSend(const TranscriptStep& step) {
    TestClient& client = Client(step.client);
    std::vector<std::string> words = SplitLine(step.argument);
    for (std::string& word : words) {
      for (const auto& [name, other] : clients_) {
        word = ReplaceAll(word, "{id:" + name + "}", std::to_string(other->id()));
      }
    }
    client.Send(words);
    if (step.replies.empty()) {
      ExpectBlocked(step, client);
    } else if (step.replies.front() == "(none)") {
      EXPECT_EQ(client.NextReply(), "") << Where(step);
    } else {
      Expect(step, step.replies);
    }
  }

  void DoAdvance(const TranscriptStep& step) {
    int64_t ms = 0;
    std::from_chars(step.argument.data(), step.argument.data() + step.argument.size(), ms);
    ASSERT_TRUE(step.argument.ends_with("ms")) << Where(step);
    server_.AdvanceMs(ms);
  }

  void DoBlocked(const TranscriptStep& step) {
    std::vector<std::string> names = SplitLine(step.argument);
    if (names.empty()) names.push_back(step.client);
    for (const std::string& name : names) ExpectBlocked(step, Client(name));
  }

  // `FIRST..LAST COMMAND`, the command once for each number, which stands for {i} in it.
  void DoRepeat(const TranscriptStep& step) {
    const size_t blank = step.argument.find(' ');
    const std::string bounds = step.argument.substr(0, blank);
    const size_t dots = bounds.find("..");
    ASSERT_NE(dots, bounds.npos) << Where(step);
    const std::vector<std::string> words = SplitLine(step.argument.substr(blank + 1));
    const int last = std::stoi(bounds.substr(dots + 2));
    for (int i = std::stoi(bounds.substr(0, dots)); i <= last; ++i) {
      std::vector<std::string> command = words;
      for (std::string& word : command) word = ReplaceAll(word, "{i}", std::to_string(i));
      const std::string reply = Client(step.client).CallWords(command);
      ASSERT_FALSE(reply.starts_with('-')) << Where(step) << reply;
    }
  }

  void Expect(const TranscriptStep& step, const std::vector<std::string>& expected) {
    TestClient& client = Client(step.client);
    std::vector<std::string> actual;
    while (actual.size() < expected.size()) {
      actual.push_back(client.NextReply());
      if (actual.back().empty()) {
        actual.pop_back();
        break;
      }
      if (actual.back() == "(closed)") break;
    }
    const bool same = std::ranges::equal(expected, actual, MatchesExpected);
    EXPECT_TRUE(same) << Where(step) << "\n  expected" << Join(expected) << "\n  got"
                      << Join(actual);
  }

  void ExpectBlocked(const TranscriptStep& step, TestClient& client) {
    EXPECT_TRUE(client.is_blocked())
        << Where(step) << "\n  expected to be blocked, got " << client.NextReply();
  }

  std::string Where(const TranscriptStep& step) const {
    return path_ + ":" + std::to_string(step.line) + ": " + step.client + " " + step.kind + " " +
           step.argument;
  }

  const Transcript& transcript_;
  const std::string path_;
  TestServer server_;
  std::map<std::string, TestClient*> clients_;
};

std::vector<std::string> TranscriptFiles() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(WEIR_TRANSCRIPT_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".txt") && name != "CMakeLists.txt") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class TranscriptTest : public testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, RepliesAreAsWritten) {
  const Transcript transcript = ParseTranscript(ReadFile(GetParam()));
  ASSERT_EQ(transcript.error, "") << GetParam();
  ASSERT_FALSE(transcript.steps.empty()) << GetParam();
  TranscriptRun(transcript, GetParam()).Run();
}

INSTANTIATE_TEST_SUITE_P(Files, TranscriptTest, testing::ValuesIn(TranscriptFiles()), TestName);

}  // namespace
}  // namespace tests
