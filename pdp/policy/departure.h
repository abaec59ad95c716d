// Departures: where strict mode answers otherwise than Medplum would.
//
// Strict mode decides by its own rules and notes which it used.  A rule that
// was used need not have mattered: Medplum may refuse the same request for a
// reason of its own.  So where a rule is suspected, Medplum's own decision on
// the same data is worked out too, and the two become one answer:
//
//   Medplum   strict     answer
//   denies    any        Medplum's denial, its reason, its status
//   permits   denies     the denial, Medplum's status, a note with the rule
//   permits   hides more the permit, a note with the rule
//   permits   the same   the permit
//   unknown   denies     the denial, no status of Medplum's
//   unknown   permits    no permit
//
// "Medplum" is mode parity with the parameter semantics in force.

#ifndef PDP_POLICY_DEPARTURE_H_
#define PDP_POLICY_DEPARTURE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision.h"

namespace pdp::policy {

// The rule that may have changed `strict`, a decision of strict mode on a
// resource of `type`; kUnspecified: none can have.
StrictRule SuspectedRule(const Decision& strict, fhir::Interaction interaction,
                         std::string_view type);

// Makes `strict` the answer.  True: it is Medplum's.
//
// REQUIRES: `medplum` is the decision of mode parity on the same request, and
// `suspected` is SuspectedRule(strict, interaction, type), not kUnspecified.
bool Reconcile(Decision medplum, fhir::Interaction interaction,
               StrictRule suspected, Decision& strict);

// The rules that may have changed `strict`, each once, the likeliest first.
// `policy`: null where the subject has no access.
std::vector<StrictRule> SuspectedRules(const FilterAnswer& strict,
                                       const BoundPolicy* policy,
                                       std::string_view type);

// The same for Filter, except that a narrowed answer notes every rule that
// narrowed it.
void Reconcile(FilterAnswer medplum, const std::vector<StrictRule>& suspected,
               FilterAnswer& strict);

// The rule by which a reconciled answer departs; kUnspecified: it does not.
StrictRule DepartureOf(const std::vector<Note>& notes);

// For a strict denial of which it is not known what Medplum would answer: it
// stands, names no departure, and has no status of Medplum's.
void LeaveMedplumOpen(std::vector<Note>& notes, uint16_t& medplum_http_status);

}  // namespace pdp::policy

#endif  // PDP_POLICY_DEPARTURE_H_
