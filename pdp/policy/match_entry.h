// Matching a resource against a subject's entries: in memory, as writes and
// cached reads are judged, and durably, as searches and uncached reads are
// (semantics S-6, S-7, S-11, S-14).

#ifndef PDP_POLICY_MATCH_ENTRY_H_
#define PDP_POLICY_MATCH_ENTRY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

// The first entry that matches.
//
// In strict mode an entry may be narrowed (BoundEntry::in_force).  `entry` is
// then the first that is in force; `medplum_entry` the first that Medplum would
// take.  Medplum applies the constraints and fields of its first entry, so
// where the two differ both count: strict mode must not escape the first by
// passing it over.
struct EntryMatch {
  Match match = Match::kNo;
  const BoundEntry* entry = nullptr;
  const BoundEntry* medplum_entry = nullptr;
  // kError: whether it is a limit or a gap of ours, and what it is.
  Reason reason = Reason::kUnspecified;
  std::string error;
};

// S-11: the entries in order, until one matches; an entry that errs ends it.
// The project boundary is not part of it.
EntryMatch MatchInMemory(const SubjectAccess& access,
                         const fhir::Resource& resource,
                         fhir::Interaction interaction,
                         fhir::fhirpath::Scratch& scratch);

struct DurableEntryMatch {
  Match match = Match::kUnknown;
  // kYes: an entry that lets the resource through, where one can be named.
  const BoundEntry* entry = nullptr;
  uint16_t http_status = 0;  // kError: 400 or 403.
  std::string why;           // kUnknown and kError: a sentence.
};

// S-14: the database predicate for `interaction` (read or search), without the
// project filter.  `honor_narrowing`: entries that strict mode has put out of
// force count as absent, and so do the ways in which a malformed entry removes
// the whole predicate.
DurableEntryMatch MatchDurably(const SubjectAccess& access,
                               const fhir::Resource& resource,
                               fhir::Interaction interaction,
                               const fhir::ResourceLookup& lookup,
                               bool honor_narrowing,
                               fhir::fhirpath::Scratch& scratch);

// The single tests, for those who ask which one failed.

// The deprecated restriction of an entry.
bool IsInCompartmentOf(const PolicyEntry& entry,
                       const fhir::Resource& resource);
// The same by the rules of the database, which keeps ids alone.
bool IsInDurably(const fhir::Resource& resource, std::string_view compartment);
// Whether the active tenants leave the resource to the entry.
bool IsInTenants(const BoundEntry& entry, const fhir::Resource& resource);
// The criteria of an entry as the database reads it when `type` is searched.
absl::StatusOr<fhir::search::Criteria> DurableCriteria(
    const CompiledEntry& entry, std::string_view type);

}  // namespace pdp::policy

#endif  // PDP_POLICY_MATCH_ENTRY_H_
