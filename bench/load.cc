#include "bench/load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/traffic.h"
#include "resp/reply.h"

namespace bench {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr int kMaxEvents = 128;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
// Open loop: unanswered requests of one connection above which the run is called off.
constexpr size_t kMaxInFlight = 1'000'000;

uint64_t NowNs() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

uint64_t ToNs(double seconds) {
  return static_cast<uint64_t>(seconds * static_cast<double>(kNsPerSecond));
}

double OwnCpuSeconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Requests sent together: their latencies start at the same time.
struct InFlight {
  uint64_t start_ns;  // When it was due,
  uint64_t sent_ns;   // when it was sent.
  size_t requests;
};

struct Connection {
  FileDescriptor socket;
  std::unique_ptr<Traffic> traffic;
  std::deque<InFlight> in_flight;
  size_t unanswered = 0;
  std::string unsent;
  // Bytes of a reply that is not whole; the skipper has seen them.
  std::string partial;
  resp::ReplySkipper skipper;
  bool watches_writable = false;
  uint64_t not_before_ns = 0;  // Not 0: it has something to send then.
};

uint64_t Operations(TrafficKind kind, const Tally& tally) {
  switch (kind) {
    case TrafficKind::kAppend:
      return tally.appended;
    case TrafficKind::kDrain:
    case TrafficKind::kDeliver:
      return tally.acknowledged;
    case TrafficKind::kScan:
      return tally.read;
    case TrafficKind::kClaim:
    case TrafficKind::kSummary:
      break;
  }
  return tally.answered;
}

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options)
      : options_(options), scratch_(std::make_unique<char[]>(kReadBytes)) {
    tally_.unsent = options.seconds > 0 ? UINT64_MAX : options.workload.operations;
  }

  LoadResult Run();
  const Tally& tally() const { return tally_; }

 private:
  bool OpenAll();
  void Loop();
  int Wait(std::array<epoll_event, kMaxEvents>* events, uint64_t wait_ns) const;
  uint64_t UntilDue(uint64_t now_ns) const;
  void IssueDue(uint64_t now_ns);
  bool IsPaced(const Connection& connection) const {
    return options_.requests_per_s > 0 && connection.traffic->is_paced();
  }
  bool ResumeWaiting(uint64_t now_ns);
  void EndSecond(uint64_t now_ns);
  bool Issue(Connection& connection, uint64_t start_ns);
  bool MayIssue(uint64_t now_ns) const { return now_ns < deadline_ns_; }
  void Flush(Connection& connection);
  void WatchWritable(Connection& connection, bool on);
  void Read(Connection& connection);
  void TakeBytes(Connection& connection, std::string_view bytes, uint64_t now_ns);
  void TakeReply(Connection& connection, std::string_view reply,
                 resp::ReplySkipper::Outcome outcome, uint64_t now_ns);
  void Fail(std::string problem);

  const LoadOptions& options_;
  std::unique_ptr<char[]> scratch_;
  FileDescriptor epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Tally tally_;
  LoadResult result_;
  std::string first_error_reply_;
  uint64_t start_ns_ = 0;
  uint64_t deadline_ns_ = UINT64_MAX;
  uint64_t last_reply_ns_ = 0;
  size_t unanswered_ = 0;
  uint64_t second_end_ns_ = 0;
  Histogram second_latency_ns_;
  // Open loop.
  std::vector<Connection*> paced_;
  uint64_t issued_requests_ = 0;
  size_t next_connection_ = 0;
  bool exhausted_ = false;
};

LoadResult LoadRun::Run() {
  if (OpenAll()) Loop();
  if (result_.problem.empty() && result_.error_replies > 0) {
    Fail(std::to_string(result_.error_replies) +
         " error replies, the first: " + first_error_reply_);
  }
  if (result_.problem.empty() && tally_.unexpected > 0) {
    Fail(std::to_string(tally_.unexpected) + " replies of an unexpected shape");
  }
  result_.operations = Operations(options_.workload.kind, tally_);
  if (tally_.delivered_ns.total() > 0) result_.latency_ns = tally_.delivered_ns;
  return std::move(result_);
}

