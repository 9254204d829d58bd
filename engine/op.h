// What one command hands to the engine's calls, and what it gets back beside the result.
//
// Owner: the dispatcher, one per running command. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schedule_token.h"
#include "engine/stream_id.h"
#include "engine/types.h"

namespace engine {

// One object to fetch from the store. Filled in by engine calls that answer kNotLoaded.
struct LoadItem {
  enum class Kind : uint8_t {
    kKey,
    kBlock,
    kPendingPage,
    kProducerPage,
    kScan,
    kPlaces,
    kScheduleWindow,
    kScheduleRange
  };
  Kind kind = Kind::kKey;
  uint32_t physical_db = 0;
  Uid uid = 0;
  GroupNumber group = 0;
  uint32_t page = 0;        // kPendingPage, kProducerPage
  uint64_t first_hash = 0;  // kProducerPage: a hint where in the list it is.
  StreamId first_id;        // kBlock; kPendingPage: a hint where in the list it is.
  std::string key;          // kKey: key name. kScan: glob, empty for all.
  uint64_t scan_from = 0;   // kScan: smallest key hash wanted.
  int64_t scan_count = 0;   // kScan: keys wanted; 0 = all of the database. kPlaces: places wanted.
  int64_t due_ms = 0;       // kPlaces: with physical_db and key, the first place wanted.
  char index_tag = 0;       // kPlaces: of which index.
  // kScheduleWindow, kScheduleRange: bounds; `scan_count` entries are wanted. What is found goes
  // into the window of the stream, and into the pins.
  ScheduleToken first_token;
  ScheduleToken last_token;
};

struct ScanPage;       // engine/keyspace.h
struct ScheduleFinds;  // engine/schedule.h

// What was fetched for a parked command. Streams, blocks and pages are in the cache and stay there
// until Engine::ReleasePins(): what one run had fetched is there for the next one, even when that
// needs more.
struct Pins {
  Pins();
  ~Pins();
  std::unique_ptr<ScanPage> scan;
  std::unique_ptr<ScheduleFinds> schedule;
  int scan_rounds = 0;         // RANDOMKEY: how often it came to the end of the database.
  std::vector<LoadItem> held;  // Each counts as one pin of what it names.
};

struct Op {
  Now now;
  uint32_t db = 0;  // Logical database of the client.
  // Set inside EXEC once it has effects: a miss is then read at once instead of answering
  // kNotLoaded.
  bool read_misses = false;

  // Out: newest turn that changed anything this command has looked at. Its reply is gated on it.
  Turn seen_turn = 0;
  // Out: what to fetch when a call answered kNotLoaded.
  std::vector<LoadItem> needs;
  // In: what an earlier run of this command had fetched.
  Pins* pins = nullptr;
};

}  // namespace engine
