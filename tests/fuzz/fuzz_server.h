// A server without sockets that serves many inputs, as opening a store takes longer than all the
// rest: what it keeps is checked and deleted after each. Thread: one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/test_server.h"

namespace fuzz {

class FuzzServer {
 public:
  FuzzServer();

  tests::TestServer& server() { return server_; }

  // To be told of what a client is about to send, a command or bytes that may have commands in
  // them: after some the server does not go on as it was before.
  void NoteBytes(std::string_view bytes);

  // The end of an input: everything is verified, and deleted. All clients must be gone.
  void Settle();
  // Whether it should be made anew.
  bool worn() const { return worn_ || settled_ >= kInputsPerServer; }
  // Stops it and verifies what it leaves on disk.
  void Finish();

 private:
  static constexpr int kInputsPerServer = 500;

  void RestoreConfig();
  void EndPause();

  tests::TestServer server_;
  std::vector<std::pair<std::string, std::string>> config_;  // As it was at the start.
  bool config_changed_ = false;
  bool paused_ = false;
  int settled_ = 0;
  bool worn_ = false;
};

}  // namespace fuzz
