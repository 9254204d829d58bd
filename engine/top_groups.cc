#include "engine/top_groups.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/core.h"
#include "engine/counting.h"
#include "engine/due_index.h"
#include "engine/limits.h"

namespace engine {
namespace {

constexpr int64_t kCollectEveryMs = 1000;
constexpr uint8_t kRecordVersion = 1;

// Largest first; equals in an order that does not depend on what is in memory.
bool ComesFirst(const TopGroup& a, const TopGroup& b) {
  return std::tie(b.value, a.physical_db, a.key, a.group) <
         std::tie(a.value, b.physical_db, b.key, b.group);
}

void Offer(std::vector<TopGroup>* list, const Stream& stream, const Group& group, int64_t value) {
  const bool is_full = list->size() == kTopGroupsKept;
  if (is_full && value <= list->back().value) {
    return;
  }
  if (is_full) {
    list->pop_back();
  }
  TopGroup offered{stream.physical_db, stream.uid, stream.key, group.name, value, 0};
  const auto place = std::upper_bound(list->begin(), list->end(), offered, ComesFirst);
  list->insert(place, std::move(offered));
}

// Time of the last delivery of the owned record that is oldest; 0 when there is none, or none that
// can be told without its page: those of pages that begin with released ones.
int64_t OldestDelivery(Group& group) {
  constexpr DeliveryKey kFirstOwned{DeliveryKey::kReleased + 1, 0};
  for (;;) {
    const auto first = group.order.lower_bound({kFirstOwned, {}});
    if (first == group.order.end() || first->oldest.delivery_ms == DeliveryKey::kParked) {
      return 0;
    }
    PageSlot& slot = group.pages[group.FindPage(first->first_id)];
    if (slot.unit == nullptr || slot.oldest_is_exact) {
      return first->oldest.delivery_ms;
    }
    group.Tighten(slot);
  }
}

void OfferStream(TopGroups::Lists* lists, const Stream& stream) {
  for (Group* group : stream.groups_by_number) {
    if (group->pending_count > 0) {
      Offer(&(*lists)[TopGroups::kPending], stream, *group, group->pending_count);
      const int64_t oldest_ms = OldestDelivery(*group);
      if (oldest_ms > 0) {
        Offer(&(*lists)[TopGroups::kOldest], stream, *group, -oldest_ms);
      }
    }
    const int64_t lag = GroupLag(stream, *group).value_or(0);
    if (lag > 0) {
      Offer(&(*lists)[TopGroups::kLag], stream, *group, lag);
    }
  }
}

int64_t DueIn(const Group& group, int64_t now_ms) {
  if (group.due == nullptr) {
    return 0;
  }
  int64_t due = 0;
  for (const DueIndex::Place& place : group.due->by_due()) {
    if (place.at_ms > now_ms) {
      break;
    }
    const PageSlot& slot = group.pages[group.FindPage(place.first_id)];
    if (slot.unit == nullptr) {
      due += slot.count;
      continue;
    }
    for (auto at = slot.unit->page.Begin(); at.valid(); at.Next()) {
      due += group.due->rules().DueAt(at.record()) <= now_ms ? 1 : 0;
    }
  }
  return due;
}

int64_t DueNow(Core& core, int64_t now_ms) {
  int64_t due = 0;
  core.keyspace.ForEachStream([&](Stream& stream) {
    for (const Group* group : stream.groups_by_number) {
      due += DueIn(*group, now_ms);
    }
  });
  return due;
}

}  // namespace

void TopGroups::NoteLeft(Stream& stream) { OfferStream(&away_, stream); }

void TopGroups::NoteBack(Uid uid) {
  for (std::vector<TopGroup>& list : away_) {
    std::erase_if(list, [uid](const TopGroup& group) { return group.uid == uid; });
  }
}

TopGroups::Lists TopGroups::CollectNow(Core& core) const {
  Lists lists = away_;
  for (std::vector<TopGroup>& list : lists) {
    std::erase_if(list, [&core](const TopGroup& group) {
      return core.keyspace.ByPhysical(group.physical_db) == nullptr;  // Flushed.
    });
  }
  core.keyspace.ForEachStream([&lists](Stream& stream) { OfferStream(&lists, stream); });
  return lists;
}

const TopGroups::Lists& TopGroups::Collect(Core& core, int64_t now_ms) {
  if (collected_ms_ <= now_ms - kCollectEveryMs || collected_ms_ > now_ms) {
    collected_ = CollectNow(core);
    due_ = DueNow(core, now_ms);
    collected_ms_ = now_ms;
    for (std::vector<TopGroup>& list : collected_) {
      for (TopGroup& group : list) {
        group.db = core.keyspace.LogicalOf(*core.keyspace.ByPhysical(group.physical_db));
      }
    }
  }
  return collected_;
}

std::string TopGroups::Encode(Core& core) const {
  std::string out;
  PutU8(&out, kRecordVersion);
  for (const std::vector<TopGroup>& list : CollectNow(core)) {
    PutVarint(&out, list.size());
    for (const TopGroup& group : list) {
      PutVarint(&out, group.physical_db);
      PutVarint(&out, group.uid);
      PutString(&out, group.key);
      PutString(&out, group.group);
      PutSignedVarint(&out, group.value);
    }
  }
  SealRecord(&out, 0);
  return out;
}

bool TopGroups::Decode(std::string_view stored) {
  const std::optional<std::string_view> body = OpenRecord(stored);
  if (!body.has_value()) {
    return false;
  }
  Decoder decoder(*body);
  Lists lists;
  if (decoder.ReadU8() != kRecordVersion) {
    return false;
  }
  for (std::vector<TopGroup>& list : lists) {
    const uint64_t count = decoder.ReadVarint();
    for (uint64_t i = 0; i < count && decoder.ok(); ++i) {
      TopGroup group;
      group.physical_db = decoder.ReadVarint32();
      group.uid = decoder.ReadVarint();
      group.key = decoder.ReadString();
      group.group = decoder.ReadString();
      group.value = decoder.ReadSignedVarint();
      list.push_back(std::move(group));
    }
  }
  if (!decoder.AtEnd()) {
    return false;
  }
  away_ = std::move(lists);
  return true;
}

}  // namespace engine