bool LoadRun::OpenAll() {
  epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  for (int i = 0; i < options_.workload.clients; ++i) {
    auto connection = std::make_unique<Connection>();
    connection->socket = Connect(options_.endpoint);
    const int fd = connection->socket.get();
    if (fd < 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
      Fail("cannot connect client " + std::to_string(i) + ": " + std::strerror(errno));
      return false;
    }
    connection->traffic = options_.make_traffic
                              ? options_.make_traffic(i, &tally_)
                              : MakeTraffic(options_.workload, options_.dataset, i, &tally_);
    if (IsPaced(*connection)) paced_.push_back(connection.get());
    epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection.get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    connections_.push_back(std::move(connection));
  }
  return true;
}

void LoadRun::Loop() {
  const double cpu_before_s = OwnCpuSeconds();
  start_ns_ = NowNs();
  last_reply_ns_ = start_ns_;
  if (options_.seconds > 0) deadline_ns_ = start_ns_ + ToNs(options_.seconds);
  second_end_ns_ = start_ns_ + kNsPerSecond;
  for (const auto& connection : connections_) {
    if (!IsPaced(*connection)) Issue(*connection, NowNs());
  }
  std::array<epoll_event, kMaxEvents> events;
  while (result_.problem.empty()) {
    const uint64_t now_ns = NowNs();
    if (options_.on_second && now_ns >= second_end_ns_) EndSecond(now_ns);
    const bool more_due = !paced_.empty() && !exhausted_ && MayIssue(now_ns);
    if (more_due) IssueDue(now_ns);
    const bool some_wait = ResumeWaiting(now_ns);
    if (unanswered_ == 0 && !more_due && !some_wait) break;
    const int count = Wait(&events, UntilDue(now_ns));
    for (int i = 0; i < count && result_.problem.empty(); ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0) Flush(connection);
      if ((event.events & ~uint32_t{EPOLLOUT}) != 0) Read(connection);
    }
    if (count == 0 && unanswered_ > 0 && now_ns > last_reply_ns_ + ToNs(options_.stall_seconds)) {
      Fail("no reply for " + std::to_string(options_.stall_seconds) + " s");
    }
  }
  result_.elapsed_s =
      static_cast<double>(last_reply_ns_ - start_ns_) / static_cast<double>(kNsPerSecond);
  result_.client_cpu_s = OwnCpuSeconds() - cpu_before_s;
}

// How long until there may be something to send, and not longer than a second.
uint64_t LoadRun::UntilDue(uint64_t now_ns) const {
  uint64_t due_ns = now_ns + kNsPerSecond;
  if (!paced_.empty() && !exhausted_ && MayIssue(now_ns)) {
    const auto issued = static_cast<double>(issued_requests_);
    due_ns = std::min(due_ns, start_ns_ + ToNs(issued / options_.requests_per_s));
  }
  for (const auto& connection : connections_) {
    if (connection->not_before_ns > 0) due_ns = std::min(due_ns, connection->not_before_ns);
  }
  return due_ns > now_ns ? due_ns - now_ns : 0;
}

// Lets go on whoever wanted to wait until now. Whether somebody still waits.
bool LoadRun::ResumeWaiting(uint64_t now_ns) {
  bool some_wait = false;
  for (const auto& connection : connections_) {
    if (connection->not_before_ns == 0) continue;
    if (connection->not_before_ns <= now_ns) Issue(*connection, now_ns);
    some_wait = some_wait || connection->not_before_ns > 0;
  }
  return some_wait;
}

