// Entries beside one another: the first that matches decides on fields and
// constraints (semantics S-18.1).

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/lint_report.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {

using fhir::Interaction;

namespace {

// Past this many entries of a policy they are not compared with one another.
constexpr size_t kMaxCompared = 1'000;

fhir::InteractionSet GrantedBy(const PolicyEntry& entry) {
  if (entry.has_interaction) return entry.interactions;
  return entry.readonly ? fhir::kReadInteractions : fhir::kAllInteractions;
}

bool IsUnconditional(const PolicyEntry& entry) {
  return entry.criteria.empty() && entry.compartment_json.empty();
}

// Whether whatever `later` is for, `earlier` is for too.
bool CoversType(const PolicyEntry& earlier, const PolicyEntry& later) {
  if (earlier.resource_type == later.resource_type) return true;
  return earlier.resource_type == "*" &&
         !IsProjectAdminType(later.resource_type);
}

bool AreIn(const std::vector<std::string>& items,
           const std::vector<std::string>& others) {
  return std::all_of(items.begin(), items.end(), [&](const std::string& item) {
    return std::find(others.begin(), others.end(), item) != others.end();
  });
}

std::string EntryAt(size_t index) { return StrCat("resource[", index, "]"); }

void Compare(const std::vector<PolicyEntry>& entries, size_t first,
             size_t second, LintReport& report) {
  const PolicyEntry& earlier = entries[first];
  const PolicyEntry& later = entries[second];
  if (!CoversType(earlier, later)) return;
  const fhir::InteractionSet common = GrantedBy(earlier) & GrantedBy(later);
  const std::string what = StrCat("Beside `", EntryAt(second), "`.");
  if ((common & fhir::kReadInteractions) != 0 &&
      !AreIn(later.hidden_fields, earlier.hidden_fields)) {
    report.Add(LintRule::kEntryHidesLess, EntryAt(first), what);
  }
  const fhir::InteractionSet writes =
      fhir::Bit(Interaction::kCreate) | fhir::Bit(Interaction::kUpdate);
  if ((common & writes) != 0 &&
      !AreIn(later.write_constraints, earlier.write_constraints)) {
    report.Add(LintRule::kEntryConstrainsLess, EntryAt(first), what);
  }
}

// The first entry before `index` that leaves it nothing to decide; `index`:
// none.
size_t ShadowOf(const std::vector<PolicyEntry>& entries, size_t index) {
  const PolicyEntry& entry = entries[index];
  for (size_t i = 0; i < index; ++i) {
    const bool is_same = entries[i].criteria == entry.criteria &&
                         entries[i].compartment == entry.compartment &&
                         entries[i].resource_type == entry.resource_type;
    if (CoversType(entries[i], entry) &&
        (is_same || IsUnconditional(entries[i])) &&
        (GrantedBy(entry) & ~GrantedBy(entries[i])) == 0) {
      return i;
    }
  }
  return index;
}

void LintWrites(const std::vector<PolicyEntry>& entries, LintReport& report) {
  const fhir::InteractionSet later_steps =
      fhir::Bit(Interaction::kUpdate) | fhir::Bit(Interaction::kDelete);
  for (size_t i = 0; i < entries.size(); ++i) {
    const PolicyEntry& entry = entries[i];
    if ((GrantedBy(entry) & later_steps) == 0) continue;
    const bool is_readable = std::any_of(
        entries.begin(), entries.end(), [&](const PolicyEntry& other) {
          return (CoversType(other, entry) || entry.resource_type == "*") &&
                 (GrantedBy(other) & fhir::Bit(Interaction::kRead)) != 0;
        });
    if (!is_readable) {
      report.Add(LintRule::kWriteWithoutRead, EntryAt(i),
                 StrCat("`", entry.resource_type, "`."));
    }
  }
}

}  // namespace

void LintOrder(const std::vector<PolicyEntry>& entries, LintReport& report) {
  LintWrites(entries, report);
  const size_t compared = std::min(entries.size(), kMaxCompared);
  for (size_t i = 0; i < compared; ++i) {
    const size_t shadow = ShadowOf(entries, i);
    if (shadow != i) {
      report.Add(LintRule::kEntryUnreachable, EntryAt(i),
                 StrCat("After `", EntryAt(shadow), "`."));
    }
    for (size_t j = i + 1; j < compared; ++j) Compare(entries, i, j, report);
  }
}

}  // namespace pdp::policy
