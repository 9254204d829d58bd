// The reference model's part of what groups hold, and of idempotent production.
#include <algorithm>

#include "tests/model/reference_model.h"

namespace tests {

using engine::References;
using engine::Removal;
using engine::TrimArgs;

bool ModelStream::IsReferenced(StreamId id) const {
  return std::any_of(groups.begin(), groups.end(), [id](const auto& group) {
    return group.second.last_id < id || group.second.pending.contains(id);
  });
}

std::vector<StreamId> ModelStream::Trimmable(const TrimArgs& args) const {
  std::vector<StreamId> ids;
  for (const auto& [id, entry] : entries) {
    const bool stays = args.strategy == TrimArgs::Strategy::kMinId
                           ? id >= args.min_id
                           : length() - ids.size() <= args.max_len;
    if (args.strategy == TrimArgs::Strategy::kNone || stays) {
      break;
    }
    if (args.references != References::kRespect || !IsReferenced(id)) {
      ids.push_back(id);
    }
  }
  return ids;
}

int64_t ModelStream::CountTrimmedByReference(const TrimArgs& args) const {
  const std::vector<StreamId> ids = Trimmable(args);
  if (args.limit == 0) {
    return static_cast<int64_t>(ids.size());
  }
  // A node is entered if all it has could go within the limit.
  std::map<uint64_t, uint64_t> going;
  for (const StreamId id : ids) {
    ++going[entries.at(id).node];
  }
  uint64_t removed = 0;
  for (const auto& [number, node] : nodes) {
    if (removed + node.state.live_count() > static_cast<uint64_t>(args.limit)) {
      break;
    }
    removed += going[number];
  }
  return static_cast<int64_t>(removed);
}

void ModelStream::RemoveTrimmed(const std::vector<StreamId>& ids, References references) {
  for (const StreamId id : ids) {
    Remove(id);
    // Entries between others are marked as deleted ones are.
    deleted_since_empty_ |= references == References::kRespect && !groups.empty();
    for (auto& [name, group] : groups) {
      if (references == References::kDrop) {
        group.pending.erase(id);
      }
    }
  }
}

std::vector<Removal> ModelStream::RemoveEntries(References references,
                                                const std::vector<StreamId>& ids) {
  std::vector<Removal> outcomes;
  for (const StreamId id : ids) {
    if (references == References::kRespect && IsReferenced(id)) {
      outcomes.push_back(Removal::kReferenced);
      continue;
    }
    for (auto& [name, group] : groups) {
      if (references == References::kDrop) {
        group.pending.erase(id);
      }
    }
    outcomes.push_back(Delete({id}) == 1 ? Removal::kRemoved : Removal::kMissing);
  }
  return outcomes;
}

std::vector<Removal> ModelStream::AcknowledgeAndRemove(ModelGroup& group, References references,
                                                       const std::vector<StreamId>& ids) {
  std::vector<Removal> outcomes;
  for (const StreamId id : ids) {
    if (group.pending.erase(id) == 0) {
      outcomes.push_back(Removal::kMissing);
    } else if (RemoveEntries(references, {id}).front() == Removal::kReferenced) {
      outcomes.push_back(Removal::kReferenced);
    } else {
      outcomes.push_back(Removal::kRemoved);
    }
  }
  return outcomes;
}

bool ModelStream::IsExpired(engine::Now now, StreamId id) const {
  const int64_t horizon = now.unix_ms - int64_t{idmp_duration_s} * 1000;
  return horizon >= 0 && id.ms <= static_cast<uint64_t>(horizon);
}

std::optional<StreamId> ModelStream::Recall(engine::Now now,
                                            const engine::Production& production) const {
  const auto producer = producers.find(std::string(production.producer));
  if (producer == producers.end()) {
    return std::nullopt;
  }
  for (const ModelIid& iid : producer->second) {
    if (iid.iid == production.iid && !IsExpired(now, iid.id)) {
      return iid.id;
    }
  }
  return std::nullopt;
}

void ModelStream::Remember(engine::Now now, const engine::Production& production, StreamId id) {
  std::vector<ModelIid>& iids = producers[std::string(production.producer)];
  std::erase_if(iids, [&](const ModelIid& iid) { return IsExpired(now, iid.id); });
  const auto behind =
      std::upper_bound(iids.begin(), iids.end(), id,
                       [](StreamId wanted, const ModelIid& iid) { return wanted < iid.id; });
  iids.insert(behind, {std::string(production.iid), id});
  ++iids_added;
  if (iids.size() > idmp_max_size) {
    iids.erase(iids.begin());
  }
}

void ModelStream::SetIdempotency(const engine::IdempotencySettings& settings) {
  const uint32_t duration_s = settings.duration_s.value_or(idmp_duration_s);
  const uint32_t max_size = settings.max_size.value_or(idmp_max_size);
  if (duration_s != idmp_duration_s || max_size != idmp_max_size) {
    producers.clear();
  }
  idmp_duration_s = duration_s;
  idmp_max_size = max_size;
}

}  // namespace tests
