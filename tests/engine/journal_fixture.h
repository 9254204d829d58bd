// What the journal's tests share: options for small segments, appending, replaying into a map.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "engine/journal.h"
#include "tests/engine/faulty_file_ops.h"

namespace engine {

inline JournalStoreId TestStoreId() {
  JournalStoreId id{};
  for (size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<unsigned char>(0xA0 + i);
  }
  return id;
}

inline JournalOptions SmallOptions(FaultyFileOps* ops) {
  JournalOptions options;
  options.directory = "/j";
  options.store_id = TestStoreId();
  options.create_if_missing = true;
  options.segment_bytes = 16 << 10;
  options.use_thread = false;
  options.file_ops = ops;
  return options;
}

// Content that tells its turn and differs between `life`s of it.
inline std::string PayloadOf(Turn turn, size_t size, char life = 'a') {
  std::string payload = std::to_string(turn) + life;
  for (size_t i = payload.size(); i < size; ++i) {
    payload.push_back(static_cast<char>((turn * 131 + i * 7) & 0xff));
  }
  return payload;
}

struct Replayed {
  Status status;
  std::map<Turn, std::string> records;
  bool is_ordered = true;
  std::unique_ptr<Journal> journal;
};

inline Replayed OpenAndReplay(const JournalOptions& options, Turn after_turn) {
  Replayed replayed;
  auto journal = Journal::Open(options);
  if (!journal.ok()) {
    replayed.status = journal.status();
    return replayed;
  }
  replayed.journal = std::move(journal).value();
  Turn previous = after_turn;
  replayed.status = replayed.journal->Replay(after_turn, [&](const JournalRecord& record) {
    replayed.is_ordered &= record.turn == previous + 1;
    previous = record.turn;
    replayed.records[record.turn] = std::string(record.payload);
    return OkStatus();
  });
  return replayed;
}

inline std::unique_ptr<Journal> OpenStarted(const JournalOptions& options, Turn after_turn = 0) {
  Replayed replayed = OpenAndReplay(options, after_turn);
  EXPECT_TRUE(replayed.status.ok()) << replayed.status.message();
  const Status started = replayed.journal->Start();
  EXPECT_TRUE(started.ok()) << started.message();
  return std::move(replayed.journal);
}

inline void AppendTurns(Journal& journal, Turn first, Turn last, size_t size, char life = 'a') {
  for (Turn turn = first; turn <= last; ++turn) {
    journal.Append(turn, static_cast<int64_t>(1000 + turn), PayloadOf(turn, size, life));
  }
}

// The newest segment in use: path and content.
inline std::pair<std::string, std::string> NewestSegment(const FaultyFileOps& ops) {
  std::pair<std::string, std::string> newest;
  uint64_t sequence = 0;
  for (const std::string& path : ops.Paths()) {
    const std::string content = ops.Content(path);
    const auto header = DecodeSegmentHeaderBlock(content);
    if (header && header->state == SegmentState::kActive && header->sequence > sequence) {
      sequence = header->sequence;
      newest = {path, content};
    }
  }
  return newest;
}

}  // namespace engine
