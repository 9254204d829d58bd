// What a thread of the engine is called, and how it stands to the others where processors are few.
//
// Thread: any; both apply to the calling one.
#pragma once

namespace engine {

// Shown by tools. Up to 15 characters.
void NameThisThread(const char* name);

// How much the loop goes before a background thread when both want the processor. Nothing may wait
// for such a thread while it holds a lock that the loop takes.
enum class Yielding : int {
  kSome,  // Somebody waits for the end of the work in the long run: a checkpoint.
  kMuch,  // Nobody does: compaction.
};
// No effect if the thread yields as much already. There is no way back: raising a thread takes
// rights that a server does not have.
void YieldToLoop(Yielding yielding);

}  // namespace engine
