#include "tests/torture/linear_call.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "tests/support/payload.h"

namespace tests {

using engine::References;
using engine::Removal;
using engine::TrimArgs;

namespace {

constexpr std::string_view kField = "f";
constexpr engine::Now kNow = {1, 1};

// ---- Answers ----

std::string Quoted(std::string_view text) { return '"' + std::string(text) + '"'; }
std::string Quoted(StreamId id) { return Quoted(id.ToString()); }
std::string Number(int64_t number) { return ":" + std::to_string(number); }

std::string List(const std::vector<std::string>& elements) {
  std::string text = "[";
  for (const std::string& element : elements) {
    text += (text.size() == 1 ? "" : ", ") + element;
  }
  return text + "]";
}

// Bulk strings in wire form as a list.
std::string Fields(std::string_view wire) {
  std::vector<std::string> fields;
  while (!wire.empty()) {
    size_t size = 0;
    const char* const digits_end =
        std::from_chars(wire.data() + 1, wire.data() + wire.size(), size).ptr;
    wire.remove_prefix(static_cast<size_t>(digits_end - wire.data()) + 2);
    fields.push_back(Quoted(wire.substr(0, size)));
    wire.remove_prefix(size + 2);
  }
  return List(fields);
}

std::string Row(StreamId id, const std::string& wire) { return List({Quoted(id), Fields(wire)}); }

// A row without its entry: only the id with JUSTID, `[id, NIL]` in a history.
std::string Rows(const std::vector<ModelRow>& rows, bool just_ids) {
  std::vector<std::string> elements;
  elements.reserve(rows.size());
  for (const auto& [id, wire] : rows) {
    elements.push_back(just_ids           ? Quoted(id)
                       : wire.has_value() ? Row(id, *wire)
                                          : List({Quoted(id), "NIL"}));
  }
  return List(elements);
}

std::string Ids(const std::vector<StreamId>& ids) {
  std::vector<std::string> elements;
  elements.reserve(ids.size());
  for (const StreamId id : ids) {
    elements.push_back(Quoted(id));
  }
  return List(elements);
}

std::string Outcomes(const std::vector<Removal>& outcomes) {
  std::vector<std::string> elements;
  elements.reserve(outcomes.size());
  for (const Removal outcome : outcomes) {
    elements.push_back(Number(static_cast<int64_t>(outcome)));
  }
  return List(elements);
}

std::string Maybe(std::optional<int64_t> number) {
  return number.has_value() ? Number(*number) : "nil";
}

std::string NoGroup(const Call& call) {
  return "-NOGROUP No such key '" + call.key + "' or consumer group '" + call.group + "'";
}

// ---- Commands on entries ----

std::string Add(const Call& call, StreamId given, bool is_exact, ModelDatabase* model) {
  engine::AddId id;
  id.form = call.verb == Verb::kAddSequence ? engine::AddId::Form::kAutoSequence
                                            : engine::AddId::Form::kExplicit;
  id.id = call.chooses_id() ? given : call.ids[0];
  const std::string wire = Bulk(kField) + Bulk(call.value);
  const engine::Payload payload{wire, 2, kField.size() + call.value.size()};
  const bool is_new = !model->contains(call.key);
  if (call.chooses_id() && given.IsZero()) {
    return "an id";
  }
  ModelStream& stream = (*model)[call.key];
  if (call.chooses_id() && is_exact && given.seq != 0 && stream.last_id.Next() != given) {
    return "an id that is neither the next one nor the first of its millisecond";
  }
  StreamId added;
  if (stream.Add(kNow, {}, id, payload, &added) != engine::Code::kOk) {
    if (is_new) {
      model->erase(call.key);
    }
    return "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
  }
  return Quoted(added);
}

std::string Trim(const Call& call, ModelStream& stream) {
  TrimArgs args;
  if (call.verb == Verb::kTrimMaxLen) {
    args.strategy = TrimArgs::Strategy::kMaxLen;
    args.max_len = static_cast<uint64_t>(call.count);
  } else {
    args.strategy = TrimArgs::Strategy::kMinId;
    args.min_id = call.ids[0];
  }
  const int64_t removed = stream.CountTrimmed(args);
  stream.RemoveOldest(removed);
  return Number(removed);
}

std::string Range(const Call& call, const ModelStream& stream) {
  engine::RangeArgs args;
  args.end = StreamId::Max();
  args.reverse = call.verb == Verb::kReverseRange;
  args.count = call.count > 0 ? call.count : -1;
  std::vector<std::string> rows;
  for (const auto& [id, entry] : stream.Range(args)) {
    rows.push_back(Row(id, entry->wire));
  }
  return List(rows);
}

std::string InfoStream(const ModelStream& stream) {
  return List({Number(static_cast<int64_t>(stream.length())), Quoted(stream.last_id),
               Quoted(stream.max_deleted), Number(static_cast<int64_t>(stream.entries_added)),
               Quoted(stream.first_id()), Number(static_cast<int64_t>(stream.groups.size()))});
}

std::string InfoGroups(const ModelStream& stream) {
  std::vector<std::string> rows;
  for (const auto& [name, group] : stream.groups) {
    rows.push_back(List({Quoted(name), Number(static_cast<int64_t>(group.consumers.size())),
                         Number(static_cast<int64_t>(group.pending.size())), Quoted(group.last_id),
                         Maybe(group.entries_read), Maybe(stream.Lag(group))}));
  }
  return List(rows);
}

// Of commands that need no group, on a key that is there.
std::string RunOnStream(const Call& call, ModelStream& stream) {
  switch (call.verb) {
    case Verb::kDelete:
      return Number(stream.Delete(call.ids));
    case Verb::kDeleteEx:
      return Outcomes(stream.RemoveEntries(call.references, call.ids));
    case Verb::kTrimMaxLen:
    case Verb::kTrimMinId:
      return Trim(call, stream);
    case Verb::kLength:
      return Number(static_cast<int64_t>(stream.length()));
    case Verb::kRange:
    case Verb::kReverseRange:
      return Range(call, stream);
    case Verb::kInfoStream:
      return InfoStream(stream);
    default:
      return InfoGroups(stream);
  }
}

// ---- Commands on groups ----

std::string ReadNew(const Call& call, ModelStream& stream, ModelGroup& group) {
  engine::ReadNewArgs args;
  args.consumer = call.consumer;
  args.count = call.count;
  args.no_ack = call.flag;
  std::vector<engine::PriorDelivery> priors;
  const auto rows = stream.ReadNew(kNow, group, args, SIZE_MAX, &priors);
  return rows.empty() ? "NIL" : List({List({Quoted(call.key), Rows(rows, false)})});
}

std::string ReadHistory(const Call& call, ModelStream& stream, ModelGroup& group) {
  engine::HistoryArgs args;
  args.consumer = call.consumer;
  args.after = call.ids[0];
  args.count = call.count;
  return List({List({Quoted(call.key), Rows(stream.ReadHistory(kNow, group, args), false)})});
}

std::string Claim(const Call& call, ModelStream& stream, ModelGroup& group) {
  engine::ClaimArgs args;
  args.consumer = call.consumer;
  args.just_id = call.flag;
  return Rows(stream.Claim(kNow, group, args, call.ids), call.flag);
}

std::string AutoClaim(const Call& call, ModelStream& stream, ModelGroup& group) {
  engine::AutoClaimArgs args;
  args.consumer = call.consumer;
  args.start = call.ids[0];
  args.count = call.count;
  engine::AutoClaimResult result;
  const auto rows = stream.AutoClaim(kNow, group, args, &result);
  return List({Quoted(result.cursor), Rows(rows, false), Ids(result.deleted)});
}

std::string Pending(const ModelGroup& group) {
  if (group.pending.empty()) {
    return "[:0, nil, nil, NIL]";
  }
  std::map<std::string, int64_t> counts;
  for (const auto& [id, record] : group.pending) {
    ++counts[record.owner];
  }
  std::vector<std::string> owners;
  owners.reserve(counts.size());
  for (const auto& [owner, count] : counts) {
    owners.push_back(List({Quoted(owner), Quoted(std::to_string(count))}));
  }
  return List({Number(static_cast<int64_t>(group.pending.size())),
               Quoted(group.pending.begin()->first), Quoted(group.pending.rbegin()->first),
               List(owners)});
}

std::string PendingRange(const Call& call, const ModelGroup& group) {
  engine::PendingRangeArgs args;
  args.end = StreamId::Max();
  args.count = call.count;
  std::vector<std::string> rows;
  for (const auto& [id, record] : ListPending(kNow, group, args)) {
    rows.push_back(
        List({Quoted(id), Quoted(record.owner), Number(static_cast<int64_t>(record.count))}));
  }
  return List(rows);
}

// Of commands that work in a group that is there.
std::string RunInGroup(const Call& call, ModelStream& stream, ModelGroup& group) {
  switch (call.verb) {
    case Verb::kReadNew:
      return ReadNew(call, stream, group);
    case Verb::kReadHistory:
      return ReadHistory(call, stream, group);
    case Verb::kAcknowledge:
      return Number(Acknowledge(group, call.ids));
    case Verb::kAckDelete:
      return Outcomes(stream.AcknowledgeAndRemove(group, call.references, call.ids));
    case Verb::kClaim:
      return Claim(call, stream, group);
    case Verb::kAutoClaim:
      return AutoClaim(call, stream, group);
    case Verb::kPending:
      return Pending(group);
    case Verb::kPendingRange:
      return PendingRange(call, group);
    case Verb::kGroupSetId:
      stream.SetGroupId(group, call.ids.empty() ? stream.last_id : call.ids[0], std::nullopt);
      return "+OK";
    case Verb::kConsumerCreate:
      return Number(group.consumers.try_emplace(call.consumer).second ? 1 : 0);
    default:
      return Number(DeleteConsumer(group, call.consumer));
  }
}

bool IsOfXGroup(Verb verb) {
  return verb == Verb::kGroupCreate || verb == Verb::kGroupSetId || verb == Verb::kGroupDestroy ||
         verb == Verb::kConsumerCreate || verb == Verb::kConsumerDelete;
}

std::string WithoutKey(const Call& call) {
  if (IsOfXGroup(call.verb)) {
    return "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may "
           "want to use the MKSTREAM option to create an empty stream automatically.";
  }
  switch (call.verb) {
    case Verb::kInfoStream:
    case Verb::kInfoGroups:
      return "-ERR no such key";
    case Verb::kRange:
    case Verb::kReverseRange:
      return "[]";
    case Verb::kDeleteEx:
      return Outcomes(std::vector<Removal>(call.ids.size(), Removal::kMissing));
    default:
      return ":0";
  }
}

std::string WithoutGroup(const Call& call) {
  if (IsOfXGroup(call.verb)) {
    return "-NOGROUP No such consumer group '" + call.group + "' for key name '" + call.key + "'";
  }
  switch (call.verb) {
    case Verb::kAcknowledge:
      return ":0";
    case Verb::kAckDelete:
      return Outcomes(std::vector<Removal>(call.ids.size(), Removal::kMissing));
    case Verb::kReadNew:
    case Verb::kReadHistory:
      return NoGroup(call) + " in XREADGROUP with GROUP option";
    default:
      return NoGroup(call);
  }
}

std::string CreateGroup(const Call& call, ModelDatabase* model) {
  if (!model->contains(call.key) && !call.flag) {
    return WithoutKey(call);
  }
  ModelStream& stream = (*model)[call.key];
  const StreamId from = call.ids.empty() ? stream.last_id : call.ids[0];
  return stream.CreateGroup(call.group, from, std::nullopt)
             ? "+OK"
             : "-BUSYGROUP Consumer Group name already exists";
}

// ---- What is compared of a real reply ----

// Values of a flat map with these names, in their order.
resp::Reply Chosen(const resp::Reply& map, const std::vector<std::string_view>& names) {
  resp::Reply chosen;
  chosen.type = resp::Reply::Type::kArray;
  for (const std::string_view name : names) {
    for (size_t i = 0; i + 1 < map.elements.size(); i += 2) {
      if (map.elements[i].text == name) {
        chosen.elements.push_back(map.elements[i + 1]);
      }
    }
  }
  return chosen;
}

void AddIds(const std::vector<StreamId>& ids, std::vector<std::string>* words) {
  for (const StreamId id : ids) {
    words->push_back(id.ToString());
  }
}

void AddCount(const Call& call, std::vector<std::string>* words) {
  if (call.count > 0) {
    words->insert(words->end(), {"COUNT", std::to_string(call.count)});
  }
}

// KEEPREF IDS n id ...
void AddRemovals(const Call& call, std::vector<std::string>* words) {
  words->push_back(call.references == References::kKeep   ? "KEEPREF"
                   : call.references == References::kDrop ? "DELREF"
                                                          : "ACKED");
  words->insert(words->end(), {"IDS", std::to_string(call.ids.size())});
  AddIds(call.ids, words);
}

std::vector<std::string> WordsOfRead(const Call& call) {
  std::vector<std::string> words = {"XREADGROUP", "GROUP", call.group, call.consumer};
  AddCount(call, &words);
  if (call.flag) {
    words.push_back("NOACK");
  }
  words.insert(words.end(),
               {"STREAMS", call.key, call.verb == Verb::kReadNew ? ">" : call.ids[0].ToString()});
  return words;
}

std::vector<std::string> WordsOfXGroup(const Call& call) {
  const std::string position = call.ids.empty() ? "$" : call.ids[0].ToString();
  switch (call.verb) {
    case Verb::kGroupCreate:
      return call.flag
                 ? std::vector<std::string>{"XGROUP",   "CREATE", call.key,
                                            call.group, position, "MKSTREAM"}
                 : std::vector<std::string>{"XGROUP", "CREATE", call.key, call.group, position};
    case Verb::kGroupSetId:
      return {"XGROUP", "SETID", call.key, call.group, position};
    case Verb::kGroupDestroy:
      return {"XGROUP", "DESTROY", call.key, call.group};
    case Verb::kConsumerCreate:
      return {"XGROUP", "CREATECONSUMER", call.key, call.group, call.consumer};
    default:
      return {"XGROUP", "DELCONSUMER", call.key, call.group, call.consumer};
  }
}

// The others that work in a group.
std::vector<std::string> WordsInGroup(const Call& call) {
  std::vector<std::string> words;
  switch (call.verb) {
    case Verb::kAcknowledge:
      words = {"XACK", call.key, call.group};
      AddIds(call.ids, &words);
      return words;
    case Verb::kAckDelete:
      words = {"XACKDEL", call.key, call.group};
      AddRemovals(call, &words);
      return words;
    case Verb::kClaim:
      words = {"XCLAIM", call.key, call.group, call.consumer, "0"};
      AddIds(call.ids, &words);
      if (call.flag) {
        words.push_back("JUSTID");
      }
      return words;
    case Verb::kAutoClaim:
      words = {"XAUTOCLAIM", call.key, call.group, call.consumer, "0", call.ids[0].ToString()};
      AddCount(call, &words);
      return words;
    case Verb::kPending:
      return {"XPENDING", call.key, call.group};
    default:
      return {"XPENDING", call.key, call.group, "-", "+", std::to_string(call.count)};
  }
}

}  // namespace

std::vector<std::string> WordsOf(const Call& call) {
  std::vector<std::string> words;
  switch (call.verb) {
    case Verb::kAdd:
      return {"XADD", call.key, call.ids.empty() ? "*" : call.ids[0].ToString(),
              std::string(kField), call.value};
    case Verb::kAddSequence:
      return {"XADD", call.key, std::to_string(call.ids[0].ms) + "-*", std::string(kField),
              call.value};
    case Verb::kDelete:
      words = {"XDEL", call.key};
      AddIds(call.ids, &words);
      return words;
    case Verb::kDeleteEx:
      words = {"XDELEX", call.key};
      AddRemovals(call, &words);
      return words;
    case Verb::kTrimMaxLen:
      return {"XTRIM", call.key, "MAXLEN", std::to_string(call.count)};
    case Verb::kTrimMinId:
      return {"XTRIM", call.key, "MINID", call.ids[0].ToString()};
    case Verb::kLength:
      return {"XLEN", call.key};
    case Verb::kRange:
      words = {"XRANGE", call.key, "-", "+"};
      AddCount(call, &words);
      return words;
    case Verb::kReverseRange:
      words = {"XREVRANGE", call.key, "+", "-"};
      AddCount(call, &words);
      return words;
    case Verb::kReadNew:
    case Verb::kReadHistory:
      return WordsOfRead(call);
    case Verb::kInfoStream:
      return {"XINFO", "STREAM", call.key};
    case Verb::kInfoGroups:
      return {"XINFO", "GROUPS", call.key};
    case Verb::kRemoveKey:
      return {"DEL", call.key};
    default:
      return IsOfXGroup(call.verb) ? WordsOfXGroup(call) : WordsInGroup(call);
  }
}

std::string AnswerOf(const Call& call, const resp::Reply& reply) {
  if (reply.type != resp::Reply::Type::kArray) {
    return resp::Render(reply);
  }
  resp::Reply compared = reply;
  if (call.verb == Verb::kInfoStream) {
    compared = Chosen(reply, {"length", "last-generated-id", "max-deleted-entry-id",
                              "entries-added", "recorded-first-entry-id", "groups"});
  } else if (call.verb == Verb::kInfoGroups) {
    for (resp::Reply& group : compared.elements) {
      group = Chosen(group,
                     {"name", "consumers", "pending", "last-delivered-id", "entries-read", "lag"});
    }
  } else if (call.verb == Verb::kPendingRange) {
    constexpr ptrdiff_t kIdle = 2;
    for (resp::Reply& record : compared.elements) {
      if (record.elements.size() > kIdle) {
        record.elements.erase(record.elements.begin() + kIdle);
      }
    }
  }
  return resp::Render(compared);
}

std::string RunOnModel(const Call& call, StreamId given, bool is_exact, ModelDatabase* model) {
  if (call.verb == Verb::kAdd || call.verb == Verb::kAddSequence) {
    return Add(call, given, is_exact, model);
  }
  if (call.verb == Verb::kRemoveKey) {
    return Number(static_cast<int64_t>(model->erase(call.key)));
  }
  if (call.verb == Verb::kGroupCreate) {
    return CreateGroup(call, model);
  }
  const auto found = model->find(call.key);
  if (found == model->end()) {
    return !call.group.empty() && !IsOfXGroup(call.verb) ? WithoutGroup(call) : WithoutKey(call);
  }
  ModelStream& stream = found->second;
  if (call.verb == Verb::kGroupDestroy) {
    return Number(static_cast<int64_t>(stream.groups.erase(call.group)));
  }
  if (call.group.empty()) {
    return RunOnStream(call, stream);
  }
  const auto group = stream.groups.find(call.group);
  return group == stream.groups.end() ? WithoutGroup(call)
                                      : RunInGroup(call, stream, group->second);
}

std::string DigestOf(const ModelDatabase& model) {
  std::string text;
  const auto put_number = [&](uint64_t number) {
    text.append(reinterpret_cast<const char*>(&number), sizeof(number));
  };
  const auto put_id = [&](StreamId id) {
    put_number(id.ms);
    put_number(id.seq);
  };
  const auto put_text = [&](std::string_view part) {
    put_number(part.size());
    text += part;
  };
  for (const auto& [key, stream] : model) {
    put_text(key);
    put_number(stream.entries.size());
    for (const auto& [id, entry] : stream.entries) {
      put_id(id);
      put_text(entry.wire);
    }
    put_id(stream.last_id);
    put_id(stream.max_deleted);
    put_number(stream.entries_added);
    put_number(stream.groups.size());
    for (const auto& [name, group] : stream.groups) {
      put_text(name);
      put_id(group.last_id);
      put_number(static_cast<uint64_t>(group.entries_read.value_or(-1)));
      put_number(group.consumers.size());
      for (const auto& [consumer, times] : group.consumers) {
        put_text(consumer);
      }
      put_number(group.pending.size());
      for (const auto& [id, record] : group.pending) {
        put_id(id);
        put_text(record.owner);
        put_number(record.count);
      }
    }
  }
  return text;
}

}  // namespace tests
