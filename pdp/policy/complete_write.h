// What Medplum would store for a create or an update: the submitted resource
// with protected fields restored and its meta completed (S-16 to S-18).
// Write rights are judged on that, not on what was sent.

#ifndef PDP_POLICY_COMPLETE_WRITE_H_
#define PDP_POLICY_COMPLETE_WRITE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

struct WriteInput {
  const SubjectAccess& access;
  const fhir::ResourceLookup& lookup;
  // Null: a create, or an update of a deleted resource.
  fhir::ResourcePtr existing;
  fhir::ResourcePtr submitted;
  // The id the result has: that of the URL, or for a create a new one.
  std::string_view id;
  bool extended_mode = false;
  // Whose readonly and hidden fields are protected; null for none.
  const BoundEntry* protecting_entry = nullptr;
};

struct CompletedWrite {
  fhir::ResourcePtr resource;
  std::vector<std::string> accounts;
  std::vector<std::string> compartments;
  std::vector<std::string> restored_fields;
  // The submitted accounts were taken as they are, without admin rights
  // (semantics S-22.13).
  bool has_client_accounts = false;
};

// How completing ended early.
struct WriteFailure {
  std::optional<Denial> denial;
  std::optional<LookupFailure> missing;
};

std::optional<WriteFailure> CompleteWrite(const WriteInput& input,
                                          fhir::fhirpath::Scratch& scratch,
                                          CompletedWrite& result);

// `resource` with `edits` made in its meta.
absl::StatusOr<fhir::ResourcePtr> WithMeta(
    const fhir::Resource& resource, const std::vector<fhir::MemberEdit>& edits);

// `resource` with meta.compartment as the server would compute it now, and
// meta.project set to `project` where it has none and `project` is not empty.
absl::StatusOr<fhir::ResourcePtr> WithCompartments(
    const fhir::ResourcePtr& resource, std::string_view project,
    fhir::fhirpath::Scratch& scratch);

}  // namespace pdp::policy

#endif  // PDP_POLICY_COMPLETE_WRITE_H_
