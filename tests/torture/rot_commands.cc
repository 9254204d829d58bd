#include "tests/torture/rot_commands.h"

#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "engine/inspect.h"
#include "engine/stream.h"

namespace tests {

using engine::Code;
using engine::Group;
using engine::OkStatus;
using engine::Op;
using engine::Status;
using engine::Stream;
using engine::StreamId;

namespace {

using Key = std::pair<uint32_t, std::string>;

constexpr int kCommandsPerKey = 6;

class Commander {
 public:
  Commander(TestEngine& engine, uint64_t seed) : engine_(engine), random_(seed) {}

  // A command drawn at random; its answer.
  Status Run(const Key& key) {
    switch (random_() % 12) {
      case 0:
        return engine_.Run(key.first,
                           [&](Op& op) { return engine_->TypeOf(op, key.second).status(); });
      case 1:
        return Add(key);
      case 2:
        return OnStream(key, [this](Op& op, Stream& stream) { return Range(op, stream); });
      case 3:
        return OnStream(key, [this](Op& op, Stream& stream) { return DeleteFirst(op, stream); });
      case 4:
        return OnStream(key, [this](Op& op, Stream& stream) { return Trim(op, stream); });
      case 5:
        return OnStream(key, [this](Op& op, Stream& stream) {
          RETURN_IF_ERROR(engine_->CountProducers(op, stream).status());
          return engine_->SummarizeSchedule(op, stream).status();
        });
      case 6:
        return engine_.Run(key.first, [&](Op& op) {
          return engine_->SetExpiry(op, key.second, op.now.unix_ms + 800'000'000).status();
        });
      case 7:
        return engine_.Run(key.first, [&](Op& op) {
          return engine_->Copy(op, key.second, 2, "copy-of-" + key.second, true).status();
        });
      default:
        return OnGroups(key);
    }
  }

  Status Add(const Key& key) {
    const Entry entry = Entry::Of("added");
    return engine_.Run(key.first, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key.second));
      return engine_->Add(op, key.second, stream, {}, entry.payload(), {}).status();
    });
  }

 private:
  Status OnStream(const Key& key, const std::function<Status(Op&, Stream&)>& call) {
    return engine_.Run(key.first, [&](Op& op) -> Status {
      ASSIGN_OR_RETURN(Stream * stream, engine_->OpenStream(op, key.second));
      return call(op, *stream);
    });
  }

  Status Range(Op& op, Stream& stream) {
    engine::RangeArgs all;
    all.end = StreamId::Max();
    all.count = 5;
    return engine_->Range(op, stream, all, [](const engine::EntryView&) {});
  }

  Status DeleteFirst(Op& op, Stream& stream) {
    const std::vector<StreamId> ids = {stream.first_id, stream.last_id};
    return engine_->DeleteEntries(op, stream, ids).status();
  }

  Status Trim(Op& op, Stream& stream) {
    engine::TrimArgs trim;
    trim.strategy = engine::TrimArgs::Strategy::kMaxLen;
    trim.max_len = stream.length / 10 * 9 + 1;
    trim.approximate = random_() % 2 == 0;
    return engine_->Trim(op, stream, trim).status();
  }

  Status OnGroups(const Key& key) {
    return OnStream(key, [this](Op& op, Stream& stream) -> Status {
      std::vector<Group*> groups;
      ForEachGroup(stream, [&](Group* group) { groups.push_back(group); });
      if (groups.empty()) {
        return OkStatus();
      }
      return OnGroup(op, stream, *groups[drawn_ % groups.size()]);
    });
  }

  Status OnGroup(Op& op, Stream& stream, Group& group) {
    // The command runs again after a load: the choice must not change.
    switch (drawn_ / 7 % 7) {
      case 0: {
        engine::ReadNewArgs args;
        args.consumer = "alice";
        args.count = 3;
        args.claim_min_idle_ms = 1000;
        RETURN_IF_ERROR(engine_->PrepareReadNew(op, stream, group, args));
        return engine_
            ->ReadNew(op, stream, group, args,
                      [](const engine::EntryView&, const engine::PriorDelivery&) { return true; })
            .status();
      }
      case 1: {
        engine::HistoryArgs args;
        args.consumer = "alice";
        RETURN_IF_ERROR(engine_->PrepareReadHistory(op, stream, group, args));
        return engine_
            ->ReadHistory(op, stream, group, args,
                          [](StreamId, const engine::EntryView*) { return true; })
            .status();
      }
      case 2: {
        const std::vector<StreamId> ids = {stream.first_id, stream.last_id, group.last_id};
        return engine_->Acknowledge(op, stream, group, ids).status();
      }
      case 3: {
        engine::AutoClaimArgs args;
        args.consumer = "carol";
        args.count = 4;
        return engine_
            ->AutoClaim(op, stream, group, args, [](StreamId, const engine::EntryView*) {})
            .status();
      }
      case 4: {
        engine::ClaimArgs args;
        args.consumer = "bob";
        args.force = true;
        const std::vector<StreamId> ids = {stream.first_id, group.last_id};
        return engine_->Claim(op, stream, group, args, ids,
                              [](StreamId, const engine::EntryView*) {});
      }
      case 5:
        return engine_->DeleteConsumer(op, stream, group, "bob").status();
      default:
        return engine_->SummarizePending(op, stream, group).status();
    }
  }

 public:
  void Draw() { drawn_ = random_(); }

 private:
  TestEngine& engine_;
  std::mt19937_64 random_;
  uint64_t drawn_ = 0;
};

