// The engine call that moves dead letters back (delivery specification, section 5).
//
// It finds out what becomes of each letter without changing anything, one kind of object after the
// other, so that it is run again a few times at most, however many letters there are. Then it moves
// them, all in the running turn.
#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "engine/apply.h"
#include "engine/due.h"
#include "engine/engine.h"
#include "engine/entry_cursor.h"
#include "engine/group_ops.h"
#include "engine/letter.h"
#include "engine/limits.h"
#include "engine/references.h"
#include "engine/require.h"
#include "engine/stream_ops.h"

namespace engine {
namespace {

using How = RedrivenLetter::How;

// A stream that letters came from. Null: there is none.
struct Source {
  Stream* stream = nullptr;
  bool may_write = false;
};

// What letters give back to one group.
struct GroupShare {
  Source* source = nullptr;
  Group* group = nullptr;  // Null: there is none.
  std::vector<StreamId> ids;
  std::vector<HandedBackRecord> requeued;
  uint64_t redriven = 0;
};

// A letter on its way. Views point into its entry.
struct Passage {
  enum class Kind : uint8_t { kStays, kRequeue, kVanish, kAppend };
  RedrivenLetter letter;
  std::optional<EntryView> entry;
  LetterOrigin origin;
  GroupShare* share = nullptr;  // Null for what is no letter.
  Kind kind = Kind::kStays;
};

class Redriving {
 public:
  Redriving(Core& core, Op& op, Stream& letters, const RedriveArgs& args)
      : core_(core), op_(op), letters_(letters), args_(args) {}

  Result<RedriveResult> Run() {
    RETURN_IF_ERROR(Pick());
    RETURN_IF_ERROR(FindSources());
    RETURN_IF_ERROR(LoadOrigins());
    Decide();
    RETURN_IF_ERROR(RequireRemoval());
    Move();
    return std::move(result_);
  }

 private:
  // Which letters are looked at; their entries are in memory afterwards.
  Status Pick();
  Status PickFrom(StreamId from);
  // The letter behind the last one that is looked at.
  Status FindCursor();
  void Add(StreamId id, std::optional<EntryView> entry);
  // The streams and groups that letters name, and the one they are to go to.
  Status FindSources();
  Status FindTarget();
  Result<Source*> SourceOf(std::string_view key);
  // The entries and pending records that letters speak of are in memory afterwards.
  Status LoadOrigins();
  void Decide();
  void Decide(Passage& passage);
  Passage::Kind KindOfRequeue(const Passage& passage) const;
  Status RequireRemoval();
  void Move();
  bool Append(Passage& passage);
  void GiveBack(GroupShare& share);
  void RemoveLetters(const std::vector<StreamId>& moved);

