// Short histories of clients that really run at once, against a real server; each must have an
// order in which the reference model gives the same replies (linear_search.h).
//
//   linear_histories [--seed S] [--runs N] [--minutes M] [--blow-every N] [--expect-fault]
//
// A run is one history: 3 to 6 clients with 4 to 8 operations each, released at once, on keys of
// its own. In one of N (default: 40) the server is killed or stopped meanwhile and started again
// on its data; the clients connect again and go on. Or it drops all from memory, which it also does
// before the clients of each eighth history begin. At the end the whole state is read. Syncing of
// the journal changes between `always` and `everysec`. A bug to be found comes by
// WEIR_PLANTED_BUG, which the server inherits.
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <latch>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/torture/linear_plan.h"
#include "tests/torture/linear_search.h"
#include "tests/torture/live_server.h"
#include "tests/torture/torture_main.h"

namespace tests {
namespace {

constexpr uint64_t kMostStates = 300'000;
constexpr uint64_t kFsyncTurn = 25;  // Histories until the way of syncing changes.

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

uint64_t UnixMs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

// One client: sends what is planned and notes what happens. Thread: one at a time.
class Client {
 public:
  Client(const LiveServer& server, const std::atomic<bool>& is_over)
      : server_(server), is_over_(is_over) {}

  // A new history. Ids of `known` may be named.
  void Begin(std::vector<StreamId> known);
  void Run(const std::vector<PlannedOperation>& plan);
  const std::vector<Operation>& operations() const { return operations_; }
  const std::vector<StreamId>& known() const { return known_; }
  // Connects if it is not connected; false when all is over.
  bool Connect();
  LiveConnection& connection() { return *connection_; }

 private:
  void Put(const PlannedOperation& planned);
  void Take(Operation* operation);
  void Learn(const std::string& answer);

  const LiveServer& server_;
  const std::atomic<bool>& is_over_;
  std::optional<LiveConnection> connection_;
  size_t connections_ = 0;
  std::vector<StreamId> known_;
  std::vector<Operation> operations_;
};

void Client::Begin(std::vector<StreamId> known) {
  known_ = std::move(known);
  operations_.clear();
}

bool Client::Connect() {
  while (!connection_.has_value() || !connection_->is_open()) {
    if (is_over_) {
      return false;
    }
    connection_.emplace(server_.socket());
    ++connections_;
    if (!connection_->is_open()) {
      poll(nullptr, 0, 1);
    }
  }
  return true;
}

void Client::Put(const PlannedOperation& planned) {
  Operation operation;
  operation.connection = connections_;
  for (const Call& call : planned.calls) {
    operation.calls.push_back(WithKnownIds(call, known_));
  }
  if (operation.calls.size() > 1) {
    connection_->Put({"MULTI"});
  }
  for (const Call& call : operation.calls) {
    connection_->Put(WordsOf(call));
  }
  if (operation.calls.size() > 1) {
    connection_->Put({"EXEC"});
  }
  operations_.push_back(std::move(operation));
}

void Client::Learn(const std::string& answer) {
  for (const StreamId id : IdsIn(answer)) {
    if (!id.IsZero() && std::ranges::count(known_, id) == 0) {
      known_.push_back(id);
    }
  }
}

void Client::Take(Operation* operation) {
  const size_t calls = operation->calls.size();
  // MULTI and what it queues is answered before EXEC is.
  std::optional<resp::Reply> reply = connection_->Receive();
  for (size_t i = 0; calls > 1 && i <= calls && reply.has_value(); ++i) {
    reply = connection_->Receive();
  }
  operation->returned_ns = NowNs();
  if (!reply.has_value()) {
    return;
  }
  for (size_t i = 0; i < calls; ++i) {
    const bool is_part = calls > 1 && reply->elements.size() == calls;
    operation->answers.push_back(
        AnswerOf(operation->calls[i], is_part ? reply->elements[i] : *reply));
    Learn(operation->answers.back());
  }
}

void Client::Run(const std::vector<PlannedOperation>& plan) {
  for (size_t i = 0; i < plan.size() && Connect();) {
    const size_t first = operations_.size();
    bool goes_on = true;
    for (; goes_on; ++i) {
      Put(plan[i]);
      goes_on = !plan[i].is_sent_on_its_own;
    }
    const int64_t now_ns = NowNs();
    for (size_t sent = first; sent < operations_.size(); ++sent) {
      operations_[sent].invoked_ns = now_ns;
    }
    connection_->Send();
    for (size_t sent = first; sent < operations_.size(); ++sent) {
      Take(&operations_[sent]);
    }
  }
}

class Harness {
 public:
  Harness(const TortureArguments& arguments, TortureRun& run);
  bool Start();
  // False: nothing more can be run.
  bool RunOne(uint64_t number);
  std::string Figures() const;

 private:
  bool GiveBlow(const LinearPlan& plan);
  // Everything leaves memory.
  bool Reload();
  bool Trouble(const std::string& what);
  void Judge(uint64_t number, const LinearHistory& history);
  std::vector<std::string> Options() const {
    return {"--appendfsync",          syncs_always_ ? "always" : "everysec",
            "--checkpoint-bytes",     "1mb",
            "--enable-debug-command", "yes"};
  }

