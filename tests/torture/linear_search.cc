#include "tests/torture/linear_search.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace tests {
namespace {

// Whether the command has, wherever it is, changed nothing if that is its answer. One that merely
// changes nothing here, as XGROUP SETID to where the group is, may have done so elsewhere.
bool ChangesNothing(const Call& call, const std::string& answer) {
  switch (call.verb) {
    case Verb::kLength:
    case Verb::kRange:
    case Verb::kReverseRange:
    case Verb::kPending:
    case Verb::kPendingRange:
    case Verb::kInfoStream:
    case Verb::kInfoGroups:
      return true;
    case Verb::kDelete:
    case Verb::kTrimMaxLen:
    case Verb::kTrimMinId:
    case Verb::kAcknowledge:
    case Verb::kGroupDestroy:
    case Verb::kConsumerCreate:
    case Verb::kRemoveKey:
      return answer == ":0" || answer.starts_with('-');
    default:
      return answer.starts_with('-');
  }
}

// Notes the ids of entries by their values: `["1-2", ["f", "value"]]`.
void NoteRows(const std::string& answer, std::map<std::string, StreamId>* ids) {
  const std::string_view text = answer;
  constexpr std::string_view kBetween = "\", [\"f\", \"";
  for (size_t at = text.find(kBetween); at != std::string_view::npos;
       at = text.find(kBetween, at + 1)) {
    const size_t begin = text.rfind('"', at - 1) + 1;
    const size_t value = at + kBetween.size();
    const auto id = engine::ParseStreamIdStrict(text.substr(begin, at - begin), 0);
    if (id.has_value()) {
      (*ids)[std::string(text.substr(value, text.find('"', value) - value))] = *id;
    }
  }
}

class Search {
 public:
  Search(const LinearHistory& history, uint64_t most_states);
  LinearVerdict Run();

 private:
  using Place = std::pair<size_t, const Operation*>;

  const Operation* Head(size_t client) const {
    const auto& operations = history_.clients[client];
    return next_[client] < operations.size() ? &operations[next_[client]] : nullptr;
  }
  std::vector<Place> Candidates() const;
  bool WasSeen();
  bool Explore();
  bool TryAll(const Place& place, bool* is_settled);
  bool TryKnown(const Place& place, bool* is_settled);
  bool Advance(size_t client, bool happened);
  void GiveBack(size_t client, bool stopped_before);
  std::vector<StreamId> Guesses(const Operation& operation) const;
  void KeepLongest();

  const LinearHistory& history_;
  const uint64_t most_states_;
  bool ids_are_exact_ = true;    // No operation without a reply has chosen an id.
  std::vector<StreamId> shown_;  // Ids in answers.
  std::map<std::string, StreamId> id_of_value_;
  std::vector<StreamId> trim_bounds_;
  ModelDatabase model_;
  std::vector<size_t> next_;
  // By client: whether what is next cannot have happened, as what was sent before it on the same
  // connection did not.
  std::vector<bool> stopped_;
  std::unordered_set<size_t> seen_;
  std::vector<LinearVerdict::Step> order_;
  LinearVerdict verdict_;
};

Search::Search(const LinearHistory& history, uint64_t most_states)
    : history_(history),
      most_states_(most_states),
      next_(history.clients.size(), 0),
      stopped_(history.clients.size(), false) {
  std::set<StreamId> shown;
  for (const auto& operations : history.clients) {
    for (const Operation& operation : operations) {
      for (const Call& call : operation.calls) {
        if (call.verb == Verb::kTrimMinId) {
          trim_bounds_.push_back(call.ids[0]);
        }
        ids_are_exact_ &= operation.is_known() || !call.chooses_id();
      }
      for (const std::string& answer : operation.answers) {
        const std::vector<StreamId> ids = IdsIn(answer);
        shown.insert(ids.begin(), ids.end());
        NoteRows(answer, &id_of_value_);
      }
    }
  }
  shown_.assign(shown.begin(), shown.end());
}

LinearVerdict Search::Run() {
  const bool found = Explore();
  verdict_.linear = found                             ? Linear::kYes
                    : verdict_.states >= most_states_ ? Linear::kUndecided
                                                      : Linear::kNo;
  return std::move(verdict_);
}

// Those that nothing that is still to come has to precede; first what returned first.
std::vector<Search::Place> Search::Candidates() const {
  std::vector<Place> places;
  int64_t earliest_ns = INT64_MAX;
  for (size_t client = 0; client < next_.size(); ++client) {
    if (const Operation* head = Head(client)) {
      earliest_ns = std::min(earliest_ns, head->returned_ns);
      places.emplace_back(client, head);
    }
  }
  std::erase_if(places, [&](const Place& place) { return place.second->invoked_ns > earliest_ns; });
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.second->returned_ns < b.second->returned_ns;
  });
  return places;
}

