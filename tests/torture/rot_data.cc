#include "tests/torture/rot_data.h"

#include <cstdio>
#include <cstdlib>

#include "engine/inspect.h"
#include "engine/policy.h"
#include "tests/model/state_dump.h"

namespace tests {

using engine::Op;
using engine::Status;
using engine::Stream;
using engine::StreamId;

namespace {

constexpr int kSmallKeys = 30;
constexpr int kStrings = 20;

void Demand(const Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "the data set cannot be made: %s\n", status.message().c_str());
    std::abort();
  }
}

engine::PolicySetting Number(engine::GroupOption option, int64_t value) {
  return {static_cast<uint8_t>(option), {value, 0, 0}, {}};
}

std::vector<StreamId> PendingIds(TestEngine& engine, Op& op, Stream& stream, engine::Group& group,
                                 Status* status) {
  std::vector<StreamId> ids;
  engine::PendingRangeArgs all;
  all.end = StreamId::Max();
  all.count = INT64_MAX;
  *status = engine->ListPending(op, stream, group, all,
                                [&](const engine::PendingRow& row) { ids.push_back(row.id); });
  return ids;
}

}  // namespace

engine::EngineOptions RotOptions(const std::string& directory) {
  engine::EngineOptions options = TestEngine::SmallOptions(directory);
  options.databases = 3;
  options.journal_segment_bytes = uint64_t{64} << 10;
  options.checkpoint_bytes = uint64_t{256} << 20;  // Only when asked for.
  options.fsync = engine::FsyncMode::kAlways;
  return options;
}

RotState ReadAll(TestEngine& engine, const RotState& expected, RotFaults* faults) {
  RotState state;
  std::map<std::pair<uint32_t, std::string>, bool> names;
  for (const auto& [name, text] : expected.keys) {
    names[name] = false;
  }
  for (uint32_t db = 0; db < engine.options().databases; ++db) {
    const auto keys = engine.Run(db, [&](Op& op) { return engine->Keys(op, ""); });
    if (!keys.ok()) {
      faults->insert_or_assign({db, "(list of keys)"}, keys.status());
      continue;
    }
    for (const std::string& key : *keys) {
      names[{db, key}] = true;
    }
  }
  DumpOptions options;
  options.now = engine.Now();
  for (const auto& [name, listed] : names) {
    std::string text;
    const Status status = DumpKey(engine, name.first, name.second, options, &text);
    if (status.ok()) {
      state.keys[name] = std::move(text);
    } else if (status.code() != engine::Code::kNotFound || listed) {
      faults->insert_or_assign(name, status);
    }
  }
  return state;
}

RotData::RotData(std::string directory, uint64_t seed)
    : engine_(RotOptions(directory)), random_(seed) {}

std::string RotData::Text(size_t most) {
  // Half of it random, so that compression does not take it all away.
  std::string text;
  const size_t size = 1 + Draw(most);
  while (text.size() < size) {
    text += Draw(2) == 0 ? std::string(1 + Draw(9), 'x') : std::to_string(random_());
  }
  text.resize(size);
  return text;
}

template <typename Call>
void RotData::OnStream(uint32_t db, const std::string& key, Call call) {
  Demand(engine_.Run(db, [&](Op& op) -> Status {
    ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key));
    return call(op, *stream);
  }));
  if (Draw(3) == 0) {
    engine_.EndTurn();
  }
}

template <typename Call>
void RotData::OnGroup(const std::string& key, const std::string& group, Call call) {
  OnStream(0, key, [&](Op& op, Stream& stream) -> Status {
    ASSIGN_OR_RETURN(engine::Group * opened, engine_->OpenGroup(op, stream, group));
    return call(op, stream, *opened);
  });
}

void RotData::Add(uint32_t db, const std::string& key, size_t count, size_t most_bytes) {
  for (size_t i = 0; i < count; ++i) {
    const Entry entry({"f", Text(most_bytes)});
    Demand(engine_
               .Run(db,
                    [&](Op& op) -> engine::Result<engine::AddResult> {
                      const auto stream = engine_->OpenStream(op, key);
                      if (!stream.ok() && stream.code() != engine::Code::kNotFound) {
                        return stream.status();
                      }
                      return engine_->Add(op, key, stream.ok() ? *stream : nullptr, {},
                                          entry.payload(), {});
                    })
               .status());
    engine_.Advance(static_cast<int64_t>(Draw(3)));
    if (Draw(8) == 0) {
      engine_.EndTurn();
    }
  }
}

