#include "tests/torture/rot_records.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/schema.h"
#include "engine/store.h"
#include "engine/stream.h"

namespace tests {
namespace {

using engine::Family;
using engine::Store;

constexpr size_t kSealBytes = 4;
constexpr size_t kSegmentHeadBytes = 6;
constexpr size_t kUidOffset = 5;

struct Record {
  Family family = Family::kKeys;
  std::string key;
  std::string value;
};

std::unique_ptr<Store> OpenStore(const std::string& directory) {
  engine::StoreOptions options;
  options.directory = directory + "/store";
  options.memory_budget_bytes = size_t{8} << 20;
  auto store = Store::Open(options);
  return store.ok() ? std::move(store).value() : nullptr;
}

std::vector<Record> AllRecords(const Store& store) {
  std::vector<Record> records;
  for (const Family family :
       {Family::kKeys, Family::kBlocks, Family::kGroups, Family::kSide, Family::kSystem}) {
    const auto visit = [&](std::string_view key, std::string_view value) {
      records.push_back({family, std::string(key), std::string(value)});
      return true;
    };
    if (!store.Scan(family, "", "", SIZE_MAX, visit).ok()) {
      std::abort();
    }
  }
  return records;
}

void Mutate(std::string* body, std::mt19937_64& random) {
  const size_t at = body->empty() ? 0 : random() % body->size();
  switch (body->empty() ? 3 : random() % 8) {
    case 0:
      body->resize(at);
      return;
    case 1:
      body->erase(at, 1 + random() % 8);
      return;
    case 2:
      (*body)[at] = static_cast<char>(random() % 2 == 0 ? 0xff : 0);
      return;
    case 3:
      body->insert(at, std::string(1 + random() % 9, static_cast<char>(random())));
      return;
    case 4: {
      // A number as large as they get.
      std::string number;
      engine::PutVarint(&number, UINT64_MAX - random() % 3);
      body->replace(at, 1, number);
      return;
    }
    case 5:
      body->replace(at, 1, body->substr(random() % body->size(), 1 + random() % 20));
      return;
    default:
      (*body)[at] = static_cast<char>((*body)[at] ^ (1 << (random() % 8)));
  }
}

// Of one of the value's segments; the checksum is seeded with the block's first id.
void MutateBlock(const std::string& key, std::string* value, std::mt19937_64& random) {
  engine::Decoder decoder(std::string_view(key).substr(key.size() - 16));
  const engine::StreamId first = decoder.ReadStreamId();
  std::vector<std::pair<size_t, size_t>> segments;  // Offset of the body, its size.
  for (size_t at = 0; at + kSegmentHeadBytes + kSealBytes <= value->size();) {
    const size_t size = engine::LoadU32(value->data() + at + 2);
    segments.emplace_back(at + kSegmentHeadBytes, size);
    at += kSegmentHeadBytes + size + kSealBytes;
  }
  const auto [offset, size] = segments[random() % segments.size()];
  const size_t begin = offset - kSegmentHeadBytes;
  std::string body = value->substr(offset, size);
  Mutate(&body, random);
  std::string segment = value->substr(begin, 2);
  engine::PutU32(&segment, static_cast<uint32_t>(body.size()));
  segment += body;
  engine::PutU32(&segment, engine::Checksum32(segment, first.ms + first.seq * 0x9E3779B97F4A7C15));
  value->replace(begin, kSegmentHeadBytes + size + kSealBytes, segment);
}

bool IsBlock(const Record& record) {
  return record.family == Family::kBlocks && record.key.size() > 16 + 13 &&
         record.key[13] == static_cast<char>(engine::BlockRecordKind::kBlock);
}

void Mutate(Record* record, std::mt19937_64& random) {
  if (IsBlock(*record)) {
    MutateBlock(record->key, &record->value, random);
    return;
  }
  record->value.resize(record->value.size() - std::min(record->value.size(), kSealBytes));
  Mutate(&record->value, random);
  engine::SealRecord(&record->value, 0);
}

// (physical database, uid) -> the key that has it.
std::map<std::pair<uint32_t, engine::Uid>, std::string> NamesOf(
    const std::vector<Record>& records) {
  std::map<std::pair<uint32_t, engine::Uid>, std::string> names;
  for (const Record& record : records) {
    uint32_t physical = 0;
    uint64_t hash = 0;
    std::string_view name;
    engine::StreamParts parts;
    if (record.family == Family::kKeys &&
        engine::ParseKeyRecordKey(record.key, &physical, &hash, &name)) {
      const auto stream = engine::DecodeStream(physical, name, record.value, &parts);
      if (stream.ok()) {
        names[{physical, (*stream)->uid}] = std::string(name);
      }
    }
  }
  return names;
}

// The key that the record is part of; empty when it is the store's own.
std::string OwnerOf(const Record& record, const std::vector<Record>& records) {
  if (record.family == Family::kSystem) {
    return "";
  }
  uint32_t physical = 0;
  uint64_t hash = 0;
  std::string_view name;
  if (record.family == Family::kKeys &&
      engine::ParseKeyRecordKey(record.key, &physical, &hash, &name)) {
    return std::string(name);
  }
  physical = engine::LoadU32(record.key.data() + 1);
  return NamesOf(records)[{physical, engine::LoadU64(record.key.data() + kUidOffset)}];
}

// The store as one that was stopped: no journal record is applied to the changed one.
bool StopCleanly(const std::string& directory) {
  TestEngine engine(RotOptions(directory));
  engine.Advance(kRotReadLaterMs);
  if (!engine.Open().empty()) {
    return false;
  }
  engine.Close();
  return true;
}

Verdict Broken(std::string words) { return {Verdict::Kind::kFault, std::move(words)}; }

// What was changed.
std::string ChangeOne(Store& store, std::mt19937_64& random, std::string* owner) {
  const auto turn = store.CheckpointTurn();
  const auto tag = store.CheckpointTag();
  const std::vector<Record> records = AllRecords(store);
  // Every family as often as any other, however few records it has.
  const auto family = static_cast<Family>(random() % engine::kFamilyCount);
  std::vector<const Record*> candidates;
  for (const Record& record : records) {
    if (record.family == family) {
      candidates.push_back(&record);
    }
  }
  Record record = *candidates[random() % candidates.size()];
  *owner = OwnerOf(record, records);
  engine::Batch batch;
  const bool goes = random() % 12 == 0 && family != Family::kSystem;
  if (goes) {
    batch.Delete(family, record.key);
  } else {
    for (uint64_t changes = 1 + random() % 2; changes > 0; --changes) {
      Mutate(&record, random);
    }
    batch.Put(family, record.key, record.value);
  }
  if (!store.WriteCheckpoint(batch, *turn, *tag).ok()) {
    std::abort();
  }
  return (goes ? "deleted a record of family " : "changed a record of family ") +
         std::to_string(static_cast<int>(family)) + " of key " + *owner;
}

}  // namespace

Verdict JudgeRecords(const std::string& directory, Expectation expected, uint64_t seed) {
  std::mt19937_64 random(seed);
  if (random() % 2 == 0 && !StopCleanly(directory)) {
    return Broken("the data set does not open");
  }
  std::string words;
  {
    const std::unique_ptr<Store> store = OpenStore(directory);
    if (store == nullptr) {
      return Broken("the store does not open");
    }
    std::string owner;
    words = ChangeOne(*store, random, &owner);
    for (uint32_t db = 0; db < RotOptions(directory).databases; ++db) {
      expected.suspects.insert({db, owner});
    }
  }
  std::fprintf(stderr, "%s\n", words.c_str());
  Verdict verdict = Judge(directory, expected, random() | 1);
  verdict.words = words + ": " + verdict.words;
  return verdict;
}

}  // namespace tests
