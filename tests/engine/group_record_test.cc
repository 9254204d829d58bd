// Records of groups and streams: their bytes, and those of the versions before.
#include <gtest/gtest.h>

#include <string>

#include "engine/checksum.h"
#include "engine/codec.h"
#include "engine/group.h"
#include "engine/schema.h"
#include "engine/stream.h"
#include "tests/support/golden.h"

namespace engine {
namespace {

constexpr int64_t kTime = 1526919030500;

void AddPage(Group& group, StreamId first_id, StreamId last_id, DeliveryKey oldest,
             const PageTimes& times) {
  PageSlot slot;
  slot.first_id = first_id;
  slot.last_id = last_id;
  slot.number = group.next_page++;
  slot.count = 2;
  slot.owners = {{kNoConsumer, 1}, {4, 1}};
  slot.oldest = oldest;
  slot.times = times;
  group.order.insert({oldest, first_id});
  group.pages.push_back(std::move(slot));
}

TEST(GroupRecord, IsAsPinned) {
  Group group(nullptr, 3, "g");
  group.last_id = {9, 1};
  group.entries_read = 12;
  group.pending_count = 4;
  group.released_count = 2;
  group.next_sequence = 40;
  group.next_consumer = 5;
  auto consumer = std::make_unique<Consumer>(4, "c", 100);
  consumer->pending_count = 2;
  group.consumers_by_number.push_back(consumer.get());
  group.consumers.emplace(consumer->name, std::move(consumer));
  group.parked_count = 1;
  group.delayed_count = 1;
  const PageTimes delayed{.owned_ms = kTime, .own_due_ms = kTime + 60'000};
  const PageTimes released{.owned_ms = kTime + 1, .released_ms = kTime + 2};
  AddPage(group, {5, 0}, {5, 7}, {kTime, 30}, delayed);
  AddPage(group, {6, 0}, {9, 1}, {DeliveryKey::kReleased, 33}, released);
  std::string bytes;
  EncodeGroup(group, &bytes);
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(tests::ReadGolden("group_record.hex")));

  const auto decoded = DecodeGroup(nullptr, 3, bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->order, group.order);
  EXPECT_EQ((*decoded)->pages[0].oldest, (DeliveryKey{kTime, 30}));
  EXPECT_EQ((*decoded)->pages[0].times, delayed);
  EXPECT_EQ((*decoded)->pages[1].times, released);
  EXPECT_EQ((*decoded)->delayed_count, 1);
  std::string again;
  EncodeGroup(**decoded, &again);
  EXPECT_EQ(again, bytes);
}

TEST(GroupRecord, OfVersionOneHasPagesThatMayHoldAnything) {
  std::string bytes;
  PutU8(&bytes, 1);
  PutString(&bytes, "g");
  PutVarintId(&bytes, {9, 1});
  PutSignedVarint(&bytes, -1);
  PutVarint(&bytes, 3);   // Pending.
  PutVarint(&bytes, 3);   // Released.
  PutVarint(&bytes, 40);  // Next sequence, consumer, page.
  PutVarint(&bytes, 1);
  PutVarint(&bytes, 2);
  PutVarint(&bytes, 0);  // Consumers.
  PutVarint(&bytes, 1);  // Pages.
  PutIdDelta(&bytes, {}, {5, 0});
  PutIdDelta(&bytes, {5, 0}, {5, 7});
  PutVarint(&bytes, 1);
  PutVarint(&bytes, 3);
  PutVarint(&bytes, 1);
  PutVarint(&bytes, kNoConsumer);
  PutVarint(&bytes, 3);
  SealRecord(&bytes, 0);
  const auto decoded = DecodeGroup(nullptr, 3, bytes);
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ((*decoded)->pages.size(), 1u);
  EXPECT_EQ((*decoded)->pages[0].oldest, (DeliveryKey{DeliveryKey::kReleased, 0}));
  EXPECT_FALSE((*decoded)->pages[0].oldest_is_exact);
  EXPECT_EQ((*decoded)->pages[0].times, (PageTimes{.released_ms = 0}));
  EXPECT_EQ((*decoded)->order.size(), 1u);
}

// Of a group with one page, which has two records.
std::string GroupWithShares(std::vector<PendingPage::OwnerShare> owners) {
  Group group(nullptr, 3, "g");
  AddPage(group, {5, 0}, {5, 7}, {kTime, 30}, {});
  group.pages[0].owners = std::move(owners);
  std::string bytes;
  EncodeGroup(group, &bytes);
  return bytes;
}

TEST(GroupRecord, WhosePageHasOtherOwnersThanRecordsIsRefused) {
  const auto decode = [](std::vector<PendingPage::OwnerShare> owners) {
    return DecodeGroup(nullptr, 3, GroupWithShares(std::move(owners))).code();
  };
  EXPECT_TRUE(DecodeGroup(nullptr, 3, GroupWithShares({{1, 1}, {2, 1}})).ok());
  EXPECT_EQ(decode({{1, 3}}), Code::kCorruption);
  EXPECT_EQ(decode({{1, 1}}), Code::kCorruption);
  EXPECT_EQ(decode({}), Code::kCorruption);
  EXPECT_EQ(decode({{1, 2}, {2, 0}}), Code::kCorruption);
  EXPECT_EQ(decode({{2, 1}, {1, 1}}), Code::kCorruption);
  EXPECT_EQ(decode({{1, UINT32_MAX}, {2, 3}}), Code::kCorruption);
}

TEST(GroupRecord, WithANegativeCountIsRefused) {
  for (int64_t Group::*const count :
       {&Group::pending_count, &Group::released_count, &Group::parked_count}) {
    Group group(nullptr, 3, "g");
    group.released_count = 10;
    group.*count = -1;
    std::string bytes;
    EncodeGroup(group, &bytes);
    EXPECT_EQ(DecodeGroup(nullptr, 3, bytes).code(), Code::kCorruption);
  }
}

// An empty stream; version 1 has no expiry, no newest hole and no idempotency table, version 2 no
// policy.
std::string StreamRecord(uint8_t version) {
  std::string bytes;
  PutU8(&bytes, static_cast<uint8_t>(KeyRecordKind::kStream));
  PutU8(&bytes, version);
  PutVarint(&bytes, 77);  // Uid.
  if (version >= 2) {
    PutVarint(&bytes, 0);  // Expiry.
  }
  for (int i = 0; i < 4; ++i) {
    PutVarint(&bytes, 0);  // Length, entries added, bytes, nodes.
  }
  PutVarintId(&bytes, {8, 2});  // Last.
  for (int i = 0; i < 3; ++i) {
    PutVarintId(&bytes, {});  // First live, last live, max deleted.
  }
  PutVarint(&bytes, 100);
  PutVarint(&bytes, 100);
  PutVarint(&bytes, 1);  // Next directory page, group.
  PutVarint(&bytes, 1);
  PutU8(&bytes, 0);
  if (version >= 2) {
    PutVarintId(&bytes, {7, 1});
  }
  PutU8(&bytes, 0);      // No open node.
  PutVarint(&bytes, 0);  // Groups, pages.
  PutVarint(&bytes, 0);
  if (version >= 2) {
    for (const uint64_t value : {0, 0, 1, 0}) {
      PutVarint(&bytes, value);  // Iids added, duplicates, next producer page, pages.
    }
  }
  if (version >= 3) {
    PutU8(&bytes, 1);  // Holds letters.
    for (const uint64_t value : {3, 0, 5, 0}) {
      PutVarint(&bytes, value);  // Rejected, dropped, expired, retired.
    }
    PolicySettings settings;
    settings.Set({static_cast<uint8_t>(StreamOption::kMaxLen), {100, 0, 0}, {}});
    settings.Encode(&bytes);
    PutVarint(&bytes, 5678);  // Expected.
    PutU8(&bytes, static_cast<uint8_t>(Retirement::kSweeping));
    PutVarintId(&bytes, {6, 5});
    for (const uint64_t value : {9, 2, 30, 1234, 7}) {
      PutVarint(&bytes, value);  // Scheduled: next number, how many, bytes, none below.
    }
  }
  SealRecord(&bytes, 0);
  return bytes;
}

TEST(StreamRecord, SaysUpToWhereEntriesWereDeleted) {
  StreamParts parts;
  const auto decoded = DecodeStream(0, "k", StreamRecord(3), &parts);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->newest_hole, (StreamId{7, 1}));
  EXPECT_TRUE((*decoded)->holds_letters);
  EXPECT_EQ((*decoded)->expected_ms, 5678);
  ASSERT_NE((*decoded)->schedule, nullptr);
  EXPECT_EQ((*decoded)->schedule->count(), 2u);
  EXPECT_EQ((*decoded)->schedule->payload_bytes(), 30u);
  EXPECT_EQ((*decoded)->schedule->floor(), (ScheduleToken{1234, 7}));
  ASSERT_NE((*decoded)->counters, nullptr);
  EXPECT_EQ((*decoded)->counters->expired, 5u);
  EXPECT_EQ((*decoded)->retirement, Retirement::kSweeping);
  EXPECT_EQ((*decoded)->sweep_from, (StreamId{6, 5}));
  std::string again;
  EncodeStream(**decoded, &again);
  EXPECT_EQ(again, StreamRecord(3));
}

TEST(StreamRecord, OfVersionTwoHasNoPolicy) {
  StreamParts parts;
  const auto decoded = DecodeStream(0, "k", StreamRecord(2), &parts);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->own_policy, nullptr);
  EXPECT_EQ((*decoded)->counters, nullptr);
  EXPECT_FALSE((*decoded)->holds_letters);
  EXPECT_EQ((*decoded)->expected_ms, INT64_MAX);
  EXPECT_EQ((*decoded)->schedule, nullptr);
}