bool Search::WasSeen() {
  std::string state;
  for (size_t client = 0; client < next_.size(); ++client) {
    state.push_back(static_cast<char>(next_[client]));
    state.push_back(stopped_[client] ? 1 : 0);
  }
  // Two states of one hash would hide an order: once in some 10^8 histories of 300,000 states.
  return !seen_.insert(std::hash<std::string>()(state + DigestOf(model_))).second;
}

void Search::KeepLongest() {
  if (order_.size() >= verdict_.order.size()) {
    verdict_.order = order_;
    verdict_.instead.clear();
  }
}

bool Search::Explore() {
  KeepLongest();
  const std::vector<Place> places = Candidates();
  if (places.empty()) {
    return true;
  }
  if (WasSeen() || ++verdict_.states >= most_states_) {
    return false;
  }
  for (const Place& place : places) {
    // An operation that fits here and changes nothing wherever it is may as well be here: no other
    // choice has to be tried then.
    bool is_settled = false;
    if (TryAll(place, &is_settled)) {
      return true;
    }
    if (is_settled || verdict_.states >= most_states_) {
      return false;
    }
  }
  return false;
}

bool Search::Advance(size_t client, bool happened) {
  order_.push_back({client, next_[client], happened});
  const Operation& operation = *Head(client);
  ++next_[client];
  const Operation* const behind = Head(client);
  stopped_[client] = !happened && behind != nullptr && behind->connection == operation.connection;
  return Explore();
}

void Search::GiveBack(size_t client, bool stopped_before) {
  order_.pop_back();
  --next_[client];
  stopped_[client] = stopped_before;
}

bool Search::TryKnown(const Place& place, bool* is_settled) {
  const auto& [client, operation] = place;
  const ModelDatabase before = model_;
  std::string wrong;
  bool changes_nothing = true;
  for (size_t i = 0; i < operation->calls.size() && wrong.empty(); ++i) {
    const Call& call = operation->calls[i];
    const std::vector<StreamId> ids = IdsIn(operation->answers[i]);
    const StreamId given = call.chooses_id() && !ids.empty() ? ids[0] : StreamId();
    const std::string answer = RunOnModel(call, given, ids_are_exact_, &model_);
    if (answer != operation->answers[i]) {
      wrong = answer;
    }
    changes_nothing &= ChangesNothing(call, answer);
  }
  const bool stopped_before = stopped_[client];
  bool found = false;
  if (wrong.empty()) {
    *is_settled = changes_nothing;
    found = Advance(client, true);
    if (!found) {
      GiveBack(client, stopped_before);
    }
  } else if (order_.size() == verdict_.order.size()) {
    verdict_.instead += "  client " + std::to_string(client) + " #" +
                        std::to_string(next_[client] + 1) + ": " + wrong + "\n";
  }
  if (!found) {
    model_ = before;
  }
  return found;
}

// Ids that an XADD without a reply may have been given: that of its entry where the entry was seen,
// one that was seen alone, as in XINFO, or one that never was.
std::vector<StreamId> Search::Guesses(const Operation& operation) const {
  const auto call = std::find_if(operation.calls.begin(), operation.calls.end(),
                                 [](const Call& one) { return one.chooses_id(); });
  if (call == operation.calls.end()) {
    return {StreamId()};
  }
  if (const auto seen = id_of_value_.find(call->value); seen != id_of_value_.end()) {
    return {seen->second};
  }
  const auto stream = model_.find(call->key);
  const StreamId last = stream == model_.end() ? StreamId() : stream->second.last_id;
  std::vector<StreamId> guesses;
  std::copy_if(shown_.begin(), shown_.end(), std::back_inserter(guesses),
               [last](StreamId id) { return id > last; });
  // Unseen, it only matters on which side of the bounds of trims it is.
  const StreamId lowest = std::max(last.Next().value_or(last), {history_.begun_unix_ms, 0});
  guesses.push_back(lowest);
  for (const StreamId bound : trim_bounds_) {
    if (bound > lowest) {
      guesses.push_back(bound.Next().value_or(bound));
    }
  }
  return guesses;
}

