#include "server/commands/command_reply.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy.h"
#include "gtest/gtest.h"
#include "resp/reply.h"
#include "resp/writer.h"
#include "server/commands/policy_docs.h"
#include "server/core/command_table.h"

namespace server {
namespace {

using WriteFunction = void (*)(resp::Writer& out, const CommandSpec& spec);

resp::Reply Written(WriteFunction write, std::string_view name, int protocol) {
  std::string bytes;
  resp::Writer out(&bytes);
  out.set_protocol(protocol);
  write(out, *FindCommandByFullName(name));
  resp::ReplyDecoder decoder;
  decoder.Feed(bytes);
  const std::optional<resp::Reply> reply = decoder.Next();
  EXPECT_TRUE(reply.has_value()) << name;
  EXPECT_EQ(decoder.buffered_bytes(), 0u) << name;
  return reply.value_or(resp::Reply());
}

TEST(CommandInfo, HasTenElements) {
  EXPECT_EQ(resp::Render(Written(WriteCommandInfo, "xlen", 2)),
            "[\"xlen\", :2, [+readonly, +fast], :1, :1, :1, [+@read, +@stream, +@fast], [], "
            "[[\"flags\", [+RO], \"begin_search\", [\"type\", \"index\", \"spec\", [\"index\", "
            ":1]], \"find_keys\", [\"type\", \"range\", \"spec\", [\"lastkey\", :0, \"keystep\", "
            ":1, \"limit\", :0]]]], []]");
  for (const CommandSpec& spec : AllCommands()) {
    const resp::Reply reply = Written(WriteCommandInfo, spec.name, 3);
    EXPECT_EQ(reply.elements.size(), 10u) << spec.name;
    EXPECT_EQ(reply.elements.back().elements.size(), SubcommandsOf(spec).size()) << spec.name;
  }
}

TEST(CommandInfo, UsesSetsAndMapsInResp3) {
  EXPECT_EQ(resp::Render(Written(WriteCommandInfo, "xread", 3)),
            "[\"xread\", :-4, ~[+readonly, +blocking, +movablekeys], :0, :0, :0, ~[+@read, "
            "+@stream, +@slow, +@blocking], ~[], ~[{\"flags\": ~[+RO, +access], "
            "\"begin_search\": {\"type\": \"keyword\", \"spec\": {\"keyword\": \"STREAMS\", "
            "\"startfrom\": :1}}, \"find_keys\": {\"type\": \"range\", \"spec\": {\"lastkey\": "
            ":-1, \"keystep\": :1, \"limit\": :2}}}], ~[]]");
}

TEST(CommandInfo, OfDelReachesToTheLastArgument) {
  const std::string text = resp::Render(Written(WriteCommandInfo, "del", 3));
  EXPECT_NE(text.find(":1, :-1, :1, ~[+@keyspace"), std::string::npos) << text;
  EXPECT_NE(text.find("\"lastkey\": :-1"), std::string::npos) << text;
  EXPECT_NE(text.find("~[\"request_policy:multi_shard\", \"response_policy:agg_sum\"]"),
            std::string::npos)
      << text;
}

TEST(CommandDocs, DescribeArgumentsAsTrees) {
  EXPECT_EQ(
      resp::Render(Written(WriteCommandDocs, "xgroup|setid", 3)),
      "{\"summary\": \"Moves the last delivered ID of a group.\", \"since\": \"5.0.0\", "
      "\"group\": \"stream\", "
      "\"complexity\": \"O(1)\", \"arguments\": [{\"name\": \"key\", \"type\": \"key\", "
      "\"display_text\": \"key\", \"key_spec_index\": :0}, {\"name\": \"group\", \"type\": "
      "\"string\", \"display_text\": \"group\"}, {\"name\": \"id-selector\", \"type\": \"oneof\", "
      "\"arguments\": [{\"name\": \"id\", \"type\": \"string\", \"display_text\": \"id\"}, "
      "{\"name\": \"new-id\", \"type\": \"pure-token\", \"display_text\": \"new-id\", \"token\": "
      "\"$\"}]}, {\"name\": "
      "\"entries-read\", \"type\": \"integer\", \"display_text\": \"entries-read\", \"token\": "
      "\"ENTRIESREAD\", \"flags\": ~[+optional]}]}");
}

// Names of the options of a policy, as a row's arguments have them.
std::vector<std::string_view> Tokens(std::span<const ArgumentDoc> arguments) {
  std::vector<std::string_view> tokens;
  for (const ArgumentDoc& argument : arguments) tokens.push_back(argument.token);
  return tokens;
}

std::vector<std::string_view> Names(std::span<const engine::PolicyOptionSpec> specs) {
  std::vector<std::string_view> names;
  for (const engine::PolicyOptionSpec& spec : specs) names.push_back(spec.name);
  return names;
}

TEST(CommandDocs, MarkWordsThatMayBeLeftOut) {
  const std::string text = resp::Render(Written(WriteCommandDocs, "xgroup|create", 3));
  EXPECT_NE(text.find("{\"name\": \"mkstream\", \"type\": \"pure-token\", \"display_text\": "
                      "\"mkstream\", \"token\": \"MKSTREAM\", \"flags\": ~[+optional]}"),
            std::string::npos)
      << text;
}

TEST(CommandDocs, ShowTheOptionsThatPoliciesHave) {
  EXPECT_EQ(Tokens(policy_docs::kGroupOptions), Names(engine::GroupOptionSpecs()));
  constexpr size_t kIdmpOptions = 2;
  EXPECT_EQ(Tokens(std::span(policy_docs::kStreamOptions).subspan(kIdmpOptions)),
            Names(engine::StreamOptionSpecs()));
}

TEST(CommandDocs, OfContainersHoldTheirSubcommands) {
  const resp::Reply docs = Written(WriteCommandDocs, "xinfo", 3);
  ASSERT_EQ(docs.elements.size(), 10u);
  EXPECT_EQ(docs.elements[8].text, "subcommands");
  EXPECT_EQ(docs.elements[9].elements.size(), 2 * SubcommandsOf(*FindCommand("xinfo")).size());
  EXPECT_EQ(docs.elements[9].elements[0].text, "xinfo|consumers");
}

TEST(CommandDocs, AreWholeForEveryRow) {
  for (const CommandSpec& spec : AllCommands()) {
    for (int protocol : {2, 3}) {
      const resp::Reply docs = Written(WriteCommandDocs, spec.name, protocol);
      EXPECT_GE(docs.elements.size(), 8u) << spec.name;
    }
  }
}

}  // namespace
}  // namespace server