void LoadRun::EndSecond(uint64_t now_ns) {
  const auto seconds = [](uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  options_.on_second(seconds(now_ns - start_ns_), tally_, second_latency_ns_);
  second_latency_ns_ = {};
  second_end_ns_ += (now_ns - second_end_ns_) / kNsPerSecond * kNsPerSecond + kNsPerSecond;
}

// Waits in nanoseconds, because open loop requests are due in less than the milliseconds that
// epoll_wait knows.
int LoadRun::Wait(std::array<epoll_event, kMaxEvents>* events, uint64_t wait_ns) const {
  const timespec timeout = {.tv_sec = static_cast<time_t>(wait_ns / kNsPerSecond),
                            .tv_nsec = static_cast<long>(wait_ns % kNsPerSecond)};
  const int count = ::epoll_pwait2(epoll_.get(), events->data(), kMaxEvents, &timeout, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  return ::epoll_wait(epoll_.get(), events->data(), kMaxEvents,
                      static_cast<int>(wait_ns / 1'000'000));
}

// Sends every batch whose time has come, on the connections in turn.
void LoadRun::IssueDue(uint64_t now_ns) {
  for (;;) {
    const uint64_t due_ns =
        start_ns_ + ToNs(static_cast<double>(issued_requests_) / options_.requests_per_s);
    if (due_ns > now_ns || due_ns >= deadline_ns_) return;
    Connection& connection = *paced_[next_connection_];
    next_connection_ = (next_connection_ + 1) % paced_.size();
    exhausted_ = !Issue(connection, due_ns);
    if (exhausted_) return;
    issued_requests_ += connection.in_flight.back().requests;
    if (connection.unanswered > kMaxInFlight) return Fail("the server cannot keep up this rate");
  }
}

// Sends the next batch of a connection. False if it has none now.
bool LoadRun::Issue(Connection& connection, uint64_t start_ns) {
  const Batch batch = connection.traffic->NextBatch(start_ns);
  connection.not_before_ns = batch.not_before_ns;
  if (batch.requests == 0) return false;
  const bool is_paced = IsPaced(connection);
  const uint64_t sent_ns = is_paced ? NowNs() : start_ns;
  if (is_paced) result_.late_ns.Record(sent_ns - start_ns);
  connection.in_flight.push_back(
      {.start_ns = start_ns, .sent_ns = sent_ns, .requests = batch.requests});
  connection.unanswered += batch.requests;
  unanswered_ += batch.requests;
  result_.requests += batch.requests;
  std::string_view bytes = batch.bytes;
  if (connection.unsent.empty()) {
    const ssize_t sent = ::send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      Fail(std::string("sending failed: ") + std::strerror(errno));
      return true;
    }
    bytes.remove_prefix(sent < 0 ? 0 : static_cast<size_t>(sent));
  }
  if (!bytes.empty()) {
    connection.unsent.append(bytes);
    WatchWritable(connection, true);
  }
  return true;
}

void LoadRun::Flush(Connection& connection) {
  std::string& unsent = connection.unsent;
  const ssize_t sent = ::send(connection.socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return Fail(std::string("sending: ") + std::strerror(errno));
  if (sent > 0) unsent.erase(0, static_cast<size_t>(sent));
  if (unsent.empty()) WatchWritable(connection, false);
}

void LoadRun::WatchWritable(Connection& connection, bool on) {
  if (connection.watches_writable == on) return;
  connection.watches_writable = on;
  const uint32_t interest = on ? uint32_t{EPOLLIN} | EPOLLOUT : uint32_t{EPOLLIN};
  epoll_event event = {.events = interest, .data = {.ptr = &connection}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event);
}

void LoadRun::Read(Connection& connection) {
  const ssize_t received = ::recv(connection.socket.get(), scratch_.get(), kReadBytes, 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received <= 0) return Fail("the server closed a connection");
  const uint64_t now_ns = NowNs();
  last_reply_ns_ = now_ns;
  TakeBytes(connection, {scratch_.get(), static_cast<size_t>(received)}, now_ns);
  // Closed loop: the next batch leaves when the last one is answered.
  if (!IsPaced(connection) && connection.unanswered == 0 && MayIssue(now_ns)) {
    Issue(connection, now_ns);
  }
}

// Splits what came into replies. Only a reply that is cut by the end of a read is copied.
void LoadRun::TakeBytes(Connection& connection, std::string_view bytes, uint64_t now_ns) {
  using Outcome = resp::ReplySkipper::Outcome;
  while (!bytes.empty() && result_.problem.empty()) {
    size_t used = 0;
    const Outcome outcome = connection.skipper.Next(bytes, &used);
    std::string_view reply = bytes.substr(0, used);
    bytes.remove_prefix(used);
    if (outcome == Outcome::kMalformed) return Fail("a malformed reply");
    if (outcome == Outcome::kNeedMore) {
      connection.partial.append(reply);
      return;
    }
    if (!connection.partial.empty()) {
      connection.partial.append(reply);
      reply = connection.partial;
    }
    TakeReply(connection, reply, outcome, now_ns);
    connection.partial.clear();
  }
}

void LoadRun::TakeReply(Connection& connection, std::string_view reply,
                        resp::ReplySkipper::Outcome outcome, uint64_t now_ns) {
  if (connection.in_flight.empty()) return Fail("a reply that no request asked for");
  InFlight& first = connection.in_flight.front();
  if (options_.requests_per_s == 0 || connection.traffic->is_paced()) {
    const uint64_t latency_ns = now_ns > first.start_ns ? now_ns - first.start_ns : 0;
    result_.latency_ns.Record(latency_ns);
    result_.served_ns.Record(now_ns > first.sent_ns ? now_ns - first.sent_ns : 0);
    if (options_.on_second) second_latency_ns_.Record(latency_ns);
  }
  if (--first.requests == 0) connection.in_flight.pop_front();
  --connection.unanswered;
  --unanswered_;
  if (outcome == resp::ReplySkipper::Outcome::kReply) {
    connection.traffic->TakeReply(reply, now_ns);
    return;
  }
  if (++result_.error_replies == 1) first_error_reply_ = connection.skipper.error_text();
  // A consumer that asks again after an error could ask forever, or wait for what never comes.
  if (options_.workload.kind != TrafficKind::kAppend) Fail("an error: " + first_error_reply_);
}

void LoadRun::Fail(std::string problem) {
  if (result_.problem.empty()) result_.problem = std::move(problem);
}

Problem ExpectEqual(std::string_view what, uint64_t got, uint64_t expected) {
  if (got == expected) return "";
  return std::string(what) + ": " + std::to_string(got) + " instead of " + std::to_string(expected);
}

Problem VerifyAppend(Client& client, const LoadOptions& options, const Tally& tally) {
  uint64_t entries = 0;
  const Problem problem = CountEntries(client, options.workload, options.dataset, &entries);
  if (!problem.empty()) return problem;
  if (options.workload.max_length == 0) {
    return ExpectEqual("entries in the streams", entries, tally.appended);
  }
  // Trimming leaves up to a node more than was asked for.
  const uint64_t least = std::min(options.workload.max_length, tally.appended);
  if (entries >= least && entries <= least + 100) return "";
  return "entries in the stream: " + std::to_string(entries);
}

Problem VerifyDrain(Client& client, const LoadOptions& options, const Tally& tally) {
  uint64_t pending = 0;
  Problem problem = CountPending(client, options.dataset, &pending);
  if (!problem.empty()) return problem;
  problem = ExpectEqual("pending entries", pending, tally.read - tally.acknowledged);
  // A time limit may end a drain early, also between reading and acknowledging.
  if (!problem.empty() || options.seconds > 0) return problem;
  problem = ExpectEqual("entries acknowledged", tally.acknowledged, tally.read);
  if (!problem.empty() || options.workload.read_limit > 0) return problem;
  return ExpectEqual("entries read", tally.read, options.workload.operations);
}

// Ids that do not rise have been noticed on the way: so many entries are each of them once.
Problem VerifyDeliver(Client& client, const LoadOptions& options, const Tally& tally) {
  const Problem problem = VerifyAppend(client, options, tally);
  return problem.empty() ? VerifyDrain(client, options, tally) : problem;
}

Problem VerifyClaim(Client& client, const LoadOptions& options) {
  uint64_t pending = 0;
  const Problem problem = CountPending(client, options.dataset, &pending);
  return problem.empty() ? ExpectEqual("pending entries", pending, options.workload.pending)
                         : problem;
}

// What the server holds must be what it acknowledged.
Problem Verify(Client& client, const LoadOptions& options, const Tally& tally) {
  switch (options.workload.kind) {
    case TrafficKind::kAppend:
      return VerifyAppend(client, options, tally);
    case TrafficKind::kDrain:
      return VerifyDrain(client, options, tally);
    case TrafficKind::kDeliver:
      return VerifyDeliver(client, options, tally);
    case TrafficKind::kScan:
      return options.seconds > 0
                 ? ""
                 : ExpectEqual("entries read", tally.read, options.workload.operations);
    case TrafficKind::kClaim:
    case TrafficKind::kSummary:
      break;
  }
  return VerifyClaim(client, options);
}

}  // namespace

LoadResult RunLoad(const LoadOptions& options) {
  LoadRun run(options);
  LoadResult result = run.Run();
  if (!result.problem.empty() || options.make_traffic) return result;
  Client client;
  result.problem = client.Open(options.endpoint);
  if (result.problem.empty()) result.problem = Verify(client, options, run.tally());
  return result;
}

}  // namespace bench
