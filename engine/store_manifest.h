// The end of RocksDB's MANIFEST after a power cut.
//
// RocksDB reads past a last record that is cut off, but takes one whose bytes arrived in part for
// damage and refuses the whole store. What it had not synced it had not acted on either, so the
// records before are all there is. Whether the damage was that, or rot in something that had been
// synced, cannot be seen here: the caller has to look at what the store says then.
//
// Thread: any; nobody else may have the store open.
#pragma once

#include <rocksdb/env.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace engine {

// Length of the whole records at the beginning of a MANIFEST.
size_t WholeManifestRecords(std::string_view manifest);

// Takes what follows the whole records off the MANIFEST that is in use, until told to keep it so.
class ManifestRepair {
 public:
  ManifestRepair(rocksdb::Env* env, std::string directory);
  // Puts back what was there, unless Keep was called.
  ~ManifestRepair();
  ManifestRepair(const ManifestRepair&) = delete;
  ManifestRepair& operator=(const ManifestRepair&) = delete;

  // False when there is nothing to take off. The whole file stays under another name.
  bool Cut();
  void Keep() { is_cut_ = false; }
  size_t cut_bytes() const { return cut_bytes_; }

 private:
  rocksdb::Status Replace(const std::string& bytes);

  rocksdb::Env* const env_;
  const std::string directory_;
  std::string path_;
  std::string whole_;
  size_t cut_bytes_ = 0;
  bool is_cut_ = false;
};

}  // namespace engine
