#include "pdp/policy/match_entry.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/match.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::JsonElement;
using fhir::Resource;
using fhir::fhirpath::Scratch;

// Calls `visit` with each reference of meta.compartment, nothing where an item
// has none, until it returns true; whether one did.
template <typename Visitor>
bool AnyCompartment(const Resource& resource, Visitor&& visit) {
  const auto meta = fhir::Member(resource.root(), "meta");
  if (!meta) return false;
  bool found = false;
  fhir::ForEachItem(*meta, "compartment", [&](JsonElement compartment) {
    found = found || visit(fhir::Member(compartment, "reference"));
  });
  return found;
}

bool IsIn(const Resource& resource, std::string_view compartment) {
  return AnyCompartment(resource, [&](std::optional<JsonElement> reference) {
    return reference && fhir::AsString(*reference) == compartment;
  });
}

}  // namespace

// Medplum compares the references even where there is none: a compartment
// without one holds the resources that are in such a compartment, not all of
// them.
bool IsInCompartmentOf(const PolicyEntry& entry, const Resource& resource) {
  if (entry.compartment_json.empty()) return true;
  if (!entry.compartment_names_nothing) {
    return IsIn(resource, entry.compartment);
  }
  return AnyCompartment(resource, [](std::optional<JsonElement> reference) {
    return !reference;
  });
}

// The database keeps the ids alone (semantics S-12.3).
bool IsInDurably(const Resource& resource, std::string_view compartment) {
  const std::string_view id = compartment.substr(
      std::min(compartment.find('/') + 1, compartment.size()));
  return AnyCompartment(resource, [&](std::optional<JsonElement> element) {
    const auto reference = element ? fhir::AsString(*element) : std::nullopt;
    return reference && reference->substr(reference->find('/') + 1) == id;
  });
}

// Active tenants confine Patients and what belongs to patients; other types are
// left as they are.
bool IsInTenants(const BoundEntry& entry, const Resource& resource) {
  if (entry.tenants.empty()) return true;
  const std::string_view type = resource.type();
  if (type != "Patient" &&
      fhir::search::PatientCompartmentCodes(type).empty()) {
    return true;
  }
  return std::any_of(
      entry.tenants.begin(), entry.tenants.end(),
      [&](const std::string& tenant) { return IsIn(resource, tenant); });
}

namespace {

Reason ReasonOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnimplemented:
      return Reason::kNotSupported;
    case absl::StatusCode::kResourceExhausted:
      return Reason::kLimitExceeded;
    default:
      return Reason::kEvaluationError;
  }
}

// Of one entry (S-11).
absl::StatusOr<bool> Matches(const BoundEntry& entry, const Resource& resource,
                             Scratch& scratch) {
  if (resource.type() == "Binary") return true;
  const CompiledEntry& compiled = *entry.compiled;
  if (!IsInCompartmentOf(compiled.source, resource)) return false;
  if (compiled.has_criteria) {
    if (!compiled.criteria_status.ok()) return compiled.criteria_status;
    absl::StatusOr<bool> matches =
        fhir::search::MatchesInMemory(compiled.criteria, resource, scratch);
    if (!matches.ok() || !*matches) return matches;
  }
  return IsInTenants(entry, resource);
}

std::string Where(const BoundEntry& entry) {
  return entry.source.built_in.empty()
             ? StrCat(entry.source.policy, ".resource[", entry.source.index,
                      "]")
             : std::string(entry.source.built_in);
}

}  // namespace

EntryMatch MatchInMemory(const SubjectAccess& access, const Resource& resource,
                         Interaction interaction, Scratch& scratch) {
  EntryMatch result;
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  for (const BoundEntry* entry : access.policy->EntriesFor(resource.type())) {
    if ((entry->compiled->interactions & bit) == 0) continue;
    const bool in_force = (entry->in_force & bit) != 0;
    // Medplum's first entry is known: only one in force matters now.
    if (result.medplum_entry != nullptr && !in_force) continue;
    const absl::StatusOr<bool> matches = Matches(*entry, resource, scratch);
    if (!matches.ok()) {
      result.match = Match::kError;
      result.entry = nullptr;
      result.reason = ReasonOf(matches.status());
      result.error = StrCat(Where(*entry), ": ", matches.status().message());
      return result;
    }
    if (!*matches) continue;
    if (result.medplum_entry == nullptr) result.medplum_entry = entry;
    if (in_force) {
      result.match = Match::kYes;
      result.entry = entry;
      return result;
    }
  }
  return result;
}

// For a wildcard entry the prefix `*` stands for the type that is searched.
absl::StatusOr<fhir::search::Criteria> DurableCriteria(
    const CompiledEntry& entry, std::string_view type) {
  if (!entry.is_wildcard) {
    if (!entry.criteria_status.ok()) return entry.criteria_status;
    return entry.criteria;
  }
  return fhir::search::ParseCriteria(
      StrCat(type, std::string_view(entry.source.criteria).substr(1)));
}

