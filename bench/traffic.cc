#include "bench/traffic.h"

#include <algorithm>
#include <charconv>

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

  Batch NextBatch() override {
    const auto count = static_cast<size_t>(std::min<uint64_t>(pipeline_, tally_->unsent));
    tally_->unsent -= count;
    if (stream_count_ > 1) {
      for (size_t i = 0; i < count; ++i) {
        PutDigits(buffer_.data() + i * request_bytes_ + digits_end_, random_.Below(stream_count_));
      }
    }
    return {std::string_view(buffer_).substr(0, count * request_bytes_), count};
  }

  void TakeReply(std::string_view reply) override {
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

// Walks over the bytes of a whole reply. After a surprise it stays `failed` and returns zeros.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  bool failed() const { return failed_; }

  // Reads the number of a line of this type.
  int64_t Line(char type) {
    int64_t number = 0;
    if (p_ == end_ || *p_ != type) return Fail();
    const auto [stop, error] = std::from_chars(p_ + 1, end_, number);
    if (error != std::errc() || end_ - stop < 2) return Fail();
    p_ = stop + 2;
    return number;
  }

  // Passes over a bulk string and returns it as encoded.
  std::string_view EncodedBulk() {
    const char* const begin = p_;
    const int64_t bytes = Line('$');
    if (bytes < 0 || end_ - p_ < bytes + 2) Fail();
    if (failed_) return {};
    p_ += bytes + 2;
    return {begin, static_cast<size_t>(p_ - begin)};
  }

 private:
  int64_t Fail() {
    failed_ = true;
    return 0;
  }

  const char* p_;
  const char* end_;
  bool failed_ = false;
};

// The text of a bulk string as encoded.
std::string_view BulkText(std::string_view encoded) {
  const size_t begin = encoded.find('\n') + 1;
  return encoded.substr(begin, encoded.size() - begin - 2);
}

// A consumer that reads, acknowledges what it read, and waits for each reply before it goes on.
class DrainTraffic : public Traffic {
 public:
  DrainTraffic(const Workload& workload, const Dataset& dataset, int client, Tally* tally)
      : tally_(tally) {
    const std::string key = StreamKey(dataset, 0);
    AppendRequest({"XREADGROUP", "GROUP", kGroup, "c" + std::to_string(client), "COUNT",
                   std::to_string(workload.read_count), "STREAMS", key, ">"},
                  &read_request_);
    AppendRequest({"XACK", key, kGroup}, &ack_prefix_);
    ack_prefix_.erase(0, ack_prefix_.find('\n') + 1);  // the count depends on the ids
  }

  Batch NextBatch() override {
    if (drained_) return {};
    return {acknowledging_ ? ack_request_ : read_request_, 1};
  }

  void TakeReply(std::string_view reply) override {
    Cursor cursor(reply);
    if (acknowledging_) {
      const int64_t count = cursor.Line(':');
      tally_->acknowledged += static_cast<uint64_t>(count);
      if (cursor.failed() || static_cast<size_t>(count) != id_count_) ++tally_->unexpected;
      acknowledging_ = false;
    } else if (reply == "*-1\r\n") {
      drained_ = true;
    } else {
      TakeEntries(cursor);
    }
  }

 private:
  // [[key, [[id, [field, value]], ...]]]
  void TakeEntries(Cursor& cursor) {
    ids_.clear();
    id_count_ = 0;
    cursor.Line('*');
    cursor.Line('*');
    cursor.EncodedBulk();
    const int64_t entries = cursor.Line('*');
    for (int64_t i = 0; i < entries && !cursor.failed(); ++i) {
      cursor.Line('*');
      ids_ += cursor.EncodedBulk();
      ++id_count_;
      const int64_t words = cursor.Line('*');
      for (int64_t word = 0; word < words && !cursor.failed(); ++word) cursor.EncodedBulk();
    }
    if (cursor.failed() || id_count_ == 0) {
      ++tally_->unexpected;
      drained_ = true;
      return;
    }
    tally_->read += id_count_;
    ack_request_ = "*" + std::to_string(3 + id_count_) + "\r\n" + ack_prefix_ + ids_;
    acknowledging_ = true;
  }

  std::string read_request_;
  std::string ack_prefix_;  // XACK key group, encoded
  std::string ack_request_;
  std::string ids_;  // of the last read, encoded
  size_t id_count_ = 0;
  bool acknowledging_ = false;
  bool drained_ = false;
  Tally* tally_;
};

// Reads a stream page by page, each from behind the last entry of the one before.
class ScanTraffic : public Traffic {
 public:
  ScanTraffic(const Workload& workload, const Dataset& dataset, Tally* tally)
      : key_(StreamKey(dataset, 0)), count_(std::to_string(workload.read_count)), tally_(tally) {}

  Batch NextBatch() override {
    if (at_end_) return {};
    request_.clear();
    AppendRequest({"XRANGE", key_, start_, "+", "COUNT", count_}, &request_);
    return {request_, 1};
  }

  void TakeReply(std::string_view reply) override {
    Cursor cursor(reply);
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
    start_ = '(' + std::string(BulkText(last));
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

  Batch NextBatch() override {
    if (tally_->unsent == 0) return {};
    --tally_->unsent;
    request_.clear();
    AppendRequest({"XAUTOCLAIM", key_, kGroup, "claimer", min_idle_, start_, "COUNT", count_},
                  &request_);
    return {request_, 1};
  }

  void TakeReply(std::string_view reply) override {
    Cursor cursor(reply);
    cursor.Line('*');
    const std::string_view next = cursor.EncodedBulk();
    if (cursor.failed()) {
      ++tally_->unexpected;
      return;
    }
    start_ = BulkText(next);
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

  Batch NextBatch() override {
    if (tally_->unsent == 0) return {};
    --tally_->unsent;
    return {request_, 1};
  }

  void TakeReply(std::string_view reply) override {
    Cursor cursor(reply);
    cursor.Line('*');
    const int64_t pending = cursor.Line(':');
    ++(cursor.failed() || pending == 0 ? tally_->unexpected : tally_->answered);
  }

 private:
  std::string request_;
  Tally* tally_;
};

}  // namespace

std::unique_ptr<Traffic> MakeTraffic(const Workload& workload, const Dataset& dataset, int client,
                                     Tally* tally) {
  switch (workload.kind) {
    case TrafficKind::kAppend:
      return std::make_unique<AppendTraffic>(workload, dataset, client, tally);
    case TrafficKind::kDrain:
      return std::make_unique<DrainTraffic>(workload, dataset, client, tally);
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
