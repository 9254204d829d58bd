#include "engine/producer_page.h"

#include <algorithm>

#include "engine/check.h"
#include "engine/checksum.h"
#include "engine/codec.h"

namespace engine {
namespace {

constexpr uint8_t kProducerPageVersion = 1;
// Encoded bytes beside the names, about.
constexpr size_t kProducerBytes = 4;
constexpr size_t kIidBytes = 6;
// Memory beside the texts.
constexpr size_t kProducerMemory = sizeof(Producer) + 64;
constexpr size_t kIidMemory = sizeof(Producer::Iid) + 48;

}  // namespace

const Producer::Iid* Producer::Find(std::string_view iid) const {
  const auto it = by_text_.find(iid);
  return it == by_text_.end() ? nullptr : it->second;
}

size_t Producer::CountAbove(uint64_t ms) const {
  const auto begin = iids_.begin() + static_cast<ptrdiff_t>(head_);
  const auto above = std::upper_bound(
      begin, iids_.end(), ms,
      [](uint64_t wanted, const std::unique_ptr<Iid>& iid) { return wanted < iid->id.ms; });
  return static_cast<size_t>(iids_.end() - above);
}

void Producer::Add(StreamId id, std::string_view iid) {
  auto added = std::make_unique<Iid>(Iid{id, std::string(iid)});
  CHECK(by_text_.emplace(added->text, added.get()).second);
  auto at = iids_.end();
  while (at != iids_.begin() + static_cast<ptrdiff_t>(head_) && (*std::prev(at))->id > id) {
    --at;  // XIDMPRECORD may name an older entry.
  }
  iids_.insert(at, std::move(added));
}

size_t Producer::ForgetOldest() {
  const std::unique_ptr<Iid>& oldest = iids_[head_];
  const size_t bytes = oldest->text.size();
  by_text_.erase(std::string_view(oldest->text));
  iids_[head_++].reset();
  if (head_ > iids_.size() / 2) {
    iids_.erase(iids_.begin(), iids_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
  return bytes;
}

size_t ProducerPage::memory_bytes() const {
  return sizeof(ProducerPage) + bytes_ + producers_.size() * kProducerMemory +
         iid_count_ * kIidMemory;
}

ProducerPage::Counts ProducerPage::CountAbove(uint64_t ms) const {
  Counts counts;
  for (const auto& [name, producer] : producers_) {
    const size_t above = producer->CountAbove(ms);
    counts.producers += above > 0 ? 1 : 0;
    counts.iids += above;
  }
  return counts;
}

ProducerPage::Span ProducerPage::FindSpan() const {
  Span span;
  for (const auto& [name, producer] : producers_) {
    span.oldest_ms = std::min(span.oldest_ms, producer->At(0).id.ms);
    span.newest_ms = std::max(span.newest_ms, producer->At(producer->size() - 1).id.ms);
  }
  return span;
}

const Producer* ProducerPage::Find(const ProducerName& name) const {
  const auto it = producers_.find(name);
  return it == producers_.end() ? nullptr : it->second.get();
}

void ProducerPage::ForEach(
    absl::FunctionRef<void(const ProducerName&, const Producer&)> visit) const {
  for (const auto& [name, producer] : producers_) {
    visit(name, *producer);
  }
}

void ProducerPage::Record(const ProducerName& name, std::string_view iid, StreamId id,
                          size_t max_size) {
  auto it = producers_.find(name);
  if (it == producers_.end()) {
    auto producer = std::make_unique<Producer>(name.text);
    const ProducerName own(producer->name());
    it = producers_.emplace(own, std::move(producer)).first;
    bytes_ += kProducerBytes + name.text.size();
  }
  Producer& producer = *it->second;
  // What it stood for has expired, and so has all that is older.
  while (producer.Find(iid) != nullptr) {
    bytes_ -= kIidBytes + producer.ForgetOldest();
    --iid_count_;
  }
  producer.Add(id, iid);
  bytes_ += kIidBytes + iid.size();
  ++iid_count_;
  while (producer.size() > max_size) {
    bytes_ -= kIidBytes + producer.ForgetOldest();
    --iid_count_;
  }
}

void ProducerPage::ForgetThrough(uint64_t first_hash, uint64_t last_hash, uint64_t ms) {
  for (auto it = producers_.begin(); it != producers_.end();) {
    Producer& producer = *it->second;
    const bool is_within = it->first.hash >= first_hash && it->first.hash <= last_hash;
    while (is_within && producer.size() > 0 && producer.At(0).id.ms <= ms) {
      bytes_ -= kIidBytes + producer.ForgetOldest();
      --iid_count_;
    }
    if (producer.size() > 0) {
      ++it;
    } else {
      bytes_ -= kProducerBytes + producer.name().size();
      it = producers_.erase(it);
    }
  }
}

std::optional<std::pair<uint64_t, ProducerPage>> ProducerPage::Split() {
  if (producers_.begin()->first.hash == std::prev(producers_.end())->first.hash) {
    return std::nullopt;
  }
  const auto size_of = [](const Producer& producer) {
    size_t bytes = kProducerBytes + producer.name().size();
    for (size_t i = 0; i < producer.size(); ++i) {
      bytes += kIidBytes + producer.At(i).text.size();
    }
    return bytes;
  };
  auto border = producers_.begin();
  size_t lower_bytes = 0;
  uint64_t lower_hash = border->first.hash;
  // Past the half, and to where the hash changes; the last hash is as good as any if it is large.
  for (auto it = producers_.begin(); it != producers_.end(); ++it) {
    if (it->first.hash != lower_hash) {
      border = it;
      if (lower_bytes >= bytes_ / 2) {
        break;
      }
    }
    lower_hash = it->first.hash;
    lower_bytes += size_of(*it->second);
  }
  ProducerPage upper;
  const uint64_t first_hash = border->first.hash;
  for (auto it = border; it != producers_.end(); ++it) {
    const size_t bytes = size_of(*it->second);
    upper.bytes_ += bytes;
    bytes_ -= bytes;
    upper.iid_count_ += it->second->size();
    iid_count_ -= it->second->size();
    upper.producers_.emplace(it->first, std::move(it->second));
  }
  producers_.erase(border, producers_.end());
  return std::make_pair(first_hash, std::move(upper));
}

void ProducerPage::Encode(std::string* out) const {
  CHECK(!empty());
  const size_t begin = out->size();
  PutU8(out, kProducerPageVersion);
  PutVarint(out, producers_.size());
  for (const auto& [name, producer] : producers_) {
    PutString(out, name.text);
    PutVarint(out, producer->size());
    StreamId base;
    for (size_t i = 0; i < producer->size(); ++i) {
      const Producer::Iid& iid = producer->At(i);
      PutIdDelta(out, base, iid.id);
      PutString(out, iid.text);
      base = iid.id;
    }
  }
  SealRecord(out, begin);
}

Result<ProducerPage> ProducerPage::Decode(std::string_view stored) {
  const Status damaged(Code::kCorruption, "producer page is damaged");
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return damaged;
  }
  Decoder decoder(*body);
  if (decoder.ReadU8() != kProducerPageVersion) {
    return Status(Code::kCorruption, "producer page of an unknown version");
  }
  ProducerPage page;
  const uint64_t producer_count = decoder.ReadVarint();
  for (uint64_t i = 0; i < producer_count && decoder.ok(); ++i) {
    const ProducerName name(decoder.ReadString());
    const uint64_t iid_count = decoder.ReadVarint();
    if (iid_count == 0 || name.text.empty() ||
        (i > 0 && name <= std::prev(page.producers_.end())->first)) {
      return damaged;
    }
    StreamId base;
    for (uint64_t n = 0; n < iid_count && decoder.ok(); ++n) {
      base = decoder.ReadIdDelta(base);
      const std::string_view iid = decoder.ReadString();
      const Producer* producer = page.Find(name);
      if (!decoder.ok() || (producer != nullptr && producer->Find(iid) != nullptr)) {
        return damaged;
      }
      page.Record(name, iid, base, SIZE_MAX);
    }
  }
  return decoder.AtEnd() && !page.empty() ? Result<ProducerPage>(std::move(page))
                                          : Result<ProducerPage>(damaged);
}

}  // namespace engine
