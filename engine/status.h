// Outcome of an engine call: a code that names what the caller can do, and words for a human.
//
// Codes, not texts, are the contract: the wire wording of each lives in server/core/error_reply.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/check.h"

namespace engine {

enum class Code : unsigned char {
  kOk,
  kNotFound,     // The key, consumer or record does not exist.
  kNoGroup,      // The key or the group does not exist, where the command wants a group.
  kGroupExists,  // XGROUP CREATE of a name that is taken.
  kWrongType,    // The key holds another kind of value.
  kInvalid,      // An argument that only the engine could judge; the message says which.
  kIdTooSmall,   // An entry id not above the stream's last id.
  kIdExhausted,  // The stream's last id is the largest possible one.
  kTooLarge,     // An entry above the storable size.
  kLimit,        // A configured bound is reached.
  kNotLoaded,  // An object the call needs is being fetched; run the command again when it is there.
  kCorruption,  // Stored bytes fail their checks; the message names the object.
  kIo,          // The environment failed: disk full, EIO, store closed after an error.
  kNoSpace,     // The disk is nearly full; nothing was changed. The message says what still goes.
  kClosing,     // The engine is shutting down.
};

// Words that are most often absent. A pointer: outcomes are made, moved and thrown away many times
// for each command, and nearly all of them say nothing.
class OptionalText {
 public:
  OptionalText() = default;
  explicit OptionalText(std::string text)
      : text_(text.empty() ? nullptr : std::make_unique<const std::string>(std::move(text))) {}
  OptionalText(const OptionalText& other) : OptionalText(other.text()) {}
  OptionalText(OptionalText&&) = default;
  OptionalText& operator=(OptionalText other) noexcept {
    text_ = std::move(other.text_);
    return *this;
  }

  bool empty() const { return text_ == nullptr; }
  const std::string& text() const { return text_ == nullptr ? NoText() : *text_; }

 private:
  static const std::string& NoText() {
    static const std::string none;
    return none;
  }

  std::unique_ptr<const std::string> text_;
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  explicit Status(Code code) : code_(code) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  // Detail for logs and, where error_reply.cc says so, for the client. Empty on success.
  const std::string& message() const { return message_.text(); }

 private:
  Code code_ = Code::kOk;
  OptionalText message_;
};

inline Status OkStatus() { return Status(); }

// A value or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(std::move(status)) { CHECK(!status_.ok()); }
  Result(T value) : value_(std::move(value)) {}

  bool ok() const { return value_.has_value(); }
  Code code() const { return status_.code(); }
  const Status& status() const { return status_; }

  // Precondition of all four: ok().
  T& value() & {
    CHECK(value_.has_value());
    return *value_;
  }
  const T& value() const& {
    CHECK(value_.has_value());
    return *value_;
  }
  T&& value() && {
    CHECK(value_.has_value());
    return std::move(*value_);
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace engine

#define RETURN_IF_ERROR(expression)                        \
  do {                                                     \
    ::engine::Status status_of_expression_ = (expression); \
    if (!status_of_expression_.ok()) {                     \
      return status_of_expression_;                        \
    }                                                      \
  } while (false)

#define WEIR_CONCAT_INNER_(a, b) a##b
#define WEIR_CONCAT_(a, b) WEIR_CONCAT_INNER_(a, b)
#define ASSIGN_OR_RETURN_IMPL_(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) {                                           \
    return result.status();                                     \
  }                                                             \
  declaration = std::move(result).value()
// ASSIGN_OR_RETURN(Stream* stream, FindStream(key)); returns the Status on failure.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_IMPL_(WEIR_CONCAT_(result_, __LINE__), declaration, expression)