void RotData::AddProduced(const std::string& key, size_t count) {
  Add(0, key, 1, 20);
  for (size_t i = 0; i < count; ++i) {
    const Entry entry = Entry::Of(Text(60));
    const std::string producer = "producer-" + std::to_string(Draw(40));
    const std::string iid = "iid-" + std::to_string(random_());
    OnStream(0, key, [&](Op& op, Stream& stream) {
      return engine_->AddOnce(op, key, &stream, {producer, iid}, entry.payload(), {}).status();
    });
  }
}

void RotData::Schedule(const std::string& key, size_t count) {
  Add(0, key, 1, 20);
  for (size_t i = 0; i < count; ++i) {
    const Entry entry = Entry::Of(Text(80));
    OnStream(0, key, [&](Op& op, Stream& stream) {
      const int64_t due = op.now.unix_ms + 100'000'000 + static_cast<int64_t>(Draw(1'000'000));
      return engine_->ScheduleEntry(op, key, &stream, due, entry.payload()).status();
    });
  }
}

void RotData::SetString(uint32_t db, const std::string& key, size_t most_bytes, bool expires) {
  const std::string text = Text(most_bytes);
  Demand(engine_
             .Run(db,
                  [&](Op& op) {
                    const int64_t expire_ms = expires ? op.now.unix_ms + 900'000'000 : 0;
                    return engine_->SetString(op, key, text, expire_ms);
                  })
             .status());
}

void RotData::Group(const std::string& key, const std::string& group) {
  Add(0, key, 1, 20);
  OnStream(0, key, [&](Op& op, Stream& stream) {
    if (engine_->OpenGroup(op, stream, group).ok()) {
      return engine::OkStatus();
    }
    return engine_->CreateGroup(op, stream, group, {}, std::nullopt);
  });
}

void RotData::Read(const std::string& key, const std::string& group, const std::string& consumer,
                   int64_t count) {
  OnGroup(key, group, [&](Op& op, Stream& stream, engine::Group& opened) -> Status {
    engine::ReadNewArgs args;
    args.consumer = consumer;
    args.count = count;
    RETURN_IF_ERROR(engine_->PrepareReadNew(op, stream, opened, args));
    return engine_
        ->ReadNew(op, stream, opened, args,
                  [](const engine::EntryView&, const engine::PriorDelivery&) { return true; })
        .status();
  });
}

void RotData::Acknowledge(const std::string& key, const std::string& group, size_t one_of) {
  OnGroup(key, group, [&](Op& op, Stream& stream, engine::Group& opened) -> Status {
    Status listed;
    const auto pending = PendingIds(engine_, op, stream, opened, &listed);
    RETURN_IF_ERROR(listed);
    std::vector<StreamId> ids;
    for (size_t i = 0; i < pending.size(); i += one_of) {
      ids.push_back(pending[i]);
    }
    return engine_->Acknowledge(op, stream, opened, ids).status();
  });
}

void RotData::Release(const std::string& key, const std::string& group, size_t most) {
  OnGroup(key, group, [&](Op& op, Stream& stream, engine::Group& opened) -> Status {
    Status listed;
    auto ids = PendingIds(engine_, op, stream, opened, &listed);
    RETURN_IF_ERROR(listed);
    ids.resize(std::min(ids.size(), most));
    engine::ReleaseArgs args;
    args.reason = "a reason";
    args.delay_ms = 100'000'000;
    return engine_->Release(op, stream, opened, args, ids).status();
  });
}

void RotData::DeleteSome(const std::string& key, size_t one_of) {
  OnStream(0, key, [&](Op& op, Stream& stream) -> Status {
    std::vector<StreamId> all;
    engine::RangeArgs range;
    range.end = StreamId::Max();
    RETURN_IF_ERROR(engine_->Range(
        op, stream, range, [&](const engine::EntryView& entry) { all.push_back(entry.id); }));
    std::vector<StreamId> ids;
    for (size_t i = 1; i < all.size(); i += one_of) {
      ids.push_back(all[i]);
    }
    return engine_->DeleteEntries(op, stream, ids).status();
  });
}

