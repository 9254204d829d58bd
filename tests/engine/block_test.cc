#include "engine/block.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/payload.h"

namespace engine {
namespace {

using tests::Payload;

struct ModelEntry {
  bool opens_node = false;
  bool deleted = false;
  uint32_t arg_count = 0;
  std::string payload;
  bool operator==(const ModelEntry&) const = default;
};
using Model = std::map<StreamId, ModelEntry>;

ModelEntry FromView(const EntryView& view) {
  return {view.opens_node, view.deleted, view.arg_count, std::string(view.payload)};
}

Model Contents(const Block& block) {
  Model contents;
  for (Block::Cursor cursor = block.Begin(); cursor.valid(); cursor.Next()) {
    contents[cursor.entry().id] = FromView(cursor.entry());
  }
  return contents;
}

std::string Encoded(Block* block) {
  std::string out;
  block->EncodeUnsaved(&out);
  return out;
}

// 10-1 opens, 10-2, 12-0 opens, 13-5.
Block FourEntries() {
  Block block({10, 1});
  block.Append({10, 1}, true, 2, Payload({"f", "abc"}));
  block.Append({10, 2}, false, 2, Payload({"f", "d"}));
  block.Append({12, 0}, true, 4, Payload({"g", "", "h", "x"}));
  block.Append({13, 5}, false, 2, Payload({"f", "e"}));
  return block;
}

TEST(Block, ReadsBackWhatWasAppended) {
  const Block block = FourEntries();
  EXPECT_EQ(block.entry_count(), 4u);
  EXPECT_EQ(block.live_count(), 4u);
  EXPECT_EQ(block.first_id(), (StreamId{10, 1}));
  EXPECT_EQ(block.last_id(), (StreamId{13, 5}));
  EXPECT_TRUE(block.complete());
  const Model expected = {
      {{10, 1}, {true, false, 2, "$1\r\nf\r\n$3\r\nabc\r\n"}},
      {{10, 2}, {false, false, 2, "$1\r\nf\r\n$1\r\nd\r\n"}},
      {{12, 0}, {true, false, 4, "$1\r\ng\r\n$0\r\n\r\n$1\r\nh\r\n$1\r\nx\r\n"}},
      {{13, 5}, {false, false, 2, "$1\r\nf\r\n$1\r\ne\r\n"}},
  };
  EXPECT_EQ(Contents(block), expected);
}

TEST(Block, SeeksFromBothSides) {
  const Block block = FourEntries();
  struct Case {
    StreamId id;
    std::optional<StreamId> after;
    std::optional<StreamId> before;
    bool found;
  };
  const Case cases[] = {
      {{0, 0}, StreamId{10, 1}, std::nullopt, false},
      {{10, 1}, StreamId{10, 1}, StreamId{10, 1}, true},
      {{10, 2}, StreamId{10, 2}, StreamId{10, 2}, true},
      {{10, 3}, StreamId{12, 0}, StreamId{10, 2}, false},
      {{12, 0}, StreamId{12, 0}, StreamId{12, 0}, true},
      {{13, 4}, StreamId{13, 5}, StreamId{12, 0}, false},
      {{13, 5}, StreamId{13, 5}, StreamId{13, 5}, true},
      {StreamId::Max(), std::nullopt, StreamId{13, 5}, false},
  };
  for (const Case& c : cases) {
    const Block::Cursor after = block.SeekAtOrAfter(c.id);
    ASSERT_EQ(after.valid(), c.after.has_value()) << c.id.ToString();
    if (after.valid()) {
      EXPECT_EQ(after.entry().id, *c.after);
    }
    const Block::Cursor before = block.SeekAtOrBefore(c.id);
    ASSERT_EQ(before.valid(), c.before.has_value()) << c.id.ToString();
    if (before.valid()) {
      EXPECT_EQ(before.entry().id, *c.before);
    }
    EXPECT_EQ(block.Find(c.id).has_value(), c.found);
  }
}

TEST(Block, WalksBackwards) {
  const Block block = FourEntries();
  std::vector<StreamId> ids;
  for (Block::Cursor cursor = block.Last(); cursor.valid(); cursor.Prev()) {
    ids.push_back(cursor.entry().id);
  }
  EXPECT_EQ(ids, (std::vector<StreamId>{{13, 5}, {12, 0}, {10, 2}, {10, 1}}));
}

TEST(Block, AnEmptyBlockHasNoPlaces) {
  const Block block({1, 0});
  EXPECT_FALSE(block.Begin().valid());
  EXPECT_FALSE(block.Last().valid());
  EXPECT_FALSE(block.SeekAtOrAfter({0, 0}).valid());
  EXPECT_FALSE(block.SeekAtOrBefore(StreamId::Max()).valid());
  EXPECT_FALSE(block.HasUnsaved());
}

TEST(Block, DeletingMarksOnce) {
  Block block = FourEntries();
  EXPECT_TRUE(block.MarkDeleted({10, 2}));
  EXPECT_FALSE(block.MarkDeleted({10, 2}));
  EXPECT_FALSE(block.MarkDeleted({11, 0}));
  EXPECT_EQ(block.live_count(), 3u);
  EXPECT_EQ(block.entry_count(), 4u);
  EXPECT_TRUE(block.Find({10, 2})->deleted);
  EXPECT_FALSE(block.Find({10, 1})->deleted);
}

TEST(Block, AnswersTrimming) {
  Block block = FourEntries();
  block.MarkDeleted({10, 2});
  EXPECT_EQ(block.CountLiveBelow(StreamId::Min(), {13, 0}), 2u);
  EXPECT_EQ(block.CountLiveBelow({10, 2}, StreamId::Max()), 2u);
  EXPECT_EQ(block.NthLive(StreamId::Min(), 1), (StreamId{12, 0}));
  EXPECT_EQ(block.NthLive({11, 0}, 1), (StreamId{13, 5}));
  EXPECT_EQ(block.NthLive(StreamId::Min(), 3), std::nullopt);
  EXPECT_EQ(block.FirstLiveAtOrAfter({10, 2}), (StreamId{12, 0}));
  EXPECT_EQ(block.LastLiveAtOrBefore({11, 0}, StreamId::Min()), (StreamId{10, 1}));
  EXPECT_EQ(block.LastLiveAtOrBefore({11, 0}, {10, 2}), std::nullopt);
}

TEST(Block, KnowsItsNodes) {
  Block block = FourEntries();
  const NodeSpan first = *block.NodeContaining({10, 2}, StreamId::Min());
  EXPECT_EQ(first.first_id, (StreamId{10, 1}));
  EXPECT_EQ(first.last_id, (StreamId{10, 2}));
  EXPECT_EQ(first.entry_count, 2u);
  EXPECT_EQ(first.live_count, 2u);
  EXPECT_EQ(block.NodeContaining({13, 5}, {13, 0})->live_count, 1u);
  EXPECT_EQ(block.NodeContaining({9, 0}, StreamId::Min()), std::nullopt);
  EXPECT_EQ(block.LiveNodeCount(StreamId::Min()), 2u);
  EXPECT_EQ(block.LiveNodeCount({10, 2}), 2u);
  EXPECT_EQ(block.LiveNodeCount({10, 3}), 1u);
  EXPECT_EQ(block.LiveNodeCount({14, 0}), 0u);

  block.MarkDeleted({12, 0});
  block.MarkDeleted({13, 5});
  EXPECT_EQ(block.LiveNodeCount(StreamId::Min()), 1u);
  EXPECT_EQ(block.LastLiveNode(StreamId::Min())->first_id, (StreamId{10, 1}));
  EXPECT_EQ(block.FirstLiveNode(StreamId::Min())->last_id, (StreamId{10, 2}));
  EXPECT_FALSE(block.LastLiveNode({10, 3}).has_value());
  EXPECT_FALSE(block.FirstLiveNode({10, 3}).has_value());
}

TEST(Block, ValueIsPutOnceAndThenMerged) {
  Block block({1, 0});
  block.Append({1, 0}, true, 2, Payload({"f", "1"}));
  std::string stored;
  EXPECT_EQ(block.EncodeUnsaved(&stored), Block::WriteAs::kPut);
  EXPECT_FALSE(block.HasUnsaved());
  block.ConfirmSaved();
  EXPECT_FALSE(block.HasUnsaved());
  block.Append({2, 0}, false, 2, Payload({"f", "2"}));
  block.MarkDeleted({1, 0});
  EXPECT_EQ(block.EncodeUnsaved(&stored), Block::WriteAs::kMerge);
  block.ConfirmSaved();
  const Result<Block> decoded = Block::Decode({1, 0}, stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(block));
  EXPECT_EQ(decoded->live_count(), 1u);
  EXPECT_EQ(decoded->last_id(), (StreamId{2, 0}));
  EXPECT_EQ(decoded->byte_size(), block.byte_size());
  EXPECT_FALSE(decoded->HasUnsaved());
}

TEST(Block, AFailedCheckpointThatWasDurableIsHarmless) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.Append({14, 0}, false, 2, Payload({"f", "x"}));
  block.Append({15, 0}, false, 2, Payload({"f", "y"}));
  block.MarkDeleted({10, 1});
  stored += Encoded(&block);
  block.MarkDeleted({14, 0});
  block.RevertSaved();
  EXPECT_TRUE(block.HasUnsaved());
  // Marked in bytes that the store may have without the mark.
  block.MarkDeleted({15, 0});
  std::string again;
  EXPECT_EQ(block.EncodeUnsaved(&again), Block::WriteAs::kMerge);
  block.ConfirmSaved();
  const Result<Block> decoded = Block::Decode(block.first_id(), stored + again);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(block));
}

