#include "engine/keyspace.h"

namespace engine {

Database* Keyspace::ByPhysical(uint32_t physical) {
  for (const auto& database : databases_) {
    if (database != nullptr && database->physical == physical) {
      return database.get();
    }
  }
  return nullptr;
}

KeyHolder* Keyspace::Find(Database& database, std::string_view key) {
  const auto it = database.holders.find(key);
  return it == database.holders.end() ? nullptr : it->second.get();
}

}  // namespace engine
