#include "store/history_view.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "store/history.h"
#include "store/impl.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp::store {
namespace {

// How far the clock of whoever notes a revision may be from when that began:
// a decision notes the time first and takes the revision then.
constexpr absl::Duration kTolerance = absl::Minutes(1);

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("the store is damaged: ", what));
}

absl::Status NotKept(std::string_view what) {
  return absl::OutOfRangeError(ToAbsl(what));
}

std::string TextOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace

HistoryView::HistoryView(const Rocks& rocks, const HistoryOptions& options)
    : rocks_(rocks),
      options_(options),
      snapshot_(std::make_unique<const Snapshot>(rocks)) {}

HistoryView::~HistoryView() = default;

absl::StatusOr<std::optional<Record>> HistoryView::Get(
    const fhir::ResourceKey& key) const {
  if (KeptOf(options_, key.type) == Kept::kNothing) {
    return absl::InvalidArgumentError(
        StrCat("no history is kept of the type ", key.type));
  }
  if (!CheckKey(key).ok()) return std::nullopt;
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                       GetValue(rocks_, ColumnFamily::kResources,
                                ResourcesKey(key), snapshot_->get()));
  if (value) {
    PDP_ASSIGN_OR_RETURN(CurrentRecord current, DecodeCurrent(*value));
    if (current.revision <= revision_) return std::move(current.record);
  }
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_->get();
  const std::unique_ptr<rocksdb::Iterator> iterator(
      rocks_.db().NewIterator(options, rocks_.family(ColumnFamily::kHistory)));
  const std::string prefix = HistoryPrefix(key);
  iterator->SeekForPrev(StrCat(prefix, EncodeNumber(revision_)));
  PDP_RETURN_IF_ERROR(FromRocks(iterator->status()));
  if (!iterator->Valid() || !ToView(iterator->key()).starts_with(prefix) ||
      iterator->value().empty()) {
    return std::nullopt;
  }
  PDP_ASSIGN_OR_RETURN(Record record, DecodeRecord(ToView(iterator->value())));
  return record;
}

absl::Status HistoryView::FindMemberships(std::string_view reference,
                                          const Visitor& visit) const {
  if (!CheckSubject(reference).ok()) return absl::OkStatus();
  // Whoever has the subject now, or ever had it: each is read as it was.
  std::set<std::string> ids;
  const auto collect = [&](ColumnFamily family, const std::string& prefix) {
    return ForEachWithPrefix(
        rocks_, family, prefix, snapshot_->get(),
        [&](std::string_view key, std::string_view) -> absl::StatusOr<bool> {
          ids.emplace(key.substr(prefix.size()));
          return true;
        });
  };
  PDP_RETURN_IF_ERROR(
      collect(ColumnFamily::kMembershipsBySubject, BySubjectPrefix(reference)));
  PDP_RETURN_IF_ERROR(
      collect(ColumnFamily::kHistoryIndex, FormerMemberPrefix(reference)));
  for (const std::string& id : ids) {
    const fhir::ResourceKey key{std::string(kMembershipType), id};
    PDP_ASSIGN_OR_RETURN(std::optional<Record> record, Get(key));
    if (!record || record->deleted ||
        std::find(record->subjects.begin(), record->subjects.end(),
                  reference) == record->subjects.end()) {
      continue;
    }
    if (!visit(key, *std::move(record))) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Block>> HistoryView::Blocks() const {
  std::vector<Block> blocks;
  PDP_RETURN_IF_ERROR(ForEachWithPrefix(
      rocks_, ColumnFamily::kHistoryIndex, kBlockPrefix, snapshot_->get(),
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        std::optional<HistoryKey> entry =
            ParseHistoryKey(key.substr(kBlockPrefix.size()));
        if (!entry) return Damaged("a malformed key of a former block");
        if (entry->revision > revision_) return true;
        // The entries of a target are in the order of their revisions.
        if (!blocks.empty() && blocks.back().target == entry->key) {
          blocks.pop_back();
        }
        if (value.empty()) return true;
        PDP_ASSIGN_OR_RETURN(Block block,
                             DecodeBlock(std::move(entry->key), value));
        blocks.push_back(std::move(block));
        return true;
      }));
  return blocks;
}

absl::StatusOr<std::unique_ptr<HistoryView>> Store::HistoryAt(
    absl::Time time) const {
  const Rocks& rocks = *impl_->rocks;
  std::unique_ptr<HistoryView> view(new HistoryView(rocks, impl_->history));
  const rocksdb::Snapshot* const snapshot = view->snapshot_->get();
  PDP_ASSIGN_OR_RETURN(const std::optional<HistoryBegin> begin,
                       ReadHistoryBegin(rocks, impl_->history, snapshot));
  if (!begin) return NotKept("nothing is kept of the past yet");
  if (time < begin->time) {
    return NotKept(StrCat("nothing is kept of before ", TextOf(begin->time)));
  }
  PDP_ASSIGN_OR_RETURN(const std::optional<uint64_t> revision,
                       RevisionAt(rocks, time, snapshot));
  view->revision_ =
      std::max(begin->revision, revision.value_or(begin->revision));
  return view;
}

absl::StatusOr<std::unique_ptr<HistoryView>> Store::HistoryAt(
    uint64_t revision, absl::Time time) const {
  const Rocks& rocks = *impl_->rocks;
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<HistoryView> view, HistoryAt(time));
  const rocksdb::Snapshot* const snapshot = view->snapshot_->get();
  PDP_ASSIGN_OR_RETURN(const std::optional<HistoryBegin> begin,
                       ReadHistoryBegin(rocks, impl_->history, snapshot));
  PDP_ASSIGN_OR_RETURN(const std::optional<uint64_t> earliest,
                       RevisionAt(rocks, time - kTolerance, snapshot));
  PDP_ASSIGN_OR_RETURN(const std::optional<uint64_t> latest,
                       RevisionAt(rocks, time + kTolerance, snapshot));
  const uint64_t first = begin ? begin->revision : view->revision_;
  if (revision < std::max(first, earliest.value_or(first)) ||
      revision > latest.value_or(view->revision_)) {
    return NotKept(StrCat(
        "at ", TextOf(time), " revision ", revision,
        " was not in force here: the store was made anew or was put back since "
        "then, or the clock was set"));
  }
  view->revision_ = revision;
  return view;
}

}  // namespace pdp::store
