#include "bench/traffic.h"

#include <algorithm>

#include "bench/delivery_traffic.h"
#include "bench/reply_cursor.h"

namespace bench {
namespace {

// Small and fast, good enough to spread keys; the seed makes runs repeatable.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  // Even enough for limits far below 2^32.
  uint64_t Below(uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return ((state_ >> 32) * limit) >> 32;
  }

 private:
  uint64_t state_;
};

// Sends the same buffer of requests again and again; with many streams the key's digits in it are
// overwritten before each use.
class AppendTraffic : public Traffic {
 public:
  AppendTraffic(const Workload& workload, const Dataset& dataset, int client, Tally* tally)
      : stream_count_(workload.stream_count),
        pipeline_(static_cast<size_t>(workload.pipeline)),
        random_(dataset.seed * 1000 + static_cast<uint64_t>(client)),
        tally_(tally) {
    const std::string key = StreamKey(dataset, 0);
    const std::string value(dataset.value_bytes, 'x');
    std::string request;
    if (workload.max_length == 0) {
      AppendRequest({"XADD", key, "*", kField, value}, &request);
    } else {
      AppendRequest(
          {"XADD", key, "MAXLEN", "~", std::to_string(workload.max_length), "*", kField, value},
          &request);
    }
    request_bytes_ = request.size();
    digits_end_ = request.find(key) + key.size();
    for (size_t i = 0; i < pipeline_; ++i) buffer_ += request;
  }

  Batch NextBatch(uint64_t /*due_ns*/) override {
    const auto count = static_cast<size_t>(std::min<uint64_t>(pipeline_, tally_->unsent));
    tally_->unsent -= count;
    if (stream_count_ > 1) {
      for (size_t i = 0; i < count; ++i) {
        PutDigits(buffer_.data() + i * request_bytes_ + digits_end_, random_.Below(stream_count_));
      }
    }
    return {std::string_view(buffer_).substr(0, count * request_bytes_), count};
  }

  void TakeReply(std::string_view reply, uint64_t /*now_ns*/) override {
    if (reply.front() == '$') {
      ++tally_->appended;
    } else {
      ++tally_->unexpected;
    }
  }

 private:
  // Overwrites the zero-filled digits that end before `end`.
  static void PutDigits(char* end, uint64_t number) {
    for (int i = 0; i < 8; ++i, number /= 10) *--end = static_cast<char>('0' + number % 10);
  }

  const uint64_t stream_count_;
  const size_t pipeline_;
  size_t request_bytes_ = 0;
  size_t digits_end_ = 0;
  std::string buffer_;
  Random random_;
  Tally* tally_;
};

// Reads a stream page by page, each from behind the last entry of the one before.
class ScanTraffic : public Traffic {
 public:
  ScanTraffic(const Workload& workload, const Dataset& dataset, Tally* tally)
      : key_(StreamKey(dataset, 0)), count_(std::to_string(workload.read_count)), tally_(tally) {}

  Batch NextBatch(uint64_t /*due_ns*/) override {
    if (at_end_) return {};
    request_.clear();
    AppendRequest({"XRANGE", key_, start_, "+", "COUNT", count_}, &request_);
    return {request_, 1};
  }

  void TakeReply(std::string_view reply, uint64_t /*now_ns*/) override {
    ReplyCursor cursor(reply);
    const int64_t entries = cursor.Line('*');
    std::string_view last;
    for (int64_t i = 0; i < entries && !cursor.failed(); ++i) {
      cursor.Line('*');
      last = cursor.EncodedBulk();
      const int64_t words = cursor.Line('*');
      for (int64_t word = 0; word < words && !cursor.failed(); ++word) cursor.EncodedBulk();
    }
    at_end_ = cursor.failed() || entries == 0;
    if (cursor.failed()) ++tally_->unexpected;
    if (at_end_) return;
    tally_->read += static_cast<uint64_t>(entries);
    start_ = '(' + std::string(ReplyCursor::BulkText(last));
  }