TEST(StreamRecord, OfVersionOneMayHaveHolesAnywhere) {
  StreamParts parts;
  const auto decoded = DecodeStream(0, "k", StreamRecord(1), &parts);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ((*decoded)->newest_hole, (StreamId{8, 2}));
}

Code DecodedAs(const Stream& stream) {
  std::string bytes;
  EncodeStream(stream, &bytes);
  StreamParts parts;
  const auto decoded = DecodeStream(0, "k", bytes, &parts);
  return decoded.ok() ? Code::kOk : decoded.code();
}

TEST(StreamRecord, WithAnEmptyDirectoryPageIsRefused) {
  Stream stream(0, 77, "k");
  stream.next_directory_page = 2;
  stream.directory.pages().push_back(std::make_unique<DirectoryPage>(&stream, 1));
  EXPECT_EQ(DecodedAs(stream), Code::kCorruption);
  BlockSlot& slot = stream.directory.pages()[0]->slots.emplace_back();
  slot.entry_count = 1;
  slot.live_count = 1;
  EXPECT_EQ(DecodedAs(stream), Code::kOk);
}

TEST(StreamRecord, ThatNamesGroupsOutOfOrderIsRefused) {
  Stream stream(0, 77, "k");
  stream.next_group = 6;
  stream.AddGroup(std::make_unique<Group>(&stream, 5, "a"));
  EXPECT_EQ(DecodedAs(stream), Code::kOk);
  stream.AddGroup(std::make_unique<Group>(&stream, 5, "b"));
  EXPECT_EQ(DecodedAs(stream), Code::kCorruption);
}

TEST(StreamRecord, ThatNamesAGroupThatWasNotMadeYetIsRefused) {
  Stream stream(0, 77, "k");
  stream.next_group = 5;
  stream.AddGroup(std::make_unique<Group>(&stream, 5, "a"));
  EXPECT_EQ(DecodedAs(stream), Code::kCorruption);
}

}  // namespace
}  // namespace engine
