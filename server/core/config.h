// The configuration of the running server: loaded at start, read by everybody, changed by CONFIG
// SET, written back by CONFIG REWRITE. What options there are stands in config_options.h.
//
// Owner: server::Server. Thread: main at start, then loop.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/status.h"
#include "server/core/config_file.h"
#include "server/core/config_options.h"
#include "server/core/error_reply.h"
#include "server/core/settings.h"

namespace server {

class Config {
 public:
  // Every option at its default.
  Config();

  // File, standard input and options, in this order: what comes later wins. `standard_input` is
  // used only if the command line asks for it. kInvalid or kIo with words ready for the operator;
  // the object is then not to be used.
  engine::Status Load(const CommandLine& command_line, std::string_view standard_input);
  // Lines of a configuration file, `source` for messages.
  engine::Status LoadText(std::string_view text, std::string_view source);

  const Settings& settings() const { return settings_; }
  // Empty when the server was started without a file.
  const std::string& file() const { return file_; }
  // Options that were given and have no effect, each once, in the order given: for one warning.
  const std::vector<std::string>& options_without_effect() const { return without_effect_; }

  // Makes a changed option take effect. Called by Set with the new settings; a failure undoes the
  // whole CONFIG SET, and `apply` is called again with the old settings.
  using Apply = std::function<engine::Status(const Settings&)>;
  void OnChange(std::string_view option, Apply apply);

  // CONFIG GET: name and value of each option that matches one of the patterns, each once. A name
  // without glob characters comes back as it was typed.
  std::vector<std::pair<std::string, std::string>> Get(
      std::span<const std::string_view> patterns) const;
  // CONFIG SET: names and values in turn; all of them or none. Precondition: an even number.
  Outcome Set(std::span<const std::string_view> names_and_values);
  // CONFIG REWRITE: comments, order and lines whose value still holds stay as they are.
  Outcome Rewrite() const;

 private:
  struct Hook {
    const OptionSpec* option;
    Apply apply;
  };

  engine::Status LoadLine(const ConfigLine& line);
  void NoteWithoutEffect(const OptionSpec& option);
  // The options that these arguments name, checked as CONFIG SET checks names.
  Outcome ResolveNames(std::span<const std::string_view> names_and_values,
                       std::vector<const OptionSpec*>* options) const;
  Outcome ApplyChanges(const Settings& previous);

  Settings settings_;
  std::string file_;
  std::vector<std::string> without_effect_;
  std::vector<Hook> hooks_;
};

// A configuration file's text with the settings in it: what CONFIG REWRITE writes.
std::string RewriteConfigText(std::string_view old_text, const Settings& settings);

}  // namespace server
