// Compares the node rule with redis-server: after every random step the number of nodes must be the
// same. Skipped where there is no server to compare to.
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/block.h"
#include "engine/node_rule.h"
#include "tests/support/payload.h"

namespace engine {
namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

// A server of its own on a socket in a directory of its own.
class Oracle {
 public:
  Oracle() {
    char path[] = "/tmp/node_rule_oracle.XXXXXX";
    directory_ = mkdtemp(path);
    const std::string socket = directory_ + "/socket";
    child_ = fork();
    if (child_ == 0) {
      execl(WEIR_ORACLE, WEIR_ORACLE, "--port", "0", "--unixsocket", socket.c_str(), "--save", "",
            "--appendonly", "no", "--dir", directory_.c_str(), "--logfile", "/dev/null", nullptr);
      _exit(127);
    }
    for (int attempt = 0; attempt < 200; ++attempt) {
      context_ = redisConnectUnix(socket.c_str());
      if (context_ != nullptr && context_->err == 0) {
        return;
      }
      redisFree(context_);
      context_ = nullptr;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
  }

  ~Oracle() {
    if (context_ != nullptr) {
      redisFree(context_);
    }
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    unlink((directory_ + "/socket").c_str());
    rmdir(directory_.c_str());
  }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  bool connected() const { return context_ != nullptr; }

  Reply Run(const std::vector<std::string>& args) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& arg : args) {
      texts.push_back(arg.data());
      sizes.push_back(arg.size());
    }
    Reply reply(static_cast<redisReply*>(
        redisCommandArgv(context_, static_cast<int>(args.size()), texts.data(), sizes.data())));
    EXPECT_NE(reply, nullptr);
    if (reply != nullptr && reply->type == REDIS_REPLY_ERROR) {
      ADD_FAILURE() << args[0] << ": " << reply->str;
    }
    return reply;
  }

  uint64_t NodeCount(const std::string& key) {
    const Reply info = Run({"XINFO", "STREAM", key});
    for (size_t i = 0; i + 1 < info->elements; i += 2) {
      if (std::string(info->element[i]->str) == "radix-tree-keys") {
        return static_cast<uint64_t>(info->element[i + 1]->integer);
      }
    }
    return UINT64_MAX;
  }

 private:
  std::string directory_;
  pid_t child_ = -1;
  redisContext* context_ = nullptr;
};

// A stream as the engine keeps it, reduced to what nodes depend on, beside the same stream of the
// oracle.
class TwinStreams {
 public:
  TwinStreams(Oracle* oracle, uint32_t seed)
      : oracle_(*oracle), random_(seed), key_("s" + std::to_string(seed)) {
    ChangeLimits();
    NewFields();
    Add();
  }

  void Step() {
    switch (Below(24)) {
      case 0:
        return ChangeLimits();
      case 1:
        return NewFields();
      case 2:
      case 3:
      case 4:
        return Delete();
      case 5:
        return DeleteNewest();
      case 6:
        return TrimToLength();
      case 7:
        return TrimToId();
      case 8:
        return TrimNodes();
      default:
        return Add();
    }
  }