bool IsPossible(const Status& status, bool was_readable) {
  switch (status.code()) {
    case Code::kOk:
    case Code::kCorruption:
    case Code::kIo:
    case Code::kWrongType:
      return true;
    case Code::kNotFound:
    case Code::kLimit:
    case Code::kNoGroup:
      return was_readable;  // A key that cannot be read must not look like one that is not there.
    default:
      return false;
  }
}

}  // namespace

std::string RunCommands(TestEngine& engine, const RotState& keys, const RotFaults& faults,
                        const std::set<Key>& suspects, uint64_t seed) {
  Commander commander(engine, seed);
  std::vector<std::pair<Key, bool>> all;
  for (const auto& [key, text] : keys.keys) {
    all.emplace_back(key, true);
  }
  for (const auto& [key, status] : faults) {
    all.emplace_back(key, false);
  }
  for (const auto& [key, was_readable] : all) {
    if (key.second.starts_with("(")) {
      continue;
    }
    for (int i = 0; i < (was_readable ? 1 : kCommandsPerKey); ++i) {
      commander.Draw();
      const Status status = commander.Run(key);
      if (!IsPossible(status, was_readable) && !suspects.contains(key)) {
        return key.second + " answers code " + std::to_string(static_cast<int>(status.code())) +
               " " + status.message();
      }
    }
    engine->RunDueWork(engine.Now());
    engine.EndTurn();
  }
  return "";
}

void TouchAll(TestEngine& engine, const RotState& keys, uint64_t round) {
  Commander commander(engine, round);
  for (const auto& [key, text] : keys.keys) {
    // Strings answer WRONGTYPE, damaged streams CORRUPT.
    static_cast<void>(commander.Add(key));
  }
  engine.EndTurn();
}

std::string DeleteRefused(TestEngine& engine, const RotFaults& faults,
                          const std::set<Key>& suspects) {
  for (const auto& [key, status] : faults) {
    if (key.second.starts_with("(")) {
      continue;
    }
    const std::vector<std::string_view> names = {key.second};
    const auto deleted =
        engine.Run(key.first, [&](Op& op) { return engine->DeleteKeys(op, names, nullptr); });
    engine.EndTurn();
    if (suspects.contains(key)) {
      continue;
    }
    if (!deleted.ok() &&
        (deleted.code() != Code::kCorruption || deleted.status().message().empty())) {
      return key.second + " answers " + deleted.status().message();
    }
    if (deleted.ok() && *deleted != 1) {
      return key.second + " is said not to be there";
    }
    if (deleted.ok() && engine.Run(key.first, [&](Op& op) {
                                return engine->OpenStream(op, key.second);
                              }).code() != Code::kNotFound) {
      return key.second + " is there although it was deleted";
    }
  }
  return "";
}

}  // namespace tests
