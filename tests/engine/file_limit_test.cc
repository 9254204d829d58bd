#include "engine/file_limit.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(FileLimit, SharesAddUpAndLeaveRoomForAllOfLevelZeroTwice) {
  for (const int64_t limit : {int64_t{0}, int64_t{64}, int64_t{100}, int64_t{256}, int64_t{1024},
                              int64_t{10'000}, int64_t{INT32_MAX}}) {
    const FileShares shares = ShareFiles(limit);
    EXPECT_LT(shares.tables + shares.journal, shares.kept) << limit;
    EXPECT_LE(2 * shares.level0, shares.tables) << limit;
    EXPECT_GE(shares.level0, 8) << limit;
  }
}

TEST(FileLimit, ClientsGetHalfOfWhatIsBeyondTheLeastAndAllBeyondTheMost) {
  EXPECT_EQ(ShareFiles(1024).kept, 512);
  EXPECT_EQ(ShareFiles(100'000).kept, ShareFiles(10'000).kept);
  EXPECT_EQ(ShareFiles(100).kept, ShareFiles(0).kept);
}

}  // namespace
}  // namespace engine
