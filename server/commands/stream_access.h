// From names to the engine's handles, and from its entries to the wire, as stream commands need
// them.
//
// Thread: loop.
#pragma once

#include <string_view>

#include "engine/block.h"
#include "engine/engine.h"
#include "engine/stream_id.h"
#include "resp/writer.h"
#include "server/core/command.h"

namespace server {

// Where a missing key is no error: null. kWrongType, kNotLoaded, kCorruption.
engine::Result<engine::Stream*> FindStream(CommandContext& context, std::string_view key);
// Null when the stream has no such group.
engine::Result<engine::Group*> FindGroup(CommandContext& context, engine::Stream& stream,
                                         std::string_view name);

// Both are null when the key or the group is missing.
struct StreamGroup {
  engine::Stream* stream = nullptr;
  engine::Group* group = nullptr;
};
engine::Result<StreamGroup> FindStreamGroup(CommandContext& context, std::string_view key,
                                            std::string_view group);

// Whether a call that makes the consumer if there is none is about to do so, and anybody listens:
// kXgroupCreateConsumer is to be told after it then.
bool WillTellOfConsumer(const CommandContext& context, const engine::Group& group,
                        std::string_view consumer);

void WriteId(resp::Writer& out, engine::StreamId id);
// `[id, [field, value, ...]]`: the payload is on the wire what it was when it came.
void WriteEntry(resp::Writer& out, const engine::EntryView& entry);
// `[id, [field, value, ...], idle, deliveries]`, as a read with CLAIM shows entries.
void WriteEntry(resp::Writer& out, const engine::EntryView& entry,
                const engine::PriorDelivery& prior);

}  // namespace server
