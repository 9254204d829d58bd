// Which key a unit belongs to.
#pragma once

#include "engine/key_holder.h"
#include "engine/unit.h"

namespace engine {

// The value that the unit is or is a part of; null for the knowledge that a name has none, and for
// a damaged key. Thread: loop.
ValueHolder* ValueOf(Unit& unit);

}  // namespace engine
