#include "server/core/huge_pages.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>

namespace server {
namespace {

TEST(HugePages, AreAskedForBesideWhatElseIsTuned) {
  EXPECT_EQ(TunablesWithHugePages(""), "glibc.malloc.hugetlb=1");
  EXPECT_EQ(TunablesWithHugePages("glibc.malloc.arena_max=4"),
            "glibc.malloc.arena_max=4:glibc.malloc.hugetlb=1");
}

TEST(HugePages, AreNotAskedForTwiceNorAgainstTheUsersWill) {
  EXPECT_EQ(TunablesWithHugePages("glibc.malloc.hugetlb=1"), "");
  EXPECT_EQ(TunablesWithHugePages("glibc.malloc.arena_max=4:glibc.malloc.hugetlb=0"), "");
}

bool AreOff() { return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1; }

TEST(HugePages, ArePausedAtFirstAndWheneverThereIsNothingToDo) {
  HugePages pages;
  EXPECT_TRUE(AreOff());
  pages.Resume();
  EXPECT_FALSE(AreOff());
  pages.Pause();
  EXPECT_TRUE(AreOff());
  pages.Resume();
  EXPECT_FALSE(AreOff());
}

TEST(HugePages, ThatWereOffBeforeStayOff) {
  ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  HugePages pages;
  pages.Resume();
  EXPECT_TRUE(AreOff());
  ASSERT_EQ(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
}

}  // namespace
}  // namespace server