  const TortureArguments& arguments_;
  TortureRun& run_;
  LiveServer server_{WEIR_SERVER};
  std::atomic<bool> is_over_ = false;
  std::vector<Client> clients_;  // The first one sets up and observes.
  bool syncs_always_ = true;
  uint64_t kills_ = 0;
  uint64_t stops_ = 0;
  uint64_t reloads_ = 0;
  uint64_t undecided_ = 0;
  uint64_t operations_ = 0;
  uint64_t unanswered_ = 0;
  uint64_t reordered_ = 0;  // Histories whose order is not that of the replies.
  uint64_t most_states_ = 0;
};

Harness::Harness(const TortureArguments& arguments, TortureRun& run)
    : arguments_(arguments), run_(run) {
  constexpr size_t kMostClients = 7;
  for (size_t i = 0; i < kMostClients; ++i) {
    clients_.emplace_back(server_, is_over_);
  }
}

bool Harness::Start() { return server_.Start(Options()) || Trouble("the server does not start"); }

bool Harness::Trouble(const std::string& what) {
  is_over_ = true;
  std::printf("FAILED: %s:\n%s\n", what.c_str(), server_.Log().c_str());
  return false;
}

bool Harness::Reload() {
  const auto reply = LiveConnection(server_.socket()).Call({"DEBUG", "RELOAD"});
  if (!reply.has_value()) {
    return Trouble("the server has died at DEBUG RELOAD");
  }
  // Refused while a command of a client waits for the store.
  const bool is_busy = reply->text.ends_with("try again");
  reloads_ += is_busy ? 0 : 1;
  return is_busy || reply->text == "OK" || Trouble("DEBUG RELOAD: " + reply->text);
}

bool Harness::GiveBlow(const LinearPlan& plan) {
  std::this_thread::sleep_for(std::chrono::microseconds(plan.blow_after_us));
  if (server_.HasDied()) {
    return Trouble("the server has died");
  }
  if (plan.blow == LinearPlan::Blow::kReload) {
    return Reload();
  }
  if (plan.has_checkpoint) {
    LiveConnection(server_.socket()).Call({"BGSAVE"});
  }
  const bool is_kill = plan.blow == LinearPlan::Blow::kKill;
  ++(is_kill ? kills_ : stops_);
  server_.End(is_kill ? SIGKILL : SIGTERM);
  return Start();
}

bool Harness::RunOne(uint64_t number) {
  const LinearPlan plan = PlanHistory(arguments_.seed, number, arguments_.blow_every);
  Client& observer = clients_[0];
  if (!observer.Connect()) {
    return false;
  }
  if (number % kFsyncTurn == 0) {
    syncs_always_ = !syncs_always_;
    observer.connection().Call({"CONFIG", "SET", "appendfsync", Options()[1]});
  }
  LinearHistory history;
  constexpr uint64_t kClockMarginMs = 1000;
  history.begun_unix_ms = UnixMs() - kClockMarginMs;
  observer.Begin({});
  observer.Run(plan.setup);
  if (plan.begins_unloaded && !Reload()) {
    return false;
  }
  std::latch begin(static_cast<ptrdiff_t>(plan.clients.size()) + 1);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < plan.clients.size(); ++i) {
    clients_[i + 1].Begin(observer.known());
    threads.emplace_back([&, i] {
      clients_[i + 1].Connect();
      begin.arrive_and_wait();
      clients_[i + 1].Run(plan.clients[i]);
    });
  }
  begin.arrive_and_wait();
  const bool is_alive = plan.blow == LinearPlan::Blow::kNone || GiveBlow(plan);
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (!is_alive) {
    return false;
  }
  // A connection that is broken by now shows only when it is used.
  observer.connection().Call({"PING"});
  observer.Connect();
  observer.Run(plan.observation);
  for (size_t i = 0; i <= plan.clients.size(); ++i) {
    history.clients.push_back(clients_[i].operations());
  }
  Judge(number, history);
  std::vector<std::string> removal = {"UNLINK"};
  removal.insert(removal.end(), plan.keys.begin(), plan.keys.end());
  observer.connection().Call(removal);
  return !server_.HasDied() || Trouble("the server has died");
}

void Harness::Judge(uint64_t number, const LinearHistory& history) {
  for (const auto& operations : history.clients) {
    operations_ += operations.size();
    unanswered_ += static_cast<uint64_t>(std::ranges::count_if(
        operations, [](const Operation& operation) { return !operation.is_known(); }));
  }
  const LinearVerdict verdict = FindLinearOrder(history, kMostStates);
  most_states_ = std::max(most_states_, verdict.states);
  int64_t latest_ns = 0;
  bool is_reordered = false;
  for (const LinearVerdict::Step& step : verdict.order) {
    const int64_t returned_ns = history.clients[step.client][step.number].returned_ns;
    is_reordered |= step.happened && returned_ns < latest_ns;
    latest_ns = std::max(latest_ns, step.happened ? returned_ns : 0);
  }
  reordered_ += is_reordered ? 1 : 0;
  if (verdict.linear == Linear::kUndecided) {
    ++undecided_;
  } else if (verdict.linear == Linear::kNo) {
    run_.Fault("history " + std::to_string(number) + " has no order\n" +
               Describe(history, verdict));
  }
}

std::string Harness::Figures() const {
  const auto figure = [](const char* name, uint64_t value) {
    return std::string(name) + "=" + std::to_string(value);
  };
  return figure("undecided", undecided_) + " " + figure("kills", kills_) + " " +
         figure("stops", stops_) + " " + figure("reloads", reloads_) + " " +
         figure("operations", operations_) + " " + figure("unanswered", unanswered_) + " " +
         figure("reordered", reordered_) + " " + figure("most_states", most_states_);
}

int Run(const TortureArguments& arguments) {
  TortureRun run("linear", arguments);
  Harness harness(arguments, run);
  bool is_alive = harness.Start();
  for (uint64_t number = 1; is_alive && run.goes_on(); ++number) {
    run.Begin();
    is_alive = harness.RunOne(number);
  }
  const int result = run.End(harness.Figures());
  return is_alive ? result : 1;
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) { return tests::Run(tests::TortureArguments::Parse(argc, argv)); }
