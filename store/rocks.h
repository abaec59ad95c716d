// The border to RocksDB: what only the files of this module include.

#ifndef STORE_ROCKS_H_
#define STORE_ROCKS_H_

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "store/column_families.h"

namespace pdp::store {

inline rocksdb::Slice ToSlice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Corruption is DataLoss; NotFound must be handled before.
absl::Status FromRocks(const rocksdb::Status& status);

// An open RocksDB with the column families of this program.
class Rocks {
 public:
  struct Options {
    std::string path;
    bool create = false;
    // Whether column families that are missing are made.
    bool add_families = false;
    size_t block_cache_bytes = 0;
    size_t write_buffer_bytes = 0;
  };
  static absl::StatusOr<std::unique_ptr<Rocks>> Open(const Options& options);

  ~Rocks();
  Rocks(const Rocks&) = delete;
  Rocks& operator=(const Rocks&) = delete;

  rocksdb::DB& db() const { return *db_; }
  const rocksdb::Cache& block_cache() const { return *block_cache_; }
  rocksdb::ColumnFamilyHandle* family(ColumnFamily family) const {
    return families_[static_cast<size_t>(family)];
  }

  const std::array<rocksdb::ColumnFamilyHandle*, kColumnFamilies>& families()
      const {
    return families_;
  }

 private:
  Rocks() = default;

  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumnFamilies> families_{};
};

}  // namespace pdp::store

#endif  // STORE_ROCKS_H_