TEST(Block, AFailedPutIsPutAgain) {
  Block block = FourEntries();
  Encoded(&block);
  block.MarkDeleted({10, 1});
  block.RevertSaved();
  std::string stored;
  EXPECT_EQ(block.EncodeUnsaved(&stored), Block::WriteAs::kPut);
  EXPECT_EQ(Contents(*Block::Decode(block.first_id(), stored)), Contents(block));
}

TEST(Block, CompactingKeepsNodesAndKey) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.MarkDeleted({10, 1});
  block.MarkDeleted({13, 5});
  block.Compact();
  const Model expected = {
      {{10, 2}, {true, false, 2, "$1\r\nf\r\n$1\r\nd\r\n"}},
      {{12, 0}, {true, false, 4, "$1\r\ng\r\n$0\r\n\r\n$1\r\nh\r\n$1\r\nx\r\n"}},
  };
  EXPECT_EQ(Contents(block), expected);
  EXPECT_EQ(block.first_id(), (StreamId{10, 1}));
  EXPECT_EQ(block.last_id(), (StreamId{13, 5}));
  EXPECT_EQ(block.entry_count(), 2u);
  stored.clear();
  EXPECT_EQ(block.EncodeUnsaved(&stored), Block::WriteAs::kPut);
  block.ConfirmSaved();
  EXPECT_EQ(Contents(*Block::Decode(block.first_id(), stored)), expected);
}

