// Commands that arrive together are got ready for together (engine/lookahead.h): what they answer
// is the same as when they come one by one.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/limits.h"
#include "tests/support/test_server.h"

namespace tests {
namespace {

using Words = std::vector<std::string>;

constexpr size_t kKeys = 2 * engine::kLookaheadLeastNames;

class LookaheadTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  size_t Draw(size_t below) { return random_() % below; }

  Words DrawCommand() {
    const std::string key = (Draw(2) == 0 ? "k" : "a longer name of a key ") + Number(Draw(kKeys));
    const std::string id = Number(++newest_id_) + "-0";
    switch (Draw(40)) {
      case 0:
        return {"DEL", key};
      case 1:
        return {"SET", key, "text"};
      case 2:
        return {"RENAME", key, "k" + Number(Draw(kKeys))};
      case 3:
        return {"XTRIM", key, "MAXLEN", "0"};
      case 4:
        return {"SELECT", Number(Draw(8) / 7)};
      case 5:
        return {"PING"};
      case 6:
        return Draw(20) == 0 ? Words{"FLUSHDB"} : Words{"SWAPDB", "0", "1"};
      case 7:
        return {"XGROUP", "CREATE", key, "g", "0"};
      case 8:
        return {"XREADGROUP", "GROUP", "g", "c", "STREAMS", key, ">"};
      case 9:
        return {"XLEN", key};
      default:
        return {"XADD", key, id, "f", std::string(Draw(300), 'v')};
    }
  }
  static std::string Number(size_t number) { return std::to_string(number); }

  TestServer together_;
  TestServer one_by_one_;
  std::minstd_rand random_{GetParam()};
  size_t newest_id_ = 0;
};

TEST_P(LookaheadTest, AnswersAreTheSame) {
  TestClient& batches = together_.Connect();
  TestClient& singles = one_by_one_.Connect();
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    for (size_t count = Draw(3 * engine::kLookaheadNames); count > 0; --count) {
      const Words command = DrawCommand();
      bytes += AsRequest(command);
      singles.Send(command);
    }
    batches.SendBytes(bytes);
    ASSERT_EQ(batches.TakeBytes(), singles.TakeBytes()) << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LookaheadTest, ::testing::Range(1U, 5U));

// What is known of a name goes by where the name lies.
TEST(Lookahead, ForgetsTheNamesOfWhatItCouldNotExecute) {
  TestServer server;
  TestClient& waits = server.Connect();
  TestClient& other = server.Connect();
  for (size_t i = 0; i < kKeys; ++i) {
    other.CallWords({"XADD", "k" + std::to_string(100 + i), "1-1", "f", "v"});
  }
  std::string buffer = AsRequest({"XLEN", "k100"}) +
                       AsRequest({"XREAD", "BLOCK", "0", "STREAMS", "k101", "$"}) +
                       AsRequest({"XLEN", "k102"});
  const size_t consumed = server.dispatcher().Feed(*waits.session(), buffer).consumed;
  ASSERT_TRUE(waits.is_blocked());
  buffer.replace(buffer.find("k102"), 4, "k103");
  server.dispatcher().Feed(*other.session(), std::string_view(buffer).substr(consumed));
  server.Run();
  EXPECT_EQ(other.NextReply(), ":1");
}

}  // namespace
}  // namespace tests
