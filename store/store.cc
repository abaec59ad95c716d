#include "store/store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "rocksdb/write_batch.h"
#include "store/history.h"
#include "store/impl.h"
#include "store/keys.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<uint64_t> GetNumber(const Rocks& rocks, ColumnFamily family,
                                   std::string_view name) {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                       GetValue(rocks, family, name, /*snapshot=*/nullptr));

  uint64_t number = 0;
  if (text) {
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  }
  return absl::DataLossError(
      "the store is damaged: a part of it has no revision");
}

// A manifest of RocksDB that lost its end opens without the tables of the last
// column families.  All families are written and flushed together, so each must
// be at the same revision.
absl::Status CheckFamilies(const Rocks& rocks, uint64_t format,
                           uint64_t revision) {
  for (const ColumnFamily family : kFamiliesBesideMeta) {
    if (IsNewerThan(family, format)) continue;
    PDP_ASSIGN_OR_RETURN(const uint64_t of_family,
                         GetNumber(rocks, family, kFamilyRevisionKey));
    if (of_family != revision) {
      return absl::DataLossError(
          StrCat("the store is damaged: one part of it is at revision ",
                 of_family, ", another at ", revision));
    }
  }
  return absl::OkStatus();
}

absl::Status InitializeMeta(const Rocks& rocks) {
  rocksdb::ColumnFamilyHandle* const meta = rocks.family(ColumnFamily::kMeta);
  rocksdb::WriteBatch batch;
  batch.Put(meta, ToSlice(kFormatKey), std::to_string(kFormatVersion));
  PDP_RETURN_IF_ERROR(PutRevision(rocks, 0, batch));
  rocksdb::WriteOptions options;
  options.sync = true;
  return FromRocks(rocks.db().Write(options, &batch));
}

// Families that the older format did not have get the revision of the others.
absl::Status SetFormat(const Rocks& rocks, uint64_t revision) {
  rocksdb::WriteBatch batch;
  PDP_RETURN_IF_ERROR(PutRevision(rocks, revision, batch));
  PDP_RETURN_IF_ERROR(FromRocks(batch.Put(rocks.family(ColumnFamily::kMeta),
                                          ToSlice(kFormatKey),
                                          std::to_string(kFormatVersion))));
  rocksdb::WriteOptions options;
  options.sync = true;
  return FromRocks(rocks.db().Write(options, &batch));
}

// Of what is kept of the past, nothing is known that was kept of other types,
// or that an upgrade was cut short in.
absl::Status OpenHistory(const Rocks& rocks, const HistoryOptions& options,
                         std::optional<HistoryBegin>& begin,
                         absl::Time& last_time) {
  PDP_ASSIGN_OR_RETURN(begin,
                       ReadHistoryBegin(rocks, options, /*snapshot=*/nullptr));
  if (!begin) {
    rocksdb::WriteBatch batch;
    PDP_RETURN_IF_ERROR(ForgetHistory(rocks, options, batch));
    rocksdb::WriteOptions write;
    write.sync = true;
    PDP_RETURN_IF_ERROR(FromRocks(rocks.db().Write(write, &batch)));
  }
  PDP_ASSIGN_OR_RETURN(last_time, LastRevisionTime(rocks));
  return absl::OkStatus();
}

// Makes a store of an older format one of this: formats 2 and 3 only add.
//
// The database first: from there on a program that reads format 1 refuses it,
// and this one goes on where it was cut short.
absl::Status UpgradeFormat(const Rocks& rocks, uint64_t format,
                           uint64_t revision, Identity& identity) {
  if (format < identity.format()) {
    return absl::DataLossError(
        StrCat("the database has format ", format, ", the file STORE format ",
               identity.format(), ": the store is damaged"));
  }
  if (format != kFormatVersion) {
    PDP_RETURN_IF_ERROR(SetFormat(rocks, revision));
  }
  if (identity.format() == kFormatVersion) return absl::OkStatus();
  return identity.Upgrade();
}

// What stands in front of a message about `directory`.
absl::Status In(const std::string& directory, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), ToAbsl(StrCat("store `", directory,
                                                   "`: ", status.message())));
}

absl::StatusOr<std::unique_ptr<Rocks>> OpenRocks(const Options& options,
                                                 const Identity& identity) {
  const fs::path path = fs::path(options.directory) / "db";
  std::error_code error;
  if (identity.is_new()) {
    // Nothing in it was ever acknowledged.
    fs::remove_all(path, error);
  } else if (!fs::is_directory(path, error)) {
    return absl::DataLossError("the directory `db` is missing");
  }
  return Rocks::Open({.path = path.string(),
                      .create = identity.is_new(),
                      .add_families = identity.format() < kFormatVersion,
                      .block_cache_bytes = options.block_cache_bytes,
                      .write_buffer_bytes = options.write_buffer_bytes});
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const Options& options) {
  absl::StatusOr<std::unique_ptr<Store>> store = OpenDirectory(options);
  if (!absl::IsDataLoss(store.status())) return store;
  return absl::DataLossError(
      StrCat(ToStd(store.status().message()), "; remove the directory `",
             options.directory,
             "`, and the source fills a new store: all that is lost are the "
             "blocks that were set here"));
}