TEST(Block, ATailGrowsAndIsCompletedFromTheStore) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.MarkDeleted({10, 2});
  const Model before = Contents(block);
  ASSERT_TRUE(block.DropSavedPrefix());
  EXPECT_FALSE(block.complete());
  EXPECT_FALSE(block.Covers({13, 5}));
  EXPECT_TRUE(block.Covers({13, 6}));
  EXPECT_EQ(block.entry_count(), 4u);
  EXPECT_EQ(block.live_count(), 3u);
  EXPECT_TRUE(block.HasUnsaved());
  block.Append({20, 0}, true, 2, Payload({"f", "z"}));
  EXPECT_EQ(block.SeekAtOrAfter({14, 0}).entry().id, (StreamId{20, 0}));
  ASSERT_TRUE(block.MergeOlder(stored).ok());
  EXPECT_TRUE(block.complete());
  Model expected = before;
  expected[{20, 0}] = {true, false, 2, Payload({"f", "z"})};
  EXPECT_EQ(Contents(block), expected);
  std::string more;
  EXPECT_EQ(block.EncodeUnsaved(&more), Block::WriteAs::kMerge);
  EXPECT_EQ(Contents(*Block::Decode(block.first_id(), stored + more)), expected);
}

TEST(Block, ATailOpensFromItsSummaryAlone) {
  Block whole = FourEntries();
  std::string stored = Encoded(&whole);
  whole.ConfirmSaved();
  Block tail = Block::OpenTail(whole.first_id(), whole.Summary());
  EXPECT_EQ(tail.byte_size(), whole.byte_size());
  EXPECT_FALSE(tail.HasUnsaved());
  tail.Append({20, 0}, false, 2, Payload({"f", "z"}));
  whole.Append({20, 0}, false, 2, Payload({"f", "z"}));
  std::string more;
  EXPECT_EQ(tail.EncodeUnsaved(&more), Block::WriteAs::kMerge);
  // The store may have the tail already: once is enough.
  ASSERT_TRUE(tail.MergeOlder(stored + more).ok());
  tail.ConfirmSaved();
  EXPECT_EQ(Contents(tail), Contents(whole));
  EXPECT_FALSE(tail.HasUnsaved());
}

