#include "store/history.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <system_error>

#include "absl/strings/str_join.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "rocksdb/write_batch.h"
#include "store/impl.h"
#include "store/keys.h"

namespace pdp::store {
namespace {

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("the store is damaged: ", what));
}

bool Contains(const std::vector<std::string>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string TypesLine(const HistoryOptions& options) {
  return StrCat(absl::StrJoin(options.whole, ","), ";",
                absl::StrJoin(options.deletions, ","), "\n");
}

std::string Render(const HistoryBegin& begin) {
  return StrCat(begin.revision, " ", absl::ToUnixMicros(begin.time));
}

absl::StatusOr<HistoryBegin> Parse(std::string_view text) {
  uint64_t revision = 0;
  int64_t micros = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, revision);
  if (first.ec == std::errc() && first.ptr != end) {
    std::from_chars(first.ptr + 1, end, micros);
  }
  const HistoryBegin begin{revision, absl::FromUnixMicros(micros)};
  if (Render(begin) == text) return begin;
  return Damaged("where its history begins cannot be read");
}

using IteratorPtr = std::unique_ptr<rocksdb::Iterator>;

IteratorPtr IndexIterator(const Rocks& rocks,
                          const rocksdb::Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  return IteratorPtr(rocks.db().NewIterator(
      options, rocks.family(ColumnFamily::kHistoryIndex)));
}

struct RevisionTime {
  uint64_t revision = 0;
  absl::Time time;
};

// Where `iterator` stands; nothing where that is no revision.
absl::StatusOr<std::optional<RevisionTime>> TimeAt(
    const rocksdb::Iterator& iterator) {
  if (!iterator.Valid()) {
    PDP_RETURN_IF_ERROR(FromRocks(iterator.status()));
    return std::nullopt;
  }
  const std::string_view key = ToView(iterator.key());
  if (!key.starts_with(kRevisionPrefix)) return std::nullopt;
  const auto revision = DecodeNumber(key.substr(kRevisionPrefix.size()));
  const auto micros = DecodeNumber(ToView(iterator.value()));
  if (!revision || !micros) return Damaged("the time of a revision");
  return RevisionTime{*revision,
                      absl::FromUnixMicros(static_cast<int64_t>(*micros))};
}

}  // namespace

Kept KeptOf(const HistoryOptions& options, std::string_view type) {
  if (Contains(options.whole, type)) return Kept::kWhole;
  if (Contains(options.deletions, type)) return Kept::kDeletions;
  return Kept::kNothing;
}

absl::StatusOr<std::optional<HistoryBegin>> ReadHistoryBegin(
    const Rocks& rocks, const HistoryOptions& options,
    const rocksdb::Snapshot* snapshot) {
  PDP_ASSIGN_OR_RETURN(
      const std::optional<std::string> text,
      GetValue(rocks, ColumnFamily::kMeta, kHistoryKey, snapshot));
  const std::string types = TypesLine(options);
  if (!text || !text->starts_with(types)) return std::nullopt;
  const std::string_view rest = std::string_view(*text).substr(types.size());
  if (rest.empty()) return std::nullopt;
  PDP_ASSIGN_OR_RETURN(const HistoryBegin begin, Parse(rest));
  return begin;
}

absl::Status PutHistoryBegin(const Rocks& rocks, const HistoryOptions& options,
                             const std::optional<HistoryBegin>& begin,
                             rocksdb::WriteBatch& batch) {
  const std::string text =
      StrCat(TypesLine(options), begin ? Render(*begin) : std::string());
  return FromRocks(
      batch.Put(rocks.family(ColumnFamily::kMeta), ToSlice(kHistoryKey), text));
}

absl::Status ForgetHistory(const Rocks& rocks, const HistoryOptions& options,
                           rocksdb::WriteBatch& batch) {
  // Every key but the revision of the family begins with a letter.
  for (const ColumnFamily family :
       {ColumnFamily::kHistory, ColumnFamily::kHistoryIndex}) {
    PDP_RETURN_IF_ERROR(FromRocks(
        batch.DeleteRange(rocks.family(family), ToSlice("A"), ToSlice("~"))));
  }
  return PutHistoryBegin(rocks, options, std::nullopt, batch);
}

