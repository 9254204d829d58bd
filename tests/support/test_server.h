// A whole server without sockets: an engine in a temporary directory, a clock that the test moves,
// and clients that are fed bytes and hold what they were sent. Nothing runs in the background.
//
// Thread: one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.h"
#include "engine/engine.h"
#include "resp/reply.h"
#include "server/core/config.h"
#include "server/core/dispatcher.h"
#include "server/core/log.h"
#include "server/core/server_context.h"
#include "server/core/transport.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tests {

class TestServer;

// One connection. What the server has sent is decoded on demand.
class TestClient : public server::Transport {
 public:
  TestClient(TestServer& server, int number) : server_(server), number_(number) {}

  // Sends bytes, or a command as an array of bulk strings, and lets the server work until it has
  // nothing left to do.
  void SendBytes(std::string_view bytes);
  void Send(const std::vector<std::string>& words);
  // Puts bytes where the server will find them in its next turn.
  void Queue(std::string_view bytes) { input_ += bytes; }

  // The next reply that was sent, rendered (resp/reply.h); "(closed)" when the connection is closed
  // and there is none, "" when there is none.
  std::string NextReply();
  // Send, then NextReply.
  std::string CallWords(const std::vector<std::string>& words);
  // The same with the words in one line, as an inline request has them.
  std::string Call(std::string_view line);
  // All bytes that were sent and not decoded yet.
  std::string TakeBytes();

  // The client goes away.
  void Disconnect();

  bool is_closed() const { return session_ == nullptr; }
  // Whether it waits in a blocking command, or for the end of a pause.
  bool is_blocked() const;
  server::ClientId id() const { return id_; }
  // Null when it is closed.
  server::Session* session() { return session_; }
  // The server sends at most this many bytes to it in a turn.
  void set_bytes_per_turn(size_t bytes) { bytes_per_turn_ = bytes; }

  void OutputReady() override {}
  void InputWanted() override {}
  void CloseAfterReply() override { closes_after_reply_ = true; }
  void CloseNow() override { session_ = nullptr; }
  server::TransportInfo Info() const override;

 private:
  friend class TestServer;

  TestServer& server_;
  const int number_;
  server::Session* session_ = nullptr;
  server::ClientId id_ = 0;
  std::string input_;
  std::string received_;
  resp::ReplyDecoder decoder_;
  bool closes_after_reply_ = false;
  size_t bytes_per_turn_ = SIZE_MAX;
};

class TestServer : public server::ServerControl {
 public:
  // `adjust` may change what the engine is opened with; `config` is lines of a configuration file.
  explicit TestServer(std::function<void(engine::EngineOptions&)> adjust = nullptr,
                      std::string_view config = {});
  ~TestServer() override;
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // Valid as long as the server, or until it is closed and ForgetClosedClients is called.
  TestClient& Connect();
  void ForgetClosedClients();

  // One turn of the loop. False when nothing was left to do.
  bool RunTurn();
  // Turns until nothing is left to do.
  void Run();
  // Time passes, at once; then Run.
  void AdvanceMs(int64_t ms);
  // With reader threads: waits until something was posted, and runs all that was; then Run.
  void RunPosted();
  // Ends the process cleanly and starts it again on the same store. All clients are closed.
  void Reopen();
  // Ends the process cleanly, for good: nothing but store_path() may be called afterwards.
  void Stop();
  std::string store_path() const { return directory_ / "store"; }

  FakeClock& clock() { return clock_; }
  server::ServerContext& context() { return *context_; }
  server::Dispatcher& dispatcher() { return *dispatcher_; }
  engine::Engine& engine() { return *engine_; }
  // Whether SHUTDOWN was asked for.
  bool stop_requested() const { return stop_requested_; }

 private:
  void Open();
  void Close();
  void Post(std::function<void()> work);
  engine::Now Now();
  bool Feed(TestClient& client);
  bool Flush(TestClient& client);
  void RequestShutdown(bool) override { stop_requested_ = true; }

  TempDir directory_;
  FakeClock clock_;
  server::Config config_;
  std::unique_ptr<server::Log> log_;
  std::function<void(engine::EngineOptions&)> adjust_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<server::ServerContext> context_;
  std::unique_ptr<server::Dispatcher> dispatcher_;
  std::vector<std::unique_ptr<TestClient>> clients_;
  int next_client_number_ = 1;
  bool stop_requested_ = false;

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
};

// The words of a line as an inline request has them.
std::vector<std::string> SplitLine(std::string_view line);
// A command as clients send it: an array of bulk strings.
std::string AsRequest(const std::vector<std::string>& words);

}  // namespace tests
