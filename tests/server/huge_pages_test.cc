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

TEST(HugePages, CanBePaused) {
  PauseHugePages(true);
  EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
  PauseHugePages(false);
  EXPECT_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
}

}  // namespace
}  // namespace server
