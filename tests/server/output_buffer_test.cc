#include "server/core/output_buffer.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "server/core/output_limits.h"
#include "server/limits.h"

namespace server {
namespace {

class OutputBufferTest : public testing::Test {
 protected:
  void Reply(std::string_view text, engine::Turn turn) {
    const size_t mark = output_.BeginReply();
    output_.tail() += text;
    output_.EndReply(mark, turn, released_);
  }
  // All that may leave, taken out in pieces.
  std::string Take() {
    std::string taken;
    std::array<std::string_view, 2> pieces;
    for (;;) {
      size_t bytes = 0;
      const size_t count = output_.Collect(released_, pieces);
      for (size_t i = 0; i < count; ++i) {
        taken += pieces[i];
        bytes += pieces[i].size();
      }
      if (bytes == 0) return taken;
      output_.Consume(bytes);
    }
  }

  BufferPool pool_;
  OutputBuffer output_{pool_};
  engine::Turn released_ = 0;
};

TEST_F(OutputBufferTest, BytesWithoutGateLeaveAtOnce) {
  Reply("a", 0);
  Reply("b", 0);
  EXPECT_EQ(Take(), "ab");
  EXPECT_TRUE(output_.empty());
}

TEST_F(OutputBufferTest, GateHoldsItsReplyAndEverythingBehindIt) {
  Reply("a", 0);
  Reply("b", 5);
  Reply("c", 0);
  EXPECT_EQ(Take(), "a");
  EXPECT_TRUE(output_.gated(released_));
  EXPECT_EQ(output_.size(), 2u);
  released_ = 4;
  EXPECT_EQ(Take(), "");
  released_ = 5;
  EXPECT_FALSE(output_.gated(released_));
  EXPECT_EQ(Take(), "bc");
}

TEST_F(OutputBufferTest, GatesOpenOneAfterAnother) {
  Reply("a", 1);
  Reply("b", 3);
  Reply("c", 2);
  Reply("d", 4);
  released_ = 2;
  EXPECT_EQ(Take(), "a");
  released_ = 3;
  EXPECT_EQ(Take(), "bc");
  released_ = 9;
  EXPECT_EQ(Take(), "d");
}

TEST_F(OutputBufferTest, ReleasedTurnClosesNoGate) {
  released_ = 7;
  Reply("a", 7);
  EXPECT_FALSE(output_.gated(released_));
  EXPECT_EQ(Take(), "a");
}

TEST_F(OutputBufferTest, OrderAndGatesHoldOverManyPieces) {
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text(997, static_cast<char>('a' + i % 26));
    Reply(text, static_cast<engine::Turn>(i / 50));
    expected += text;
  }
  EXPECT_GT(output_.piece_count(), 1u);
  std::string taken;
  for (released_ = 0; released_ < 4; ++released_) {
    taken += Take();
    EXPECT_EQ(taken.size(), (released_ + 1) * 50 * 997);
  }
  EXPECT_EQ(taken, expected);
  EXPECT_TRUE(output_.empty());
}

TEST_F(OutputBufferTest, PartialSendsContinueWhereTheyStopped) {
  Reply(std::string(kOutputPieceBytes, 'x'), 0);
  Reply("yz", 0);
  std::array<std::string_view, 4> pieces;
  ASSERT_EQ(output_.Collect(0, pieces), 2u);
  output_.Consume(kOutputPieceBytes - 1);
  EXPECT_EQ(output_.size(), 3u);
  EXPECT_EQ(Take(), "xyz");
}

TEST_F(OutputBufferTest, RewindTakesAReplyBack) {
  Reply("a", 0);
  const size_t mark = output_.BeginReply();
  output_.tail() += "half";
  output_.Rewind(mark);
  output_.EndReply(mark, 9, released_);
  EXPECT_FALSE(output_.gated(released_));
  EXPECT_EQ(Take(), "a");
}

TEST_F(OutputBufferTest, HoldsNoMemoryWhileItIsEmpty) {
  Reply("a", 0);
  EXPECT_GE(output_.memory_bytes(), kPooledBufferBytes);
  Take();
  EXPECT_LT(output_.memory_bytes(), 100u);
  output_.Abandon(output_.BeginReply());
  EXPECT_LT(output_.memory_bytes(), 100u);
}

TEST(OutputLimitTracker, HardLimitBreaksAtOnceSoftLimitAfterItsTime) {
  const OutputLimit limit = {.hard_bytes = 100, .soft_bytes = 10, .soft_seconds = 2};
  OutputLimitTracker tracker;
  EXPECT_FALSE(tracker.Exceeded(10, limit, 0));
  EXPECT_FALSE(tracker.Exceeded(11, limit, 1000));
  EXPECT_FALSE(tracker.Exceeded(11, limit, 3000));
  EXPECT_TRUE(tracker.Exceeded(11, limit, 3001));
  EXPECT_FALSE(tracker.Exceeded(10, limit, 3001));  // Below it the time starts anew.
  EXPECT_FALSE(tracker.Exceeded(11, limit, 4000));
  EXPECT_TRUE(tracker.Exceeded(101, limit, 4000));
  EXPECT_FALSE(tracker.Exceeded(size_t{1} << 40, OutputLimit{}, 9000));
}

}  // namespace
}  // namespace server
