#include "engine/pending_page.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/golden.h"

namespace engine {
namespace {

using Model = std::map<StreamId, PendingRecord>;

PendingRecord Record(uint64_t ms, ConsumerNumber owner = 1, int64_t delivery_ms = 1000,
                     uint64_t sequence = 1) {
  PendingRecord record;
  record.id = {ms, 0};
  record.delivery_ms = delivery_ms;
  record.first_delivery_ms = delivery_ms;
  record.sequence = sequence;
  record.count = 1;
  record.owner = owner;
  return record;
}

Model Contents(const PendingPage& page) {
  Model contents;
  for (PendingPage::Iterator at = page.Begin(); at.valid(); at.Next()) {
    EXPECT_EQ(at.id(), at.record().id);
    EXPECT_EQ(at.owner(), at.record().owner);
    contents[at.id()] = at.record();
  }
  return contents;
}

PendingPage PageOf(uint64_t count) {
  PendingPage page;
  for (uint64_t i = 1; i <= count; ++i) {
    page.Insert(Record(i, 1, 1000, i));
  }
  return page;
}

TEST(PendingPage, KeepsRecordsInOrder) {
  PendingPage page;
  EXPECT_TRUE(page.Insert(Record(5)));
  EXPECT_TRUE(page.Insert(Record(9)));
  EXPECT_TRUE(page.Insert(Record(7)));
  EXPECT_TRUE(page.Insert(Record(1)));
  EXPECT_FALSE(page.Insert(Record(7, 2)));
  EXPECT_EQ(page.count(), 4u);
  EXPECT_EQ(page.first_id(), (StreamId{1, 0}));
  EXPECT_EQ(page.last_id(), (StreamId{9, 0}));
  EXPECT_EQ(page.Find({7, 0}), Record(7));
  EXPECT_EQ(page.Find({8, 0}), std::nullopt);
  std::vector<uint64_t> forward;
  for (PendingPage::Iterator at = page.Begin(); at.valid(); at.Next()) {
    forward.push_back(at.id().ms);
  }
  EXPECT_EQ(forward, (std::vector<uint64_t>{1, 5, 7, 9}));
  std::vector<uint64_t> backward;
  for (PendingPage::Iterator at = page.Last(); at.valid(); at.Prev()) {
    backward.push_back(at.id().ms);
  }
  EXPECT_EQ(backward, (std::vector<uint64_t>{9, 7, 5, 1}));
}

TEST(PendingPage, SeeksFromBothSides) {
  PendingPage page = PageOf(9);
  page.Erase({4, 0});
  page.Erase({5, 0});
  page.Erase({1, 0});
  EXPECT_EQ(page.Seek({4, 0}).id(), (StreamId{6, 0}));
  EXPECT_EQ(page.Seek({0, 0}).id(), (StreamId{2, 0}));
  EXPECT_EQ(page.Seek({9, 0}).id(), (StreamId{9, 0}));
  EXPECT_FALSE(page.Seek({9, 1}).valid());
  EXPECT_EQ(page.SeekAtOrBefore({5, 7}).id(), (StreamId{3, 0}));
  EXPECT_EQ(page.SeekAtOrBefore(StreamId::Max()).id(), (StreamId{9, 0}));
  EXPECT_FALSE(page.SeekAtOrBefore({1, 9}).valid());
  const PendingPage empty;
  EXPECT_FALSE(empty.Seek({0, 0}).valid());
  EXPECT_FALSE(empty.SeekAtOrBefore(StreamId::Max()).valid());
  EXPECT_FALSE(empty.Begin().valid());
  EXPECT_FALSE(empty.Last().valid());
}

TEST(PendingPage, KeepsValuesThatDoNotFitTheirSlots) {
  PendingPage page;
  const std::vector<int64_t> times = {0, 1000, -5, INT64_MAX, INT64_MIN, int64_t{1} << 31};
  const std::vector<uint64_t> numbers = {1, 0, UINT32_MAX, uint64_t{UINT32_MAX} + 1,
                                         kMaxDeliveryCount};
  Model model;
  uint64_t ms = 0;
  for (const int64_t time : times) {
    for (const uint64_t number : numbers) {
      ++ms;
      PendingRecord record = Record(ms, static_cast<ConsumerNumber>(UINT32_MAX - ms));
      record.delivery_ms = time;
      record.first_delivery_ms = times[ms % times.size()];
      record.sequence = number;
      record.count = numbers[ms % numbers.size()];
      ASSERT_TRUE(page.Insert(record));
      model[record.id] = record;
    }
  }
  EXPECT_EQ(Contents(page), model);
  std::string bytes;
  page.Encode(&bytes);
  EXPECT_EQ(Contents(*PendingPage::Decode(bytes)), model);
  for (const auto& [id, record] : model) {
    EXPECT_EQ(page.Erase(id), record);
  }
  EXPECT_TRUE(page.empty());
}

TEST(PendingPage, AcknowledgingInOrderEmptiesThePage) {
  PendingPage page = PageOf(kMaxPendingRecords);
  EXPECT_TRUE(page.full());
  for (uint64_t ms = 1; ms <= kMaxPendingRecords; ++ms) {
    EXPECT_EQ(page.first_id(), (StreamId{ms, 0}));
    EXPECT_TRUE(page.Erase({ms, 0}).has_value());
    EXPECT_FALSE(page.Erase({ms, 0}).has_value());
  }
  EXPECT_TRUE(page.empty());
  EXPECT_TRUE(page.owners().empty());
}

TEST(PendingPage, AppendsGoOnOnlyWhereTheyAreCheap) {
  PendingPage page = PageOf(kMaxPendingRecords);
  EXPECT_FALSE(page.WantsAppend());
  page.Erase({1, 0});
  EXPECT_FALSE(page.full());
  EXPECT_FALSE(page.WantsAppend());
  for (uint64_t ms = 2; ms <= kMaxPendingRecords / 2; ++ms) {
    page.Erase({ms, 0});
  }
  EXPECT_TRUE(page.WantsAppend());
  for (uint64_t ms = 1000; page.WantsAppend(); ++ms) {
    ASSERT_TRUE(page.Insert(Record(ms)));
  }
  EXPECT_TRUE(page.full());
}

TEST(PendingPage, SplitsInHalves) {
  PendingPage lower = PageOf(kMaxPendingRecords);
  lower.Update(Record(100, 7, 500));
  const Model all = Contents(lower);
  PendingPage upper = lower.Split();
  EXPECT_EQ(lower.count(), kMaxPendingRecords / 2);
  EXPECT_EQ(upper.count(), kMaxPendingRecords / 2);
  EXPECT_LT(lower.last_id(), upper.first_id());
  EXPECT_EQ(lower.OwnedBy(7), 0u);
  EXPECT_EQ(upper.OwnedBy(7), 1u);
  EXPECT_EQ(lower.OldestKey(), (DeliveryKey{1000, 1}));
  EXPECT_EQ(upper.OldestKey(), (DeliveryKey{500, 1}));
  Model both = Contents(lower);
  both.merge(Contents(upper));
  EXPECT_EQ(both, all);
}

TEST(PendingPage, CountsItsOwners) {
  PendingPage page;
  page.Insert(Record(1, 5));
  page.Insert(Record(2, 3));
  page.Insert(Record(3, 5));
  page.Insert(Record(4, kNoConsumer));
  const std::vector<PendingPage::OwnerShare> expected = {{kNoConsumer, 1}, {3, 1}, {5, 2}};
  EXPECT_EQ(std::vector(page.owners().begin(), page.owners().end()), expected);
  page.Update(Record(3, 3));
  page.Erase({1, 0});
  EXPECT_EQ(page.OwnedBy(5), 0u);
  EXPECT_EQ(page.OwnedBy(3), 2u);
  EXPECT_EQ(page.owners().size(), 2u);
}

TEST(PendingPage, TheOldestIsReleasedFirstThenByTimeThenBySequence) {
  PendingPage page;
  page.Insert(Record(1, 1, 900, 4));
  page.Insert(Record(2, 1, 800, 6));
  page.Insert(Record(3, 1, 800, 5));
  EXPECT_EQ(page.OldestKey(), (DeliveryKey{800, 5}));
  page.Insert(Record(4, kNoConsumer, 5000, 9));
  page.Insert(Record(5, kNoConsumer, 4000, 10));
  EXPECT_EQ(page.OldestKey(), (DeliveryKey{DeliveryKey::kReleased, 9}));
  page.Update(Record(4, 1, 5000, 11));
  EXPECT_EQ(page.OldestKey(), (DeliveryKey{DeliveryKey::kReleased, 10}));
  page.Erase({5, 0});
  page.Erase({3, 0});
  EXPECT_EQ(page.OldestKey(), (DeliveryKey{800, 6}));
}

TEST(PendingPage, AMillionPendingTakeAboutFortyMegabytes) {
  const PendingPage page = PageOf(kMaxPendingRecords);
  EXPECT_LE(page.memory_bytes() / kMaxPendingRecords, 42u);
  const PendingPage small = PageOf(1);
  EXPECT_LE(small.memory_bytes(), 320u);
}

TEST(PendingPage, PlainDeliveriesTakeFewBytes) {
  PendingPage page;
  for (uint64_t i = 0; i < kMaxPendingRecords; ++i) {
    page.Insert(Record(1700000000000 + i, 3, 1700000000000, 100 + i));
  }
  std::string bytes;
  page.Encode(&bytes);
  EXPECT_LE(bytes.size() / kMaxPendingRecords, 3u);
}

PendingRecord Released(StreamId id, int64_t first_ms, uint64_t sequence) {
  PendingRecord record;
  record.id = id;
  record.first_delivery_ms = first_ms;
  record.sequence = sequence;
  record.count = 1;
  return record;
}

// A plain one; a claimed one of another owner; one that was released, nobody knows by whom.
PendingPage ThreeRecords() {
  PendingPage page;
  PendingRecord record = Record(1526919030474, 3, 1526919030500, 7);
  record.id.seq = 55;
  page.Insert(record);
  record.id.seq = 56;
  record.delivery_ms = 1526919031500;
  record.sequence = 9;
  record.count = 2;
  record.owner = 4;
  page.Insert(record);
  page.Insert(Released({1526919030479, 0}, 1526919030600, 10));
  return page;
}

// The same with one that was released with all there is to say, and a parked one.
PendingPage FiveRecords() {
  PendingPage page = ThreeRecords();
  PendingRecord record = Released({1526919030480, 0}, 1526919030600, 11);
  record.delivery_ms = 1526919030700;
  record.released_ms = 1526919030900;
  record.last_owner = 4;
  record.due_ms = 1526919031000;
  record.hops = 2;
  record.reason = "bad";
  page.Insert(record);
  record = Released({1526919030481, 0}, 0, 12);
  record.parked = true;
  page.Insert(record);
  return page;
}

TEST(PendingPage, GoldenBytes) {
  std::string bytes;
  FiveRecords().Encode(&bytes);
  const std::string golden = tests::ReadGolden("pending_page.hex");
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(golden));
  const Result<PendingPage> decoded = PendingPage::Decode(golden);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(FiveRecords()));
}

