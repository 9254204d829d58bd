#include "engine/status.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace engine {
namespace {

TEST(Status, ACopyHasTheWordsAsWell) {
  const Status status(Code::kIo, "the disk is gone");
  Status copy = status;
  EXPECT_EQ(copy.code(), Code::kIo);
  EXPECT_EQ(copy.message(), "the disk is gone");
  copy = Status(Code::kInvalid, "other words");
  EXPECT_EQ(copy.message(), "other words");
  EXPECT_EQ(status.message(), "the disk is gone");
  const Status moved = std::move(copy);
  EXPECT_EQ(moved.message(), "other words");
}

TEST(Status, MayHaveNoWords) {
  EXPECT_EQ(OkStatus().message(), "");
  EXPECT_EQ(Status(Code::kNotFound, "").message(), "");
  Status status(Code::kIo, "words");
  status = OkStatus();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.message(), "");
}

TEST(Result, HandsOnTheReason) {
  const Result<int> none = Status(Code::kCorruption, "block 1-1");
  const Result<bool> other = none.status();
  EXPECT_FALSE(other.ok());
  EXPECT_EQ(other.code(), Code::kCorruption);
  EXPECT_EQ(other.status().message(), "block 1-1");
  const Result<int> some = 7;
  EXPECT_EQ(*some, 7);
}

}  // namespace
}  // namespace engine
