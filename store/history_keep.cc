// How the history of a Store begins, ends and is kept bounded.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "rocksdb/write_batch.h"
#include "store/history.h"
#include "store/impl.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp::store {
namespace {

// What the keys of one part of history have in common, where it is.
struct Part {
  ColumnFamily family;
  std::string_view prefix;
};
constexpr Part kVersionsPart = {ColumnFamily::kHistory, ""};
constexpr Part kBlocksPart = {ColumnFamily::kHistoryIndex, kBlockPrefix};
constexpr Part kMembersPart = {ColumnFamily::kHistoryIndex, kMemberPrefix};

// Removes what ended at a revision or before, of as many entries as are wanted.
class Sweep {
 public:
  Sweep(const Rocks& rocks, uint64_t floor, size_t max_entries,
        rocksdb::WriteBatch& batch)
      : rocks_(rocks), floor_(floor), left_(max_entries), batch_(batch) {}

  // Goes on at `position`, a key of `part` or empty, and moves it; true where
  // all of the part was seen.  What is superseded by the next entry of the same
  // resource, or by what is current, ended there.
  absl::StatusOr<bool> Superseded(const Part& part, std::string& position) {
    std::string last;  // The entry before; empty: there is none.
    bool last_is_empty = false;
    std::string stopped_at;
    PDP_RETURN_IF_ERROR(
        Visit(part, position,
              [&](std::string_view key,
                  std::string_view value) -> absl::StatusOr<bool> {
                if (!last.empty()) {
                  if (IsSameResource(last, key)) {
                    PDP_RETURN_IF_ERROR(EraseIf(part, last, RevisionOf(key)));
                  } else {
                    PDP_RETURN_IF_ERROR(EraseLast(part, last, last_is_empty));
                  }
                }
                if (left_ == 0) {
                  stopped_at = key;
                  return false;
                }
                --left_;
                last = key;
                last_is_empty = value.empty();
                return true;
              }));
    position = stopped_at;
    if (!stopped_at.empty()) return false;
    if (!last.empty()) {
      PDP_RETURN_IF_ERROR(EraseLast(part, last, last_is_empty));
    }
    return true;
  }

  // Likewise, of entries whose value is when they ended.
  absl::StatusOr<bool> Ended(const Part& part, std::string& position) {
    std::string stopped_at;
    PDP_RETURN_IF_ERROR(
        Visit(part, position,
              [&](std::string_view key,
                  std::string_view value) -> absl::StatusOr<bool> {
                if (left_ == 0) {
                  stopped_at = key;
                  return false;
                }
                --left_;
                const std::optional<uint64_t> end = DecodeNumber(value);
                if (!end) return Damaged("when a membership had a subject");
                PDP_RETURN_IF_ERROR(EraseIf(part, key, *end));
                return true;
              }));
    position = stopped_at;
    return stopped_at.empty();
  }

  size_t removed() const { return removed_; }

 private:
  static constexpr size_t kNumberBytes = 8;

  static absl::Status Damaged(std::string_view what) {
    return absl::DataLossError(StrCat("the store is damaged: ", what));
  }

  template <typename Visitor>
  absl::Status Visit(const Part& part, const std::string& position,
                     Visitor&& visit) {
    rocksdb::ReadOptions options;
    const std::unique_ptr<rocksdb::Iterator> iterator(
        rocks_.db().NewIterator(options, rocks_.family(part.family)));
    iterator->Seek(ToSlice(position.empty() ? part.prefix : position));
    for (; iterator->Valid(); iterator->Next()) {
      const std::string_view key = ToView(iterator->key());
      if (!key.starts_with(part.prefix)) break;
      if (key == kFamilyRevisionKey) continue;
      PDP_ASSIGN_OR_RETURN(const bool more,
                           visit(key, ToView(iterator->value())));
      if (!more) break;
    }
    return FromRocks(iterator->status());
  }

  static bool IsSameResource(std::string_view a, std::string_view b) {
    return a.size() == b.size() && a.substr(0, a.size() - kNumberBytes) ==
                                       b.substr(0, b.size() - kNumberBytes);
  }
  static uint64_t RevisionOf(std::string_view key) {
    return DecodeNumber(key.substr(key.size() - kNumberBytes)).value_or(0);
  }

  absl::Status EraseIf(const Part& part, std::string_view key, uint64_t end) {
    if (end > floor_) return absl::OkStatus();
    ++removed_;
    return FromRocks(batch_.Delete(rocks_.family(part.family), ToSlice(key)));
  }

