#include "engine/letter.h"

#include <algorithm>
#include <charconv>

namespace engine {
namespace {

constexpr std::string_view kPrefix = "__dlq.";
constexpr uint64_t kMostHops = UINT32_MAX - 1;
constexpr std::string_view kReasons[] = {"max-deliveries", "fatal", "trimmed"};

// A walk over the fields of a payload.
class FieldReader {
 public:
  explicit FieldReader(std::string_view wire) : rest_(wire) {}

  // False at the end.
  bool Next() {
    if (rest_.empty()) {
      return false;
    }
    const char* const begin = rest_.data();
    field_ = TakeBulk();
    value_ = TakeBulk();
    wire_ = {begin, static_cast<size_t>(rest_.data() - begin)};
    return true;
  }
  std::string_view field() const { return field_; }
  std::string_view value() const { return value_; }
  // Both, as they are in the payload.
  std::string_view wire() const { return wire_; }
  bool is_note() const { return field_.starts_with(kPrefix); }

 private:
  std::string_view TakeBulk() {
    // `$`, the length, CRLF, the bytes, CRLF.
    size_t size = 0;
    const char* at = rest_.data() + 1;
    for (; *at != '\r'; ++at) {
      size = size * 10 + static_cast<size_t>(*at - '0');
    }
    const std::string_view bytes(at + 2, size);
    rest_.remove_prefix(static_cast<size_t>(bytes.data() - rest_.data()) + size + 2);
    return bytes;
  }

  std::string_view rest_;
  std::string_view field_;
  std::string_view value_;
  std::string_view wire_;
};

// Whether there may be fields `__dlq.*`; spares reading every entry's fields.
bool MayHaveNotes(std::string_view wire) { return wire.find(kPrefix) != std::string_view::npos; }

// How often the payload says that it has been a dead letter.
uint64_t HopsOf(std::string_view payload) {
  uint64_t hops = 0;
  for (FieldReader at(payload); MayHaveNotes(payload) && at.Next();) {
    if (at.field() == "__dlq.hops") {
      std::from_chars(at.value().data(), at.value().data() + at.value().size(), hops);
    }
  }
  return hops;
}

// Copies runs of fields that are the entry's own.
void PutOwnFields(const EntryView& entry, OwnedPayload* out) {
  FieldReader at(entry.payload);
  if (!MayHaveNotes(entry.payload)) {
    out->wire.append(entry.payload);
    out->arg_count += entry.arg_count;
    while (at.Next()) {
      out->data_bytes += at.field().size() + at.value().size();
    }
    return;
  }
  while (at.Next()) {
    if (!at.is_note()) {
      out->wire.append(at.wire());
      out->arg_count += 2;
      out->data_bytes += at.field().size() + at.value().size();
    }
  }
}

void PutBulk(std::string_view bytes, OwnedPayload* out) {
  char header[24] = {'$'};
  char* const end = std::to_chars(header + 1, header + sizeof(header) - 2, bytes.size()).ptr;
  out->wire.append(header, static_cast<size_t>(end - header)).append("\r\n");
  out->wire.append(bytes).append("\r\n");
  out->data_bytes += bytes.size();
  ++out->arg_count;
}

void PutNote(std::string_view name, std::string_view value, OwnedPayload* out) {
  PutBulk(name, out);
  PutBulk(value, out);
}

template <typename Integer>
void PutNumber(std::string_view name, Integer value, OwnedPayload* out) {
  char text[24];
  char* const end = std::to_chars(text, text + sizeof(text), value).ptr;
  PutNote(name, {text, static_cast<size_t>(end - text)}, out);
}

}  // namespace

OwnedPayload BuildLetter(const EntryView* entry, const LetterNote& note) {
  constexpr size_t kNoteBytes = 400;
  OwnedPayload letter;
  letter.wire.reserve((entry == nullptr ? 0 : entry->payload.size()) + kNoteBytes +
                      note.key.size() + note.group.size() + note.error.size());
  uint64_t hops = 0;  // With this one, as the payload knows it: it may be a letter itself.
  if (entry != nullptr) {
    PutOwnFields(*entry, &letter);
    hops = std::min(HopsOf(entry->payload), kMostHops) + 1;
  }
  PutNote("__dlq.key", note.key, &letter);
  PutNote("__dlq.group", note.group, &letter);
  PutNote("__dlq.id", note.id.ToString(), &letter);
  PutNote("__dlq.consumer", note.consumer, &letter);
  PutNumber("__dlq.deliveries", note.deliveries, &letter);
  PutNote("__dlq.reason", kReasons[static_cast<size_t>(note.reason)], &letter);
  PutNote("__dlq.error", note.error, &letter);
  PutNumber("__dlq.first-ms", note.first_ms, &letter);
  PutNumber("__dlq.last-ms", note.last_ms, &letter);
  PutNumber("__dlq.time-ms", note.time_ms, &letter);
  PutNumber("__dlq.hops", std::max(note.hops, hops), &letter);
  return letter;
}

std::optional<LetterOrigin> ReadLetter(const EntryView& entry) {
  LetterOrigin origin;
  bool has_key = false;
  bool has_group = false;
  std::optional<StreamId> id;
  bool is_trimmed = false;
  for (FieldReader at(entry.payload); at.Next();) {
    if (!at.is_note()) {
      origin.has_payload = true;
      continue;
    }
    const std::string_view name = at.field().substr(kPrefix.size());
    const std::string_view value = at.value();
    if (name == "key") {
      origin.key = value;
      has_key = true;
    } else if (name == "group") {
      origin.group = value;
      has_group = true;
    } else if (name == "id") {
      id = ParseStreamIdStrict(value, 0);
    } else if (name == "reason") {
      is_trimmed = value == kReasons[static_cast<size_t>(LetterReason::kTrimmed)];
    } else if (name == "hops") {
      std::from_chars(value.data(), value.data() + value.size(), origin.hops);
    }
  }
  if (!has_key || !has_group || !id.has_value()) {
    return std::nullopt;
  }
  origin.id = *id;
  origin.has_payload = origin.has_payload && !is_trimmed;
  return origin;
}

OwnedPayload PayloadOfLetter(const EntryView& letter) {
  OwnedPayload payload;
  PutOwnFields(letter, &payload);
  return payload;
}

bool HasPayloadOf(const EntryView& letter, const EntryView& entry) {
  // As BuildLetter() makes them, nothing having been replaced.
  if (letter.payload.starts_with(entry.payload) && !MayHaveNotes(entry.payload)) {
    for (FieldReader at(letter.payload.substr(entry.payload.size())); at.Next();) {
      if (!at.is_note()) {
        return false;
      }
    }
    return true;
  }
  return PayloadOfLetter(letter).wire == PayloadOfLetter(entry).wire;
}

}  // namespace engine
