#include "pdp/policy/trace.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/match.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::policy {

using fhir::Interaction;
using fhir::Resource;
using fhir::search::Criteria;
using fhir::search::DurableMatch;
using fhir::search::Filter;

namespace {

Criteria Alone(const Criteria& criteria, const Filter& filter) {
  Criteria alone;
  alone.resource_type = criteria.resource_type;
  alone.filters.push_back(filter);
  return alone;
}

// An error in the policy's own text may be told; one that evaluating it on a
// resource raised may quote the resource.
void SetError(const absl::Status& compiled, TriedEntry& tried) {
  tried.failed = EntryTest::kError;
  if (!compiled.ok()) tried.why = std::string(ToStd(compiled.message()));
}

}  // namespace

void Trace::Begin(std::shared_ptr<const SubjectAccess> access,
                  const fhir::ResourceLookup& lookup) {
  access_ = std::move(access);
  lookup_ = &lookup;
}

Attempt& Trace::Add(DecisionStage stage, std::string_view type,
                    Interaction interaction, bool durable) {
  Attempt& attempt = attempts_.emplace_back();
  attempt.stage =
      security_contexts_ > 0 ? DecisionStage::kSecurityContext : stage;
  attempt.durable = durable;
  attempt.interaction = interaction;
  attempt.type = type;
  for (const BoundEntry* entry : access_->policy->EntriesFor(type)) {
    TriedEntry& tried = attempt.entries.emplace_back();
    tried.entry = entry;
    tried.failed = EntryTest::kNotReached;
  }
  return attempt;
}

void Trace::TryType(DecisionStage stage, std::string_view type,
                    Interaction interaction) {
  Attempt& attempt = Add(stage, type, interaction, /*durable=*/false);
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  for (TriedEntry& tried : attempt.entries) {
    if ((tried.entry->compiled->interactions & bit) == 0) {
      tried.failed = EntryTest::kInteraction;
    } else if ((tried.entry->in_force & bit) == 0) {
      tried.failed = EntryTest::kInForce;
      tried.strict_rule = tried.entry->narrowed_by;
    } else {
      tried.failed = EntryTest::kUnspecified;
      attempt.match = Match::kYes;
    }
  }
}

void Trace::TryInMemory(DecisionStage stage, const Resource& resource,
                        Interaction interaction, const EntryMatch& match) {
  Attempt& attempt = Add(stage, resource.type(), interaction,
                         /*durable=*/false);
  attempt.match = match.match;
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  for (TriedEntry& tried : attempt.entries) {
    const BoundEntry& entry = *tried.entry;
    if ((entry.compiled->interactions & bit) == 0) {
      tried.failed = EntryTest::kInteraction;
      continue;
    }
    if (&entry == match.entry) {
      tried.failed = EntryTest::kUnspecified;
      break;
    }
    TestInMemory(resource, tried);
    if (tried.failed == EntryTest::kError && match.match == Match::kError) {
      break;
    }
    if ((entry.in_force & bit) == 0) {
      tried = {.entry = &entry,
               .failed = EntryTest::kInForce,
               .strict_rule = entry.narrowed_by};
    }
  }
}

void Trace::TryDurably(DecisionStage stage, const Resource& resource,
                       Interaction interaction, bool honor_narrowing,
                       const DurableEntryMatch& match) {
  Attempt& attempt = Add(stage, resource.type(), interaction, /*durable=*/true);
  attempt.match = match.match;
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  for (TriedEntry& tried : attempt.entries) {
    const BoundEntry& entry = *tried.entry;
    if ((entry.compiled->durable_interactions & bit) == 0) {
      tried.failed = EntryTest::kInteraction;
      continue;
    }
    if (honor_narrowing && (entry.in_force & bit) == 0) {
      tried.failed = EntryTest::kInForce;
      tried.strict_rule = entry.narrowed_by;
      continue;
    }
    if (&entry == match.entry) {
      tried.failed = EntryTest::kUnspecified;
      break;
    }
    TestDurably(resource, tried);
    if (tried.failed == EntryTest::kError && match.match == Match::kError) {
      break;
    }
  }
}