TEST(PendingPage, ParkedRecordsAreCountedApartAndRememberWhy) {
  PendingPage page = FiveRecords();
  PendingRecord record = Released({1526919030482, 0}, 0, 13);
  record.parked = true;
  record.fatal = true;
  page.Insert(record);
  EXPECT_EQ(page.OwnedBy(kParkedShare), 2u);
  EXPECT_EQ(page.OwnedBy(kNoConsumer), 2u);
  std::string bytes;
  page.Encode(&bytes);
  Result<PendingPage> decoded = PendingPage::Decode(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(page));
  EXPECT_EQ(decoded->OwnedBy(kParkedShare), 2u);
  record.parked = false;
  record.fatal = false;
  page.Update(record);
  EXPECT_EQ(page.OwnedBy(kParkedShare), 1u);
  EXPECT_EQ(page.OwnedBy(kNoConsumer), 3u);
}

TEST(PendingPage, OfVersionOneKnowsNoMoreOfAReleaseThanThatThereWasOne) {
  const Result<PendingPage> decoded = PendingPage::Decode(tests::ReadGolden("pending_page_v1.hex"));
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(ThreeRecords()));
}

TEST(PendingPage, DecodeRefusesWhatIsNotWhole) {
  std::string bytes;
  FiveRecords().Encode(&bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(PendingPage::Decode(bytes.substr(0, size)).code(), Code::kCorruption) << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(PendingPage::Decode(flipped).code(), Code::kCorruption) << bit;
  }
  EXPECT_EQ(PendingPage::Decode(bytes + '\0').code(), Code::kCorruption);
}