  void Check() {
    const Reply length = oracle_.Run({"XLEN", key_});
    ASSERT_EQ(static_cast<uint64_t>(length->integer), live_.size());
    if (block_ == nullptr) {
      return;
    }
    ASSERT_EQ(block_->LiveNodeCount(live_from_), oracle_.NodeCount(key_));
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void ChangeLimits() {
    const uint64_t entries[] = {0, 1, 3, 10, 100, 100, 1000};
    const uint64_t bytes[] = {0, 64, 150, 300, 1000, 4096, 4096, 4096, 20000};
    SetLimits({entries[Below(std::size(entries))], bytes[Below(std::size(bytes))]});
  }

  void SetLimits(const NodeLimits& limits) {
    limits_ = limits;
    oracle_.Run({"CONFIG", "SET", "stream-node-max-entries", std::to_string(limits_.max_entries),
                 "stream-node-max-bytes", std::to_string(limits_.max_bytes)});
  }

  std::string Text() {
    constexpr uint64_t kSizes[] = {0, 1, 5, 62, 63, 64, 65, 124, 125, 126, 127, 300, 1000};
    constexpr int64_t kSpread[] = {-2, -1, 0, 1, 2};
    switch (Below(8)) {
      case 0:
        return std::to_string(Below(300));
      case 1: {
        // Around the places where an integer takes one byte more.
        const uint64_t power = uint64_t{1} << Below(64);
        const auto near = power + static_cast<uint64_t>(kSpread[Below(5)]);
        return std::to_string(static_cast<int64_t>(Below(2) == 0 ? near : uint64_t{0} - near));
      }
      case 2: {
        const char* const kAlmost[] = {"-0",
                                       "00",
                                       "01",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1.0",
                                       "-",
                                       "--1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "18446744073709551615",
                                       "00000000000000000001"};
        return kAlmost[Below(std::size(kAlmost))];
      }
      case 3:
        return std::string(Below(60) == 0 ? 4094 + Below(5) : kSizes[Below(std::size(kSizes))],
                           'x');
      case 4:
        return std::string(Below(100) == 0 ? 16370 + Below(20) : Below(20), 'y');
      default:
        return std::string(1 + Below(40), 'z');
    }
  }

  void NewFields() {
    fields_.clear();
    const uint64_t count = Below(20) == 0 ? 100 + Below(60) : 1 + Below(4);
    for (uint64_t i = 0; i < count; ++i) {
      fields_.push_back(Text());
    }
  }

  void NextId() {
    switch (Below(5)) {
      case 0:
        id_ = {id_.ms + 1 + Below(200), Below(1000)};
        break;
      case 1:
        id_ = {id_.ms + 1 + Below(uint64_t{1} << Below(50)), random_()};
        break;
      default:
        id_.seq = id_.seq > UINT64_MAX - 1000 ? id_.seq + 1 : id_.seq + 1 + Below(200);
        if (id_.seq == 0) {
          ++id_.ms;
        }
    }
  }

  void Add() {
    if (Below(6) == 0) {
      NewFields();
    }
    NextId();
    std::vector<std::string> texts;
    for (const std::string& field : fields_) {
      texts.push_back(field);
      texts.push_back(fields_.size() > 50 ? "1" : Text());
    }
    const std::string payload = tests::Payload(texts);
    const auto arg_count = static_cast<uint32_t>(texts.size());
    // The reference has no cap on the payload: where ours would decide, let the settings do it.
    if (open_.has_value() && open_->payload_bytes + payload.size() > kMaxNodePayloadBytes) {
      SetLimits({100, 4096});
    }
    const bool opens = OpensNode(open_ ? &*open_ : nullptr, limits_, payload, arg_count);
    if (opens && open_.has_value() && OutgrowsFirstAllocation(payload, arg_count)) {
      return;
    }
    std::vector<std::string> command = {"XADD", key_, id_.ToString()};
    command.insert(command.end(), texts.begin(), texts.end());
    oracle_.Run(command);

    if (block_ == nullptr) {
      block_ = std::make_unique<Block>(id_);
    }
    block_->Append(id_, opens, arg_count, payload);
    live_.insert(id_);
    if (opens) {
      open_.emplace();
      StartNode(&*open_, id_, payload, arg_count);
    } else {
      ExtendNode(&*open_, id_, payload, arg_count);
    }
  }

  // The reference allocates a new node with the bytes limit, or 4096 if that is less. If the first
  // entry needs more and the new place happens to be the old one of the node before, 7.0.15 goes on
  // with freed memory.
  bool OutgrowsFirstAllocation(const std::string& payload, uint32_t arg_count) const {
    NodeState node;
    StartNode(&node, id_, payload, arg_count);
    const uint64_t first_allocation =
        limits_.max_bytes == 0 ? 4096 : std::min<uint64_t>(limits_.max_bytes, 4096);
    return NodeBytes(node) > first_allocation;
  }

  void Delete() {
    if (live_.empty()) {
      return;
    }
    auto at = live_.begin();
    std::advance(at, Below(live_.size()));
    DeleteOne(*at);
  }

  void DeleteNewest() {
    for (uint64_t count = Below(12); count > 0 && !live_.empty(); --count) {
      DeleteOne(*live_.rbegin());
    }
  }

  void DeleteOne(StreamId id) {
    oracle_.Run({"XDEL", key_, id.ToString()});
    ASSERT_TRUE(block_->MarkDeleted(id));
    live_.erase(id);
    if (id >= open_->first_id) {
      MarkDeletedInNode(&*open_, 1);
      ReopenIfDead();
    }
  }

  void ReopenIfDead() {
    if (open_->live_count() != 0) {
      return;
    }
    open_.reset();
    if (const auto span = block_->LastLiveNode(live_from_); span.has_value()) {
      block_->DropDeadTail(live_from_);
      open_ = RebuildNode(*block_, span->first_id, live_from_);
      ASSERT_TRUE(open_.has_value());
    }
  }

  // Everything below `id` goes.
  void MoveLiveFrom(StreamId id) {
    uint32_t of_open_node = 0;
    while (!live_.empty() && *live_.begin() < id) {
      of_open_node += *live_.begin() >= open_->first_id ? 1 : 0;
      live_.erase(live_.begin());
    }
    live_from_ = std::max(live_from_, id);
    if (of_open_node != 0) {
      MarkDeletedInNode(&*open_, of_open_node);
      ReopenIfDead();
    }
  }

  void TrimToLength() {
    const uint64_t keep = live_.size() - std::min<uint64_t>(live_.size(), Below(8));
    if (keep == live_.size()) {
      return;
    }
    oracle_.Run({"XTRIM", key_, "MAXLEN", std::to_string(keep)});
    const auto first_kept = block_->NthLive(live_from_, static_cast<uint32_t>(live_.size() - keep));
    MoveLiveFrom(first_kept.has_value() ? *first_kept : *block_->last_id().Next());
  }

  void TrimToId() {
    if (live_.empty()) {
      return;
    }
    auto at = live_.begin();
    std::advance(at, Below(std::min<size_t>(live_.size(), 8)));
    // The reference leaves an emptied node where it ends in deleted entries at or above the
    // threshold.
    const NodeSpan span = *block_->NodeContaining(*at, StreamId::Min());
    const auto node_first_live = live_.lower_bound(span.first_id);
    if (*node_first_live == *at && span.first_id < *at) {
      return;
    }
    oracle_.Run({"XTRIM", key_, "MINID", at->ToString()});
    MoveLiveFrom(*at);
  }

  void TrimNodes() {
    const uint64_t keep = live_.size() - std::min<uint64_t>(live_.size(), Below(30));
    oracle_.Run({"XTRIM", key_, "MAXLEN", "~", std::to_string(keep), "LIMIT", "0"});
    while (true) {
      const std::optional<NodeSpan> node = block_->FirstLiveNode(live_from_);
      if (!node.has_value() || live_.size() - node->live_count < keep) {
        return;
      }
      MoveLiveFrom(*node->last_id.Next());
    }
  }

  Oracle& oracle_;
  std::mt19937_64 random_;
  std::string key_;
  NodeLimits limits_;
  std::vector<std::string> fields_;
  StreamId id_{1, 0};
  StreamId live_from_;
  std::unique_ptr<Block> block_;
  std::optional<NodeState> open_;
  std::set<StreamId> live_;
};

TEST(NodeRuleOracle, NodesBeginWhereTheReferenceBeginsThem) {
  if (access(WEIR_ORACLE, X_OK) != 0) {
    GTEST_SKIP() << "no " << WEIR_ORACLE;
  }
  Oracle oracle;
  ASSERT_TRUE(oracle.connected());
  const char* const text = std::getenv("WEIR_SEED");
  const uint32_t first_seed = text == nullptr ? 1 : static_cast<uint32_t>(std::atoi(text));
  for (uint32_t seed = first_seed; seed < first_seed + 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    TwinStreams twins(&oracle, seed);
    for (int step = 0; step < 300 && !HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      twins.Step();
      twins.Check();
    }
  }
}

}  // namespace
}  // namespace engine
