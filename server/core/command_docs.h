// What COMMAND DOCS says about the arguments of a command: constant trees that rows of the command
// table point to. redis-cli makes its hints from them.
//
// Thread: any; immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace server {

enum class ArgumentType : uint8_t {
  kString,
  kInteger,
  kDouble,
  kKey,
  kPattern,
  kUnixTime,
  kPureToken,  // A word that stands for itself.
  kOneOf,      // One of the children.
  kBlock,      // All of the children, in order.
};

enum ArgumentFlag : uint8_t {
  kRequired = 0,
  kOptional = 1u << 0,
  kMultiple = 1u << 1,
  kMultipleToken = 1u << 2,  // When repeated, the token is repeated with it.
};

struct ArgumentDoc {
  std::string_view name;
  ArgumentType type = ArgumentType::kString;
  // The word in front of the value; for a pure token the word itself. Empty = none.
  std::string_view token;
  uint8_t flags = kRequired;
  std::span<const ArgumentDoc> children;
};

// The protocol's name of the type, such as "pure-token".
std::string_view ArgumentTypeName(ArgumentType type);

// Short forms for the tables. `children` must be constants: the document keeps a view of them.
namespace doc {

constexpr ArgumentDoc Key(uint8_t flags = kRequired) {
  return {"key", ArgumentType::kKey, {}, flags, {}};
}
constexpr ArgumentDoc Text(std::string_view name, uint8_t flags = kRequired) {
  return {name, ArgumentType::kString, {}, flags, {}};
}
constexpr ArgumentDoc Number(std::string_view name, uint8_t flags = kRequired) {
  return {name, ArgumentType::kInteger, {}, flags, {}};
}
constexpr ArgumentDoc Glob(std::string_view name) {
  return {name, ArgumentType::kPattern, {}, kRequired, {}};
}
// A word of its own.
constexpr ArgumentDoc Word(std::string_view name, std::string_view word,
                           uint8_t flags = kRequired) {
  return {name, ArgumentType::kPureToken, word, flags, {}};
}
// A word with a value behind it; optional, as nearly all of them are.
constexpr ArgumentDoc Option(std::string_view word, std::string_view name, ArgumentType type,
                             uint8_t flags = kOptional) {
  return {name, type, word, flags, {}};
}
constexpr ArgumentDoc OneOf(std::string_view name, std::span<const ArgumentDoc> children,
                            uint8_t flags = kRequired, std::string_view word = {}) {
  return {name, ArgumentType::kOneOf, word, flags, children};
}
constexpr ArgumentDoc Block(std::string_view name, std::span<const ArgumentDoc> children,
                            uint8_t flags = kRequired, std::string_view word = {}) {
  return {name, ArgumentType::kBlock, word, flags, children};
}

}  // namespace doc
}  // namespace server
