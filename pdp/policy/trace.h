// Trace: what a decision tried: which entries, for what, by which of Medplum's
// matchers, and which test of each failed.
//
// A Decider that is given a Trace tells it of everything it tries; one that is
// given none does nothing for it.  A Trace never changes a decision: it makes
// the tests of an entry again, one by one, in memory of its own.
//
// Confined to one thread.

#ifndef PDP_POLICY_TRACE_H_
#define PDP_POLICY_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/match_entry.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

// The numbers of these enums are those of the enums of the same name in
// medplum.pdp.v1; what each member means stands there.
enum class DecisionStage : uint8_t {
  kUnspecified = 0,
  kRead = 1,
  kStored = 2,
  kResult = 3,
  kType = 4,
  kSecurityContext = 5,
};

enum class EntryTest : uint8_t {
  kUnspecified = 0,
  kResourceType = 1,
  kInteraction = 2,
  kInForce = 3,
  kCompartment = 4,
  kCriteria = 5,
  kTenant = 6,
  kWriteConstraint = 7,
  kError = 8,
  kNotReached = 9,
};

// One filter of an entry's criteria that did not match.
struct FailedFilter {
  fhir::search::Filter filter;
  // The resource has no value that the filter could look at.
  bool is_absent = false;
  bool is_unknown = false;  // Whether it matches cannot be told here.
};

struct TriedEntry {
  const BoundEntry* entry = nullptr;
  EntryTest failed = EntryTest::kUnspecified;  // None: it matched.
  StrictRule strict_rule = StrictRule::kUnspecified;
  // kCriteria: the filters that failed, none where it is the criteria's type or
  // form.
  std::vector<FailedFilter> failed_filters;
  size_t passed_filters = 0;
  size_t constraint = 0;  // kWriteConstraint: the index of it.
  // kError: what is wrong with the policy's own text, where it is that; never
  // content of a resource.
  std::string why;

  bool matched() const { return failed == EntryTest::kUnspecified; }
};

// One walk over the entries.
struct Attempt {
  DecisionStage stage = DecisionStage::kUnspecified;
  bool durable = false;
  fhir::Interaction interaction = fhir::Interaction::kUnspecified;
  std::string type;
  Match match = Match::kNo;
  // Those that apply to the type, in order.
  std::vector<TriedEntry> entries;
};

class Trace {
 public:
  // Called once the subject is known.  `lookup` must outlive the trace.
  void Begin(std::shared_ptr<const SubjectAccess> access,
             const fhir::ResourceLookup& lookup);

  // Whether some entry grants `interaction` on `type` at all.
  void TryType(DecisionStage stage, std::string_view type,
               fhir::Interaction interaction);
  // MatchInMemory ended with `match`.
  void TryInMemory(DecisionStage stage, const fhir::Resource& resource,
                   fhir::Interaction interaction, const EntryMatch& match);
  // MatchDurably ended with `match`.
  void TryDurably(DecisionStage stage, const fhir::Resource& resource,
                  fhir::Interaction interaction, bool honor_narrowing,
                  const DurableEntryMatch& match);

  // Of what was tried last, `entry` does not permit after all: its write
  // constraint, or a strict rule, stands in the way.
  void FailConstraint(const BoundEntry& entry, size_t index, bool is_error);
  void FailByRule(const BoundEntry& entry, StrictRule rule);

  // Between these two it is the security context of a Binary that is read.
  void EnterSecurityContext() { ++security_contexts_; }
  void LeaveSecurityContext() { --security_contexts_; }

  // Null where the decision ended before the subject's access was known.
  const std::shared_ptr<const SubjectAccess>& access() const { return access_; }
  const std::vector<Attempt>& attempts() const { return attempts_; }

 private:
  Attempt& Add(DecisionStage stage, std::string_view type,
               fhir::Interaction interaction, bool durable);
  void TestInMemory(const fhir::Resource& resource, TriedEntry& tried);
  void TestDurably(const fhir::Resource& resource, TriedEntry& tried);
  bool IsAbsent(const fhir::search::Filter& filter,
                const fhir::Resource& resource);
  // The last entry tried that is `entry`; no other then counts as a match.
  TriedEntry* Withdraw(const BoundEntry& entry);

  std::shared_ptr<const SubjectAccess> access_;
  const fhir::ResourceLookup* lookup_ = nullptr;
  std::vector<Attempt> attempts_;
  int security_contexts_ = 0;
  fhir::fhirpath::Scratch scratch_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_TRACE_H_
