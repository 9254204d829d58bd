// Turns the bytes of one connection into requests, incrementally. It does no I/O and owns no
// bytes: the connection keeps a read buffer and shows the parser its unconsumed part.
//
//   for (;;) {
//     ParseResult result = parser.Next(buffer.view(), limits);
//     if (result == kRequest)  { Run(parser.request()); buffer.Consume(parser.consumed()); }
//     if (result == kNeedMore) { buffer.Consume(parser.consumed()); buffer.Fill(); }
//     if (result == kProtocolError) { reply with parser.error() and close after it }
//   }
//
// The outcome depends only on the bytes, not on how they were cut into reads, and the work is
// linear in them: a partial request is never scanned twice.
//
// Thread: any, one at a time (in the server, the loop of the connection).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/limits.h"
#include "resp/request.h"

namespace resp {

enum class ParseResult : uint8_t {
  kRequest,        // request() and consumed() are set
  kNeedMore,       // consumed() and wanted() are set
  kProtocolError,  // error() is set; every later call returns the same
};

struct ParserLimits {
  // Largest argument in bytes; exactly that many is fine.
  int64_t max_bulk_bytes = kDefaultMaxBulkBytes;
  // False while authentication is required and has not happened: tight limits apply.
  bool authenticated = true;
};

class Parser {
 public:
  // Parses the next request. `data` starts where the previous call's consumed() bytes ended; after
  // kNeedMore it shows the same bytes again (they may have moved in memory) and usually more.
  // Empty requests (`*0`, negative counts, blank lines) are skipped and never returned.
  ParseResult Next(std::string_view data, const ParserLimits& limits);

  // After kRequest: what was parsed. See Request for how long its views live.
  const Request& request() const { return request_; }

  // How many leading bytes of `data` are done with. The caller must drop exactly these before the
  // next call: after kRequest the request and the empty ones before it, after kNeedMore only
  // skipped empty requests, most often none.
  size_t consumed() const { return consumed_; }

  // After kNeedMore: how many further bytes are needed at least, as far as known and never above
  // kMaxWantedBytes. A hint for how much to read, at least 1.
  size_t wanted() const { return wanted_; }

  // Memory that a request which is still incomplete takes beside its bytes.
  size_t memory_bytes() const {
    return args_.capacity() * sizeof(std::string_view) + parked_.capacity() * sizeof(Span) +
           inline_text_.capacity();
  }

  // After kProtocolError: the reply's text without the leading '-'. It may hold a CR or LF the
  // client sent, which Writer::Error replaces.
  std::string_view error() const { return error_; }

 private:
  enum class Phase : uint8_t { kStart, kInline, kCount, kArguments, kFailed };
  enum class Step : uint8_t { kDone, kEmpty, kMore, kFailed };
  // An argument of a request that is still incomplete, relative to the start of that request.
  struct Span {
    size_t offset;
    size_t size;
  };

  void Begin();
  Step Advance(std::string_view data, const ParserLimits& limits);
  Step ParseCount(std::string_view data, const ParserLimits& limits);
  void TakeWholeArguments(std::string_view data, const ParserLimits& limits);
  Step ParseArguments(std::string_view data, const ParserLimits& limits);
  Step ParseBulkHeader(std::string_view data, const ParserLimits& limits);
  Step ParseInline(std::string_view data);
  bool SplitInline(std::string_view line);
  const char* AppendQuotedWord(const char* word, const char* end);
  Step FindLineEnd(std::string_view data, char terminator, const char* too_big, size_t* end);
  Step Fail(std::string_view text);
  void Suspend(std::string_view data);
  void Unpark(std::string_view data);

  Phase phase_ = Phase::kStart;
  // All positions are relative to the current `data`; between calls to the current request, which
  // is where the next `data` starts.
  size_t start_ = 0;   // where the current request starts
  size_t cursor_ = 0;  // what is before it is parsed
  size_t scan_ = 0;    // what is before it holds no end of the line at cursor_
  int64_t remaining_arguments_ = 0;
  int64_t bulk_bytes_ = -1;  // length of the argument at cursor_; negative while unknown

  std::vector<std::string_view> args_;  // arguments completed in this call
  std::vector<Span> parked_;            // arguments completed in earlier calls, before args_
  std::string inline_text_;             // unquoted inline words; never grows while args_ look at it

  Request request_;
  size_t consumed_ = 0;
  size_t wanted_ = 1;
  std::string error_;
};

}  // namespace resp
