// HistoryView: what was in force at one revision, of what the store keeps the
// history of (history.h).
//
// Thread-safe.  Reads one state of the store, the one it was made in: neither
// what is applied nor what is swept away afterwards changes it.

#ifndef STORE_HISTORY_VIEW_H_
#define STORE_HISTORY_VIEW_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/resource_key.h"
#include "store/block.h"
#include "store/history_options.h"
#include "store/record.h"

namespace pdp::store {

class Rocks;
class Snapshot;

class HistoryView {
 public:
  ~HistoryView();
  HistoryView(const HistoryView&) = delete;
  HistoryView& operator=(const HistoryView&) = delete;

  uint64_t revision() const { return revision_; }

  // The version or tombstone that was in force; nothing where none was known.
  // Of a type of which deletions alone are kept: a tombstone, or else nothing
  // or the live version of now.
  // InvalidArgument: nothing is kept of the type.
  absl::StatusOr<std::optional<Record>> Get(const fhir::ResourceKey& key) const;

  // Visits the ProjectMemberships that then had the subject `reference`, in the
  // order of their ids, until `visit` returns false.
  using Visitor =
      std::function<bool(const fhir::ResourceKey& key, Record record)>;
  absl::Status FindMemberships(std::string_view reference,
                               const Visitor& visit) const;

  // The blocks that were kept, ended ones too, ordered by target.
  absl::StatusOr<std::vector<Block>> Blocks() const;

 private:
  friend class Store;
  HistoryView(const Rocks& rocks, const HistoryOptions& options);

  const Rocks& rocks_;
  const HistoryOptions& options_;
  const std::unique_ptr<const Snapshot> snapshot_;
  uint64_t revision_ = 0;
};

}  // namespace pdp::store

#endif  // STORE_HISTORY_VIEW_H_