TEST(Block, AnotherValueDoesNotCompleteATail) {
  Block block = FourEntries();
  const std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.Append({14, 0}, false, 2, Payload({"f", "x"}));
  Encoded(&block);
  block.ConfirmSaved();
  ASSERT_TRUE(block.DropSavedPrefix());
  EXPECT_EQ(block.MergeOlder(stored).code(), Code::kCorruption);
  EXPECT_FALSE(block.complete());
}

TEST(Block, NothingIsDroppedBeforeItIsDurable) {
  Block block = FourEntries();
  EXPECT_FALSE(block.DropSavedPrefix());
  Encoded(&block);
  EXPECT_FALSE(block.DropSavedPrefix());
  block.ConfirmSaved();
  EXPECT_TRUE(block.DropSavedPrefix());
  EXPECT_FALSE(block.DropSavedPrefix());
}

TEST(Block, AfterItsNewestNodeDiedTheOneBeforeGoesOn) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.MarkDeleted({12, 0});
  block.MarkDeleted({13, 5});
  block.DropDeadTail(StreamId::Min());
  EXPECT_EQ(block.last_id(), (StreamId{10, 2}));
  EXPECT_EQ(block.entry_count(), 2u);
  // An id that was there before, as after XSETID.
  block.Append({12, 0}, false, 2, Payload({"f", "again"}));
  EXPECT_EQ(block.LiveNodeCount(StreamId::Min()), 1u);
  EXPECT_EQ(block.NodeContaining({12, 0}, StreamId::Min())->entry_count, 3u);
  EXPECT_EQ(block.EncodeUnsaved(&stored), Block::WriteAs::kMerge);
  block.ConfirmSaved();
  const Result<Block> decoded = Block::Decode(block.first_id(), stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(block));
  EXPECT_EQ(decoded->last_id(), (StreamId{12, 0}));
}

TEST(Block, ADroppedTailThatAFailedCheckpointMadeDurableStaysDropped) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  block.Append({14, 0}, true, 2, Payload({"f", "x"}));
  block.EncodeUnsaved(&stored);
  block.RevertSaved();
  block.MarkDeleted({14, 0});
  block.DropDeadTail(StreamId::Min());
  block.Append({15, 0}, false, 2, Payload({"f", "y"}));
  block.EncodeUnsaved(&stored);
  block.ConfirmSaved();
  const Result<Block> decoded = Block::Decode(block.first_id(), stored);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(Contents(*decoded), Contents(block));
}