// The tests of one entry (S-11), one by one.
void Trace::TestInMemory(const Resource& resource, TriedEntry& tried) {
  const BoundEntry& entry = *tried.entry;
  const CompiledEntry& compiled = *entry.compiled;
  if (!IsInCompartmentOf(compiled.source, resource)) {
    tried.failed = EntryTest::kCompartment;
    return;
  }
  if (compiled.has_criteria) {
    tried.failed = EntryTest::kCriteria;
    if (!compiled.criteria_status.ok()) {
      return SetError(compiled.criteria_status, tried);
    }
    const Criteria& criteria = compiled.criteria;
    if (criteria.resource_type != resource.type()) return;
    for (const Filter& filter : criteria.filters) {
      const absl::StatusOr<bool> matches = fhir::search::MatchesInMemory(
          Alone(criteria, filter), resource, scratch_);
      // What stands behind the first that fails is not looked at.
      if (!matches.ok() && tried.failed_filters.empty()) {
        return SetError(absl::OkStatus(), tried);
      }
      if (matches.ok() && *matches) {
        ++tried.passed_filters;
      } else {
        tried.failed_filters.push_back(
            {.filter = filter, .is_absent = IsAbsent(filter, resource)});
      }
    }
    if (!tried.failed_filters.empty()) return;
  }
  tried.failed = IsInTenants(entry, resource) ? EntryTest::kNotReached
                                              : EntryTest::kTenant;
}

// What DurablePredicate::Consider looks at, one by one.
void Trace::TestDurably(const Resource& resource, TriedEntry& tried) {
  const BoundEntry& entry = *tried.entry;
  const CompiledEntry& compiled = *entry.compiled;
  const EntryTest passed = IsInTenants(entry, resource) ? EntryTest::kNotReached
                                                        : EntryTest::kTenant;
  if (!compiled.source.compartment.empty()) {
    tried.failed = IsInDurably(resource, compiled.source.compartment)
                       ? passed
                       : EntryTest::kCompartment;
    return;
  }
  if (!compiled.has_criteria || !compiled.criteria_has_prefix) {
    tried.failed = passed;
    return;
  }
  tried.failed = EntryTest::kCriteria;
  const absl::StatusOr<Criteria> criteria =
      DurableCriteria(compiled, resource.type());
  if (!criteria.ok()) return SetError(criteria.status(), tried);
  if (criteria->filters.empty()) return;
  fhir::search::DurableEnvironment environment;
  environment.lookup = lookup_;
  environment.may_search = [this](std::string_view type) {
    return access_->Supports(Interaction::kSearch, type);
  };
  for (const Filter& filter : criteria->filters) {
    const fhir::search::DurableResult result = fhir::search::MatchesDurably(
        Alone(*criteria, filter), resource, environment, scratch_);
    switch (result.match) {
      case DurableMatch::kYes:
        ++tried.passed_filters;
        break;
      case DurableMatch::kError:
      case DurableMatch::kForbidden:
        // Such an error is one of the criteria, whatever the resource is.
        tried = {
            .entry = &entry, .failed = EntryTest::kError, .why = result.why};
        return;
      case DurableMatch::kUnknown:
      case DurableMatch::kNo:
        tried.failed_filters.push_back(
            {.filter = filter,
             .is_absent = IsAbsent(filter, resource),
             .is_unknown = result.match == DurableMatch::kUnknown});
        break;
    }
  }
  if (tried.failed_filters.empty()) tried.failed = passed;
}

bool Trace::IsAbsent(const Filter& filter, const Resource& resource) {
  if (filter.parameter == nullptr) return false;
  const auto values =
      fhir::search::ValuesOf(*filter.parameter, resource, scratch_);
  return values.ok() && values->empty();
}

TriedEntry* Trace::Withdraw(const BoundEntry& entry) {
  if (attempts_.empty()) return nullptr;
  TriedEntry* found = nullptr;
  for (TriedEntry& tried : attempts_.back().entries) {
    if (tried.entry == &entry) found = &tried;
    if (tried.matched()) tried.failed = EntryTest::kNotReached;
  }
  attempts_.back().match = Match::kNo;
  return found;
}

void Trace::FailConstraint(const BoundEntry& entry, size_t index,
                           bool is_error) {
  TriedEntry* const tried = Withdraw(entry);
  if (tried == nullptr) return;
  const CompiledConstraint& constraint = entry.compiled->constraints[index];
  *tried = {.entry = &entry,
            .failed = EntryTest::kWriteConstraint,
            .constraint = index};
  if (is_error) SetError(constraint.status, *tried);
}

void Trace::FailByRule(const BoundEntry& entry, StrictRule rule) {
  TriedEntry* const tried = Withdraw(entry);
  if (tried == nullptr) return;
  *tried = {
      .entry = &entry, .failed = EntryTest::kInForce, .strict_rule = rule};
}

}  // namespace pdp::policy