// Entries that are delivered too often and become dead letters in another stream.
void RotData::Poison(const std::string& key) {
  Group(key, "g");
  OnGroup(key, "g", [&](Op& op, Stream& stream, engine::Group& opened) {
    engine::PolicyChange change;
    change.set = {
        Number(engine::GroupOption::kMaxDeliveries, 1),
        {static_cast<uint8_t>(engine::GroupOption::kDeadLetterKey), {}, key + ":letters"}};
    engine_->SetPolicy(op, stream, opened, change);
    return engine::OkStatus();
  });
  Add(0, key, 10, 60);
  Read(key, "g", "c", 6);
  OnGroup(key, "g", [&](Op& op, Stream& stream, engine::Group& opened) -> Status {
    Status listed;
    const auto ids = PendingIds(engine_, op, stream, opened, &listed);
    RETURN_IF_ERROR(listed);
    return engine_->Release(op, stream, opened, {}, ids).status();
  });
  Read(key, "g", "c", 2);
}

void RotData::Round(const std::string& prefix, size_t scale) {
  Add(0, prefix + "long", 60 * scale, 400);
  Add(0, prefix + "queue", 100 * scale, 60);
  Group(prefix + "queue", "g");
  Group(prefix + "queue", "h");
  Read(prefix + "queue", "g", "alice", static_cast<int64_t>(80 * scale));
  Read(prefix + "queue", "g", "bob", static_cast<int64_t>(60 * scale));
  Read(prefix + "queue", "h", "carol", 30);
  Acknowledge(prefix + "queue", "g", 3);
  Release(prefix + "queue", "g", 5);
  AddProduced(prefix + "produced", 25 * scale);
  Schedule(prefix + "later", 8 * scale);
  Poison(prefix + "poison");
  Add(0, prefix + "holes", 40 * scale, 80);
  DeleteSome(prefix + "holes", 4);
  OnStream(0, prefix + "holes", [&](Op& op, Stream& stream) {
    engine::TrimArgs trim;
    trim.strategy = engine::TrimArgs::Strategy::kMaxLen;
    trim.max_len = 30;
    return engine_->Trim(op, stream, trim).status();
  });
  for (int i = 0; i < kSmallKeys; ++i) {
    if (Draw(2) == 0) {
      Add(1, prefix + "small-" + std::to_string(i), 1 + Draw(3), 50);
    }
  }
  for (int i = 0; i < kStrings; ++i) {
    if (Draw(3) != 0) {
      SetString(i % 3 == 0 ? 1 : 0, prefix + "text-" + std::to_string(i), 600, i % 4 == 0);
    }
  }
  engine_
      .Run(0,
           [&](Op& op) {
             return engine_->SetExpiry(op, prefix + "holes", op.now.unix_ms + 900'000'000);
           })
      .value();
  engine_.EndTurn();
  engine_.Advance(1000);
}

void RotData::Build() {
  const std::string refused = engine_.Open();
  Demand(refused.empty() ? engine::OkStatus() : Status(engine::Code::kIo, refused));
  const uint64_t checkpoints = 1 + Draw(5);
  for (uint64_t i = 0; i < checkpoints; ++i) {
    if (i == 0) {
      Round("quiet-", 4);
    }
    Round("", i == 0 ? 3 : 1);
    Demand(engine_->CheckpointNow());
    if (Draw(3) == 0) {
      engine_.Crash();
      Demand(engine_.Open().empty() ? engine::OkStatus() : Status(engine::Code::kIo, "reopen"));
    }
  }
  // Keys that no journal record names stay as the checkpoint has them.
  Round("", 1);
  if (Draw(2) == 0) {
    Round("", 1);
  }
  if (Draw(3) == 0) {
    engine_.Crash();
    Demand(engine_.Open().empty() ? engine::OkStatus() : Status(engine::Code::kIo, "reopen"));
    Round("", 1);
  }
  engine_.EndTurn();
}

void RotData::AddLastTurn() {
  Add(0, "long", 1, 2000);
  engine_.EndTurn();
}

}  // namespace tests
