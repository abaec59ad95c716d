// HistoryLookup: what says who may do what, as it was at one revision; and
// every other resource as it is now.
//
// Thread-safe.  What it read is kept: it is made for a question or a few.

#ifndef PDP_SYNC_HISTORY_LOOKUP_H_
#define PDP_SYNC_HISTORY_LOOKUP_H_

#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "store/history_view.h"

namespace pdp::sync {

class HistoryLookup final : public fhir::ResourceLookup {
 public:
  // `now` must outlive the lookup.
  HistoryLookup(std::unique_ptr<const store::HistoryView> then,
                const fhir::ResourceLookup& now)
      : then_(std::move(then)), now_(now) {}

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override;
  fhir::LookupResult ReadPart(const fhir::ResourceKey& key,
                              const fhir::ElementSet& elements,
                              std::string_view project) const override;
  fhir::LookupResult FindHeld(const fhir::ResourceKey& key,
                              std::string_view project) const override;
  fhir::LookupState FindDeletion(const fhir::ResourceKey& key) const override;
  // These are of now, whatever the type.
  fhir::LookupResult ReadVersion(const fhir::ResourceKey& key,
                                 std::string_view version_id) const override;
  fhir::LookupState FindVersions(
      const fhir::ResourceKey& key,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override;
  fhir::LookupState FindMemberships(
      std::string_view reference,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override;
  // kUnavailable for what is of then.
  fhir::LookupState Scan(std::string_view type, std::string_view project,
                         const std::function<bool(const fhir::ResourcePtr&)>&
                             visit) const override;

 private:
  fhir::LookupResult ReadThen(const fhir::ResourceKey& key) const;

  const std::unique_ptr<const store::HistoryView> then_;
  const fhir::ResourceLookup& now_;
  mutable Mutex mutex_;
  mutable std::map<fhir::ResourceKey, fhir::LookupResult> read_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_HISTORY_LOOKUP_H_
