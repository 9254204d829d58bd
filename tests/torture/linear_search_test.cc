// Histories written by hand, with an order and without one.
#include "tests/torture/linear_search.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace tests {
namespace {

using engine::StreamId;

constexpr uint64_t kEnough = 100'000;
constexpr char kTooSmall[] =
    "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
constexpr char kNoReply[] = "";

// Builds a history; times are small numbers.
class Story {
 public:
  // `answer` empty: none came.
  Story& Do(size_t client, int64_t sent, int64_t returned, const Call& call,
            const std::string& answer, size_t connection = 0) {
    return Do(client, sent, returned, std::vector<Call>{call},
              answer.empty() ? std::vector<std::string>() : std::vector<std::string>{answer},
              connection);
  }
  Story& Do(size_t client, int64_t sent, int64_t returned, const std::vector<Call>& calls,
            const std::vector<std::string>& answers, size_t connection = 0) {
    history_.clients.resize(std::max(history_.clients.size(), client + 1));
    history_.clients[client].push_back({connection, sent, returned, calls, answers});
    return *this;
  }
  Linear Judge(uint64_t most_states = kEnough) const {
    return FindLinearOrder(history_, most_states).linear;
  }
  const LinearHistory& history() const { return history_; }

 private:
  LinearHistory history_;
};

Call Add(uint64_t id) {
  return {.verb = Verb::kAdd, .key = "k", .ids = {{id, 0}}, .value = "v" + std::to_string(id)};
}
Call AddAuto(const std::string& value) { return {.verb = Verb::kAdd, .key = "k", .value = value}; }
Call Length() { return {.verb = Verb::kLength, .key = "k"}; }
Call All() { return {.verb = Verb::kRange, .key = "k"}; }
Call Info() { return {.verb = Verb::kInfoStream, .key = "k"}; }
Call Delete(uint64_t id) { return {.verb = Verb::kDelete, .key = "k", .ids = {{id, 0}}}; }
Call CreateGroup() {
  return {.verb = Verb::kGroupCreate, .key = "k", .group = "g", .ids = {StreamId()}, .flag = true};
}
Call SetGroup(StreamId id) {
  return {.verb = Verb::kGroupSetId, .key = "k", .group = "g", .ids = {id}};
}
Call Read(const std::string& consumer) {
  return {.verb = Verb::kReadNew, .key = "k", .group = "g", .consumer = consumer, .count = 1};
}
Call Acknowledge(uint64_t id) {
  return {.verb = Verb::kAcknowledge, .key = "k", .group = "g", .ids = {{id, 0}}};
}
Call Pending() { return {.verb = Verb::kPending, .key = "k", .group = "g"}; }

std::string Row(uint64_t id) {
  const std::string number = std::to_string(id);
  return "[\"" + number + "-0\", [\"f\", \"v" + number + "\"]]";
}
std::string Delivered(uint64_t id) { return "[[\"k\", [" + Row(id) + "]]]"; }

// A stream with 1-0 and a group at its beginning.
Story WithGroup() {
  Story story;
  story.Do(0, 1, 2, Add(1), "\"1-0\"").Do(0, 3, 4, CreateGroup(), "+OK");
  return story;
}

TEST(LinearSearch, AHistoryWithoutOperationsHasAnOrder) {
  EXPECT_EQ(Story().Judge(), Linear::kYes);
}

TEST(LinearSearch, OverlappingOperationsMayHaveHappenedInAnyOrder) {
  Story story;
  story.Do(0, 1, 10, Add(1), "\"1-0\"")
      .Do(1, 2, 9, Add(2), "\"2-0\"")
      .Do(2, 3, 5, Length(), ":0")
      .Do(2, 6, 8, Length(), ":2");
  EXPECT_EQ(story.Judge(), Linear::kYes);
}

TEST(LinearSearch, AStaleReadHasNoOrder) {
  Story story;
  story.Do(0, 1, 2, Add(1), "\"1-0\"").Do(1, 3, 4, All(), "[]");
  EXPECT_EQ(story.Judge(), Linear::kNo);
  Story overlapping;
  overlapping.Do(0, 1, 3, Add(1), "\"1-0\"").Do(1, 2, 4, All(), "[]");
  EXPECT_EQ(overlapping.Judge(), Linear::kYes);
}

TEST(LinearSearch, AnAcknowledgedEntryThatIsLostHasNoOrder) {
  Story story;
  story.Do(0, 1, 2, Add(1), "\"1-0\"")
      .Do(0, 3, 4, Add(2), "\"2-0\"")
      .Do(0, 5, 6, All(), "[" + Row(1) + "]");
  EXPECT_EQ(story.Judge(), Linear::kNo);
}

TEST(LinearSearch, AnEntryGoesToOneConsumer) {
  Story story = WithGroup();
  story.Do(1, 5, 8, Read("a"), Delivered(1)).Do(2, 6, 7, Read("b"), Delivered(1));
  EXPECT_EQ(story.Judge(), Linear::kNo);
  Story right = WithGroup();
  right.Do(1, 5, 8, Read("a"), Delivered(1)).Do(2, 6, 7, Read("b"), "NIL");
  EXPECT_EQ(right.Judge(), Linear::kYes);
}

TEST(LinearSearch, WhatIsAcknowledgedDoesNotComeBack) {
  Story story = WithGroup();
  story.Do(0, 5, 6, Read("a"), Delivered(1))
      .Do(1, 7, 8, Acknowledge(1), ":1")
      .Do(0, 9, 10, Pending(), "[:1, \"1-0\", \"1-0\", [[\"a\", \"1\"]]]");
  EXPECT_EQ(story.Judge(), Linear::kNo);
}

TEST(LinearSearch, ALengthThatGoesBackHasNoOrder) {
  Story story;
  story.Do(0, 1, 10, Add(1), "\"1-0\"").Do(1, 2, 3, Length(), ":1").Do(1, 4, 5, Length(), ":0");
  EXPECT_EQ(story.Judge(), Linear::kNo);
}

TEST(LinearSearch, AnIdIsRefusedForAReason) {
  Story story;
  story.Do(0, 1, 2, Add(1), "\"1-0\"").Do(1, 3, 4, Add(2), kTooSmall);
  EXPECT_EQ(story.Judge(), Linear::kNo);
  Story right;
  right.Do(0, 1, 5, Add(3), "\"3-0\"").Do(1, 3, 4, Add(2), kTooSmall);
  EXPECT_EQ(right.Judge(), Linear::kYes);
}

TEST(LinearSearch, AnIdThatTheServerChoosesIsAboveTheLastOne) {
  Story story;
  story.Do(0, 1, 2, AddAuto("a"), "\"50-0\"").Do(1, 3, 4, AddAuto("b"), "\"49-0\"");
  EXPECT_EQ(story.Judge(), Linear::kNo);
  Story skipping;
  skipping.Do(0, 1, 2, AddAuto("a"), "\"50-0\"").Do(1, 3, 4, AddAuto("b"), "\"50-2\"");
  EXPECT_EQ(skipping.Judge(), Linear::kNo);
  Story refused;
  refused.Do(0, 1, 2, AddAuto("a"), "\"50-0\"").Do(1, 3, 4, AddAuto("b"), kTooSmall);
  EXPECT_EQ(refused.Judge(), Linear::kNo);
  Story right;
  right.Do(0, 1, 2, AddAuto("a"), "\"50-0\"")
      .Do(1, 3, 4, AddAuto("b"), "\"50-1\"")
      .Do(1, 5, 6, AddAuto("c"), "\"51-0\"");
  EXPECT_EQ(right.Judge(), Linear::kYes);
}

TEST(LinearSearch, WhatGotNoReplyMayHaveHappenedOrNot) {
  Story happened;
  happened.Do(0, 1, 2, Add(1), kNoReply).Do(1, 3, 4, Length(), ":1");
  EXPECT_EQ(happened.Judge(), Linear::kYes);
  Story never;
  never.Do(0, 1, 2, Add(1), kNoReply).Do(1, 3, 4, Length(), ":0");
  EXPECT_EQ(never.Judge(), Linear::kYes);
  Story between;
  between.Do(0, 1, 9, Add(1), kNoReply).Do(1, 3, 4, Length(), ":0").Do(1, 5, 6, Length(), ":1");
  EXPECT_EQ(between.Judge(), Linear::kYes);
}

TEST(LinearSearch, WhatGotNoReplyHappensWhileItsConnectionIsThere) {
  Story late;
  late.Do(0, 1, 2, Add(1), kNoReply).Do(1, 3, 4, Length(), ":0").Do(1, 5, 6, Length(), ":1");
  EXPECT_EQ(late.Judge(), Linear::kNo);
  Story undone;
  undone.Do(0, 1, 9, Add(1), kNoReply).Do(1, 3, 4, Length(), ":1").Do(1, 5, 6, Length(), ":0");
  EXPECT_EQ(undone.Judge(), Linear::kNo);
}

TEST(LinearSearch, NothingHappensBehindWhatDidNotOnOneConnection) {
  const std::string only_second = "[" + Row(2) + "]";
  Story together;
  together.Do(0, 1, 3, Add(1), kNoReply, 1)
      .Do(0, 1, 3, Add(2), kNoReply, 1)
      .Do(1, 4, 5, All(), only_second);
  EXPECT_EQ(together.Judge(), Linear::kNo);
  Story apart;
  apart.Do(0, 1, 3, Add(1), kNoReply, 1)
      .Do(0, 4, 5, Add(2), kNoReply, 2)
      .Do(1, 6, 7, All(), only_second);
  EXPECT_EQ(apart.Judge(), Linear::kYes);
}

TEST(LinearSearch, AnIdWithoutAReplyIsFoundByItsEntry) {
  Story seen;
  seen.Do(0, 1, 2, AddAuto("a"), kNoReply).Do(1, 3, 4, All(), "[[\"70-3\", [\"f\", \"a\"]]]");
  EXPECT_EQ(seen.Judge(), Linear::kYes);
  Story other;
  other.Do(0, 1, 2, AddAuto("a"), kNoReply).Do(1, 3, 4, All(), "[[\"70-3\", [\"f\", \"b\"]]]");
  EXPECT_EQ(other.Judge(), Linear::kNo);
}

TEST(LinearSearch, AnIdWithoutAReplyMayNeverBeSeen) {
  Story unseen;
  unseen.Do(0, 1, 2, AddAuto("a"), kNoReply)
      .Do(1, 3, 4, Call{.verb = Verb::kTrimMaxLen, .key = "k"}, ":1")
      .Do(1, 5, 6, AddAuto("b"), "\"70-0\"");
  EXPECT_EQ(unseen.Judge(), Linear::kYes);
  Story by_info;
  by_info.Do(0, 1, 2, AddAuto("a"), kNoReply)
      .Do(1, 3, 4, Call{.verb = Verb::kTrimMaxLen, .key = "k"}, ":1")
      .Do(1, 5, 6, Info(), "[:0, \"70-3\", \"0-0\", :1, \"0-0\", :0]");
  EXPECT_EQ(by_info.Judge(), Linear::kYes);
}

// SETID changes nothing in front of the read, where it fits as well.
TEST(LinearSearch, WhatChangesNothingHereMayDoSoLater) {
  Story story = WithGroup();
  story.Do(1, 5, 20, SetGroup(StreamId()), "+OK")
      .Do(2, 6, 7, Read("a"), Delivered(1))
      .Do(0, 21, 22, Read("b"), Delivered(1));
  EXPECT_EQ(story.Judge(), Linear::kYes);
}

TEST(LinearSearch, ATransactionIsOneOperation) {
  Story torn;
  torn.Do(0, 1, 10, std::vector<Call>{Add(1), Add(2)}, {"\"1-0\"", "\"2-0\""})
      .Do(1, 2, 3, Length(), ":1");
  EXPECT_EQ(torn.Judge(), Linear::kNo);
  Story whole;
  whole.Do(0, 1, 10, std::vector<Call>{Add(1), Delete(1)}, {"\"1-0\"", ":1"})
      .Do(1, 2, 3, Length(), ":0");
  EXPECT_EQ(whole.Judge(), Linear::kYes);
}

TEST(LinearSearch, GivesUpUndecided) {
  Story story;
  for (uint64_t client = 0; client < 6; ++client) {
    story.Do(client, 1, 10,
             Call{.verb = Verb::kAddSequence, .key = "k", .ids = {{1, 0}}, .value = "v"},
             "\"1-" + std::to_string(client) + "\"");
  }
  story.Do(0, 11, 12, Length(), ":5");
  EXPECT_EQ(story.Judge(5), Linear::kUndecided);
  EXPECT_EQ(story.Judge(), Linear::kNo);
}

TEST(LinearSearch, TellsWhatHasNoPlace) {
  Story story;
  story.Do(0, 1000, 2000, Add(1), "\"1-0\"").Do(1, 3000, 4000, Length(), ":0");
  const LinearVerdict verdict = FindLinearOrder(story.history(), kEnough);
  const std::string text = Describe(story.history(), verdict);
  EXPECT_NE(text.find("  0 #1 0..1 {1} XADD k 1-0 f v1 -> \"1-0\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  1 #1 2..3 {-} XLEN k -> :0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  client 1 #1: :1\n"), std::string::npos) << text;
}

TEST(LinearCall, ComparesWhatDoesNotDependOnTime) {
  resp::ReplyDecoder decoder;
  decoder.Feed(
      "*1\r\n*4\r\n$3\r\n1-0\r\n$1\r\na\r\n:17\r\n:2\r\n"
      "*8\r\n$6\r\nlength\r\n:1\r\n$15\r\nradix-tree-keys\r\n:9\r\n"
      "$13\r\nentries-added\r\n:5\r\n$6\r\ngroups\r\n:0\r\n");
  const Call range{.verb = Verb::kPendingRange, .key = "k", .group = "g", .count = 9};
  EXPECT_EQ(AnswerOf(range, *decoder.Next()), "[[\"1-0\", \"a\", :2]]");
  EXPECT_EQ(AnswerOf(Info(), *decoder.Next()), "[:1, :5, :0]");
}

}  // namespace
}  // namespace tests
