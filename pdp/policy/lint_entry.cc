// An entry by itself: its type, what it grants, its fields and constraints.

#include <algorithm>
#include <optional>
#include <string>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/policy/compile.h"
#include "pdp/policy/lint_report.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {

using fhir::Interaction;

namespace {

bool IsOfPatients(std::string_view type) {
  return type == "Patient" ||
         !fhir::search::PatientCompartmentCodes(type).empty();
}

void LintType(const PolicyEntry& entry, std::string_view path,
              LintReport& report) {
  const std::string& type = entry.resource_type;
  const std::string at = StrCat(path, ".resourceType");
  if (type == "*") return;
  if (!fhir::IsResourceType(type)) {
    report.Add(LintRule::kTypeUnknown, at, StrCat("`", type, "`."));
  } else if (IsProtectedType(type)) {
    report.Add(LintRule::kTypeProtected, at, StrCat("`", type, "`."));
  } else if (IsProjectAdminType(type)) {
    report.Add(LintRule::kTypeAdministrative, at, StrCat("`", type, "`."));
  }
}

void LintGrant(const PolicyEntry& entry, std::string_view path,
               LintReport& report) {
  if (entry.interaction_is_empty_list) {
    report.Add(LintRule::kInteractionEmpty, StrCat(path, ".interaction"), "");
  }
  for (const std::string& name : entry.interaction_names) {
    if (!fhir::ParseInteraction(name)) {
      report.Add(LintRule::kInteractionUnknown, StrCat(path, ".interaction"),
                 StrCat("`", name, "`."));
    }
  }
  if (entry.has_readonly && entry.has_interaction) {
    report.Add(LintRule::kReadonlyIgnored, StrCat(path, ".readonly"), "");
  }
  if (!entry.compartment_json.empty()) {
    report.Add(entry.criteria.empty() ? LintRule::kCompartmentDeprecated
                                      : LintRule::kCompartmentOverCriteria,
               StrCat(path, ".compartment"), "");
    return;
  }
  if (!entry.criteria.empty()) return;
  if (entry.resource_type == "*") {
    report.Add(LintRule::kGrantEverything, path,
               "An entry for `*` without criteria.");
  } else if (IsOfPatients(entry.resource_type)) {
    report.Add(LintRule::kGrantWholeType, path,
               StrCat("`", entry.resource_type, "` without criteria."));
  }
}

// Whether the elements are there; nothing where the definitions do not tell.
std::optional<bool> HasField(std::string_view type, std::string_view field) {
  fhir::TypeId at = fhir::FindType(type);
  while (true) {
    if (at == fhir::TypeId::kUnknown) return std::nullopt;
    const size_t dot = std::min(field.find('.'), field.size());
    std::string_view name = field.substr(0, dot);
    const bool is_choice = name.ends_with("[x]");
    if (is_choice) name.remove_suffix(3);
    const fhir::ElementInfo* element = fhir::FindElement(at, name);
    if (element == nullptr) {
      // `valueString`: one choice of an element by its own name.
      for (size_t end = name.size(); end > 0 && element == nullptr; --end) {
        element = fhir::FindElement(at, name.substr(0, end));
        if (element != nullptr && !element->is_choice) return false;
      }
      if (element == nullptr) return false;
    } else if (is_choice != element->is_choice) {
      return false;
    }
    if (dot == field.size()) return true;
    if (element->types.size() != 1) return std::nullopt;
    at = element->types.front();
    field.remove_prefix(dot + 1);
  }
}

void LintFields(const PolicyEntry& entry, std::string_view path,
                LintReport& report) {
  if (entry.fields_are_broken) {
    report.Add(LintRule::kFieldsBroken, path, "");
  }
  const auto look = [&](const std::vector<std::string>& fields,
                        std::string_view list) {
    for (const std::string& field : fields) {
      const std::string at = StrCat(path, ".", list);
      if (fhir::IsResourceType(entry.resource_type) &&
          HasField(entry.resource_type, field) == false) {
        report.Add(LintRule::kFieldUnknown, at, StrCat("`", field, "`."));
        continue;
      }
      const bool writes =
          entry.interaction_names.empty()
              ? !entry.readonly
              : (entry.interactions & fhir::Bit(Interaction::kUpdate)) != 0;
      if (writes && (field.find('.') != std::string::npos ||
                     field.find("[x]") != std::string::npos)) {
        report.Add(LintRule::kFieldErased, at, StrCat("`", field, "`."));
      }
    }
  };
  look(entry.hidden_fields, "hiddenFields");
  look(entry.readonly_fields, "readonlyFields");
}

void LintConstraints(const CompiledEntry& entry, std::string_view path,
                     LintReport& report) {
  for (size_t i = 0; i < entry.constraints.size(); ++i) {
    const CompiledConstraint& constraint = entry.constraints[i];
    if (constraint.status.ok()) continue;
    report.Add(
        LintRule::kConstraintUnreadable,
        StrCat(path, ".writeConstraint[", i, "].expression"),
        StrCat("`", constraint.text, "`: ", constraint.status.message(), "."));
  }
  const fhir::InteractionSet writes =
      fhir::Bit(Interaction::kCreate) | fhir::Bit(Interaction::kUpdate);
  if (!entry.constraints.empty() && (entry.interactions & writes) == 0) {
    report.Add(LintRule::kConstraintUnused, StrCat(path, ".writeConstraint"),
               "");
  }
}

}  // namespace

void LintEntry(const PolicyEntry& entry, std::string_view path,
               LintReport& report) {
  LintType(entry, path, report);
  LintGrant(entry, path, report);
  LintCriteria(entry, StrCat(path, ".criteria"), report);
  LintFields(entry, path, report);
  LintConstraints(*Compile(entry), path, report);
}

}  // namespace pdp::policy
