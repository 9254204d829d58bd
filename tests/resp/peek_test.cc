#include "resp/peek.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace resp {
namespace {

std::vector<std::string> Peek(std::string_view input, size_t most = 16) {
  std::array<std::string_view, 16> found;
  const size_t count = PeekSecondArguments(input, std::span(found).first(most));
  return {found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count)};
}

using Keys = std::vector<std::string>;

constexpr std::string_view kAdd = "*3\r\n$4\r\nXADD\r\n$1\r\na\r\n$0\r\n\r\n";
constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$12\r\nlong\r\n*2\r\n$1\r\n";
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

TEST(Peek, FindsTheSecondArgumentOfEachRequest) {
  EXPECT_EQ(Peek(std::string(kAdd) + std::string(kGet) + std::string(kAdd)),
            Keys({"a", "long\r\n*2\r\n$1", "a"}));
  EXPECT_EQ(Peek(""), Keys());
}

TEST(Peek, EndsWhenThereIsNoMoreRoom) {
  EXPECT_EQ(Peek(std::string(kAdd) + std::string(kAdd) + std::string(kAdd), 2), Keys({"a", "a"}));
  EXPECT_EQ(Peek(kAdd, 0), Keys());
}

TEST(Peek, EndsAtWhatIsNoWholeRequestWithTwoArguments) {
  const std::string add(kAdd);
  EXPECT_EQ(Peek(add + std::string(kPing) + add), Keys({"a"}));
  EXPECT_EQ(Peek(add + "XADD a * f v\r\n" + add), Keys({"a"}));
  EXPECT_EQ(Peek(add + "*-1\r\n" + add), Keys({"a"}));
  EXPECT_EQ(Peek(add + "*2\r\n$-1\r\n" + add), Keys({"a"}));
  EXPECT_EQ(Peek(add + "*9999999999\r\n$1\r\nx\r\n"), Keys({"a"}));
  EXPECT_EQ(Peek(add + "*2\r\n$1\r\nx\r\n$999999999\r\nx\r\n"), Keys({"a"}));
  EXPECT_EQ(Peek(add + "*2\n$1\n"), Keys({"a"}));
}

TEST(Peek, EndsAtARequestWithManyArguments) {
  const auto request = [](size_t arguments) {
    std::string text = "*" + std::to_string(arguments) + "\r\n";
    for (size_t i = 0; i < arguments; ++i) text += "$1\r\nx\r\n";
    return text;
  };
  const std::string add(kAdd);
  EXPECT_EQ(Peek(add + request(kPeekedArguments) + add), Keys({"a", "x", "a"}));
  EXPECT_EQ(Peek(add + request(kPeekedArguments + 1) + add), Keys({"a"}));
}

TEST(Peek, NeverGoesPastTheEnd) {
  const std::string both = std::string(kAdd) + std::string(kGet);
  for (size_t size = 0; size < both.size(); ++size) {
    // Of its own, so that a sanitizer sees what is read behind it.
    const std::string part = both.substr(0, size);
    EXPECT_EQ(Peek(part), size < kAdd.size() ? Keys() : Keys({"a"})) << size;
  }
}

}  // namespace
}  // namespace resp
