#include "store/rocks.h"

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "rocksdb/convenience.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"

namespace pdp::store {
namespace {

// Drops what RocksDB would write to a file of its own.  What fails comes back
// as a Status; and the writer of that file, with the assertions that Debian
// builds in, ends the process once the disk is full.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::DBOptions DatabaseOptions(const Rocks::Options& options) {
  rocksdb::DBOptions result;
  result.info_log = std::make_shared<NoLog>();
  result.create_if_missing = options.create;
  result.create_missing_column_families =
      options.create || options.add_families;
  result.error_if_exists = options.create;
  result.paranoid_checks = true;
  result.verify_sst_unique_id_in_manifest = true;
  // A record that a crash cut short is dropped: it was never acknowledged.
  // Damage anywhere else is an error.
  result.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // All column families reach the disk together: an index never without what
  // it points to, whatever is lost of the write-ahead log.
  result.atomic_flush = true;
  result.db_write_buffer_size = options.write_buffer_bytes;
  result.max_total_wal_size = 4 * options.write_buffer_bytes;
  result.max_background_jobs = 2;
  result.stats_dump_period_sec = 0;
  result.stats_persist_period_sec = 0;
  return result;
}

rocksdb::ColumnFamilyOptions FamilyOptions(
    const Rocks::Options& options,
    const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.cache_index_and_filter_blocks = true;
  // In parts of 4 KiB: a look-up past the cache reads one part, not the index
  // of a whole file.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::ColumnFamilyOptions result;
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  result.write_buffer_size = options.write_buffer_bytes;
  // Each column family begins one block.
  result.arena_block_size = size_t{64} << 10;
  result.paranoid_file_checks = true;
  return result;
}

// Of those that this RocksDB was built with.
rocksdb::CompressionType StrongestCompression() {
  const std::vector<rocksdb::CompressionType> supported =
      rocksdb::GetSupportedCompressions();
  for (const rocksdb::CompressionType wanted :
       {rocksdb::kZSTD, rocksdb::kLZ4Compression}) {
    if (std::find(supported.begin(), supported.end(), wanted) !=
        supported.end()) {
      return wanted;
    }
  }
  return rocksdb::kNoCompression;
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  // Of several column families RocksDB tells the text alone.
  if (status.IsNoSpace() ||
      text.find("No space left on device") != std::string::npos) {
    return absl::UnavailableError(StrCat("the disk is full: ", text));
  }
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsIOError() || status.IsBusy() || status.IsTimedOut() ||
      status.IsShutdownInProgress() || status.IsIncomplete()) {
    return absl::UnavailableError(text);
  }
  return absl::InternalError(text);
}

absl::StatusOr<std::unique_ptr<Rocks>> Rocks::Open(const Options& options) {
  std::unique_ptr<Rocks> rocks(new Rocks());
  rocks->block_cache_ = rocksdb::NewLRUCache(options.block_cache_bytes);
  const rocksdb::ColumnFamilyOptions family_options =
      FamilyOptions(options, rocks->block_cache_);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : kColumnFamilyNames) {
    families.emplace_back(name, family_options);
  }
  // Much of it, alike, and seldom read.
  families[static_cast<size_t>(ColumnFamily::kHistory)].options.compression =
      StrongestCompression();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(
      DatabaseOptions(options), options.path, families, &handles, &db);
  rocks->db_.reset(db);
  if (!status.ok()) {
    if (status.IsIOError() || status.IsNoSpace()) return FromRocks(status);
    return absl::DataLossError(status.ToString());
  }
  for (size_t i = 0; i < handles.size(); ++i) rocks->families_[i] = handles[i];
  return rocks;
}

Rocks::~Rocks() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    if (family != nullptr) db_->DestroyColumnFamilyHandle(family);
  }
  db_->Close();
}

}  // namespace pdp::store
