// A stream's idempotency table: the list of its producer pages, which come and go like blocks.
//
// A page covers the hashes from its first one up to the next page's; the first page begins at 0.
// The list is part of the stream record, so what a page holds in sum is known without it. Owner:
// Stream. Thread: loop. State changes only in engine/apply_producers.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/codec.h"
#include "engine/producer_page.h"
#include "engine/unit.h"

namespace engine {

class Stream;

struct ProducerPageUnit : Unit {
  ProducerPageUnit(Stream* owner, uint32_t page_number, ProducerPage content)
      : Unit(UnitKind::kProducerPage),
        stream(owner),
        number(page_number),
        page(std::move(content)) {}

  Stream* const stream;
  const uint32_t number;
  ProducerPage page;
};

struct ProducerSlot {
  uint64_t first_hash = 0;
  uint32_t number = 0;
  ProducerPage::Counts counts;
  // No iid of the page is outside of it; it may be wider than need be.
  ProducerPage::Span span;
  bool on_disk = false;
  std::unique_ptr<ProducerPageUnit> unit;  // Null when not in memory.

  // Whether some of its iids may be of entries up to this time and others not, so that only the
  // page itself tells how many.
  bool IsSplitBy(uint64_t ms) const { return span.oldest_ms <= ms && ms < span.newest_ms; }
};

class ProducerTable {
 public:
  std::vector<ProducerSlot> slots;  // Ascending by first hash.
  uint32_t next_number = 1;
  // The page that is looked at next for having expired as a whole. Not stored.
  size_t next_swept = 0;

  // Precondition: there is a page.
  size_t IndexOf(uint64_t hash) const;
  // The highest hash that a page covers.
  uint64_t LastHash(size_t index) const {
    return index + 1 < slots.size() ? slots[index + 1].first_hash - 1 : UINT64_MAX;
  }
};

// The part of the stream record; a null table is one that has never had a page.
void PutProducerTable(std::string* out, const ProducerTable* table);
// Latches `decoder` on values out of range.
std::unique_ptr<ProducerTable> ReadProducerTable(Decoder* decoder);

}  // namespace engine