  // The last entry of a resource or of a blocked one.
  absl::Status EraseLast(const Part& part, const std::string& key,
                         bool is_empty) {
    const std::optional<HistoryKey> entry =
        ParseHistoryKey(std::string_view(key).substr(part.prefix.size()));
    if (!entry) return Damaged("a malformed key of `history`");
    // That there is nothing goes without saying.
    if (is_empty) return EraseIf(part, key, entry->revision);
    if (part.family != ColumnFamily::kHistory) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const std::optional<CurrentRecord> current,
                         GetCurrent(rocks_, entry->key, /*snapshot=*/nullptr));
    if (!current) return absl::OkStatus();
    return EraseIf(part, key, current->revision);
  }

  const Rocks& rocks_;
  const uint64_t floor_;
  size_t left_;
  rocksdb::WriteBatch& batch_;
  size_t removed_ = 0;
};

}  // namespace

absl::Time Store::Impl::NextTime() const {
  return std::max(history.clock->Now(), last_time);
}

absl::Status Store::Impl::CommitHistory(rocksdb::WriteBatch& batch) {
  Applied applied;
  applied.revision = revision.load();
  return Commit(batch, applied, /*changes=*/0);
}

absl::Status Store::BeginHistory() {
  MutexLock lock(impl_->apply_mutex);
  if (impl_->history_begin) return absl::OkStatus();
  const Rocks& rocks = *impl_->rocks;
  const HistoryBegin begin{revision(), impl_->NextTime()};
  rocksdb::WriteBatch batch;
  PDP_RETURN_IF_ERROR(PutHistoryBegin(rocks, impl_->history, begin, batch));
  PDP_RETURN_IF_ERROR(
      PutRevisionTime(rocks, begin.revision, begin.time, batch));
  PDP_ASSIGN_OR_RETURN(const std::vector<Block> blocks, Blocks());
  for (const Block& block : blocks) {
    PDP_RETURN_IF_ERROR(PutBlockHistory(rocks, begin.revision, block.target,
                                        EncodeBlock(block), batch));
  }
  PDP_RETURN_IF_ERROR(impl_->CommitHistory(batch));
  impl_->history_begin = begin;
  impl_->last_time = begin.time;
  return absl::OkStatus();
}

absl::Status Store::RestartHistory() {
  MutexLock lock(impl_->apply_mutex);
  rocksdb::WriteBatch batch;
  PDP_RETURN_IF_ERROR(ForgetHistory(*impl_->rocks, impl_->history, batch));
  PDP_RETURN_IF_ERROR(impl_->CommitHistory(batch));
  impl_->history_begin.reset();
  impl_->sweep = Impl::HistorySweep();
  return absl::OkStatus();
}

absl::StatusOr<bool> Store::SweepHistory(absl::Time before,
                                         size_t max_entries) {
  MutexLock lock(impl_->apply_mutex);
  const Rocks& rocks = *impl_->rocks;
  Impl::HistorySweep& sweep = impl_->sweep;
  std::optional<HistoryBegin> begin = impl_->history_begin;
  if (!begin) return true;
  rocksdb::WriteBatch batch;
  if (!sweep.part) {
    if (before <= begin->time) return true;
    PDP_ASSIGN_OR_RETURN(const std::optional<uint64_t> floor,
                         RevisionAt(rocks, before, /*snapshot=*/nullptr));
    if (!floor || *floor <= begin->revision) return true;
    begin = HistoryBegin{*floor, before};
    // First, and with the first of what is removed: nobody asks for that then.
    PDP_RETURN_IF_ERROR(PutHistoryBegin(rocks, impl_->history, begin, batch));
    sweep.part = 0;
  }
  constexpr Part kParts[] = {kVersionsPart, kBlocksPart, kMembersPart};
  Sweep step(rocks, begin->revision, max_entries, batch);
  const Part& part = kParts[*sweep.part];
  std::string position = sweep.position;
  PDP_ASSIGN_OR_RETURN(const bool done, part.prefix == kMemberPrefix
                                            ? step.Ended(part, position)
                                            : step.Superseded(part, position));
  const bool is_last = done && *sweep.part + 1 == std::size(kParts);
  if (is_last) {
    PDP_RETURN_IF_ERROR(FromRocks(batch.DeleteRange(
        rocks.family(ColumnFamily::kHistoryIndex), ToSlice(kRevisionPrefix),
        RevisionTimeKey(begin->revision))));
  }
  PDP_RETURN_IF_ERROR(impl_->CommitHistory(batch));
  impl_->history_begin = begin;
  sweep.position = position;
  if (done) ++*sweep.part;
  if (is_last) sweep = Impl::HistorySweep();
  return is_last;
}

}  // namespace pdp::store