namespace {

using fhir::search::DurableMatch;
using fhir::search::DurableResult;

class DurablePredicate {
 public:
  DurablePredicate(const SubjectAccess& access, const Resource& resource,
                   const fhir::ResourceLookup& lookup, Scratch& scratch)
      : resource_(resource), scratch_(scratch) {
    environment_.lookup = &lookup;
    environment_.may_search = [&access](std::string_view type) {
      return access.Supports(Interaction::kSearch, type);
    };
  }

  // Takes one entry into account.  True where it settles the whole predicate.
  bool Consider(const BoundEntry& entry) {
    const CompiledEntry& compiled = *entry.compiled;
    if (!compiled.source.compartment.empty()) {
      Collect(entry, IsInDurably(resource_, compiled.source.compartment)
                         ? DurableMatch::kYes
                         : DurableMatch::kNo);
      return false;
    }
    if (!compiled.has_criteria) return Abandon(entry);
    if (!compiled.criteria_has_prefix) return Abandon(entry);
    // Of a wildcard entry they depend on the type.
    absl::StatusOr<fhir::search::Criteria> of_type;
    const fhir::search::Criteria* criteria = &compiled.criteria;
    if (compiled.is_wildcard || !compiled.criteria_status.ok()) {
      of_type = DurableCriteria(compiled, resource_.type());
      if (!of_type.ok()) {
        return Fail(400,
                    StrCat(Where(entry), ": ", of_type.status().message()));
      }
      criteria = &*of_type;
    }
    if (criteria->filters.empty()) return false;
    const DurableResult result = fhir::search::MatchesDurably(
        *criteria, resource_, environment_, scratch_);
    if (result.match == DurableMatch::kError) {
      return Fail(400, StrCat(Where(entry), ": ", result.why));
    }
    if (result.match == DurableMatch::kForbidden) {
      return Fail(403, StrCat(Where(entry), ": ", result.why));
    }
    if (result.match == DurableMatch::kUnknown) {
      unknown_ = StrCat(Where(entry), ": ", result.why);
    }
    Collect(entry, result.match);
    return false;
  }

  DurableEntryMatch Finish() && {
    if (settled_) return std::move(*settled_);
    if (!collected_) return {.match = Match::kYes};
    if (permitting_ != nullptr) {
      return {.match = Match::kYes, .entry = permitting_};
    }
    if (!unknown_.empty()) {
      return {.match = Match::kUnknown, .why = std::move(unknown_)};
    }
    return {.match = Match::kNo};
  }

 private:
  void Collect(const BoundEntry& entry, DurableMatch match) {
    collected_ = true;
    if (match == DurableMatch::kYes && permitting_ == nullptr &&
        IsInTenants(entry, resource_)) {
      permitting_ = &entry;
    }
  }

  // The entry lets everything through: no other is looked at.
  bool Abandon(const BoundEntry& entry) {
    if (!IsInTenants(entry, resource_)) {
      collected_ = true;
      return false;
    }
    settled_ = DurableEntryMatch{.match = Match::kYes, .entry = &entry};
    return true;
  }

  bool Fail(uint16_t status, std::string why) {
    settled_ = DurableEntryMatch{
        .match = Match::kError, .http_status = status, .why = std::move(why)};
    return true;
  }

  const Resource& resource_;
  Scratch& scratch_;
  fhir::search::DurableEnvironment environment_;
  bool collected_ = false;
  const BoundEntry* permitting_ = nullptr;
  std::string unknown_;
  std::optional<DurableEntryMatch> settled_;
};

}  // namespace

DurableEntryMatch MatchDurably(const SubjectAccess& access,
                               const Resource& resource,
                               Interaction interaction,
                               const fhir::ResourceLookup& lookup,
                               bool honor_narrowing, Scratch& scratch) {
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  // Medplum's database does not look at Binary's criteria (semantics S-15).
  DurablePredicate predicate(access, resource, lookup, scratch);
  const auto entries = access.policy->EntriesFor(resource.type());
  bool considered = false;
  for (const BoundEntry* entry : entries) {
    if ((entry->compiled->durable_interactions & bit) == 0) continue;
    if (honor_narrowing && (entry->in_force & bit) == 0) continue;
    considered = true;
    if (resource.type() == "Binary") {
      return {.match = Match::kYes, .entry = entry};
    }
    if (predicate.Consider(*entry)) break;
  }
  // Where no entry is considered Medplum applies no predicate; in strict mode
  // nothing is granted.
  if (!considered && honor_narrowing) return {.match = Match::kNo};
  return std::move(predicate).Finish();
}

}  // namespace pdp::policy
