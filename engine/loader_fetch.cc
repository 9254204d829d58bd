// What reader threads do for Loader: bytes of the store, not yet installed.
#include "engine/check.h"
#include "engine/limits.h"
#include "engine/loaded_check.h"
#include "engine/loader.h"
#include "engine/persistence.h"
#include "engine/schema.h"

namespace engine {

Loader::Fetched Loader::Fetch(const LoadItem& item) const {
  Fetched out;
  const auto keep = [&out](Result<std::string> record) {
    if (record.ok()) {
      out.record = std::move(record).value();
    } else if (record.code() != Code::kNotFound) {
      out.status = record.status();
    }
  };
  const Persistence& persistence = *core_.persistence;
  switch (item.kind) {
    case LoadItem::Kind::kKey:
      return FetchKey(item);
    case LoadItem::Kind::kScan:
      return FetchScan(item);
    case LoadItem::Kind::kPlaces:
      return FetchPlaces(item);
    case LoadItem::Kind::kScheduleWindow:
    case LoadItem::Kind::kScheduleRange:
      return FetchSchedule(item);
    case LoadItem::Kind::kBlock:
      keep(persistence.Read(Family::kBlocks, BlockKey(item.physical_db, item.uid, item.first_id)));
      break;
    case LoadItem::Kind::kPendingPage:
      keep(persistence.Read(Family::kGroups,
                            PendingPageKey(item.physical_db, item.uid, item.group, item.page)));
      break;
    case LoadItem::Kind::kProducerPage:
      keep(persistence.Read(Family::kSide, ProducerPageKey(item.physical_db, item.uid, item.page)));
      break;
  }
  return out;
}

Loader::Fetched Loader::FetchKey(const LoadItem& item) const {
  Fetched out;
  const Persistence& persistence = *core_.persistence;
  Result<std::string> record =
      persistence.Read(Family::kKeys, KeyRecordKey(item.physical_db, item.key));
  if (record.code() == Code::kNotFound && !record.ok()) {
    return out;
  }
  if (!record.ok()) {
    out.status = record.status();
    return out;
  }
  Decoder decoder(*record);
  const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
  if (head.has_value() && head->kind == KeyRecordKind::kString) {
    // Made here: it may be large, and the loop need not copy it.
    auto string = DecodeString(item.physical_db, item.key, *record);
    if (string.ok()) {
      out.string = std::move(string).value();
    } else {
      out.status = string.status();
    }
    return out;
  }
  out.record = std::move(record).value();
  FetchParts(item, &out);
  return out;
}

void Loader::FetchParts(const LoadItem& item, Fetched* fetched) const {
  Fetched& out = *fetched;
  const Persistence& persistence = *core_.persistence;
  StreamParts parts;
  const auto stream = DecodeStream(item.physical_db, item.key, *out.record, &parts);
  if (!stream.ok()) {
    out.status = stream.status();
    return;
  }
  const Uid uid = (*stream)->uid;
  out.uid = uid;
  for (const GroupNumber number : parts.groups) {
    Result<std::string> group =
        persistence.Read(Family::kGroups, GroupHeaderKey(item.physical_db, uid, number));
    if (!group.ok()) {
      out.status = MissingPart(group.status(), "group record");
      return;
    }
    out.groups.emplace_back(number, std::move(group).value());
  }
  for (const uint32_t number : parts.closed_pages) {
    Result<std::string> page =
        persistence.Read(Family::kBlocks, DirectoryPageKey(item.physical_db, uid, number));
    if (!page.ok()) {
      out.status = MissingPart(page.status(), "directory page");
      return;
    }
    out.pages.emplace_back(number, std::move(page).value());
  }
}

Loader::Fetched Loader::FetchScan(const LoadItem& item) const {
  Fetched out;
  out.scan = std::make_unique<ScanPage>();
  ScanPage& page = *out.scan;
  page.physical_db = item.physical_db;
  page.from = item.scan_from;
  page.pattern = item.key;
  page.at_end = true;
  const std::string begin = KeyScanStart(item.physical_db, item.scan_from);
  const std::string end = PrefixEnd(DatabasePrefix(item.physical_db));
  int64_t looked_at = 0;
  uint64_t last_hash = 0;
  // Keys of one hash are never split over two steps, so the hash alone is a cursor.
  const auto visit = [&](std::string_view stored, std::string_view value) {
    uint32_t physical_db = 0;
    uint64_t hash = 0;
    std::string_view key;
    if (!ParseKeyRecordKey(stored, &physical_db, &hash, &key)) {
      return true;
    }
    if (item.scan_count > 0 && looked_at >= item.scan_count && hash != last_hash) {
      page.at_end = false;
      page.next = hash;
      return false;
    }
    ++looked_at;
    last_hash = hash;
    if (item.key.empty() || core_.options.glob_match(item.key, key)) {
      Decoder decoder(value);
      const std::optional<KeyRecordHead> head = ReadKeyRecordHead(&decoder);
      page.rows.push_back({hash, std::string(key),
                           head.has_value() ? TypeOf(head->kind) : KeyType::kNone,
                           head.has_value() ? head->expire_ms : 0});
    }
    return true;
  };
  out.status = core_.persistence->ScanFamily(Family::kKeys, begin, end, visit);
  return out;
}

Loader::Fetched Loader::FetchPlaces(const LoadItem& item) const {
  Fetched out;
  out.places = std::make_unique<TimePage>();
  TimePage& page = *out.places;
  page.from = {item.due_ms, item.physical_db, item.key};
  const TimeIndex& index = core_.IndexOf(item.index_tag);
  const auto visit = [&](std::string_view stored, std::string_view) {
    std::optional<TimePlace> place = index.ParseStoreKey(stored);
    if (!place.has_value()) {
      out.status = Status(Code::kCorruption, "record of a time under a malformed key");
      return false;
    }
    if (page.places.size() == static_cast<size_t>(item.scan_count)) {
      page.next = std::move(place);
      return false;
    }
    page.places.push_back(std::move(*place));
    return true;
  };
  const Status scanned = core_.persistence->ScanFamily(Family::kSystem, index.StoreKey(page.from),
                                                       index.StoreEnd(), visit);
  if (!scanned.ok()) {
    out.status = scanned;
  }
  return out;
}

Loader::Fetched Loader::FetchSchedule(const LoadItem& item) const {
  Fetched out;
  out.schedule = std::make_unique<SchedulePage>();
  SchedulePage& page = *out.schedule;
  page.from = item.first_token;
  const size_t max_bytes =
      item.kind == LoadItem::Kind::kScheduleWindow ? kScheduleWindowBytes / 2 : kReadReplySoftCap;
  size_t bytes = 0;
  const auto visit = [&](std::string_view stored, std::string_view value) {
    const std::optional<ScheduleToken> token = ParseScheduledKey(stored);
    if (!token.has_value()) {
      out.status = Status(Code::kCorruption, "scheduled entry under a malformed key");
      return false;
    }
    page.is_full = bytes >= max_bytes;
    if (page.is_full || page.entries.size() == static_cast<size_t>(item.scan_count)) {
      page.next = token;
      return false;
    }
    Result<ScheduledEntry> entry = DecodeScheduled(value);
    if (!entry.ok()) {
      out.status =
          Status(Code::kCorruption, "scheduled entry " + token->ToString() + " is damaged");
      return false;
    }
    bytes += value.size() + kEntryReplyOverhead;
    page.entries.emplace_back(*token, std::move(entry).value());
    return true;
  };
  const std::string end =
      item.last_token == ScheduleToken::Max()
          ? PrefixEnd(ScheduledKey(item.physical_db, item.uid, {}).substr(0, kScheduledPrefixBytes))
          : ScheduledKey(item.physical_db, item.uid, item.last_token.Next());
  const Status scanned = core_.persistence->ScanFamily(
      Family::kSide, ScheduledKey(item.physical_db, item.uid, item.first_token), end, visit);
  if (!scanned.ok()) {
    out.status = scanned;
  }
  return out;
}

}  // namespace engine
