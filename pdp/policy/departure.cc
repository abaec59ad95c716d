#include "pdp/policy/departure.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pdp::policy {
namespace {

using fhir::Interaction;

constexpr std::string_view kPermitted = "Medplum would permit this";
constexpr std::string_view kShown =
    "Medplum would show fields that are hidden here";
constexpr std::string_view kWider = "Medplum's own search would find more";

void SetDeparture(StrictRule rule, std::string_view text,
                  std::vector<Note>& notes) {
  notes.push_back({.code = NoteCode::kStrictRule,
                   .strict_rule = rule,
                   .text = std::string(text)});
}

void RemoveDepartures(std::vector<Note>& notes) {
  std::erase_if(notes, [](const Note& note) {
    return note.code == NoteCode::kStrictRule;
  });
}

// Denied for want of facts: Medplum has them and may permit.
bool IsUndecided(Reason reason) {
  return reason == Reason::kResourceUnavailable || reason == Reason::kInternal;
}

bool IsNarrowed(const BoundEntry& entry, Interaction interaction) {
  const Interaction granted =
      interaction == Interaction::kPatch ? Interaction::kUpdate : interaction;
  return (entry.in_force & fhir::Bit(granted)) == 0;
}

// Where several entries are out of force, the rule that matters is that of the
// one through which Medplum permits.
StrictRule RuleOfPermittingEntry(const Decision& medplum,
                                 const Decision& strict,
                                 Interaction interaction, StrictRule rule) {
  if (medplum.entry == nullptr || strict.policy == nullptr) return rule;
  const std::vector<BoundEntry>& theirs = medplum.policy->entries();
  const std::vector<BoundEntry>& ours = strict.policy->entries();
  const auto index = static_cast<size_t>(medplum.entry - theirs.data());
  if (index >= ours.size()) return rule;
  const bool is_by_narrowing = std::any_of(
      ours.begin(), ours.end(),
      [&](const BoundEntry& entry) { return entry.narrowed_by == rule; });
  return is_by_narrowing && IsNarrowed(ours[index], interaction)
             ? ours[index].narrowed_by
             : rule;
}

template <typename Fields, typename OtherFields>
bool Covers(const Fields& fields, const OtherFields& others) {
  return std::all_of(others.begin(), others.end(), [&](const auto& other) {
    return std::find(fields.begin(), fields.end(), other) != fields.end();
  });
}

// Null where `decision` does not list the version.
const VersionFields* FindVersion(const Decision& decision,
                                 std::string_view version_id) {
  const auto found = std::find_if(
      decision.versions.begin(), decision.versions.end(),
      [&](const VersionFields& v) { return v.version_id == version_id; });
  return found == decision.versions.end() ? nullptr : &*found;
}

// Whether everything that `other` hides is hidden by `decision`.  A version
// that is not listed has the fields of the whole.
bool HidesAllOf(const Decision& decision, const Decision& other) {
  if (!Covers(decision.hidden_fields, other.hidden_fields)) return false;
  const auto covers_version = [&](std::string_view id) {
    const VersionFields* ours = FindVersion(decision, id);
    const VersionFields* theirs = FindVersion(other, id);
    if (ours != nullptr && theirs != nullptr) {
      return Covers(ours->hidden_fields, theirs->hidden_fields);
    }
    return ours != nullptr
               ? Covers(ours->hidden_fields, other.hidden_fields)
               : Covers(decision.hidden_fields, theirs->hidden_fields);
  };
  return std::all_of(decision.versions.begin(), decision.versions.end(),
                     [&](const VersionFields& version) {
                       return covers_version(version.version_id);
                     }) &&
         std::all_of(other.versions.begin(), other.versions.end(),
                     [&](const VersionFields& version) {
                       return covers_version(version.version_id);
                     });
}

}  // namespace

StrictRule DepartureOf(const std::vector<Note>& notes) {
  const auto found = std::find_if(
      notes.rbegin(), notes.rend(),
      [](const Note& note) { return note.code == NoteCode::kStrictRule; });
  return found == notes.rend() ? StrictRule::kUnspecified : found->strict_rule;
}