absl::StatusOr<std::unique_ptr<Store>> Store::OpenDirectory(
    const Options& options) {
  absl::StatusOr<std::unique_ptr<Identity>> identity =
      Identity::Open(options.directory);
  PDP_RETURN_IF_ERROR(identity.status());
  absl::StatusOr<std::unique_ptr<Rocks>> rocks = OpenRocks(options, **identity);
  PDP_RETURN_IF_ERROR(In(options.directory, rocks.status()));
  if ((*identity)->is_new()) {
    PDP_RETURN_IF_ERROR(In(options.directory, InitializeMeta(**rocks)));
    PDP_RETURN_IF_ERROR(In(options.directory, (*identity)->BeginUse()));
  }
  const absl::StatusOr<uint64_t> format =
      GetNumber(**rocks, ColumnFamily::kMeta, kFormatKey);
  PDP_RETURN_IF_ERROR(In(options.directory, format.status()));
  if (*format < kOldestFormatVersion || *format > kFormatVersion) {
    return absl::FailedPreconditionError(
        StrCat("store `", options.directory, "`: format ", *format,
               "; this program reads format ", kFormatVersion));
  }
  const absl::StatusOr<uint64_t> revision =
      GetNumber(**rocks, ColumnFamily::kMeta, kRevisionKey);
  PDP_RETURN_IF_ERROR(In(options.directory, revision.status()));
  PDP_RETURN_IF_ERROR(
      In(options.directory, CheckFamilies(**rocks, *format, *revision)));

  if (*revision < (*identity)->revision()) {
    return absl::DataLossError(StrCat("store `", options.directory,
                                      "`: revision ", (*identity)->revision(),
                                      " was acknowledged, but only ", *revision,
                                      " is left: the store is damaged"));
  }
  PDP_RETURN_IF_ERROR(
      In(options.directory, (*identity)->Acknowledge(*revision)));
  PDP_RETURN_IF_ERROR(
      In(options.directory,
         UpgradeFormat(**rocks, *format, *revision, **identity)));
  std::optional<HistoryBegin> history_begin;
  absl::Time last_time;
  PDP_RETURN_IF_ERROR(
      In(options.directory,
         OpenHistory(**rocks, options.history, history_begin, last_time)));

  auto impl = std::make_unique<Impl>();
  impl->directory = options.directory;
  impl->write_buffer_bytes = options.write_buffer_bytes;
  impl->history = options.history;
  impl->rocks = *std::move(rocks);
  impl->revision = *revision;
  {
    MutexLock lock(impl->apply_mutex);
    impl->identity = *std::move(identity);
    impl->history_begin = history_begin;
    impl->last_time = last_time;
  }
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

uint64_t Store::revision() const {
  return impl_->revision.load(std::memory_order_acquire);
}

absl::StatusOr<uint64_t> Store::ReadRevision() const {
  const absl::StatusOr<uint64_t> revision =
      GetNumber(*impl_->rocks, ColumnFamily::kMeta, kRevisionKey);
  PDP_RETURN_IF_ERROR(impl_->Counted(revision.status()));
  return revision;
}

int Store::AddObserver(Observer observer) {
  MutexLock lock(impl_->apply_mutex);
  const int id = impl_->next_observer++;
  impl_->observers.push_back({id, std::move(observer)});
  return id;
}

void Store::RemoveObserver(int id) {
  MutexLock lock(impl_->apply_mutex);
  std::erase_if(impl_->observers,
                [id](const auto& observer) { return observer.first == id; });
}

Statistics Store::statistics() const {
  const Rocks& rocks = *impl_->rocks;
  const auto property = [&rocks](ColumnFamily family, const std::string& name) {
    uint64_t value = 0;
    rocks.db().GetIntProperty(rocks.family(family), name, &value);
    return value;
  };
  Statistics statistics;
  statistics.revision = revision();
  statistics.resources = property(ColumnFamily::kResources,
                                  rocksdb::DB::Properties::kEstimateNumKeys);
  statistics.versions = property(ColumnFamily::kVersions,
                                 rocksdb::DB::Properties::kEstimateNumKeys);
  statistics.history_versions = property(
      ColumnFamily::kHistory, rocksdb::DB::Properties::kEstimateNumKeys);
  for (const ColumnFamily family :
       {ColumnFamily::kHistory, ColumnFamily::kHistoryIndex}) {
    statistics.history_bytes +=
        property(family, rocksdb::DB::Properties::kLiveSstFilesSize);
  }
  const auto begin =
      ReadHistoryBegin(rocks, impl_->history, /*snapshot=*/nullptr);
  if (begin.ok() && begin->has_value()) {
    statistics.history_begins = (*begin)->time;
  }
  for (size_t i = 0; i < kColumnFamilies; ++i) {
    const auto family = static_cast<ColumnFamily>(i);
    statistics.disk_bytes +=
        property(family, rocksdb::DB::Properties::kLiveSstFilesSize);
    statistics.memory_bytes +=
        property(family, rocksdb::DB::Properties::kSizeAllMemTables);
  }
  statistics.memory_bytes += rocks.block_cache().GetUsage();
  statistics.applied_batches = impl_->applied_batches;
  statistics.applied_changes = impl_->applied_changes;
  statistics.errors = impl_->errors;
  return statistics;
}

}  // namespace pdp::store
