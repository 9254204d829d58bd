#include "bench/delivery_traffic.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr size_t kTimeDigits = 20;  // Of any 64-bit number.
constexpr uint64_t kNothingNewNs = 100'000'000;

void PutTime(char* out, uint64_t ns) {
  for (size_t i = kTimeDigits; i-- > 0; ns /= 10) out[i] = static_cast<char>('0' + ns % 10);
}

bool ReadNumber(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && stop == end;
}

}  // namespace

GroupTraffic::GroupTraffic(GroupReader reader, Tally* tally)
    : reader_(std::move(reader)), tally_(tally) {
  const std::string count = std::to_string(reader_.count);
  std::vector<std::string_view> words = {"XREADGROUP",     "GROUP", reader_.group,
                                         reader_.consumer, "COUNT", count};
  if (reader_.blocks) words.insert(words.end(), {"BLOCK", "0"});
  words.insert(words.end(), {"STREAMS", reader_.key, ">"});
  AppendRequest(words, &read_request_);
  AppendRequest({"XACK", reader_.key, reader_.group}, &ack_prefix_);
  ack_prefix_.erase(0, ack_prefix_.find('\n') + 1);  // the count depends on the ids
}

bool GroupTraffic::Finished() const {
  if (stopped_) return true;
  if (reader_.entries > 0 && tally_->read >= reader_.entries) return true;
  return reader_.producers != nullptr && reader_.producers->appended >= reader_.producers_append;
}

Batch GroupTraffic::NextBatch(uint64_t due_ns) {
  if (acknowledging_) return {.bytes = ack_request_, .requests = 1};
  if (Finished()) return {};
  if (due_ns < not_before_ns_) return {.bytes = {}, .not_before_ns = not_before_ns_};
  if (first_read_ns_ == 0) first_read_ns_ = due_ns;
  return {.bytes = read_request_, .requests = 1};
}

void GroupTraffic::TakeReply(std::string_view reply, uint64_t now_ns) {
  ReplyCursor cursor(reply);
  if (acknowledging_) {
    const int64_t count = cursor.Line(':');
    tally_->acknowledged += static_cast<uint64_t>(count);
    if (cursor.failed() || static_cast<size_t>(count) != id_count_) ++tally_->unexpected;
    acknowledging_ = false;
  } else if (reply != "*-1\r\n") {
    TakeEntries(cursor, now_ns);
  } else if (reader_.producers != nullptr) {
    not_before_ns_ = now_ns + kNothingNewNs;
  } else {
    // A read that waits without limit has nothing to say before there is an entry.
    if (reader_.blocks) ++tally_->unexpected;
    stopped_ = true;
  }
}

// [[key, [[id, [field, value]], ...]]]
void GroupTraffic::TakeEntries(ReplyCursor& cursor, uint64_t now_ns) {
  ids_.clear();
  id_count_ = 0;
  cursor.Line('*');
  cursor.Line('*');
  cursor.EncodedBulk();
  const int64_t entries = cursor.Line('*');
  for (int64_t i = 0; i < entries && !cursor.failed(); ++i) TakeEntry(cursor, now_ns);
  if (cursor.failed() || id_count_ == 0) {
    ++tally_->unexpected;
    stopped_ = true;
    return;
  }
  read_ += id_count_;
  tally_->read += id_count_;
  ack_request_ = "*" + std::to_string(3 + id_count_) + "\r\n" + ack_prefix_ + ids_;
  acknowledging_ = true;
  if (reader_.entries_per_s > 0) {
    const double seconds = static_cast<double>(read_) / reader_.entries_per_s;
    not_before_ns_ = first_read_ns_ + static_cast<uint64_t>(seconds * 1e9);
  }
}

void GroupTraffic::TakeEntry(ReplyCursor& cursor, uint64_t now_ns) {
  cursor.Line('*');
  const std::string_view id = cursor.EncodedBulk();
  const int64_t words = cursor.Line('*');
  std::string_view last;
  for (int64_t word = 0; word < words && !cursor.failed(); ++word) last = cursor.EncodedBulk();
  if (cursor.failed()) return;
  ids_ += id;
  ++id_count_;
  if (!Rises(ReplyCursor::BulkText(id))) ++tally_->unexpected;
  if (!reader_.has_due_times) return;
  uint64_t due_ns = 0;
  if (words != 2 || !ReadNumber(ReplyCursor::BulkText(last).substr(0, kTimeDigits), &due_ns)) {
    ++tally_->unexpected;
    return;
  }
  tally_->delivered_ns.Record(now_ns > due_ns ? now_ns - due_ns : 0);
}

bool GroupTraffic::Rises(std::string_view id) {
  const size_t dash = std::min(id.find('-'), id.size() - 1);
  uint64_t ms = 0;
  uint64_t seq = 0;
  if (!ReadNumber(id.substr(0, dash), &ms) || !ReadNumber(id.substr(dash + 1), &seq)) return false;
  const bool rises = std::pair(ms, seq) > std::pair(last_id_ms_, last_id_seq_);
  last_id_ms_ = ms;
  last_id_seq_ = seq;
  return rises;
}

TimedAppendTraffic::TimedAppendTraffic(const Workload& workload, const Dataset& dataset,
                                       Tally* tally)
    : tally_(tally) {
  const std::string key = StreamKey(dataset, 0);
  const std::string max_length = std::to_string(workload.max_length);
  const std::string value(std::max(dataset.value_bytes, kTimeDigits), 'x');
  std::vector<std::string_view> words = {"XADD", key};
  if (workload.max_length > 0) words.insert(words.end(), {"MAXLEN", "~", max_length});
  words.insert(words.end(), {"*", kField, value});
  AppendRequest(words, &request_);
  time_at_ = request_.size() - value.size() - 2;
}

Batch TimedAppendTraffic::NextBatch(uint64_t due_ns) {
  if (tally_->unsent == 0) return {};
  --tally_->unsent;
  PutTime(request_.data() + time_at_, due_ns);
  return {.bytes = request_, .requests = 1};
}

void TimedAppendTraffic::TakeReply(std::string_view reply, uint64_t /*now_ns*/) {
  ++(reply.front() == '$' ? tally_->appended : tally_->unexpected);
}

}  // namespace bench
