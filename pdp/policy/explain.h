// ExplainDecision: a decision and its trace, as an answer to "why?": every
// entry with the first test that failed, the entry that came nearest, and words
// for both.
//
// The texts hold values of policies and memberships, and names of elements;
// never content of a resource.

#ifndef PDP_POLICY_EXPLAIN_H_
#define PDP_POLICY_EXPLAIN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {

// A parameter whose value stands in an entry (proto: EntryParameter).
struct EntryParameter {
  std::string name;
  std::string value;
  uint32_t source = 0;
};

struct ExplainedEntry {
  EntrySource source;
  bool matched = false;
  EntryTest test = EntryTest::kUnspecified;
  StrictRule strict_rule = StrictRule::kUnspecified;
  DecisionStage stage = DecisionStage::kUnspecified;
  bool durable = false;
  std::string resource_type;
  fhir::InteractionSet interactions = 0;
  std::string criteria;
  std::string search_parameter;
  std::vector<std::string> paths;
  std::vector<EntryParameter> parameters;
  std::string failed_test;
};

struct Explanation {
  Decision decision;
  std::string membership;  // `ProjectMembership/id`; empty: there is none.
  std::string project;     // `Project/id`.
  std::vector<ExplainedEntry> entries;
  std::optional<size_t> nearest;  // Of `entries`.
  std::string summary;
  std::string missing;

  // Keeps what the entries of `decision` point to.
  std::shared_ptr<const SubjectAccess> access;
};

// At most so many entries are listed: those that were tried come first.
inline constexpr size_t kMaxExplainedEntries = 2'000;

// Fills in everything but `decision`, which `trace` is the trace of.
void ExplainDecision(const AccessRequest& request, const Trace& trace,
                     const fhir::ResourceLookup& lookup,
                     Explanation& explanation);

}  // namespace pdp::policy

#endif  // PDP_POLICY_EXPLAIN_H_
