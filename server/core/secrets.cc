#include "server/core/secrets.h"

#include <algorithm>
#include <cstddef>

#include "server/core/text.h"

namespace server {
namespace {

constexpr std::string_view kRedacted = "(redacted)";

// Options of any version of the protocol's servers: what is refused here may be a password still.
constexpr std::string_view kSecretOptions[] = {"requirepass", "masterauth", "masteruser",
                                               "tls-key-file-pass", "tls-client-key-file-pass"};

using Shown = std::vector<std::string_view>;

void HideFrom(size_t first, Shown* args) {
  for (size_t i = first; i < args->size(); ++i) (*args)[i] = kRedacted;
}

// HELLO 3 AUTH user password SETNAME name
void HideCredentials(Shown* args) {
  for (size_t i = 2; i < args->size(); ++i) {
    if (EqualsIgnoreCase((*args)[i], "SETNAME")) {
      ++i;
    } else if (EqualsIgnoreCase((*args)[i], "AUTH")) {
      const size_t end = std::min(i + 3, args->size());
      while (i + 1 < end) (*args)[++i] = kRedacted;
    }
  }
}

void HideSecretOptions(Shown* args) {
  for (size_t i = 2; i + 1 < args->size(); i += 2) {
    const auto is_this = [name = (*args)[i]](std::string_view option) {
      return EqualsIgnoreCase(name, option);
    };
    if (std::ranges::any_of(kSecretOptions, is_this)) (*args)[i + 1] = kRedacted;
  }
}

}  // namespace

std::vector<std::string_view> WithoutSecrets(const CommandSpec& spec,
                                             std::span<const std::string_view> args) {
  Shown shown(args.begin(), args.end());
  if (spec.name == "auth") {
    HideFrom(1, &shown);
  } else if (spec.name == "hello") {
    HideCredentials(&shown);
  } else if (spec.name == "config|set") {
    HideSecretOptions(&shown);
  } else if (spec.name == "acl|setuser" || spec.name == "acl|deluser" ||
             spec.name == "acl|getuser") {
    HideFrom(2, &shown);
  }
  return shown;
}

}  // namespace server
