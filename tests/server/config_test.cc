#include "server/core/config.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/limits.h"
#include "tests/server/config_directory.h"

namespace server {
namespace {

using Words = std::vector<std::string_view>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string SetError(Config& config, const Words& words) {
  const Outcome outcome = config.Set(words);
  return outcome.ok() ? "" : outcome.Text();
}

std::string Value(const Config& config, std::string_view name) {
  const Pairs found = config.Get(Words{name});
  return found.size() == 1 ? found[0].second : "not one value";
}

std::string LoadError(std::string_view text) {
  Config config;
  return config.LoadText(text, "x.conf").message();
}

TEST(ConfigOptions, DefaultsAreShownAsTheyWereRead) {
  const Settings defaults = DefaultSettings();
  for (const OptionSpec& option : AllOptions()) {
    Settings settings = defaults;
    const std::string shown = ShowOption(option, defaults);
    Config config;
    EXPECT_EQ(Value(config, option.name), shown) << option.name;
    std::vector<std::string> words = {shown};
    EXPECT_EQ(FindOption(option.name), &option);
    EXPECT_EQ(FindIgnoredOption(option.name), nullptr) << option.name;
    EXPECT_FALSE(option.summary.empty()) << option.name;
  }
  EXPECT_EQ(defaults.port, 6379);
  EXPECT_EQ(defaults.fsync_mode(), engine::FsyncMode::kAlways);
  EXPECT_EQ(defaults.cache_size, int64_t{128} << 20);
  EXPECT_EQ(defaults.output_limit(ClientClass::kPubSub).soft_seconds, 60);
}

TEST(ConfigLoad, LaterLinesWin) {
  Config config;
  ASSERT_TRUE(config.LoadText("port 1\nPort 2\nappendfsync everysec", "x.conf").ok());
  EXPECT_EQ(config.settings().port, 2);
  EXPECT_EQ(config.settings().fsync_mode(), engine::FsyncMode::kEverySecond);
}

TEST(ConfigLoad, FileThenStandardInputThenOptions) {
  ConfigDirectory directory;
  CommandLine command_line;
  command_line.config_file = directory.Write("weir.conf", "port 1\ntimeout 1\nhz 1\n");
  command_line.reads_stdin = true;
  command_line.options = "hz 3";
  Config config;
  ASSERT_TRUE(config.Load(command_line, "timeout 2\nhz 2").ok());
  EXPECT_EQ(config.settings().port, 1);
  EXPECT_EQ(config.settings().timeout_seconds, 2);
  EXPECT_EQ(config.settings().hz, 3);
  EXPECT_EQ(config.file(), command_line.config_file);
}

TEST(ConfigLoad, AMissingFileSaysSo) {
  CommandLine command_line;
  command_line.config_file = "does/not/exist.conf";
  Config config;
  EXPECT_EQ(config.Load(command_line, "").message(),
            "can't open config file 'does/not/exist.conf': No such file or directory");
}

TEST(ConfigLoad, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(LoadError("port 1\nnope 2"),
            "x.conf, at line 2\n>>> 'nope 2'\nBad directive or wrong number of arguments");
  EXPECT_EQ(LoadError("replicaof 127.0.0.1 6379").substr(0, 17), "x.conf, at line 1");
  EXPECT_NE(LoadError("rename-command CONFIG \"\""), "");
  EXPECT_NE(LoadError("user default off"), "");
}

TEST(ConfigLoad, RefusesBadValuesWithTheirLine) {
  EXPECT_EQ(LoadError("port x"),
            "x.conf, at line 1\n>>> 'port x'\nargument couldn't be parsed into an integer");
  EXPECT_EQ(LoadError("port 1 2"), "x.conf, at line 1\n>>> 'port 1 2'\nwrong number of arguments");
  EXPECT_EQ(LoadError("port"), "x.conf, at line 1\n>>> 'port'\nwrong number of arguments");
  EXPECT_NE(LoadError("daemonize yes").find("not supported"), std::string::npos);
  EXPECT_EQ(LoadError("daemonize no"), "");
  EXPECT_NE(LoadError("maxmemory-policy allkeys-lru").find("noeviction"), std::string::npos);
  EXPECT_NE(LoadError("redis-version 8"), "");
  EXPECT_NE(LoadError("redis-version 8.0.0.1"), "");
  EXPECT_EQ(LoadError("redis-version 7.2.0"), "");
}

TEST(ConfigLoad, NamesOptionsWithoutEffectOnce) {
  Config config;
  ASSERT_TRUE(config
                  .LoadText("port 1\nappendfilename a\nappendfilename b\nsave 60 1\n"
                            "oom-score-adj-values 0 200 800\n",
                            "x.conf")
                  .ok());
  EXPECT_EQ(config.options_without_effect(),
            (std::vector<std::string>{"appendfilename", "save", "oom-score-adj-values"}));
}

TEST(ConfigLoad, SaveLinesAddUp) {
  Config config;
  ASSERT_TRUE(config.LoadText("save 900 1\nsave 300 10 60 10000", "x.conf").ok());
  EXPECT_EQ(Value(config, "save"), "900 1 300 10 60 10000");
  ASSERT_TRUE(config.LoadText("save \"\"\nsave 5 6", "x.conf").ok());
  EXPECT_EQ(Value(config, "save"), "5 6");
}

TEST(ConfigGet, NamesComeBackAsTypedAndPatternsInLowerCase) {
  const Config config;
  EXPECT_EQ(config.Get(Words{"PORT"}), (Pairs{{"PORT", "6379"}}));
  EXPECT_EQ(config.Get(Words{"PORT", "po?t", "port"}), (Pairs{{"PORT", "6379"}}));
  EXPECT_EQ(config.Get(Words{"DATABAS*"}), (Pairs{{"databases", "16"}}));
  EXPECT_EQ(config.Get(Words{"nope", "nope*"}), Pairs{});
  EXPECT_EQ(config.Get(Words{"slave-read-only"}), (Pairs{{"slave-read-only", "yes"}}));
  EXPECT_EQ(config.Get(Words{"*-read-only"}).size(), 2u);
  EXPECT_GE(config.Get(Words{"*"}).size(), AllOptions().size());
}

TEST(ConfigSet, ChangesAllOrNothing) {
  Config config;
  EXPECT_EQ(SetError(config, {"timeout", "5", "hz", "x"}),
            "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be "
            "parsed into an integer");
  EXPECT_EQ(config.settings().timeout_seconds, 0);
  EXPECT_EQ(SetError(config, {"timeout", "5", "HZ", "20"}), "");
  EXPECT_EQ(config.settings().timeout_seconds, 5);
  EXPECT_EQ(config.settings().hz, 20);
}

TEST(ConfigSet, ChecksNamesBeforeValues) {
  Config config;
  EXPECT_EQ(SetError(config, {"timeout", "x", "nope", "1"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'nope'");
  EXPECT_EQ(SetError(config, {"timeout", "x", "Port", "1"}),
            "ERR CONFIG SET failed (possibly related to argument 'Port') - can't set immutable "
            "config");
  EXPECT_EQ(SetError(config, {"dir", "x"}),
            "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected "
            "config");
  EXPECT_EQ(SetError(config, {"replica-read-only", "no", "slave-read-only", "no"}),
            "ERR CONFIG SET failed (possibly related to argument 'slave-read-only') - duplicate "
            "parameter");
  EXPECT_EQ(SetError(config, {"appendfilename", "x"}),
            "ERR Unknown option or number of arguments for CONFIG SET - 'appendfilename'");
}

TEST(ConfigSet, GivesTheReasonOfEachKind) {
  Config config;
  const auto reason = [&config](std::string_view name, std::string_view value) {
    const std::string text = SetError(config, {name, value});
    return text.substr(text.find(" - ") + 3);
  };
  EXPECT_EQ(reason("timeout", "-1"), "argument must be between 0 and 2147483647 inclusive");
  EXPECT_EQ(reason("proto-max-bulk-len", "1.5k"), "argument must be a memory value");
  EXPECT_EQ(reason("protected-mode", "on"), "argument must be 'yes' or 'no'");
  EXPECT_EQ(reason("loglevel", "loud"),
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing");
  EXPECT_EQ(reason("save", "60"), "Invalid save parameters");
  EXPECT_EQ(reason("save", "a b"), "Invalid save parameters");
  EXPECT_EQ(reason("client-output-buffer-limit", "normal 1 2"),
            "Wrong number of arguments in buffer limit configuration.");
  EXPECT_EQ(reason("client-output-buffer-limit", "x 1 2 3"),
            "Invalid client class specified in buffer limit configuration.");
  EXPECT_EQ(reason("client-output-buffer-limit", "normal 1 2 x"),
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  for (const std::string_view bad : {"x", "-1", "101%", "-1%", "%", "1.5%"}) {
    EXPECT_EQ(reason("maxmemory-clients", bad), "argument must be a memory or percent value");
  }
  EXPECT_EQ(reason("notify-keyspace-events", "Q"),
            "Invalid event class character. Use 'Ag$lshzxeKEtmdnoc'.");
}

TEST(ConfigSet, ListsAreOneArgument) {
  Config config;
  EXPECT_EQ(SetError(config, {"save", "900 1  300 10"}), "");
  EXPECT_EQ(Value(config, "save"), "900 1 300 10");
  EXPECT_EQ(SetError(config, {"save", ""}), "");
  EXPECT_EQ(Value(config, "save"), "");
  EXPECT_EQ(SetError(config, {"client-output-buffer-limit", "replica 1mb 2k 3 pubsub 0 0 0"}), "");
  EXPECT_EQ(Value(config, "client-output-buffer-limit"),
            "normal 0 0 0 slave 1048576 2000 3 pubsub 0 0 0");
}

TEST(ConfigSet, ClientMemoryIsBytesOrAPartOfMaxmemory) {
  Config config;
  EXPECT_EQ(config.settings().client_memory_limit(), 1 << 30);
  EXPECT_EQ(SetError(config, {"maxmemory-clients", "2mb"}), "");
  EXPECT_EQ(Value(config, "maxmemory-clients"), "2097152");
  EXPECT_EQ(SetError(config, {"maxmemory-clients", "5%"}), "");
  EXPECT_EQ(Value(config, "maxmemory-clients"), "5%");
  EXPECT_EQ(config.settings().client_memory_limit(), 0) << "a part of no limit is none";
  EXPECT_EQ(SetError(config, {"maxmemory", "1000000"}), "");
  EXPECT_EQ(config.settings().client_memory_limit(), 50'000);
}

TEST(ConfigSet, EventsAreReadBackInOneOrder) {
  Config config;
  for (const auto& [given, shown] :
       Pairs{{"KEA", "AKE"}, {"Ex", "xE"}, {"", ""}, {"nmKt", "tKmn"}}) {
    EXPECT_EQ(SetError(config, {"notify-keyspace-events", given}), "");
    EXPECT_EQ(Value(config, "notify-keyspace-events"), shown);
  }
}

TEST(ConfigSet, CallsTheHooksOfWhatChanged) {
  Config config;
  std::vector<int64_t> seen;
  config.OnChange("cache-size", [&seen](const Settings& settings) {
    seen.push_back(settings.cache_size);
    return engine::OkStatus();
  });
  EXPECT_EQ(SetError(config, {"timeout", "5"}), "");
  EXPECT_EQ(SetError(config, {"cache-size", "64mb"}), "");
  EXPECT_EQ(SetError(config, {"cache-size", "67108864"}), "");
  EXPECT_EQ(seen, std::vector<int64_t>{64 << 20});
}

TEST(ConfigSet, AFailingHookUndoesTheWholeChange) {
  Config config;
  int64_t applied = config.settings().cache_size;
  config.OnChange("cache-size", [&applied](const Settings& settings) {
    applied = settings.cache_size;
    return engine::OkStatus();
  });
  config.OnChange("appendfsync", [](const Settings& settings) {
    const bool fails = settings.fsync_mode() == engine::FsyncMode::kNo;
    return fails ? engine::Status(engine::Code::kIo, "disk on fire") : engine::OkStatus();
  });
  EXPECT_EQ(SetError(config, {"cache-size", "64mb", "appendfsync", "no"}),
            "ERR CONFIG SET failed (possibly related to argument 'appendfsync') - disk on fire");
  EXPECT_EQ(applied, int64_t{128} << 20);
  EXPECT_EQ(Value(config, "appendfsync"), "always");
}

TEST(ConfigRewrite, KeepsWhatStillHolds) {
  Config config;
  const std::string text =
      "# My file\nport 7000\n\nproto-max-bulk-len 64mb  \nnot-mine x\nport 7001\n";
  ASSERT_TRUE(config.LoadText("port 7001\nproto-max-bulk-len 67108864", "command line").ok());
  EXPECT_EQ(RewriteConfigText(text, config.settings()), text);
}

TEST(ConfigRewrite, ReplacesChangedValuesOnceAndAddsTheRest) {
  Config config;
  EXPECT_EQ(SetError(config, {"timeout", "9", "requirepass", "a b#", "save", "60 1"}), "");
  const std::string text = "timeout 1\n# comment\ntimeout 2\nsave 900 1\nsave 300 10\nport 6379";
  const std::string rewritten = RewriteConfigText(text, config.settings());
  EXPECT_EQ(rewritten,
            "timeout 9\n# comment\nsave 60 1\nport 6379\n"
            "# Generated by CONFIG REWRITE\nrequirepass \"a b#\"\n");
  // What was written is what is loaded, and a second time changes nothing.
  Config loaded;
  ASSERT_TRUE(loaded.LoadText(rewritten, "x.conf").ok());
  EXPECT_EQ(loaded.Get(Words{"*"}), config.Get(Words{"*"}));
  EXPECT_EQ(RewriteConfigText(rewritten, loaded.settings()), rewritten);
}

TEST(ConfigLoad, PolicyLinesAddUp) {
  Config config;
  ASSERT_TRUE(config
                  .LoadText("group-policy a* * MAX-DELIVERIES 5\n"
                            "group-policy \"b* g ACK-WAIT 1; c g PAUSED yes\"\n"
                            "stream-policy 'x y' MAXLEN 1\nstream-policy z;* MAXBYTES 1kb\n",
                            "x.conf")
                  .ok());
  EXPECT_EQ(Value(config, "group-policy"), "a* * MAX-DELIVERIES 5;b* g ACK-WAIT 1;c g PAUSED yes");
  EXPECT_EQ(Value(config, "stream-policy"), "\"x y\" MAXLEN 1;\"z;*\" MAXBYTES 1kb");
  ASSERT_EQ(config.settings().stream_policy.size(), 2u);
  EXPECT_EQ(config.settings().stream_policy[1].rule.key_pattern, "z;*");
  EXPECT_EQ(config.settings().stream_policy[1].rule.settings.Find(1)->numbers[0], 1024);
  ASSERT_TRUE(config.LoadText("group-policy \"\"\ngroup-policy d * ACK-WAIT 2", "x.conf").ok());
  EXPECT_EQ(Value(config, "group-policy"), "d * ACK-WAIT 2");
}

TEST(ConfigLoad, RefusesBadPoliciesWithTheirLine) {
  EXPECT_EQ(LoadError("port 1\ngroup-policy a b ACK-WAIT x"),
            "x.conf, at line 2\n>>> 'group-policy a b ACK-WAIT x'\nvalue is not an integer or out "
            "of range");
  EXPECT_EQ(LoadError("stream-policy a"),
            "x.conf, at line 1\n>>> 'stream-policy a'\nAt least one parameter must be specified");
  EXPECT_EQ(LoadError("group-policy a"), "x.conf, at line 1\n>>> 'group-policy a'\nsyntax error");
  EXPECT_EQ(LoadError("group-policy"),
            "x.conf, at line 1\n>>> 'group-policy'\nwrong number of arguments");
}

TEST(ConfigSet, PoliciesAreCapped) {
  Config config;
  std::string rules;
  for (size_t i = 0; i < kMaxPolicyRules; ++i) rules += "* MAXLEN 1;";
  EXPECT_EQ(SetError(config, {"stream-policy", rules}), "");
  EXPECT_EQ(SetError(config, {"stream-policy", rules + "* MAXLEN 1"}),
            "ERR CONFIG SET failed (possibly related to argument 'stream-policy') - there can be "
            "1000 rules at most");
  EXPECT_EQ(config.settings().stream_policy.size(), kMaxPolicyRules);
}

TEST(ConfigRewrite, GivesEachRuleALine) {
  Config config;
  EXPECT_EQ(SetError(config, {"group-policy", "a * ACK-WAIT 1;'b c' * PAUSED yes",  //
                              "stream-policy", "\"x;y\" MAXLEN 1"}),
            "");
  const std::string text = "group-policy a * ACK-WAIT 9\n# comment\ngroup-policy * * ACK-WAIT 8\n";
  const std::string rewritten = RewriteConfigText(text, config.settings());
  EXPECT_EQ(rewritten,
            "group-policy a * ACK-WAIT 1\ngroup-policy \"b c\" * PAUSED yes\n# comment\n"
            "# Generated by CONFIG REWRITE\nstream-policy \"x;y\" MAXLEN 1\n");
  Config loaded;
  ASSERT_TRUE(loaded.LoadText(rewritten, "x.conf").ok());
  EXPECT_EQ(loaded.Get(Words{"*-policy"}), config.Get(Words{"*-policy"}));
  EXPECT_EQ(RewriteConfigText(rewritten, loaded.settings()), rewritten);
  EXPECT_EQ(SetError(loaded, {"group-policy", ""}), "");
  EXPECT_EQ(RewriteConfigText(rewritten, loaded.settings()),
            "group-policy \"\"\n# comment\n# Generated by CONFIG REWRITE\n"
            "stream-policy \"x;y\" MAXLEN 1\n");
}

TEST(ConfigRewrite, WritesTheFileTheServerWasStartedWith) {
  ConfigDirectory directory;
  CommandLine command_line;
  command_line.config_file = directory.Write("weir.conf", "port 1\n");
  Config config;
  ASSERT_TRUE(config.Load(command_line, "").ok());
  EXPECT_EQ(SetError(config, {"timeout", "9"}), "");
  ASSERT_TRUE(config.Rewrite().ok());
  EXPECT_EQ(directory.Read("weir.conf"), "port 1\n# Generated by CONFIG REWRITE\ntimeout 9\n");
}

TEST(ConfigRewrite, NeedsAFile) {
  EXPECT_EQ(Config().Rewrite().Text(), "ERR The server is running without a config file");
  ConfigDirectory directory;
  CommandLine command_line;
  command_line.config_file = directory.Write("weir.conf", "");
  Config config;
  ASSERT_TRUE(config.Load(command_line, "").ok());
  std::filesystem::remove(command_line.config_file);
  const std::string text = config.Rewrite().Text();
  EXPECT_EQ(text.substr(0, 27), "ERR Rewriting config file: ");
}

}  // namespace
}  // namespace server
