#include "engine/store_manifest.h"

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace engine {
namespace {

// The format of RocksDB's log files: blocks of 32 KiB; records of masked CRC-32C, length and type,
// seven bytes, then data; no record crosses a block, a longer one is split.
constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;
constexpr unsigned char kFull = 1;
constexpr unsigned char kFirst = 2;
constexpr unsigned char kMiddle = 3;
constexpr unsigned char kLast = 4;

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
    }
    table[i] = crc;
  }
  return table;
}

uint32_t MaskedCrc(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = UINT32_MAX;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

uint32_t ByteAt(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

}  // namespace

size_t WholeManifestRecords(std::string_view manifest) {
  size_t whole = 0;
  bool is_split = false;  // The record that is being read.
  for (size_t at = 0; at + kHeaderBytes <= manifest.size();) {
    const size_t left = kBlockBytes - at % kBlockBytes;
    if (left < kHeaderBytes) {
      at += left;
      continue;
    }
    const uint32_t crc = ByteAt(manifest, at) | ByteAt(manifest, at + 1) << 8 |
                         ByteAt(manifest, at + 2) << 16 | ByteAt(manifest, at + 3) << 24;
    const size_t length = ByteAt(manifest, at + 4) | ByteAt(manifest, at + 5) << 8;
    const auto type = static_cast<unsigned char>(manifest[at + 6]);
    const size_t end = at + kHeaderBytes + length;
    const bool begins = type == kFull || type == kFirst;
    if (type < kFull || type > kLast || begins == is_split || kHeaderBytes + length > left ||
        end > manifest.size() || MaskedCrc(manifest.substr(at + 6, length + 1)) != crc) {
      break;
    }
    is_split = type == kFirst || type == kMiddle;
    at = end;
    if (!is_split) {
      whole = at;
    }
  }
  return whole;
}

ManifestRepair::ManifestRepair(rocksdb::Env* env, std::string directory)
    : env_(env), directory_(std::move(directory)) {}

ManifestRepair::~ManifestRepair() {
  if (is_cut_) {
    // Best effort: the copy stays in any case.
    static_cast<void>(Replace(whole_));
  }
}

bool ManifestRepair::Cut() {
  std::string name;
  if (!rocksdb::ReadFileToString(env_, directory_ + "/CURRENT", &name).ok() || name.empty()) {
    return false;
  }
  name.pop_back();
  path_ = directory_ + "/" + name;
  if (!rocksdb::ReadFileToString(env_, path_, &whole_).ok()) {
    return false;
  }
  const size_t kept = WholeManifestRecords(whole_);
  if (kept == 0 || kept == whole_.size()) {
    return false;
  }
  cut_bytes_ = whole_.size() - kept;
  // RocksDB leaves alone what has a name it does not know.
  const std::string copy = directory_ + "/damaged-" + name;
  is_cut_ = rocksdb::WriteStringToFile(env_, whole_, copy, true).ok() &&
            Replace(whole_.substr(0, kept)).ok();
  return is_cut_;
}

rocksdb::Status ManifestRepair::Replace(const std::string& bytes) {
  // A name that RocksDB clears away if we do not get to the end.
  const std::string fresh = directory_ + "/000000.dbtmp";
  rocksdb::Status status = rocksdb::WriteStringToFile(env_, bytes, fresh, true);
  if (status.ok()) {
    status = env_->RenameFile(fresh, path_);
  }
  std::unique_ptr<rocksdb::Directory> directory;
  if (status.ok()) {
    status = env_->NewDirectory(directory_, &directory);
  }
  return status.ok() ? directory->Fsync() : status;
}

}  // namespace engine