void LeaveMedplumOpen(std::vector<Note>& notes, uint16_t& medplum_http_status) {
  RemoveDepartures(notes);
  medplum_http_status = 0;
}

StrictRule SuspectedRule(const Decision& strict, Interaction interaction,
                         std::string_view type) {
  const StrictRule noted = DepartureOf(strict.notes);
  if (noted != StrictRule::kUnspecified) return noted;
  // An entry out of force can change a denial without being named: an error
  // that Medplum would not have come to, for one.  A permit to search may come
  // from passing over an entry whose error Medplum would answer.
  const bool may_differ =
      !strict.permitted() || interaction == Interaction::kSearch;
  if (!may_differ || strict.policy == nullptr ||
      strict.policy->narrowed_entry() == nullptr) {
    return StrictRule::kUnspecified;
  }
  for (const BoundEntry* entry : strict.policy->EntriesFor(type)) {
    if (IsNarrowed(*entry, interaction)) return entry->narrowed_by;
  }
  return strict.policy->narrowed_entry()->narrowed_by;
}

bool Reconcile(Decision medplum, Interaction interaction, StrictRule suspected,
               Decision& strict) {
  if (!medplum.permitted()) {
    if (IsUndecided(medplum.reason) && !strict.permitted()) {
      LeaveMedplumOpen(strict.notes, strict.medplum_http_status);
      return false;
    }
    strict = std::move(medplum);
    return true;
  }
  RemoveDepartures(strict.notes);
  strict.medplum_http_status = medplum.medplum_http_status;
  if (!strict.permitted()) {
    SetDeparture(RuleOfPermittingEntry(medplum, strict, interaction, suspected),
                 kPermitted, strict.notes);
    return false;
  }
  if (!HidesAllOf(strict, medplum)) {
    // Never seen; a wrong denial is better than a leak.
    strict = Decision();
    strict.message = "the two modes disagree on what is hidden";
    return false;
  }
  if (!HidesAllOf(medplum, strict)) {
    SetDeparture(suspected, kShown, strict.notes);
  }
  return false;
}

std::vector<StrictRule> SuspectedRules(const FilterAnswer& strict,
                                       const BoundPolicy* policy,
                                       std::string_view type) {
  std::vector<StrictRule> rules;
  const auto add = [&](StrictRule rule) {
    if (rule != StrictRule::kUnspecified &&
        std::find(rules.begin(), rules.end(), rule) == rules.end()) {
      rules.push_back(rule);
    }
  };
  add(DepartureOf(strict.notes));
  if (policy == nullptr || policy->narrowed_entry() == nullptr) return rules;
  for (const BoundEntry* entry : policy->EntriesFor(type)) {
    if (IsNarrowed(*entry, Interaction::kSearch)) add(entry->narrowed_by);
  }
  // Entries of other types decide where a chain may lead.
  if (rules.empty()) add(policy->narrowed_entry()->narrowed_by);
  return rules;
}

void Reconcile(FilterAnswer medplum, const std::vector<StrictRule>& suspected,
               FilterAnswer& strict) {
  const auto permits = [](const FilterAnswer& answer) {
    return answer.kind == FilterKind::kAlwaysPermitted ||
           answer.kind == FilterKind::kConditional;
  };
  // Filter refuses such a query in both modes; Medplum does not.
  const bool refuses_query = medplum.reason == Reason::kQueryNotSafe;
  if (!permits(medplum) && !(refuses_query && !permits(strict))) {
    strict = std::move(medplum);
    return;
  }
  RemoveDepartures(strict.notes);
  strict.medplum_http_status = medplum.medplum_http_status;
  if (!permits(strict)) {
    SetDeparture(suspected.front(), kPermitted, strict.notes);
    return;
  }
  if (strict.queries == medplum.queries) return;
  for (const StrictRule rule : suspected) {
    SetDeparture(rule, kWider, strict.notes);
  }
}

}  // namespace pdp::policy
