#include "engine/keyspace.h"

#include <algorithm>

#include "engine/check.h"

namespace engine {

KeyHolder* HolderMap::Find(std::string_view name, NameHashes* hashes) {
  if (last_found_ != nullptr && last_found_->key == name) {
    return last_found_;
  }
  const auto it =
      hashes == nullptr ? holders_.find(name) : holders_.find(HashedName{name, hashes->Of(name)});
  if (it == holders_.end()) {
    return nullptr;
  }
  last_found_ = it->second.get();
  return last_found_;
}

const KeyHolder* HolderMap::Guess(size_t hash) const {
  const auto it = holders_.find(NameGuess{hash});
  return it == holders_.end() ? nullptr : it->second.get();
}

void HolderMap::Add(std::unique_ptr<KeyHolder> holder) {
  const std::string_view name = holder->key;
  CHECK(holders_.emplace(name, std::move(holder)).second);
}

std::unique_ptr<KeyHolder> HolderMap::Take(std::string_view name) {
  last_found_ = nullptr;
  auto node = holders_.extract(name);
  return node.empty() ? nullptr : std::move(node.mapped());
}

void HolderMap::TakeSome(size_t most, absl::FunctionRef<void(std::unique_ptr<KeyHolder>)> visit) {
  last_found_ = nullptr;
  for (auto it = holders_.begin(); it != holders_.end() && most > 0; --most) {
    std::unique_ptr<KeyHolder> holder = std::move(it->second);
    holders_.erase(it++);
    visit(std::move(holder));
  }
}

void Database::CountExpiry(int64_t expire_ms, bool is_there) {
  // Far times count as this one, so that the sum cannot overflow.
  constexpr uint64_t kFarSeconds = uint64_t{1} << 40;
  if (expire_ms == 0) {
    return;
  }
  const uint64_t seconds = std::min(static_cast<uint64_t>(expire_ms) / 1000, kFarSeconds);
  expiring_count += is_there ? 1 : uint64_t{0} - 1;
  expiry_sum_s += is_there ? seconds : uint64_t{0} - seconds;
}

Database* Keyspace::ByPhysical(uint32_t physical) {
  for (const auto& database : databases_) {
    if (database != nullptr && database->physical == physical) {
      return database.get();
    }
  }
  return nullptr;
}

uint32_t Keyspace::LogicalOf(const Database& database) const {
  for (uint32_t i = 0; i < size(); ++i) {
    if (databases_[i].get() == &database) {
      return i;
    }
  }
  CHECK(false);
}

Stream* Keyspace::StreamByUid(Uid uid) const {
  const auto it = streams_.find(uid);
  return it == streams_.end() ? nullptr : it->second;
}

void Keyspace::Trim() {
  for (const auto& database : databases_) {
    if (database != nullptr) {
      database->holders.Trim();
    }
  }
  TrimMap(&streams_);
}

void Keyspace::ForEachStream(absl::FunctionRef<void(Stream&)> visit) {
  for (const auto& [uid, stream] : streams_) {
    if (ByPhysical(stream->physical_db) != nullptr) {
      visit(*stream);
    }
  }
}

KeyHolder* Keyspace::Find(Database& database, std::string_view key, NameHashes* hashes) {
  return database.holders.Find(key, hashes);
}

}  // namespace engine
