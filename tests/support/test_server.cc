#include "tests/support/test_server.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "engine/check.h"
#include "resp/glob.h"
#include "resp/parser.h"
#include "server/core/policy_rules.h"

namespace tests {
namespace {

constexpr int kFirstPort = 50000;
// A turn with nothing left to do comes long before; else something spins.
constexpr int kMaxTurns = 1'000'000;

void CheckOk(const engine::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "test server: %s\n", status.message().c_str());
  std::abort();
}

}  // namespace

std::vector<std::string> SplitLine(std::string_view line) {
  resp::Parser parser;
  const std::string text = std::string(line) + "\n";
  if (parser.Next(text, {}) != resp::ParseResult::kRequest) return {};
  return {parser.request().args.begin(), parser.request().args.end()};
}

std::string AsRequest(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

// --- TestClient
// ------------------------------------------------------------------------------------

void TestClient::SendBytes(std::string_view bytes) {
  Queue(bytes);
  server_.Run();
}

void TestClient::Send(const std::vector<std::string>& words) { SendBytes(AsRequest(words)); }

std::string TestClient::NextReply() {
  decoder_.Feed(std::exchange(received_, std::string()));
  if (const std::optional<resp::Reply> reply = decoder_.Next()) return resp::Render(*reply);
  if (decoder_.failed()) return "(malformed: " + std::string(decoder_.error()) + ")";
  return is_closed() ? "(closed)" : "";
}

std::string TestClient::CallWords(const std::vector<std::string>& words) {
  Send(words);
  return NextReply();
}

std::string TestClient::Call(std::string_view line) { return CallWords(SplitLine(line)); }

std::string TestClient::TakeBytes() { return std::exchange(received_, std::string()); }

void TestClient::Disconnect() {
  if (session_ != nullptr) server_.dispatcher().Disconnect(*session_);
  session_ = nullptr;
}

bool TestClient::is_blocked() const {
  return session_ != nullptr &&
         (server_.context().IsBlocked(id_) || session_->state == server::SessionState::kPaused ||
          session_->state == server::SessionState::kHeldUp);
}

server::TransportInfo TestClient::Info() const {
  return {.peer_address = "127.0.0.1:" + std::to_string(kFirstPort + number_),
          .local_address = "127.0.0.1:6379",
          .network = "127.0.0.1",
          .fd = number_,
          .is_local = true,
          .input_bytes = input_.size()};
}

// --- TestServer
// ------------------------------------------------------------------------------------

TestServer::TestServer(std::function<void(engine::EngineOptions&)> adjust, std::string_view config)
    : adjust_(std::move(adjust)) {
  CheckOk(config_.LoadText(config, "test"));
  auto log = server::Log::Open("", server::LogThreshold::kNothing);
  CHECK(log.ok());
  log_ = std::move(log).value();
  const auto set_node_limits = [this](const server::Settings& settings) {
    engine_->SetNodeLimits(settings.stream_node_max_entries, settings.stream_node_max_bytes);
    return engine::OkStatus();
  };
  config_.OnChange("stream-node-max-entries", set_node_limits);
  config_.OnChange("stream-node-max-bytes", set_node_limits);
  const auto set_idempotency = [this](const server::Settings& settings) {
    engine_->SetIdempotencyDefaults(static_cast<uint32_t>(settings.stream_idmp_duration),
                                    static_cast<uint32_t>(settings.stream_idmp_maxsize));
    return engine::OkStatus();
  };
  config_.OnChange("stream-idmp-duration", set_idempotency);
  config_.OnChange("stream-idmp-maxsize", set_idempotency);
  const auto set_rules = [this](const server::Settings&) {
    server::ApplyPolicyRules(*context_, *engine_);
    return engine::OkStatus();
  };
  config_.OnChange("group-policy", set_rules);
  config_.OnChange("stream-policy", set_rules);
  Open();
}

TestServer::~TestServer() { Stop(); }

void TestServer::Stop() {
  if (engine_ != nullptr) Close();
}

void TestServer::Open() {
  engine::EngineOptions options;
  options.directory = store_path();
  options.fsync = engine::FsyncMode::kNo;
  options.databases = static_cast<uint32_t>(config_.settings().databases);
  options.memory_budget_bytes = uint64_t{32} << 20;
  options.journal_segment_bytes = uint64_t{1} << 20;
  options.reader_threads = 0;
  options.restart_grace_ms = config_.settings().restart_grace_ms;
  options.background_threads = false;
  options.glob_match = [](std::string_view pattern, std::string_view text) {
    return resp::GlobMatch(pattern, text);
  };
  if (adjust_) adjust_(options);
  if (options.reader_threads > 0) {
    options.post = [this](std::function<void()> work) { Post(std::move(work)); };
  }
  auto opened = engine::Engine::Open(options, {.unix_ms = clock_.UnixMs(), .store_ms = 0});
  CheckOk(opened.status());
  engine_ = std::move(opened).value();
  server::ProcessFacts facts;
  facts.run_id = std::string(40, 'a');
  facts.replication_id = std::string(40, 'b');
  facts.executable = "/test";
  facts.start_unix_ms = clock_.UnixMs();
  context_ = std::make_unique<server::ServerContext>(config_, clock_, *log_, *this,
                                                     std::move(facts), /*random_seed=*/1);
  dispatcher_ = std::make_unique<server::Dispatcher>(*context_, *engine_);
  server::ApplyPolicyRules(*context_, *engine_);
}

void TestServer::Close() {
  for (const std::unique_ptr<TestClient>& client : clients_) client->Disconnect();
  CheckOk(engine_->Close());
  engine_.reset();
  {
    // What the old engine's threads have posted is for nobody any more, as when a loop ends.
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  dispatcher_.reset();
  context_.reset();
}

void TestServer::Reopen() {
  Close();
  Open();
}

void TestServer::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  posted_.notify_one();
}

void TestServer::RunPosted() {
  std::deque<std::function<void()>> work;
  {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return !queue_.empty(); });
    work.swap(queue_);
  }
  for (const std::function<void()>& call : work) call();
  Run();
}

