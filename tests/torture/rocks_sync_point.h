// What RocksDB 7.8 has in its library and not in its headers: named places that call back.
#pragma once

#include <functional>
#include <string>

namespace rocksdb {

class SyncPoint {
 public:
  static SyncPoint* GetInstance();
  // `callback` runs on the thread that passes `point`; its argument depends on the point.
  void SetCallBack(const std::string& point, const std::function<void(void*)>& callback);
  void EnableProcessing();
};

}  // namespace rocksdb