// ---- Random operations against a map ----

class PageModel {
 public:
  explicit PageModel(uint32_t seed) : random_(seed) {}

  void Step() {
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        return Insert(random_() % 3 == 0 ? 1 + random_() % 400 : ++top_);
      case 3:
      case 4:
        return Erase();
      case 5:
        return Update();
      case 6:
        return Split();
      default:
        return Check();
    }
  }

 private:
  PendingRecord RandomRecord(uint64_t ms) {
    PendingRecord record = Record(ms, static_cast<ConsumerNumber>(random_() % 5),
                                  1000 + static_cast<int64_t>(random_() % 100), random_() % 1000);
    record.first_delivery_ms -= static_cast<int64_t>(random_() % 50);
    record.count = 1 + random_() % 3;
    if (random_() % 20 == 0) {
      record.delivery_ms -= int64_t{1} << 40;
      record.count = kMaxDeliveryCount;
    }
    return record;
  }

  void Insert(uint64_t ms) {
    if (page_.full()) {
      return;
    }
    const PendingRecord record = RandomRecord(ms);
    EXPECT_EQ(page_.Insert(record), model_.emplace(record.id, record).second);
    top_ = std::max(top_, ms);
  }

  // Often from the front, as consumers do.
  void Erase() {
    if (model_.empty()) {
      EXPECT_EQ(page_.Erase({1, 0}), std::nullopt);
      return;
    }
    auto at = model_.begin();
    if (random_() % 2 == 0) {
      std::advance(at, random_() % model_.size());
    }
    const PendingRecord expected = at->second;
    model_.erase(at);
    EXPECT_EQ(page_.Erase(expected.id), expected);
  }

  void Update() {
    const PendingRecord record = RandomRecord(1 + random_() % (top_ + 1));
    const auto at = model_.find(record.id);
    EXPECT_EQ(page_.Update(record), at != model_.end());
    if (at != model_.end()) {
      at->second = record;
    }
  }

  void Split() {
    if (random_() % 10 != 0 || model_.size() < 2) {
      return;
    }
    PendingPage upper = page_.Split();
    const auto middle = model_.lower_bound(upper.first_id());
    EXPECT_EQ(Contents(upper), Model(middle, model_.end()));
    if (random_() % 2 == 0) {
      model_.erase(middle, model_.end());
    } else {
      model_.erase(model_.begin(), middle);
      page_ = std::move(upper);
    }
  }

  void Check() {
    ASSERT_EQ(Contents(page_), model_);
    EXPECT_EQ(page_.count(), model_.size());
    std::map<ConsumerNumber, uint32_t> owners;
    DeliveryKey oldest = {INT64_MAX, UINT64_MAX};
    for (const auto& [id, record] : model_) {
      ++owners[record.owner];
      oldest = std::min(oldest, DeliveryKey::Of(record));
      EXPECT_EQ(page_.Find(id), record);
    }
    EXPECT_EQ(page_.owners().size(), owners.size());
    for (const auto& [owner, count] : owners) {
      EXPECT_EQ(page_.OwnedBy(owner), count);
    }
    const StreamId probe{random_() % (top_ + 2), 0};
    const auto after = model_.lower_bound(probe);
    const PendingPage::Iterator seek = page_.Seek(probe);
    ASSERT_EQ(seek.valid(), after != model_.end());
    if (seek.valid()) {
      EXPECT_EQ(seek.id(), after->first);
    }
    const auto above = model_.upper_bound(probe);
    const PendingPage::Iterator before = page_.SeekAtOrBefore(probe);
    ASSERT_EQ(before.valid(), above != model_.begin());
    if (before.valid()) {
      EXPECT_EQ(before.id(), std::prev(above)->first);
    }
    if (model_.empty()) {
      return;
    }
    EXPECT_EQ(page_.OldestKey(), oldest);
    EXPECT_EQ(page_.first_id(), model_.begin()->first);
    EXPECT_EQ(page_.last_id(), model_.rbegin()->first);
    std::string bytes;
    page_.Encode(&bytes);
    Result<PendingPage> decoded = PendingPage::Decode(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(Contents(*decoded), model_);
    std::string again;
    decoded->Encode(&again);
    EXPECT_EQ(again, bytes);
    EXPECT_EQ(decoded->OldestKey(), oldest);
  }

  std::mt19937 random_;
  PendingPage page_;
  Model model_;
  uint64_t top_ = 0;
};

TEST(PendingPage, BehavesAsAMapOverRandomOperations) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    PageModel model(seed);
    for (int step = 0; step < 1000 && !testing::Test::HasFailure(); ++step) {
      model.Step();
    }
  }
}

}  // namespace
}  // namespace engine