TestClient& TestServer::Connect() {
  const int number = next_client_number_++;
  clients_.push_back(std::make_unique<TestClient>(*this, number));
  TestClient& client = *clients_.back();
  client.session_ = &dispatcher_->Connect(client);
  client.id_ = client.session_->id;
  return client;
}

void TestServer::ForgetClosedClients() {
  std::erase_if(clients_, [](const auto& client) { return client->is_closed(); });
}

engine::Now TestServer::Now() { return engine_->TimeNow(clock_.UnixMs(), clock_.MonotonicMs()); }

bool TestServer::Feed(TestClient& client) {
  if (client.session_ == nullptr || client.input_.empty()) return false;
  const server::FeedResult fed = dispatcher_->Feed(*client.session_, client.input_);
  client.input_.erase(0, fed.consumed);
  if (fed.outcome == server::FeedOutcome::kClosing) client.input_.clear();
  return fed.consumed > 0 || fed.outcome == server::FeedOutcome::kMoreLater;
}

bool TestServer::Flush(TestClient& client) {
  if (client.session_ == nullptr) return false;
  server::OutputBuffer& output = client.session_->output;
  size_t left = client.bytes_per_turn_;
  std::string_view pieces[4];
  for (;;) {
    const size_t count = output.Collect(engine_->released_turn(), pieces);
    size_t sent = 0;
    for (size_t i = 0; i < count; ++i) {
      const std::string_view piece = pieces[i].substr(0, std::min(left, pieces[i].size()));
      client.received_ += piece;
      left -= piece.size();
      sent += piece.size();
    }
    if (sent == 0) break;
    output.Consume(sent);
  }
  if (client.closes_after_reply_ && output.empty()) client.Disconnect();
  return left < client.bytes_per_turn_;
}

bool TestServer::RunTurn() {
  bool worked = false;
  // Connections may be added by nobody meanwhile, but sessions may go.
  for (const std::unique_ptr<TestClient>& client : clients_) worked |= Feed(*client);
  worked |= dispatcher_->HasDueWork();
  worked |= engine_->next_due_work_ms() <= Now().store_ms;
  dispatcher_->RunDueWork();
  engine_->EndTurn(Now());
  for (const std::unique_ptr<TestClient>& client : clients_) worked |= Flush(*client);
  return worked;
}

void TestServer::Run() {
  for (int turn = 0; RunTurn(); ++turn) CHECK(turn < kMaxTurns);
}

void TestServer::AdvanceMs(int64_t ms) {
  clock_.AdvanceMs(ms);
  Run();
}

}  // namespace tests
