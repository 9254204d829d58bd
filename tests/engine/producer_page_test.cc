// Producer pages: what is remembered, for how long, and the bytes on disk. Digests of payloads.
#include "engine/producer_page.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/payload_digest.h"
#include "tests/support/golden.h"

namespace engine {
namespace {

constexpr size_t kMany = 10000;

using Contents = std::map<std::string, std::vector<std::string>>;

Contents ContentsOf(const ProducerPage& page) {
  Contents contents;
  uint64_t iids = 0;
  page.ForEach([&](const ProducerName& name, const Producer& producer) {
    EXPECT_EQ(name, ProducerName(producer.name()));
    for (size_t i = 0; i < producer.size(); ++i) {
      const Producer::Iid& iid = producer.At(i);
      EXPECT_EQ(producer.Find(iid.text), &iid);
      contents[producer.name()].push_back(iid.text + "=" + iid.id.ToString());
      ++iids;
    }
  });
  EXPECT_EQ(page.counts(), (ProducerPage::Counts{contents.size(), iids}));
  return contents;
}

ProducerPage TwoProducers() {
  ProducerPage page;
  page.Record(ProducerName("left"), "a", {1526919030474, 55}, kMany);
  page.Record(ProducerName("right"), "a", {1526919030474, 56}, kMany);
  page.Record(ProducerName("left"), std::string("\0b", 2), {1526919030479, 0}, kMany);
  return page;
}

TEST(ProducerPage, KeepsTheNewestOfAProducer) {
  ProducerPage page;
  for (uint64_t i = 1; i <= 1000; ++i) {
    page.Record(ProducerName("p"), "i" + std::to_string(i), {i, 0}, 3);
    page.Record(ProducerName("q"), "i", {i, 0}, 3);
    page.ForgetThrough(ProducerName("q").hash, ProducerName("q").hash, i);
  }
  EXPECT_EQ(ContentsOf(page), (Contents{{"p", {"i998=998-0", "i999=999-0", "i1000=1000-0"}}}));
  EXPECT_EQ(page.Find(ProducerName("p"))->Find("i997"), nullptr);
  EXPECT_EQ(page.Find(ProducerName("q")), nullptr);
}

TEST(ProducerPage, OrdersByEntryAndThenByArrival) {
  ProducerPage page;
  page.Record(ProducerName("p"), "new", {9, 0}, kMany);
  page.Record(ProducerName("p"), "old", {5, 0}, kMany);
  page.Record(ProducerName("p"), "newer", {9, 0}, kMany);
  EXPECT_EQ(ContentsOf(page), (Contents{{"p", {"old=5-0", "new=9-0", "newer=9-0"}}}));
  page.Record(ProducerName("p"), "oldest", {4, 0}, 3);
  EXPECT_EQ(page.Find(ProducerName("p"))->Find("oldest"), nullptr);
  EXPECT_EQ(page.FindSpan().oldest_ms, 5u);
  EXPECT_EQ(page.FindSpan().newest_ms, 9u);
}

TEST(ProducerPage, CountsAndForgetsByTime) {
  ProducerPage page;
  for (uint64_t ms = 1; ms <= 10; ++ms) {
    page.Record(ProducerName("p"), "i" + std::to_string(ms), {ms, 3}, kMany);
  }
  page.Record(ProducerName("q"), "i", {4, 0}, kMany);
  EXPECT_EQ(page.CountAbove(0), (ProducerPage::Counts{2, 11}));
  EXPECT_EQ(page.CountAbove(4), (ProducerPage::Counts{1, 6}));
  EXPECT_EQ(page.CountAbove(10), (ProducerPage::Counts{0, 0}));
  page.ForgetThrough(0, UINT64_MAX, 4);
  EXPECT_EQ(page.counts(), (ProducerPage::Counts{1, 6}));
  EXPECT_EQ(page.FindSpan().oldest_ms, 5u);
  page.ForgetThrough(0, UINT64_MAX, 10);
  EXPECT_TRUE(page.empty());
  EXPECT_EQ(page.byte_size(), 0u);
}

TEST(ProducerPage, SplitsBetweenTwoHashes) {
  ProducerPage page;
  Contents all;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "producer" + std::to_string(i);
    page.Record(ProducerName(name), "i", {static_cast<uint64_t>(i), 0}, kMany);
  }
  all = ContentsOf(page);
  const size_t bytes = page.byte_size();
  auto upper = page.Split();
  ASSERT_TRUE(upper.has_value());
  EXPECT_EQ(page.byte_size() + upper->second.byte_size(), bytes);
  EXPECT_GT(page.byte_size(), bytes / 3);
  EXPECT_GT(upper->second.byte_size(), bytes / 3);
  EXPECT_EQ(upper->second.first_hash(), upper->first);
  page.ForEach(
      [&](const ProducerName& name, const Producer&) { EXPECT_LT(name.hash, upper->first); });
  Contents both = ContentsOf(page);
  both.merge(ContentsOf(upper->second));
  EXPECT_EQ(both, all);
}

TEST(ProducerPage, OneProducerIsNotSplit) {
  ProducerPage page;
  for (uint64_t i = 0; i < 5000; ++i) {
    page.Record(ProducerName("p"), "iid" + std::to_string(i), {i, 0}, kMany);
  }
  EXPECT_FALSE(page.Split().has_value());
  EXPECT_EQ(page.counts().iids, 5000u);
}

TEST(ProducerPage, GoldenBytes) {
  std::string bytes;
  TwoProducers().Encode(&bytes);
  const std::string golden = tests::ReadGolden("producer_page.hex");
  EXPECT_EQ(tests::BytesToHex(bytes), tests::BytesToHex(golden));
  const Result<ProducerPage> decoded = ProducerPage::Decode(golden);
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  EXPECT_EQ(ContentsOf(*decoded), ContentsOf(TwoProducers()));
  EXPECT_EQ(decoded->byte_size(), TwoProducers().byte_size());
}

TEST(ProducerPage, DecodeRefusesWhatIsNotWhole) {
  std::string bytes;
  TwoProducers().Encode(&bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(ProducerPage::Decode(bytes.substr(0, size)).code(), Code::kCorruption) << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(ProducerPage::Decode(flipped).code(), Code::kCorruption) << bit;
  }
  EXPECT_EQ(ProducerPage::Decode(bytes + '\0').code(), Code::kCorruption);
}

std::string DigestOf(const std::vector<std::string_view>& fields_and_values) {
  return tests::BytesToHex(PayloadDigest(fields_and_values));
}

TEST(PayloadDigest, IsTheSameForAnyOrderOfPairs) {
  EXPECT_EQ(DigestOf({"a", "1", "b", "2", "c", "3"}), DigestOf({"c", "3", "a", "1", "b", "2"}));
  EXPECT_EQ(PayloadDigest(std::vector<std::string_view>{"a", "1"}).size(), 16u);
}

TEST(PayloadDigest, TellsPairsApart) {
  const std::vector<std::vector<std::string_view>> payloads = {
      {"a", "1", "b", "2"},
      {"a", "2", "b", "1"},
      {"1", "a", "2", "b"},
      {"a", "1"},
      {"a1", ""},
      {"", "a1"},
      {"a", "1", "a", "1"},
      {"", ""},
      {"a", "1", "b", "2", "", ""},
      {"ab", "12"},
      {"a", "b12"},
      {"a", "1", "a", "1", "a", "1"},
  };
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto [it, is_new] = seen.emplace(DigestOf(payloads[i]), i);
    EXPECT_TRUE(is_new) << i << " and " << it->second;
  }
}

// Digests are on disk: a restart must find the same ones.
TEST(PayloadDigest, GoldenBytes) {
  EXPECT_EQ(tests::BytesToHex(tests::ReadGolden("payload_digest.hex")),
            DigestOf({"field", "value", "other", ""}));
}

}  // namespace
}  // namespace engine
