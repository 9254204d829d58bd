#include "engine/unit_value.h"

#include "engine/directory.h"
#include "engine/group.h"
#include "engine/producer_table.h"
#include "engine/schedule.h"
#include "engine/stream.h"

namespace engine {

ValueHolder* ValueOf(Unit& unit) {
  switch (unit.kind) {
    case UnitKind::kStream:
    case UnitKind::kString:
      return static_cast<ValueHolder*>(&unit);
    case UnitKind::kDirectoryPage:
      return static_cast<DirectoryPage&>(unit).stream;
    case UnitKind::kBlock:
      return static_cast<BlockUnit&>(unit).stream;
    case UnitKind::kGroup:
      return static_cast<Group&>(unit).stream;
    case UnitKind::kPendingPage:
      return static_cast<PageUnit&>(unit).group->stream;
    case UnitKind::kProducerPage:
      return static_cast<ProducerPageUnit&>(unit).stream;
    case UnitKind::kSchedule:
      return static_cast<Schedule&>(unit).stream;
    case UnitKind::kMissingKey:
    case UnitKind::kDamagedKey:
      break;
  }
  return nullptr;
}

}  // namespace engine
