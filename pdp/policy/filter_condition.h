// Filters as a condition tree, for data stores other than Medplum's: what the
// tree says is what Medplum's database would (semantics S-12).  The database
// knows a third truth, that of a comparison with a value that is not there; the
// tree has none of it, for it asks for the value where its absence decides.

#ifndef PDP_POLICY_FILTER_CONDITION_H_
#define PDP_POLICY_FILTER_CONDITION_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/decision.h"

namespace pdp::policy {

// All of `filters`, of a search for resources of `type`.  Nothing where some
// filter cannot be said exactly: names and addresses, which are looked up by
// their words, chains, texts of tokens, letters outside ASCII in a beginning or
// part of a text, a column that keeps one of several values.
//
// `has_ranges`: the project has Medplum's feature `range-search`, which
// compares dates and numbers otherwise; these are then not said.
std::optional<Condition> ConditionOfAll(
    std::span<const fhir::search::Filter> filters, std::string_view type,
    bool has_ranges);

// `meta.project` is one of `ids`.
Condition ProjectCondition(std::string_view type, std::vector<std::string> ids);

// All of `children` (none: true), some of them (none: false).
Condition AllOf(std::vector<Condition> children);
Condition AnyOf(std::vector<Condition> children);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_CONDITION_H_