  Core& core_;
  Op& op_;
  Stream& letters_;
  const RedriveArgs& args_;
  std::vector<Passage> passages_;
  std::map<std::string_view, Source> sources_;  // By key.
  std::map<std::pair<std::string_view, std::string_view>, GroupShare> shares_;
  Stream* target_ = nullptr;  // Null also when it is yet to be made.
  bool target_is_refused_ = false;
  RedriveResult result_;
};

Status Redriving::Pick() {
  if (args_.from.has_value()) {
    return PickFrom(*args_.from);
  }
  std::vector<StreamId> sorted(args_.ids.begin(), args_.ids.end());
  std::sort(sorted.begin(), sorted.end());
  for (const StreamId id : sorted) {
    RequireEntry(core_, op_, letters_, id);
  }
  RETURN_IF_ERROR(core_.CheckLoaded(op_));
  for (const StreamId id : args_.ids) {
    Add(id, FindLiveEntry(letters_, id));
  }
  return OkStatus();
}

Status Redriving::PickFrom(StreamId from) {
  EntryExtent extent;
  extent.start = from;
  extent.end = StreamId::Max();
  extent.count = args_.count;
  extent.max_bytes = kRedriveBytes;
  RequireEntries(core_, op_, letters_, extent);
  RETURN_IF_ERROR(core_.CheckLoaded(op_));
  int64_t looked_at = 0;
  uint64_t bytes = 0;
  StreamId last;
  for (EntryCursor at(letters_, from, EntryCursor::Direction::kForward);
       at.valid() && looked_at < args_.count && bytes < kRedriveBytes; at.Next()) {
    Add(at.entry().id, at.entry());
    last = at.entry().id;
    bytes += at.entry().payload.size() + kEntryReplyOverhead;
    ++looked_at;
  }
  if (looked_at == 0 || last >= letters_.last_live_id) {
    return OkStatus();
  }
  extent.start = *last.Next();
  extent.count = 1;
  RequireEntries(core_, op_, letters_, extent);
  RETURN_IF_ERROR(core_.CheckLoaded(op_));
  result_.cursor = EntryCursor(letters_, extent.start, extent.direction).entry().id;
  return OkStatus();
}

void Redriving::Add(StreamId id, std::optional<EntryView> entry) {
  Passage passage;
  passage.letter.id = id;
  if (entry.has_value()) {
    const std::optional<LetterOrigin> origin = ReadLetter(*entry);
    if (args_.group.has_value() && (!origin.has_value() || origin->group != *args_.group)) {
      return;
    }
    // A letter that came from here has nowhere to go.
    const bool is_movable =
        origin.has_value() && origin->has_payload && origin->key != letters_.key;
    if (is_movable) {
      passage.entry = entry;
      passage.origin = *origin;
    }
  }
  passages_.push_back(std::move(passage));
}

Result<Source*> Redriving::SourceOf(std::string_view key) {
  const auto [at, is_new] = sources_.try_emplace(key);
  Source& source = at->second;
  if (is_new) {
    source.may_write = args_.may_write(key);
    const Result<Stream*> found = core_.FindStream(op_, key);
    if (found.ok()) {
      source.stream = *found;
    } else if (found.code() != Code::kNotFound && found.code() != Code::kWrongType &&
               found.code() != Code::kNotLoaded) {
      return found.status();
    }
  }
  return &source;
}

Status Redriving::FindTarget() {
  const Result<Stream*> found = core_.FindStream(op_, *args_.to);
  if (found.ok()) {
    target_ = *found;
  } else if (found.code() == Code::kWrongType) {
    target_is_refused_ = true;
  } else if (found.code() != Code::kNotFound && found.code() != Code::kNotLoaded) {
    return found.status();
  }
  return OkStatus();
}

Status Redriving::FindSources() {
  if (args_.to.has_value()) {
    RETURN_IF_ERROR(FindTarget());
    return core_.CheckLoaded(op_);
  }
  for (Passage& passage : passages_) {
    if (!passage.entry.has_value()) {
      continue;
    }
    const LetterOrigin& origin = passage.origin;
    GroupShare& share = shares_[{origin.key, origin.group}];
    ASSIGN_OR_RETURN(share.source, SourceOf(origin.key));
    if (share.source->stream != nullptr) {
      share.group = share.source->stream->FindGroup(origin.group);
    }
    share.ids.push_back(origin.id);
    passage.share = &share;
  }
  return core_.CheckLoaded(op_);
}

Status Redriving::LoadOrigins() {
  for (auto& [names, share] : shares_) {
    if (share.group == nullptr) {
      continue;
    }
    // In order, so that each object is asked for once.
    std::sort(share.ids.begin(), share.ids.end());
    for (const StreamId id : share.ids) {
      RequireEntry(core_, op_, *share.source->stream, id);
    }
    RequirePending(core_, op_, *share.group, share.ids);
  }
  return core_.CheckLoaded(op_);
}

void Redriving::Decide() {
  for (Passage& passage : passages_) {
    if (passage.entry.has_value()) {
      Decide(passage);
    }
  }
}

void Redriving::Decide(Passage& passage) {
  RedrivenLetter& letter = passage.letter;
  if (args_.to.has_value()) {
    passage.kind = target_is_refused_ ? Passage::Kind::kStays : Passage::Kind::kAppend;
    letter.how = target_is_refused_ ? How::kRefused : How::kAppended;
    return;
  }
  const Source& source = *passage.share->source;
  if (passage.share->group == nullptr) {
    letter.how = How::kGone;
    return;
  }
  const auto entry = FindLiveEntry(*source.stream, passage.origin.id);
  const bool is_there = entry.has_value() && HasPayloadOf(*passage.entry, *entry);
  if (!is_there && source.stream->groups.size() > 1) {
    letter.how = How::kGone;
  } else if (!source.may_write) {
    letter.how = How::kRefused;
  } else if (is_there) {
    letter.how = How::kRequeued;
    letter.new_id = passage.origin.id;
    passage.kind = KindOfRequeue(passage);
  } else {
    letter.how = How::kAppended;
    passage.kind = Passage::Kind::kAppend;
  }
}

Passage::Kind Redriving::KindOfRequeue(const Passage& passage) const {
  const Group& group = *passage.share->group;
  const auto record = FindRecord(group, passage.origin.id);
  const bool comes_anyway =
      record.has_value() ? !record->parked : group.last_id < passage.origin.id;
  return comes_anyway ? Passage::Kind::kVanish : Passage::Kind::kRequeue;
}

Status Redriving::RequireRemoval() {
  std::vector<StreamId> moving;
  for (const Passage& passage : passages_) {
    if (passage.kind != Passage::Kind::kStays) {
      moving.push_back(passage.letter.id);
    }
  }
  std::sort(moving.begin(), moving.end());
  moving.erase(std::unique(moving.begin(), moving.end()), moving.end());
  return LoadInRounds(core_, op_, [&] {
    RequireForDelete(core_, op_, letters_, moving);
    RequireReferences(core_, op_, letters_, moving);
  });
}

bool Redriving::Append(Passage& passage) {
  Stream* to = args_.to.has_value() ? target_ : passage.share->source->stream;
  const OwnedPayload payload = PayloadOfLetter(*passage.entry);
  if (to == nullptr) {
    target_ = &CreateStream(core_, op_, *args_.to);
    core_.Tell(StreamEvent::Kind::kCreated, *target_);
    to = target_;
  }
  const Result<StreamId> id = AppendEntry(core_, op_, *to, payload.view());
  if (!id.ok()) {
    passage.letter.how = How::kRefused;
    return false;
  }
  passage.letter.new_id = *id;
  return true;
}

void Redriving::GiveBack(GroupShare& share) {
  if (share.redriven == 0) {
    return;
  }
  Stream& stream = *share.source->stream;
  Group& group = *share.group;
  if (!share.requeued.empty()) {
    Emit(core_, stream,
         HandedBack{group.number, op_.now.store_ms, group.next_sequence, share.requeued});
    core_.Tell(StreamEvent::Kind::kReady, stream, group.name);
    ExpectDue(core_, op_.now, stream, group);
  }
  GroupCounters counters;
  counters.redriven = share.redriven;
  Emit(core_, stream, GroupCounted{group.number, counters});
  Core::Saw(op_, stream);
}

void Redriving::RemoveLetters(const std::vector<StreamId>& moved) {
  if (moved.empty()) {
    return;
  }
  DropReferences(core_, letters_, moved);
  Emit(core_, letters_, EntriesDeleted{moved});
  core_.Tell(StreamEvent::Kind::kDeleted, letters_);
  Core::Saw(op_, letters_);
}

void Redriving::Move() {
  absl::btree_set<StreamId> moved;
  for (Passage& passage : passages_) {
    RedrivenLetter& letter = passage.letter;
    if (moved.contains(letter.id)) {
      // One that is named again finds what the first one left.
      letter = {letter.id, {}, How::kForeign};
      passage.kind = Passage::Kind::kStays;
    }
    const bool moves = passage.kind != Passage::Kind::kStays &&
                       (passage.kind != Passage::Kind::kAppend || Append(passage));
    if (moves && passage.kind == Passage::Kind::kRequeue) {
      HandedBackRecord record;
      record.id = passage.origin.id;
      record.due_ms = op_.now.store_ms;
      record.hops = passage.origin.hops;
      passage.share->requeued.push_back(record);
    }
    if (moves) {
      moved.insert(letter.id);
    }
    if (moves && passage.share != nullptr) {
      ++passage.share->redriven;
    }
    result_.letters.push_back(letter);
  }
  result_.moved = static_cast<int64_t>(moved.size());
  for (auto& [names, share] : shares_) {
    GiveBack(share);
  }
  RemoveLetters({moved.begin(), moved.end()});
}

}  // namespace

Result<RedriveResult> Engine::Redrive(Op& op, Stream& letters, const RedriveArgs& args) {
  Core::Saw(op, letters);
  return Redriving(*core_, op, letters, args).Run();
}

}  // namespace engine