TEST(Block, GoldenBytes) {
  Block block({1526919030474, 55});
  block.Append({1526919030474, 55}, true, 2, Payload({"f", "abc"}));
  block.Append({1526919030474, 56}, false, 2, Payload({"f", "d"}));
  block.Append({1526919030479, 0}, true, 2, Payload({"f", "e"}));
  std::string bytes = Encoded(&block);
  block.ConfirmSaved();
  block.MarkDeleted({1526919030479, 0});
  block.MarkDeleted({1526919030474, 56});
  bytes += Encoded(&block);
  block.ConfirmSaved();
  block.DropDeadTail(StreamId::Min());
  bytes += Encoded(&block);
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(tests::ReadGolden("block_segment.hex")));
}

TEST(Block, DecodeRefusesWhatIsNotWholeOrNotItsOwn) {
  Block block = FourEntries();
  std::string stored = Encoded(&block);
  block.ConfirmSaved();
  const size_t entries_segment = stored.size();
  block.MarkDeleted({10, 2});
  stored += Encoded(&block);
  ASSERT_TRUE(Block::Decode(block.first_id(), stored).ok());
  EXPECT_EQ(Block::Decode({10, 2}, stored).code(), Code::kCorruption);
  EXPECT_EQ(Block::Decode(block.first_id(), stored.substr(entries_segment)).code(),
            Code::kCorruption);
  for (size_t size = 0; size < stored.size(); ++size) {
    // A cut between segments cannot be seen here; the directory's counts tell.
    if (size != entries_segment) {
      EXPECT_EQ(Block::Decode(block.first_id(), stored.substr(0, size)).code(), Code::kCorruption);
    }
  }
  for (size_t bit = 0; bit < stored.size() * 8; ++bit) {
    std::string flipped = stored;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(Block::Decode(block.first_id(), flipped).code(), Code::kCorruption) << bit;
  }
}

// ---- Random operations against a map ----

class BlockModel {
 public:
  explicit BlockModel(uint32_t seed) : random_(seed), block_({1, 0}) { Append(); }

