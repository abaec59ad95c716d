// AccessFinder: from the subject of a request to its access in one mode: the
// membership, whoever it acts for, the IP rules (semantics S-1).
//
// What was found is kept within a bound until something it was built from
// changes.  Thread-safe.

#ifndef PDP_POLICY_ACCESS_FINDER_H_
#define PDP_POLICY_ACCESS_FINDER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/access_cache.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/blocks.h"
#include "pdp/policy/findings.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

class AccessFinder {
 public:
  // `lookup`, `policies` and `blocks` must outlive the AccessFinder.
  AccessFinder(const SubjectAccessOptions& options, size_t max_items,
               const fhir::ResourceLookup& lookup, PolicyCache& policies,
               const PublishedBlocks& blocks);

  // `access` stays null where `denial` says why there is none; so it does for
  // whoever is blocked, and nothing of a block is kept.  `session_ends` becomes
  // the moment at which the session is expired, where a rule says so.  `found`
  // says whom it was about, also where that is denied.
  std::optional<LookupFailure> Find(
      const Subject& subject, const RequestContext& context,
      std::shared_ptr<const SubjectAccess>& access, Denial& denial,
      absl::Time& session_ends, Findings& found);

  void Invalidate(std::span<const fhir::ResourceKey> changed) {
    accesses_.Invalidate(changed);
  }

  Mode mode() const { return options_.mode; }
  size_t size() const { return accesses_.size(); }
  uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
  uint64_t misses() const { return misses_.load(std::memory_order_relaxed); }

 private:
  // Find where there are no blocks.
  std::optional<LookupFailure> FindUnblocked(
      const Subject& subject, const RequestContext& context,
      std::shared_ptr<const SubjectAccess>& access, Denial& denial,
      absl::Time& session_ends, Findings& found);

  // The access of one membership; with `caller`, as on its behalf.
  std::optional<LookupFailure> FindMembers(
      std::string_view membership, const RequestContext& context,
      const SubjectAccess* caller, std::shared_ptr<const SubjectAccess>& access,
      Denial& denial, absl::Time& session_ends, Findings& found);

  // The membership on whose behalf `caller` acts; empty where `denial` says why
  // there is none.
  std::optional<LookupFailure> FindTarget(const Subject& subject,
                                          const RequestContext& context,
                                          const SubjectAccess& caller,
                                          std::string& target,
                                          Denial& denial) const;

  // Whether the caller may read `reference`; where a strict rule may stand in
  // the way, `rule` is it.
  std::optional<LookupFailure> MayRead(const Subject& subject,
                                       const RequestContext& context,
                                       const SubjectAccess& caller,
                                       std::string_view reference,
                                       bool& is_readable,
                                       StrictRule& rule) const;

  std::string ProfileOf(std::string_view membership) const;

  const SubjectAccessOptions options_;
  const fhir::ResourceLookup& lookup_;
  PolicyCache& policies_;
  const PublishedBlocks& blocks_;
  AccessCache accesses_;
  std::atomic<uint64_t> hits_{0};
  std::atomic<uint64_t> misses_{0};
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_ACCESS_FINDER_H_
