// What must hold of each decoder of bytes on disk, whatever the bytes. Each check gets a record
// without its checksum, aborts when a promise is broken, and is quiet when the bytes are refused.
// Thread: one.
#pragma once

#include <string_view>

namespace fuzz {

void CheckStreamRecord(std::string_view bytes);
void CheckDirectoryPage(std::string_view bytes);
// A stored value made of whole segments, each `length kind body` in `bytes`.
void CheckBlockSegments(std::string_view bytes);
// The same with the bytes as they are.
void CheckBlock(std::string_view bytes);
void CheckGroupRecord(std::string_view bytes);
void CheckPendingPage(std::string_view bytes);
void CheckProducerPage(std::string_view bytes);
void CheckScheduledEntry(std::string_view bytes);
void CheckStringRecord(std::string_view bytes);
void CheckSurvey(std::string_view bytes);
void CheckTopGroups(std::string_view bytes);
void CheckSegmentHeader(std::string_view bytes);
void CheckFragments(std::string_view bytes);
void CheckEffects(std::string_view bytes);
void CheckPolicySettings(std::string_view bytes);
// Keys of the store.
void CheckKeys(std::string_view bytes);
void CheckStreamIds(std::string_view bytes);

}  // namespace fuzz
