#include "server/core/error_reply.h"

#include <gtest/gtest.h>

namespace server {
namespace {

using engine::Code;
using engine::Status;

TEST(Outcome, FillsArgumentsIntoTheText) {
  EXPECT_EQ(Outcome(Error::kNoKeyOrGroup, {"k", "g"}).Text(),
            "NOGROUP No such key 'k' or consumer group 'g'");
  EXPECT_EQ(Outcome(Error::kUnknownSubcommand, {"{}", "CLIENT"}).Text(),
            "ERR unknown subcommand '{}'. Try CLIENT HELP.");
}

TEST(Outcome, LineEndsOfTheClientBecomeBlanks) {
  EXPECT_EQ(Outcome(Error::kNoKeyOrGroup, {"a\r\nb", "\n"}).Text(),
            "NOGROUP No such key 'a  b' or consumer group ' '");
}

TEST(Outcome, TurnsEngineCodesIntoWords) {
  EXPECT_EQ(Outcome(Status(Code::kWrongType)).Text(),
            "WRONGTYPE Operation against a key holding the wrong kind of value");
  EXPECT_EQ(Outcome(Status(Code::kIo, "disk full")).Text(),
            "MISCONF Errors writing to the AOF file: disk full");
  EXPECT_EQ(Outcome(Status(Code::kCorruption, "block 7")).Text(), "CORRUPT block 7");
  EXPECT_TRUE(Outcome(Status(Code::kNotLoaded)).not_loaded());
  EXPECT_TRUE(Done().ok());
}

}  // namespace
}  // namespace server