 private:
  const std::string key_;
  const std::string count_;
  std::string start_ = "-";
  std::string request_;
  bool at_end_ = false;
  Tally* tally_;
};

// Walks round and round the group's pending entries.
class ClaimTraffic : public Traffic {
 public:
  ClaimTraffic(const Workload& workload, const Dataset& dataset, Tally* tally)
      : key_(StreamKey(dataset, 0)),
        min_idle_(std::to_string(workload.min_idle_ms)),
        count_(std::to_string(workload.read_count)),
        tally_(tally) {}

  Batch NextBatch(uint64_t /*due_ns*/) override {
    if (tally_->unsent == 0) return {};
    --tally_->unsent;
    request_.clear();
    AppendRequest({"XAUTOCLAIM", key_, kGroup, "claimer", min_idle_, start_, "COUNT", count_},
                  &request_);
    return {request_, 1};
  }

  void TakeReply(std::string_view reply, uint64_t /*now_ns*/) override {
    ReplyCursor cursor(reply);
    cursor.Line('*');
    const std::string_view next = cursor.EncodedBulk();
    if (cursor.failed()) {
      ++tally_->unexpected;
      return;
    }
    start_ = ReplyCursor::BulkText(next);
    ++tally_->answered;
  }

 private:
  const std::string key_;
  const std::string min_idle_;
  const std::string count_;
  std::string start_ = "0-0";
  std::string request_;
  Tally* tally_;
};

// XPENDING key group; the reply must say that something is pending.
class SummaryTraffic : public Traffic {
 public:
  SummaryTraffic(const Dataset& dataset, Tally* tally) : tally_(tally) {
    AppendRequest({"XPENDING", StreamKey(dataset, 0), kGroup}, &request_);
  }

  Batch NextBatch(uint64_t /*due_ns*/) override {
    if (tally_->unsent == 0) return {};
    --tally_->unsent;
    return {request_, 1};
  }

  void TakeReply(std::string_view reply, uint64_t /*now_ns*/) override {
    ReplyCursor cursor(reply);
    cursor.Line('*');
    const int64_t pending = cursor.Line(':');
    ++(cursor.failed() || pending == 0 ? tally_->unexpected : tally_->answered);
  }

 private:
  std::string request_;
  Tally* tally_;
};

GroupReader DrainReader(const Workload& workload, const Dataset& dataset, int client) {
  return {.key = StreamKey(dataset, 0),
          .consumer = "c" + std::to_string(client),
          .count = workload.read_count,
          .entries = workload.read_limit};
}

// Waits for all that the producers of kDeliver add.
GroupReader FollowingReader(const Workload& workload, const Dataset& dataset) {
  return {.key = StreamKey(dataset, 0),
          .consumer = "c0",
          .count = workload.read_count,
          .entries = workload.operations,
          .blocks = true,
          .has_due_times = true};
}

}  // namespace

std::unique_ptr<Traffic> MakeTraffic(const Workload& workload, const Dataset& dataset, int client,
                                     Tally* tally) {
  switch (workload.kind) {
    case TrafficKind::kAppend:
      return std::make_unique<AppendTraffic>(workload, dataset, client, tally);
    case TrafficKind::kDrain:
      return std::make_unique<GroupTraffic>(DrainReader(workload, dataset, client), tally);
    case TrafficKind::kDeliver:
      if (client > 0) return std::make_unique<TimedAppendTraffic>(workload, dataset, tally);
      return std::make_unique<GroupTraffic>(FollowingReader(workload, dataset), tally);
    case TrafficKind::kScan:
      return std::make_unique<ScanTraffic>(workload, dataset, tally);
    case TrafficKind::kClaim:
      return std::make_unique<ClaimTraffic>(workload, dataset, tally);
    case TrafficKind::kSummary:
      break;
  }
  return std::make_unique<SummaryTraffic>(dataset, tally);
}

}  // namespace bench
