// The life of a server process: start, stop, signals, exit codes.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "tests/process/server_process.h"

namespace tests {
namespace {

bool Exists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0;
}

// A port that nobody listens on, held by a bound socket until it is destroyed.
class HeldPort {
 public:
  HeldPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~HeldPort() { Release(); }
  int port() const { return port_; }
  void Release() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
  int port_ = 0;
};

TEST(Life, TellsItsVersionAndHowToUseIt) {
  EXPECT_TRUE(RunToEnd({"--version"}).output.starts_with("Weir server v="));
  const Ended help = RunToEnd({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_TRUE(help.output.starts_with("Usage: weir-server"));
}

TEST(Life, ABadOptionStopsTheStart) {
  const Ended ended = RunToEnd({"--port", "abc"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.output.find("port"), std::string::npos);
}

TEST(Life, WithNoAddressItDoesNotStart) {
  const TempDir directory;
  const Ended ended = RunToEnd({"--port", "0", "--dir", directory / "data"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.output.find("no address to listen on"), std::string::npos) << ended.output;
}

TEST(Life, AnAddressInUseStopsTheStart) {
  const TempDir directory;
  const HeldPort held;
  const Ended ended = RunToEnd(
      {"--bind", "127.0.0.1", "--port", std::to_string(held.port()), "--dir", directory / "data"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.output.find("cannot listen on 127.0.0.1"), std::string::npos) << ended.output;
  EXPECT_FALSE(Exists(directory / "data")) << "nothing has been created";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ProcessFile(const ServerProcess& server, const std::string& name) {
  return ReadFile("/proc/" + std::to_string(server.pid()) + "/" + name);
}

TEST(Life, HugePagesAreNotAskedForAgainstTheUsersWill) {
  setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0", 1);
  const ServerProcess server;
  unsetenv("GLIBC_TUNABLES");
  const std::string environment = ProcessFile(server, "environ");
  EXPECT_NE(environment.find("glibc.malloc.hugetlb=0"), std::string::npos);
  EXPECT_EQ(environment.find("glibc.malloc.hugetlb=1"), std::string::npos);
}

// A sanitizer has a malloc of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasGlibcMalloc = false;
#else
constexpr bool kHasGlibcMalloc = true;
#endif

TEST(Life, HugePagesAreAskedForWhereThatHasAnEffect) {
  const ServerProcess server;
  const bool has_effect =
      kHasGlibcMalloc &&
      ReadFile("/sys/kernel/mm/transparent_hugepage/enabled").find("[madvise]") !=
          std::string::npos;
  EXPECT_EQ(ProcessFile(server, "environ").find("glibc.malloc.hugetlb=1") != std::string::npos,
            has_effect);
}

TEST(Life, HugePagesAreForServersWithSomethingToDo) {
  ServerProcess server;
  const std::string paused = "THP_enabled:\t0";
  if (ProcessFile(server, "status").find("THP_enabled:") == std::string::npos) {
    GTEST_SKIP() << "the system does not tell";
  }
  EXPECT_NE(ProcessFile(server, "status").find(paused), std::string::npos);
  Client client = server.Connect();
  // All of these in one tick of 100 ms, sooner or later.
  bool is_paused = true;
  for (int i = 0; i < 100'000 && is_paused; ++i) {
    client.Call({"PING"});
    is_paused = ProcessFile(server, "status").find(paused) != std::string::npos;
  }
  EXPECT_FALSE(is_paused);
}

TEST(Life, OneServerAtATimeHasTheData) {
  ServerProcess server;
  const Ended ended = RunToEnd(
      {"--port", "0", "--unixsocket", server.directory() / "other", "--dir", server.data()});
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_EQ(server.Connect().Call({"PING"}), "PONG");
}

TEST(Life, ListensOnTcpAndOnAUnixSocket) {
  HeldPort held;
  const std::string port = std::to_string(held.port());
  held.Release();
  ServerProcess server({"--port", port, "--bind", "127.0.0.1", "--unixsocketperm", "600"});
  Client tcp(redisConnect("127.0.0.1", std::stoi(port)));
  EXPECT_EQ(tcp.Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
  EXPECT_EQ(server.Connect().Call({"XLEN", "s"}), "(integer) 1");
  const std::string clients = tcp.Call({"CLIENT", "LIST"});
  EXPECT_NE(clients.find("laddr=127.0.0.1:" + port), std::string::npos) << clients;
  struct stat info = {};
  ASSERT_EQ(stat(server.socket().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_NE(server.Log().find("127.0.0.1:" + port), std::string::npos);
}

TEST(Life, OptionsComeFromStandardInputToo) {
  const Ended ended = RunToEnd({"-", "--port", "0"}, "maxclients many\n");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.output.find("maxclients"), std::string::npos) << ended.output;
}

TEST(Life, ASignalStopsItCleanly) {
  for (const int number : {SIGTERM, SIGINT}) {
    ServerProcess server({"--appendfsync", "no"});
    EXPECT_EQ(server.Connect().Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
    server.Signal(number);
    EXPECT_EQ(server.Wait(), 0) << server.Log();
    EXPECT_FALSE(Exists(server.socket()));
    const Ended check = RunToEnd({"--check", server.data()});
    EXPECT_EQ(check.exit_code, 0) << check.output;
    server.Start();
    EXPECT_EQ(server.Connect().Call({"XRANGE", "s", "-", "+"}), "[[1-1, [f, v]]]");
  }
}

TEST(Life, ASignalStopsItAlthoughClientsBlockAndDoNotRead) {
  ServerProcess server;
  Client blocked = server.Connect();
  blocked.Append({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
  int done = 0;
  while (done == 0) ASSERT_EQ(redisBufferWrite(blocked.context(), &done), REDIS_OK);
  Client deaf = server.Connect();
  const std::string request =
      "*2\r\n$4\r\nECHO\r\n$100000\r\n" + std::string(100'000, 'v') + "\r\n";
  // More than it is executed for without reading, or as much as the socket takes.
  for (int i = 0; i < 100; ++i) {
    send(deaf.context()->fd, request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0) << server.Log();
  EXPECT_EQ(blocked.NextReply(), "(closed)");
}

TEST(Life, HangUpAndBrokenPipesAreIgnored) {
  ServerProcess server;
  server.Signal(SIGHUP);
  server.Signal(SIGPIPE);
  EXPECT_EQ(server.Connect().Call({"PING"}), "PONG");
}

TEST(Life, ShutdownStopsItWithoutAReply) {
  for (const char* how : {"SAVE", "NOSAVE", "NOW"}) {
    ServerProcess server;
    Client client = server.Connect();
    EXPECT_EQ(client.Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
    EXPECT_EQ(client.Call({"SHUTDOWN", how}), "(closed)");
    EXPECT_EQ(server.Wait(), 0) << server.Log();
    server.Start();
    EXPECT_EQ(server.Connect().Call({"XLEN", "s"}), "(integer) 1") << how;
  }
}

TEST(Life, WhatWasAnsweredSurvivesAKill) {
  ServerProcess server({"--appendfsync", "always"});
  Client client = server.Connect();
  constexpr int kEntries = 5000;
  for (int i = 1; i <= kEntries; ++i) client.Append({"XADD", "s", std::to_string(i), "f", "v"});
  // Killed while the others are on their way.
  constexpr int kSeen = 100;
  for (int i = 1; i <= kSeen; ++i) ASSERT_EQ(client.NextReply(), std::to_string(i) + "-0");
  server.Signal(SIGKILL);
  EXPECT_EQ(server.Wait(), -SIGKILL);
  server.Start();
  const std::string length = server.Connect().Call({"XLEN", "s"});
  EXPECT_GE(std::stoi(length.substr(length.find(' '))), kSeen);
}

TEST(Life, WhenTheStorageFailsClientsAreToldAndItEndsWith75) {
  for (const char* fsync : {"always", "everysec", "no"}) {
    ServerProcess server({"--appendfsync", fsync});
    Client client = server.Connect();
    EXPECT_EQ(client.Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
    const rlimit none = {.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &none, nullptr), 0);
    client.Append({"PING"});
    client.Append({"XADD", "s", "2-1", "f", "v"});
    client.Append({"PING"});
    EXPECT_EQ(client.NextReply(), "PONG");
    EXPECT_TRUE(client.NextReply().starts_with("(error) MISCONF Errors writing to the AOF file: "))
        << fsync;
    EXPECT_EQ(client.NextReply(), "(closed)");
    EXPECT_EQ(server.Wait(), 75) << server.Log();
    server.Start();
    EXPECT_TRUE(server.Connect().Call({"XRANGE", "s", "-", "+"}).starts_with("[[1-1, [f, v]]"));
  }
}

TEST(Life, WritesItsNumberIntoThePidFileAndRemovesIt) {
  const TempDir directory;
  const std::string pid_file = directory / "pid";
  ServerProcess server({"--pidfile", pid_file});
  EXPECT_TRUE(Exists(pid_file));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_FALSE(Exists(pid_file));
}

TEST(Life, AnIncompleteStoreIsRefusedAndLeftAlone) {
  ServerProcess server;
  EXPECT_EQ(server.Connect().Call({"XADD", "s", "1-1", "f", "v"}), "1-1");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  const std::string store = server.data() + "/store";
  const std::string aside = server.directory() / "aside";
  ASSERT_EQ(rename(store.c_str(), aside.c_str()), 0);
  const Ended ended =
      RunToEnd({"--port", "0", "--unixsocket", server.socket(), "--dir", server.data()});
  EXPECT_EQ(ended.exit_code, 78) << ended.output;
  EXPECT_FALSE(Exists(store));
  ASSERT_EQ(rename(aside.c_str(), store.c_str()), 0);
  server.Start();
  EXPECT_EQ(server.Connect().Call({"XLEN", "s"}), "(integer) 1");
}

TEST(Life, ACheckOfNoStoreFails) {
  const TempDir directory;
  EXPECT_EQ(RunToEnd({"--check", directory / "nothing"}).exit_code, 2);
  EXPECT_FALSE(Exists(directory / "nothing"));
}

// Streams keep what they were created with, across a kill as well.
TEST(Life, NewStreamsTakeTheIdempotencySettingsOfTheirTime) {
  ServerProcess server({"--stream-idmp-duration", "7"});
  const auto settings_of = [&server](const std::string& key) {
    const std::string info = server.Connect().Call({"XINFO", "STREAM", key});
    const size_t begin = info.find("idmp-duration");
    return info.substr(begin, info.find(", pids-tracked") - begin);
  };
  Client client = server.Connect();
  client.Call({"XADD", "old", "1-1", "f", "v"});
  EXPECT_EQ(client.Call({"CONFIG", "SET", "stream-idmp-duration", "9", "stream-idmp-maxsize", "3"}),
            "OK");
  client.Call({"XADD", "new", "1-1", "f", "v"});
  const std::string old_settings = settings_of("old");
  const std::string new_settings = settings_of("new");
  EXPECT_NE(old_settings.find('7'), std::string::npos) << old_settings;
  EXPECT_NE(new_settings.find('9'), std::string::npos) << new_settings;
  EXPECT_NE(new_settings.find('3'), std::string::npos) << new_settings;
  server.Signal(SIGKILL);
  server.Wait();
  server.Start();
  EXPECT_EQ(settings_of("old"), old_settings);
  EXPECT_EQ(settings_of("new"), new_settings);
}

}  // namespace
}  // namespace tests
