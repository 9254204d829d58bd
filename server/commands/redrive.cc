#include "server/commands/redrive.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/engine.h"
#include "server/commands/stream_access.h"
#include "server/commands/stream_args.h"
#include "server/core/text.h"

namespace server {
namespace {

using engine::RedriveArgs;
using engine::RedrivenLetter;
using engine::RedriveResult;
using engine::Stream;
using engine::StreamId;

constexpr size_t kFirstOption = 2;
constexpr int64_t kMaxCount = 10'000;
constexpr std::string_view kHow[] = {"requeued", "appended", "foreign", "gone", "refused"};

struct RedriveOptions {
  std::optional<std::string_view> group;
  std::optional<std::string_view> to;
  std::optional<StreamId> from;
  std::optional<int64_t> count;
  IdList ids;
};

Outcome ReadCount(std::string_view text, std::optional<int64_t>* count) {
  int64_t value = 0;
  RETURN_IF_FAILED(ReadInteger(text, &value, Error::kXRedriveCount));
  if (value < 1 || value > kMaxCount) return Error::kXRedriveCount;
  *count = value;
  return Done();
}

// The option `word`, whose value is at `*position`, which moves behind it.
Outcome TakeOption(Arguments args, std::string_view word, size_t* position,
                   RedriveOptions* options) {
  if (EqualsIgnoreCase(word, "IDS") && options->ids.empty()) {
    Arguments ids;
    RETURN_IF_FAILED(TakeCountedIds(args, position, &ids));
    return ReadStreamIds(ids, &options->ids);
  }
  const std::string_view value = args[(*position)++];
  if (EqualsIgnoreCase(word, "GROUP") && !options->group) {
    options->group = value;
    return Done();
  }
  if (EqualsIgnoreCase(word, "TO") && !options->to) {
    options->to = value;
    return value == args[1] ? Outcome(Error::kXRedriveSameKey) : Done();
  }
  if (EqualsIgnoreCase(word, "FROM") && !options->from) {
    StreamId from;
    RETURN_IF_FAILED(ReadStreamId(value, &from));
    options->from = from;
    return Done();
  }
  if (EqualsIgnoreCase(word, "COUNT") && !options->count) return ReadCount(value, &options->count);
  return Error::kSyntax;
}

Outcome ReadRedriveOptions(Arguments args, RedriveOptions* options) {
  for (size_t position = kFirstOption; position < args.size();) {
    const std::string_view word = args[position++];
    if (position == args.size()) return Error::kSyntax;
    RETURN_IF_FAILED(TakeOption(args, word, &position, options));
  }
  const bool by_ids = !options->ids.empty();
  const bool counts_ids = options->count && by_ids;
  return by_ids == options->from.has_value() || counts_ids ? Outcome(Error::kSyntax) : Done();
}

void WriteLetter(resp::Writer& out, const RedrivenLetter& letter) {
  const bool moved =
      letter.how == RedrivenLetter::How::kRequeued || letter.how == RedrivenLetter::How::kAppended;
  out.ArrayHeader(3);
  WriteId(out, letter.id);
  if (moved) {
    WriteId(out, letter.new_id);
  } else {
    out.Null();
  }
  out.Bulk(kHow[static_cast<size_t>(letter.how)]);
}

}  // namespace

Outcome CmdXRedrive(CommandContext& context) {
  const Arguments args = context.args;
  ASSIGN_OR_RETURN(Stream * letters, FindStream(context, args[1]));
  if (letters == nullptr) return Error::kNoSuchKey;
  RedriveOptions options;
  RETURN_IF_FAILED(ReadRedriveOptions(args, &options));
  // There is one user, who may write every key.
  const auto may_write = [](std::string_view) { return true; };
  const RedriveArgs redrive = {.group = options.group,
                               .to = options.to,
                               .ids = options.ids,
                               .from = options.from,
                               .count = options.count.value_or(RedriveArgs::kDefaultCount),
                               .may_write = may_write};
  ASSIGN_OR_RETURN(const RedriveResult result,
                   context.engine.Redrive(context.op, *letters, redrive));
  context.out.ArrayHeader(3);
  context.out.Integer(result.moved);
  WriteId(context.out, result.cursor);
  context.out.ArrayHeader(result.letters.size());
  for (const RedrivenLetter& letter : result.letters) WriteLetter(context.out, letter);
  return Done();
}

}  // namespace server
