// Commands of several clients on a clock that they move: whatever they send, the server stands,
// what it answers is well-formed, and every count it keeps is right afterwards.
//
// Input: text, a line for each step.
//   SET k v           the words of a line, as in an inline request, are a command of client 0
//   @2 XREAD ...      the same of client 2
//   !repeat 99 XADD s {i}-1 f v
//   !raw "*1\r\n"     bytes as they are; so are lines with unbalanced quotes
//   !advance 500      time passes, in ms
//   !reopen           the process ends and starts again
//   !close 2          the client goes away
//   !reset            what is checked at the end of an input is checked, and all data deleted
//
// What a server has been given by earlier inputs lies in the file that WEIR_FUZZ_HISTORY names;
// that file is an input as well.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_server.h"

// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fuzz {
namespace {

constexpr size_t kClients = 6;
constexpr size_t kMaxLines = 64;
constexpr size_t kMaxLineBytes = 2048;
constexpr int64_t kMaxAdvanceMs = 1'000'000'000'000;
constexpr int64_t kMaxRepeats = 300;
constexpr int64_t kMaxRepeatsOfInput = 600;

// Takes what is before the first blank off `text`.
std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

int64_t TakeNumber(std::string_view* text, int64_t max) {
  const std::string_view word = TakeWord(text);
  int64_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return std::clamp<int64_t>(number, 0, max);
}

class World {
 public:
  void DoLine(std::string_view line) {
    if (line == "!reset") {
      Settle();
    } else if (++lines_ <= kMaxLines && line.size() <= kMaxLineBytes) {
      Do(line);
    }
  }

  // The end of an input.
  void Settle() {
    CheckReplies();
    for (size_t i = 0; i < kClients; ++i) Close(i);
    lines_ = 0;
    repeats_ = 0;
    reopened_ = false;
    fuzz_server_.Settle();
  }

  FuzzServer& fuzz_server() { return fuzz_server_; }

 private:
  struct Client {
    tests::TestClient* connection = nullptr;
    resp::ReplySkipper replies;
    bool is_between_replies = true;
  };

  void Do(std::string_view line) {
    size_t number = 0;
    if (line.starts_with('@') && line.size() > 1) {
      number = static_cast<uint8_t>(line[1]) % kClients;
      line.remove_prefix(2);
      if (line.starts_with(' ')) line.remove_prefix(1);
    }
    if (!line.starts_with('!')) {
      SendLine(number, line);
      return;
    }
    const std::string_view directive = TakeWord(&line);
    if (directive == "!advance") {
      server_.AdvanceMs(TakeNumber(&line, kMaxAdvanceMs));
    } else if (directive == "!close") {
      Close(static_cast<size_t>(TakeNumber(&line, kClients - 1)));
    } else if (directive == "!reopen") {
      Reopen();
    } else if (directive == "!repeat") {
      Repeat(number, line);
    } else if (directive == "!raw") {
      std::string bytes;
      for (const std::string& word : tests::SplitLine(line)) bytes += word;
      fuzz_server_.NoteBytes(bytes);
      Connection(number).SendBytes(bytes);
    }
  }

  tests::TestClient& Connection(size_t number) {
    Client& client = clients_[number];
    if (client.connection == nullptr || client.connection->is_closed()) {
      client = Client();
      client.connection = &server_.Connect();
    }
    return *client.connection;
  }

  void SendLine(size_t number, std::string_view line) {
    const std::vector<std::string> words = tests::SplitLine(line);
    if (words.empty()) {
      fuzz_server_.NoteBytes(line);
      Connection(number).SendBytes(std::string(line) + "\n");
      return;
    }
    Send(number, words);
  }

  void Send(size_t number, const std::vector<std::string>& words) {
    Note(words);
    Connection(number).Send(words);
  }

  void Note(const std::vector<std::string>& words) {
    for (size_t i = 0; i < std::min<size_t>(words.size(), 2); ++i) {
      fuzz_server_.NoteBytes(words[i]);
    }
  }

  // All of them arrive at once, as from a client that does not wait for replies.
  void Repeat(size_t number, std::string_view line) {
    const int64_t count = std::min(TakeNumber(&line, kMaxRepeats), kMaxRepeatsOfInput - repeats_);
    repeats_ += count;
    const std::vector<std::string> words = tests::SplitLine(line);
    if (words.empty()) return;
    Note(words);
    std::string bytes;
    for (int64_t i = 1; i <= count; ++i) {
      std::vector<std::string> command = words;
      for (std::string& word : command) {
        const size_t at = word.find("{i}");
        if (at != word.npos) word.replace(at, 3, std::to_string(i));
      }
      bytes += tests::AsRequest(command);
    }
    Connection(number).SendBytes(bytes);
  }

  void Reopen() {
    if (reopened_) return;
    reopened_ = true;
    CheckReplies();
    server_.Reopen();
    clients_ = {};
    server_.ForgetClosedClients();
  }

  void Close(size_t number) {
    Client& client = clients_[number];
    if (client.connection == nullptr) return;
    CheckReplies(&client);
    client.connection->Disconnect();
    client = Client();
  }

  void CheckReplies() {
    for (Client& client : clients_) CheckReplies(&client);
  }

  void CheckReplies(Client* client) {
    if (client->connection == nullptr) return;
    const std::string bytes = client->connection->TakeBytes();
    std::string_view rest = bytes;
    while (!rest.empty()) {
      size_t used = 0;
      const resp::ReplySkipper::Outcome outcome = client->replies.Next(rest, &used);
      Require(outcome != resp::ReplySkipper::Outcome::kMalformed, "replies are well-formed");
      client->is_between_replies = outcome != resp::ReplySkipper::Outcome::kNeedMore;
      rest.remove_prefix(used);
    }
    Require(client->is_between_replies, "replies are whole");
  }

  FuzzServer fuzz_server_;
  tests::TestServer& server_ = fuzz_server_.server();
  std::array<Client, kClients> clients_;
  size_t lines_ = 0;
  int64_t repeats_ = 0;
  bool reopened_ = false;
};

// What the running server has been given.
class History {
 public:
  History() : path_(std::getenv("WEIR_FUZZ_HISTORY")) {}
  void Begin() {
    if (path_ == nullptr) return;
    if (file_ != nullptr) std::fclose(file_);
    file_ = std::fopen(path_, "wb");
  }
  void Add(std::string_view input) {
    if (file_ == nullptr) return;
    std::fwrite(input.data(), 1, input.size(), file_);
    std::fputs("\n!reset\n", file_);
    std::fflush(file_);
  }

 private:
  const char* path_;
  std::FILE* file_ = nullptr;
};

void Run(std::string_view input) {
  // Not destroyed at exit: what RocksDB needs for that has gone by then.
  static auto& world = *new std::unique_ptr<World>();
  static History history;
  if (world == nullptr) {
    history.Begin();
    world = std::make_unique<World>();
  }
  history.Add(input);
  while (!input.empty()) {
    const size_t end = std::min(input.find('\n'), input.size());
    world->DoLine(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  world->Settle();
  if (world->fuzz_server().worn()) {
    world->fuzz_server().Finish();
    world.reset();
  }
}

}  // namespace
}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
