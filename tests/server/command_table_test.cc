#include "server/core/command_table.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/core/command_keys.h"

namespace server {
namespace {

using Words = std::vector<std::string_view>;

std::vector<std::string> KeysOf(std::string_view command, const Words& words) {
  const CommandSpec* spec = FindCommandByFullName(command);
  std::vector<int> positions;
  std::vector<std::string> keys;
  if (spec == nullptr || !FindKeys(*spec, words, &positions)) return {"nothing found"};
  for (int position : positions) keys.emplace_back(words[static_cast<size_t>(position)]);
  return keys;
}

TEST(CommandTable, FindsEveryRowByItsName) {
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_EQ(FindCommandByFullName(spec.name), &spec) << spec.name;
    EXPECT_EQ(&AllCommands()[CommandIndex(spec)], &spec);
  }
}

TEST(CommandTable, FindsCommandsInAnyCase) {
  ASSERT_NE(FindCommand("xadd"), nullptr);
  EXPECT_EQ(FindCommand("XADD"), FindCommand("xadd"));
  EXPECT_EQ(FindCommand("xAdD"), FindCommand("xadd"));
  EXPECT_EQ(FindCommand("xad"), nullptr);
  EXPECT_EQ(FindCommand("xaddd"), nullptr);
  EXPECT_EQ(FindCommand(""), nullptr);
  EXPECT_EQ(FindCommand(std::string_view("xadd\0", 5)), nullptr);
}

TEST(CommandTable, LongNamesAreUnknown) {
  for (size_t size = 1; size < 3 * kMaxCommandNameBytes; ++size) {
    EXPECT_EQ(FindCommand(std::string(size, 'x')), nullptr) << size;
    EXPECT_EQ(FindSubcommand(*FindCommand("xgroup"), std::string(size, 'x')), nullptr) << size;
  }
}

TEST(CommandTable, ASubcommandIsNoCommand) {
  EXPECT_EQ(FindCommand("xgroup|create"), nullptr);
  EXPECT_NE(FindCommandByFullName("XGROUP|Create"), nullptr);
}

TEST(CommandTable, ContainersHaveTheirSubcommandsAndNoOthers) {
  size_t subcommands = 0;
  for (const CommandSpec& container : AllCommands()) {
    for (const CommandSpec& spec : SubcommandsOf(container)) {
      EXPECT_TRUE(spec.name.starts_with(std::string(container.name) + "|")) << spec.name;
      const std::string_view word = spec.name.substr(container.name.size() + 1);
      EXPECT_EQ(FindSubcommand(container, word), &spec);
      ++subcommands;
    }
    EXPECT_EQ(SubcommandsOf(container).empty(), (container.flags & kContainer) == 0)
        << container.name;
  }
  EXPECT_EQ(subcommands + TopLevelCommandCount(), AllCommands().size());
  EXPECT_EQ(FindSubcommand(*FindCommand("xgroup"), "stream"), nullptr);
}

TEST(CommandTable, RowsSayWhatClientsAskFor) {
  for (const CommandSpec& spec : AllCommands()) {
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_FALSE(spec.since.empty()) << spec.name;
    EXPECT_FALSE(spec.group.empty()) << spec.name;
    EXPECT_FALSE(spec.complexity.empty()) << spec.name;
    EXPECT_TRUE(spec.acl.starts_with('@')) << spec.name;
    const bool tells_of_keys = !spec.key_flags.empty() && spec.key_flags != "not_key";
    EXPECT_EQ(HasKeys(spec), tells_of_keys) << spec.name;
    // A command is either quick or slow, and does not both read and write.
    EXPECT_NE((spec.flags & kFast) != 0, spec.acl.find("@slow") != std::string_view::npos)
        << spec.name;
    EXPECT_NE(spec.flags & (kWrite | kReadonly), kWrite | kReadonly) << spec.name;
  }
}

TEST(CommandTable, ArityCountsTheName) {
  const CommandSpec& xlen = *FindCommand("xlen");
  EXPECT_FALSE(ArityMatches(xlen, 1));
  EXPECT_TRUE(ArityMatches(xlen, 2));
  EXPECT_FALSE(ArityMatches(xlen, 3));
  const CommandSpec& xadd = *FindCommand("xadd");
  EXPECT_FALSE(ArityMatches(xadd, 4));
  EXPECT_TRUE(ArityMatches(xadd, 5));
  EXPECT_TRUE(ArityMatches(xadd, 500));
}

TEST(CommandKeys, ComeFromPositions) {
  EXPECT_EQ(KeysOf("xadd", {"xadd", "k", "*", "f", "v"}), std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("del", {"del", "a", "b", "c"}), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(KeysOf("xgroup|create", {"xgroup", "create", "k", "g", "0"}),
            std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("ping", {"ping", "x"}), std::vector<std::string>{});
}

TEST(CommandKeys, OfPoliciesIncludeTheDeadLetterKey) {
  EXPECT_EQ(KeysOf("xcfgset", {"xcfgset", "k"}), std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("xcfgset", {"xcfgset", "k", "maxlen", "1"}), std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("xcfgset", {"xcfgset", "k", "group"}), std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("xcfgset", {"xcfgset", "k", "group", "g", "deadletter-key", "d"}),
            (std::vector<std::string>{"k", "d"}));
  EXPECT_EQ(KeysOf("xcfgset", {"xcfgset", "k", "group", "g", "what", "deadletter-key", "d"}),
            std::vector<std::string>{"k"});
  EXPECT_EQ(KeysOf("xgroup|create", {"xgroup", "create", "k", "policy", "0", "policy", "backoff",
                                     "1", "2", "deadletter-key", "d"}),
            (std::vector<std::string>{"k", "d"}));
  EXPECT_EQ(KeysOf("xgroup|create", {"xgroup", "create", "k", "g", "0", "policy"}),
            std::vector<std::string>{"k"});
}

TEST(CommandKeys, OfReadsAreTheFirstHalfBehindTheStreamsOption) {
  EXPECT_EQ(KeysOf("xread", {"xread", "count", "5", "block", "0", "streams", "a", "b", "0", "0"}),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(KeysOf("xreadgroup", {"xreadgroup", "GROUP", "STREAMS", "STREAMS", "NOACK", "STREAMS",
                                  "STREAMS", ">"}),
            std::vector<std::string>{"STREAMS"});
  EXPECT_EQ(KeysOf("xread", {"xread", "COUNT", "STREAMS", "STREAMS", "k", "0"}),
            std::vector<std::string>{"k"});
}

TEST(CommandKeys, OfReadsWithoutAStreamsOptionAreNotFound) {
  const std::vector<std::string> nothing = {"nothing found"};
  EXPECT_EQ(KeysOf("xread", {"xread", "count", "5", "foo"}), nothing);
  EXPECT_EQ(KeysOf("xread", {"xread", "count", "5", "streams"}), nothing);
  EXPECT_EQ(KeysOf("xread", {"xread", "streams", "a", "b", "c"}), nothing);
  EXPECT_EQ(KeysOf("xread", {"xread", "count", "streams", "a", "0"}), nothing);
  EXPECT_EQ(KeysOf("xreadgroup", {"xreadgroup", "a", "b", "c", "group", "d", "e"}), nothing);
  EXPECT_EQ(KeysOf("xreadgroup", {"xreadgroup", "group"}), nothing);
}

}  // namespace
}  // namespace server