absl::Status PutReplaced(const Rocks& rocks, const HistoryOptions& options,
                         uint64_t revision, const fhir::ResourceKey& key,
                         const CurrentRecord* before, const Record* next,
                         rocksdb::WriteBatch& batch) {
  if (before == nullptr) return absl::OkStatus();
  const Kept kept = KeptOf(options, key.type);
  if (kept == Kept::kNothing) return absl::OkStatus();
  // Of what lives, where only deletions are kept, nothing is: as of what is not
  // there.
  const bool was_there = kept == Kept::kWhole || before->record.deleted;
  const bool is_there =
      next != nullptr && (kept == Kept::kWhole || next->deleted);
  rocksdb::ColumnFamilyHandle* const family =
      rocks.family(ColumnFamily::kHistory);
  const std::string prefix = HistoryPrefix(key);
  const auto put = [&](uint64_t since, const std::string& value) {
    return FromRocks(
        batch.Put(family, StrCat(prefix, EncodeNumber(since)), value));
  };
  if (was_there && before->revision != revision) {
    PDP_RETURN_IF_ERROR(put(before->revision, EncodeRecord(before->record)));
    for (const std::string& subject : before->record.subjects) {
      PDP_RETURN_IF_ERROR(
          FromRocks(batch.Put(rocks.family(ColumnFamily::kHistoryIndex),
                              StrCat(FormerMemberPrefix(subject), key.id),
                              EncodeNumber(revision))));
    }
  }
  if (was_there && !is_there) return put(revision, std::string());
  return absl::OkStatus();
}

absl::Status PutBlockHistory(const Rocks& rocks, uint64_t revision,
                             const fhir::ResourceKey& target,
                             std::string_view block,
                             rocksdb::WriteBatch& batch) {
  return FromRocks(batch.Put(
      rocks.family(ColumnFamily::kHistoryIndex),
      StrCat(kBlockPrefix, HistoryPrefix(target), EncodeNumber(revision)),
      ToSlice(block)));
}

absl::Status PutRevisionTime(const Rocks& rocks, uint64_t revision,
                             absl::Time time, rocksdb::WriteBatch& batch) {
  return FromRocks(batch.Put(
      rocks.family(ColumnFamily::kHistoryIndex), RevisionTimeKey(revision),
      EncodeNumber(static_cast<uint64_t>(absl::ToUnixMicros(time)))));
}

absl::StatusOr<absl::Time> LastRevisionTime(const Rocks& rocks) {
  const IteratorPtr iterator = IndexIterator(rocks, /*snapshot=*/nullptr);
  iterator->SeekForPrev(RevisionTimeKey(UINT64_MAX));
  PDP_ASSIGN_OR_RETURN(const std::optional<RevisionTime> last,
                       TimeAt(*iterator));
  return last ? last->time : absl::UnixEpoch();
}

absl::StatusOr<std::optional<uint64_t>> RevisionAt(
    const Rocks& rocks, absl::Time time, const rocksdb::Snapshot* snapshot) {
  const IteratorPtr iterator = IndexIterator(rocks, snapshot);
  iterator->Seek(ToSlice(kRevisionPrefix));
  PDP_ASSIGN_OR_RETURN(const std::optional<RevisionTime> first,
                       TimeAt(*iterator));
  if (!first || first->time > time) return std::nullopt;
  iterator->SeekForPrev(RevisionTimeKey(UINT64_MAX));
  PDP_ASSIGN_OR_RETURN(const std::optional<RevisionTime> last,
                       TimeAt(*iterator));
  // `low` began in time, and nothing after `high` did.
  uint64_t low = first->revision;
  uint64_t high = last ? last->revision : low;
  while (low < high) {
    const uint64_t middle = low + (high - low + 1) / 2;
    iterator->SeekForPrev(RevisionTimeKey(middle));
    PDP_ASSIGN_OR_RETURN(const std::optional<RevisionTime> found,
                         TimeAt(*iterator));
    if (found && found->revision > low && found->time <= time) {
      low = found->revision;
    } else if (found && found->revision > low) {
      high = found->revision - 1;
    } else {  // There is none from above `low` to `middle`.
      iterator->Seek(RevisionTimeKey(middle));
      PDP_ASSIGN_OR_RETURN(const std::optional<RevisionTime> next,
                           TimeAt(*iterator));
      if (!next || next->time > time) break;
      low = next->revision;
    }
  }
  return low;
}

}  // namespace pdp::store