bool Search::TryAll(const Place& place, bool* is_settled) {
  const auto& [client, operation] = place;
  if (operation->is_known()) {
    return TryKnown(place, is_settled);
  }
  const bool was_stopped = stopped_[client];
  bool may_not_happen = true;
  if (!was_stopped) {
    const ModelDatabase before = model_;
    const std::string digest_before = DigestOf(before);
    for (const StreamId guess : Guesses(*operation)) {
      for (const Call& call : operation->calls) {
        RunOnModel(call, guess, false, &model_);
      }
      // What changes nothing may as well have happened: more can follow it.
      may_not_happen &= DigestOf(model_) != digest_before;
      if (Advance(client, true)) {
        return true;
      }
      GiveBack(client, was_stopped);
      model_ = before;
    }
  }
  if (may_not_happen && Advance(client, false)) {
    return true;
  }
  if (may_not_happen) {
    GiveBack(client, was_stopped);
  }
  return false;
}

}  // namespace

LinearVerdict FindLinearOrder(const LinearHistory& history, uint64_t most_states) {
  return Search(history, most_states).Run();
}

std::vector<StreamId> IdsIn(const std::string& answer) {
  std::set<StreamId> ids;
  const std::string_view text = answer;
  for (size_t begin = text.find('"'); begin != std::string_view::npos;) {
    const size_t end = text.find('"', begin + 1);
    const std::string_view word = text.substr(begin + 1, end - begin - 1);
    const auto id = engine::ParseStreamIdStrict(word, 0);
    if (id.has_value() && word.find('-') != std::string_view::npos) {
      ids.insert(*id);
    }
    begin = end == std::string_view::npos ? end : text.find('"', end + 1);
  }
  return {ids.begin(), ids.end()};
}

std::string Describe(const LinearHistory& history, const LinearVerdict& verdict) {
  std::vector<std::pair<size_t, size_t>> places;
  int64_t begin_ns = INT64_MAX;
  for (size_t client = 0; client < history.clients.size(); ++client) {
    for (size_t number = 0; number < history.clients[client].size(); ++number) {
      places.emplace_back(client, number);
      begin_ns = std::min(begin_ns, history.clients[client][number].invoked_ns);
    }
  }
  const auto at = [&](const std::pair<size_t, size_t>& place) -> const Operation& {
    return history.clients[place.first][place.second];
  };
  std::sort(places.begin(), places.end(), [&](const auto& a, const auto& b) {
    return std::tuple(at(a).invoked_ns, a) < std::tuple(at(b).invoked_ns, b);
  });
  const auto microseconds = [&](int64_t time_ns) {
    return std::to_string((time_ns - begin_ns) / 1000);
  };
  std::string text = "client #operation sent..returned us {place in the longest order found}\n";
  for (const auto& place : places) {
    const Operation& operation = at(place);
    std::string rank = "-";
    for (size_t i = 0; i < verdict.order.size(); ++i) {
      const LinearVerdict::Step& step = verdict.order[i];
      if (std::pair(step.client, step.number) == place) {
        rank = step.happened ? std::to_string(i + 1) : "did not happen";
      }
    }
    text += "  " + std::to_string(place.first) + " #" + std::to_string(place.second + 1) + " " +
            microseconds(operation.invoked_ns) + ".." + microseconds(operation.returned_ns) + " {" +
            rank + "}";
    for (size_t i = 0; i < operation.calls.size(); ++i) {
      text += i == 0 ? " " : " ; ";
      for (const std::string& word : WordsOf(operation.calls[i])) {
        text += word + " ";
      }
      text += "-> " + (operation.is_known() ? operation.answers[i] : "no reply");
    }
    text += "\n";
  }
  return text + "behind that order the model answers instead\n" + verdict.instead;
}

}  // namespace tests