  void Step() {
    switch (random_() % 13) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Append();
      case 4:
      case 5:
        return Delete();
      case 6:
        return Encode();
      case 7:
        return Finish();
      case 8:
        if (random_() % 4 == 0) {
          Compact();
        }
        return;
      case 9:
        block_.DropSavedPrefix();
        return;
      case 10:
        return DropDeadTail();
      default:
        Load();
        return Check();
    }
  }

 private:
  void Append() {
    StreamId id = last_;
    if (model_.empty()) {
      id = block_.first_id();
    } else if (random_() % 2 == 0) {
      id.seq += 1 + random_() % 3;
    } else {
      id = {id.ms + 1 + random_() % 300, random_() % 3};
    }
    ModelEntry entry{model_.empty() || random_() % 5 == 0, false, 2,
                     Payload({"f", std::string(random_() % 200, 'v')})};
    block_.Append(id, entry.opens_node, entry.arg_count, entry.payload);
    model_[id] = entry;
    last_ = id;
  }

  void Delete() {
    auto at = model_.begin();
    std::advance(at, random_() % model_.size());
    if (!block_.Covers(at->first)) {
      Load();
    }
    EXPECT_EQ(block_.MarkDeleted(at->first), !at->second.deleted);
    at->second.deleted = true;
  }

  void Encode() {
    if (block_.InFlight() || !block_.HasUnsaved()) {
      return;
    }
    flight_.clear();
    flight_as_ = block_.EncodeUnsaved(&flight_);
  }

  void WriteFlight() {
    if (flight_as_ == Block::WriteAs::kPut) {
      stored_.clear();
    }
    stored_ += flight_;
  }

  void Finish() {
    if (!block_.InFlight()) {
      return;
    }
    const uint64_t outcome = random_() % 4;
    if (outcome != 0) {
      WriteFlight();
    }
    if (outcome <= 1) {
      block_.RevertSaved();
    } else {
      block_.ConfirmSaved();
    }
  }

  void Compact() {
    if (block_.InFlight() || block_.live_count() == 0) {
      return;
    }
    Load();
    block_.Compact();
    bool node_lost_its_opener = false;
    for (auto at = model_.begin(); at != model_.end();) {
      if (at->second.deleted) {
        node_lost_its_opener |= at->second.opens_node;
        at = model_.erase(at);
      } else {
        at->second.opens_node |= node_lost_its_opener;
        node_lost_its_opener = false;
        ++at;
      }
    }
  }

  // Half of the time with a newest node that has just died.
  void DropDeadTail() {
    Load();
    if (random_() % 2 == 0) {
      const NodeSpan newest = *block_.NodeContaining(StreamId::Max(), StreamId::Min());
      for (auto at = model_.lower_bound(newest.first_id); at != model_.end(); ++at) {
        block_.MarkDeleted(at->first);
        at->second.deleted = true;
      }
    }
    if (block_.live_count() == 0) {
      return;
    }
    block_.DropDeadTail(StreamId::Min());
    auto last_live = std::prev(model_.end());
    while (last_live->second.deleted) {
      --last_live;
    }
    auto end = std::next(last_live);
    while (end != model_.end() && !end->second.opens_node) {
      ++end;
    }
    if (end != model_.end()) {
      model_.erase(end, model_.end());
      last_ = model_.rbegin()->first;
    }
  }

  void Load() {
    if (!block_.complete()) {
      const Status status = block_.MergeOlder(stored_);
      ASSERT_TRUE(status.ok()) << status.message();
    }
  }

  void Check() {
    ASSERT_EQ(Contents(block_), model_);
    uint32_t live = 0;
    for (const auto& [id, entry] : model_) {
      live += entry.deleted ? 0 : 1;
    }
    EXPECT_EQ(block_.entry_count(), model_.size());
    EXPECT_EQ(block_.live_count(), live);
    EXPECT_EQ(block_.last_id(), last_);
    const StreamId probe{random_() % (last_.ms + 2), random_() % 5};
    const auto after = model_.lower_bound(probe);
    const Block::Cursor cursor = block_.SeekAtOrAfter(probe);
    ASSERT_EQ(cursor.valid(), after != model_.end());
    if (cursor.valid()) {
      EXPECT_EQ(cursor.entry().id, after->first);
    }
    const Block::Cursor before = block_.SeekAtOrBefore(probe);
    const auto above = model_.upper_bound(probe);
    ASSERT_EQ(before.valid(), above != model_.begin());
    if (before.valid()) {
      EXPECT_EQ(before.entry().id, std::prev(above)->first);
    }
    // What the store has plus what is unsaved is what is in memory.
    if (!block_.InFlight() && block_.HasUnsaved()) {
      std::string unsaved;
      const bool put = block_.EncodeUnsaved(&unsaved) == Block::WriteAs::kPut;
      const Result<Block> decoded =
          Block::Decode(block_.first_id(), put ? unsaved : stored_ + unsaved);
      ASSERT_TRUE(decoded.ok()) << decoded.status().message();
      EXPECT_EQ(Contents(*decoded), model_);
      block_.RevertSaved();
    }
  }

  std::mt19937 random_;
  Block block_;
  Model model_;
  StreamId last_;
  std::string stored_;
  std::string flight_;
  Block::WriteAs flight_as_ = Block::WriteAs::kPut;
};

TEST(Block, BehavesAsAMapOverRandomOperations) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BlockModel model(seed);
    for (int step = 0; step < 300 && !testing::Test::HasFailure(); ++step) {
      model.Step();
    }
  }
}

}  // namespace
}  // namespace engine
