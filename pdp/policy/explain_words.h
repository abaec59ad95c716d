// What is tried and why it fails, in words that an administrator understands
// who knows policies and FHIR but not this program.
//
// Nothing here is told of a resource but its type and the names of its
// elements.

#ifndef PDP_POLICY_EXPLAIN_WORDS_H_
#define PDP_POLICY_EXPLAIN_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {

// "Observations", "Binaries"; "resources of every type" for `*`.
std::string Plural(std::string_view type);
// "an Observation".
std::string WithArticle(std::string_view type);
// "`a`, `b` and `c`".
std::string List(const std::vector<std::string>& items, std::string_view last);
// "reading".
std::string_view Doing(fhir::Interaction interaction);

// "entry 3 of the policy `Nurse`"; entries are counted from 1.
std::string EntryName(const EntrySource& source);

// "`subject` is `Patient/1` or `Patient/2`"; as a wish, "were".
std::string InWords(const fhir::search::Filter& filter, bool as_wish = false);

// What the criteria of an entry ask: "`status` is `final` and ...".
std::string InWords(const std::vector<fhir::search::Filter>& filters);

// What follows the name of an entry: "allows reading Observations only where
// ...", without a full stop.
std::string FailureOf(const Attempt& attempt, const TriedEntry& tried);
// The same as a sentence; empty where the entry matched.
std::string FailedTestInWords(const Attempt& attempt, const TriedEntry& tried);
// Of an entry that was not tried at all.
std::string UntriedInWords(const BoundEntry& entry, bool applies,
                           std::string_view type);

// What a strict rule that put an entry out of force says of it.
std::string_view RuleInWords(StrictRule rule);

// Element paths that the failed test looked at, or else all tests.
std::vector<std::string> ComparedPaths(const Attempt& attempt,
                                       const TriedEntry& tried);

}  // namespace pdp::policy

#endif  // PDP_POLICY_EXPLAIN_WORDS_H_
