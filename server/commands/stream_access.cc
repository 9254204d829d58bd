#include "server/commands/stream_access.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "engine/inspect.h"

namespace server {
namespace {

using engine::Code;
using engine::Group;
using engine::Result;
using engine::Stream;
using engine::StreamId;

// `$`, two digits, CRLF, the id, CRLF.
constexpr size_t kMaxIdBulk = 5 + engine::kMaxStreamIdText + 2;
// `*2`, the id, `*` and a count of up to ten digits.
constexpr size_t kMaxEntryHead = 4 + kMaxIdBulk + 13;

char* PutText(char* to, std::string_view text) { return std::copy(text.begin(), text.end(), to); }

char* PutLineEnd(char* to) {
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

// Returns the position behind the bulk string.
char* PutId(char* to, StreamId id) {
  // `$`, two digits, CRLF: the length of all ids that hold a time has two.
  constexpr size_t kUsualHeader = 5;
  char* text = to + kUsualHeader;
  const size_t size = engine::FormatStreamId(id, text);
  *to++ = '$';
  if (size >= 10) {
    *to++ = static_cast<char>('0' + size / 10);
  } else {
    std::memmove(text - 1, text, size);
    --text;
  }
  *to++ = static_cast<char>('0' + size % 10);
  PutLineEnd(to);
  return PutLineEnd(text + size);
}

}  // namespace

Result<Stream*> FindStream(CommandContext& context, std::string_view key) {
  Result<Stream*> found = context.engine.OpenStream(context.op, key);
  if (found.code() != Code::kNotFound) return found;
  if ((context.spec.flags & kReadonly) != 0) context.KeyMissed(key);
  return static_cast<Stream*>(nullptr);
}

Result<Group*> FindGroup(CommandContext& context, Stream& stream, std::string_view name) {
  Result<Group*> found = context.engine.OpenGroup(context.op, stream, name);
  if (found.code() == Code::kNoGroup) return static_cast<Group*>(nullptr);
  return found;
}

Result<StreamGroup> FindStreamGroup(CommandContext& context, std::string_view key,
                                    std::string_view group_name) {
  ASSIGN_OR_RETURN(Stream * stream, FindStream(context, key));
  if (stream == nullptr) {
    // The lookup of readers, though they may write.
    if ((context.spec.flags & kWrite) != 0) context.KeyMissed(key);
    return StreamGroup();
  }
  ASSIGN_OR_RETURN(Group * group, FindGroup(context, *stream, group_name));
  if (group == nullptr) return StreamGroup();
  return StreamGroup{.stream = stream, .group = group};
}

bool WillTellOfConsumer(const CommandContext& context, const Group& group,
                        std::string_view consumer) {
  return context.Notifies(key_event::kXgroupCreateConsumer) &&
         !engine::HasConsumer(group, consumer);
}

void WriteId(resp::Writer& out, StreamId id) {
  char bulk[kMaxIdBulk];
  out.Raw({bulk, static_cast<size_t>(PutId(bulk, id) - bulk)});
}

namespace {

// `header` is that of an array which begins with the id and the fields.
void WriteEntryParts(resp::Writer& out, std::string_view header, const engine::EntryView& entry) {
  char head[kMaxEntryHead];
  char* to = PutText(head, header);
  to = PutId(to, entry.id);
  *to++ = '*';
  to = std::to_chars(to, std::end(head), entry.arg_count).ptr;
  to = PutText(to, "\r\n");
  out.Raw({head, static_cast<size_t>(to - head)});
  out.Raw(entry.payload);
}

}  // namespace

void WriteEntry(resp::Writer& out, const engine::EntryView& entry) {
  WriteEntryParts(out, "*2\r\n", entry);
}

void WriteEntry(resp::Writer& out, const engine::EntryView& entry,
                const engine::PriorDelivery& prior) {
  WriteEntryParts(out, "*4\r\n", entry);
  out.Integer(prior.idle_ms);
  out.Integer(static_cast<int64_t>(prior.count));
}

}  // namespace server
