// The fuzzer's commands on keys as such: strings, expiry, new names. Strings have names of their
// own, so that the commands on streams need not know of them; they are made over streams, too.
#include <algorithm>
#include <optional>

#include "tests/model/fuzzer.h"

namespace tests {

using engine::Code;
using engine::Op;
using engine::Result;

std::string Fuzzer::PickStringKey() { return PickOf<const char*>({"s", "t"}); }

int64_t Fuzzer::PickExpiry() {
  // With threads the reaper's progress depends on them.
  if (options_.threads || OneIn(2)) {
    return 0;
  }
  return engine_.now_ms() + static_cast<int64_t>(1 + Draw(OneIn(3) ? 10'000 : 200));
}

// Keys whose time has come are gone for the model at once; here the engine deletes them, too, so
// that both count the same.
void Fuzzer::ReapAll() {
  const int64_t now_ms = engine_.now_ms();
  for (ModelDatabase& database : databases_) {
    std::erase_if(database, [now_ms](const auto& key) {
      return key.second.expire_ms != 0 && key.second.expire_ms <= now_ms;
    });
  }
  for (int step = 0; !options_.threads && engine_->next_reap_unix_ms() <= now_ms; ++step) {
    engine_->ReapExpired(engine_.Now());
    engine_.RunPosted();  // What it fetched.
    if (step == 1000) {
      Expect(false, "reaping gets nowhere");
      return;
    }
  }
}

void Fuzzer::SetString() {
  const std::string to = PickStringKey();
  const bool over_stream = OneIn(3);
  const std::string key = over_stream ? key_ : to;
  const std::string value(PickSize(), static_cast<char>('a' + Draw(26)));
  const int64_t expire_ms = PickExpiry();
  Note("set " + std::to_string(db_) + "/" + key + " size " + std::to_string(value.size()) +
       " expires " + std::to_string(expire_ms));
  const auto set =
      engine_.Run(db_, [&](Op& op) { return engine_->SetString(op, key, value, expire_ms); });
  Expect(set.ok() && *set == !databases_[db_].contains(key), "set: new");
  ModelStream string;
  string.text = value;
  string.expire_ms = expire_ms;
  databases_[db_].erase(key);
  databases_[db_].emplace(key, std::move(string));
  if (over_stream && !failed()) {
    RenameKey(key, to);
  }
}

void Fuzzer::GetString() {
  const std::string key = PickStringKey();
  Note("get " + std::to_string(db_) + "/" + key);
  std::optional<std::string> value;
  const auto got = engine_.Run(db_, [&](Op& op) -> engine::Status {
    ASSIGN_OR_RETURN(const std::string* text, engine_->OpenString(op, key));
    value = *text;
    return engine::OkStatus();
  });
  const auto wanted = databases_[db_].find(key);
  const bool is_there = wanted != databases_[db_].end();
  Expect(got.ok() == is_there && (!is_there || value == wanted->second.text), "get");
}

void Fuzzer::SetExpiry() {
  const std::string key = OneIn(2) ? key_ : PickStringKey();
  const int64_t expire_ms = PickExpiry();
  Note("expire " + std::to_string(db_) + "/" + key + " " + std::to_string(expire_ms));
  const auto set = engine_.Run(db_, [&](Op& op) { return engine_->SetExpiry(op, key, expire_ms); });
  const auto known = databases_[db_].find(key);
  Expect(set.ok() && *set == (known != databases_[db_].end()), "expire");
  if (known != databases_[db_].end()) {
    known->second.expire_ms = expire_ms;
  }
}

void Fuzzer::RenameKey(const std::string& from, const std::string& to) {
  Note("rename " + std::to_string(db_) + "/" + from + " " + to);
  const auto renamed =
      engine_.Run(db_, [&](Op& op) { return engine_->Rename(op, from, to, true); });
  ModelDatabase& database = databases_[db_];
  Expect(database.contains(from) ? renamed.ok() : renamed.code() == Code::kNotFound, "rename");
  if (!database.contains(from) || from == to) {
    return;
  }
  auto node = database.extract(from);
  node.key() = to;
  database.erase(to);
  database.insert(std::move(node));
}

void Fuzzer::Rename() { RenameKey(key_, PickOf<const char*>({"a", "b", "c", "big"})); }

void Fuzzer::Copy() {
  const bool is_string = OneIn(3);
  const std::string from = is_string ? PickStringKey() : key_;
  const std::string to =
      is_string ? PickStringKey() : std::string(PickOf<const char*>({"a", "b", "c", "big"}));
  const uint32_t to_db = OneIn(2) ? db_ : 1 - db_;
  const bool replace = OneIn(2);
  if (to_db == db_ && from == to) {
    return;
  }
  Note("copy " + std::to_string(db_) + "/" + from + " " + std::to_string(to_db) + "/" + to +
       (replace ? " replace" : ""));
  const auto copied =
      engine_.Run(db_, [&](Op& op) { return engine_->Copy(op, from, to_db, to, replace); });
  const auto source = databases_[db_].find(from);
  if (source == databases_[db_].end()) {
    Expect(copied.code() == Code::kNotFound, "copy: code");
    return;
  }
  const bool wanted = replace || !databases_[to_db].contains(to);
  Expect(copied.ok() && *copied == wanted, "copy");
  if (wanted) {
    databases_[to_db].insert_or_assign(to, source->second.Copied());
  }
}

void Fuzzer::SwapDatabases() {
  Note("swap databases");
  const auto swapped = engine_.Run(db_, [&](Op& op) { return engine_->SwapDatabases(op, 0, 1); });
  Expect(swapped.ok(), "swap");
  std::swap(databases_[0], databases_[1]);
}

}  // namespace tests
