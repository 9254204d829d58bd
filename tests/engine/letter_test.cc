// Payloads of dead letters, and what is read back from them.
#include "engine/letter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/apply.h"
#include "tests/support/payload.h"

namespace engine {
namespace {

using Words = std::vector<std::string>;

// Keeps the bytes an EntryView points to.
struct OwnedEntry {
  explicit OwnedEntry(const Words& words) : wire(tests::Payload(words)) {
    view.payload = wire;
    view.arg_count = static_cast<uint32_t>(words.size());
  }
  explicit OwnedEntry(const OwnedPayload& payload) : wire(payload.wire) {
    view.payload = wire;
    view.arg_count = payload.arg_count;
  }
  OwnedEntry(const OwnedEntry&) = delete;

  std::string wire;
  EntryView view;
};

LetterNote Note() {
  LetterNote note;
  note.key = "s";
  note.group = "g";
  note.id = {7, 1};
  note.consumer = "alice";
  note.deliveries = 3;
  note.error = "no \r\n luck";
  note.first_ms = 100;
  note.last_ms = 200;
  note.time_ms = 300;
  note.hops = 2;
  return note;
}

const Words kNote = {"__dlq.key",        "s",
                     "__dlq.group",      "g",
                     "__dlq.id",         "7-1",
                     "__dlq.consumer",   "alice",
                     "__dlq.deliveries", "3",
                     "__dlq.reason",     "max-deliveries",
                     "__dlq.error",      "no \r\n luck",
                     "__dlq.first-ms",   "100",
                     "__dlq.last-ms",    "200",
                     "__dlq.time-ms",    "300",
                     "__dlq.hops",       "2"};

Words With(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void ExpectPayload(const OwnedPayload& payload, const Words& words) {
  EXPECT_EQ(payload.wire, tests::Payload(words));
  EXPECT_EQ(payload.arg_count, words.size());
  EXPECT_EQ(payload.data_bytes, EntryDataBytes(payload.wire, payload.arg_count));
}

TEST(Letter, IsTheEntrysFieldsByteForByteAndTheNote) {
  const Words fields = {"f", "v", "f", "", "", std::string("\0\r\n$1\r\nx", 8)};
  const OwnedEntry entry(fields);
  ExpectPayload(BuildLetter(&entry.view, Note()), With(fields, kNote));
}

TEST(Letter, TakesThePlaceOfEarlierNotes) {
  const OwnedEntry entry(
      {"__dlq.key", "old", "a", "__dlq.", "__dlq.other", "x", "b", "2", "__dlq.hops", "9"});
  Words words = With({"a", "__dlq.", "b", "2"}, kNote);
  words.back() = "10";  // It has been a letter nine times already.
  ExpectPayload(BuildLetter(&entry.view, Note()), words);
}

TEST(Letter, OfAnEntryThatIsGoneHasTheNoteAlone) {
  LetterNote note = Note();
  note.reason = LetterReason::kTrimmed;
  Words words = kNote;
  words[11] = "trimmed";
  ExpectPayload(BuildLetter(nullptr, note), words);
  const OwnedEntry letter(words);
  ASSERT_TRUE(ReadLetter(letter.view).has_value());
  EXPECT_FALSE(ReadLetter(letter.view)->has_payload);
}

TEST(Letter, SaysWhereItCameFrom) {
  const OwnedEntry letter(With({"f", "v"}, kNote));
  const auto origin = ReadLetter(letter.view);
  ASSERT_TRUE(origin.has_value());
  EXPECT_EQ(origin->key, "s");
  EXPECT_EQ(origin->group, "g");
  EXPECT_EQ(origin->id, (StreamId{7, 1}));
  EXPECT_EQ(origin->hops, 2u);
  EXPECT_TRUE(origin->has_payload);
  ExpectPayload(PayloadOfLetter(letter.view), {"f", "v"});
}

TEST(Letter, IsNoneWithoutItsOrigin) {
  for (const Words& words : {Words{"f", "v"}, Words{"f", "v", "__dlq.key", "s", "__dlq.group", "g"},
                             Words{"f", "v", "__dlq.key", "s", "__dlq.group", "g", "__dlq.id", "x"},
                             Words{"f", "v", "__dlq.key", "s", "__dlq.id", "1-1"},
                             Words{"f", "v", "__dlq.group", "g", "__dlq.id", "1-1"}}) {
    EXPECT_FALSE(ReadLetter(OwnedEntry(words).view).has_value()) << words.size();
  }
}

TEST(Letter, IsComparedWithItsEntryNotesApart) {
  const OwnedEntry entry({"f", "v", "g", "w"});
  const auto same = [&](const Words& words) {
    return HasPayloadOf(OwnedEntry(With(words, kNote)).view, entry.view);
  };
  EXPECT_TRUE(same({"f", "v", "g", "w"}));
  EXPECT_FALSE(same({"f", "v"}));
  EXPECT_FALSE(same({"f", "v", "g", "x"}));
  EXPECT_FALSE(same({"f", "v", "g", "w", "h", "x"}));
  EXPECT_FALSE(same({"g", "w", "f", "v"}));
  EXPECT_TRUE(same({"f", "v", "__dlq.hops", "1", "g", "w"}));
  const OwnedEntry annotated({"__dlq.x", "1", "f", "v"});
  EXPECT_TRUE(HasPayloadOf(OwnedEntry(With({"f", "v"}, kNote)).view, annotated.view));
}

}  // namespace
}  // namespace engine
