#include "pdp/policy/compile.h"

#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/elements_read.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::InteractionSet;

void CompileInteractions(CompiledEntry& entry) {
  const PolicyEntry& source = entry.source;
  if (source.has_interaction) {
    entry.interactions = source.interactions;
    entry.durable_interactions = source.interactions;
    return;
  }
  entry.interactions =
      source.readonly ? fhir::kReadInteractions : fhir::kAllInteractions;
  entry.durable_interactions = fhir::kAllInteractions;
}

void CompileCriteria(CompiledEntry& entry) {
  const PolicyEntry& source = entry.source;
  if (source.criteria.empty()) return;
  entry.has_criteria = true;
  entry.criteria_has_prefix =
      source.criteria.starts_with(StrCat(source.resource_type, "?"));
  absl::StatusOr<fhir::search::Criteria> criteria =
      fhir::search::ParseCriteria(source.criteria);
  entry.criteria_status = criteria.status();
  if (criteria.ok()) entry.criteria = *std::move(criteria);
  entry.is_malformed =
      !entry.criteria_has_prefix ||
      (entry.criteria_status.ok() && entry.criteria.filters.empty());
}

void CompileConstraints(CompiledEntry& entry) {
  for (const std::string& text : entry.source.write_constraints) {
    CompiledConstraint constraint;
    constraint.text = text;
    auto expression = fhir::fhirpath::Expression::Compile(text);
    constraint.status = expression.status();
    if (expression.ok()) constraint.expression = *std::move(expression);
    entry.constraints.push_back(std::move(constraint));
  }
}

void AppendList(std::string_view word, const std::vector<std::string>& items,
                std::string& out) {
  if (items.empty()) return;
  out += StrCat("  ", word);
  for (const std::string& item : items) out += StrCat(" ", item);
  out += '\n';
}

}  // namespace

std::shared_ptr<const CompiledEntry> Compile(PolicyEntry source) {
  auto entry = std::make_shared<CompiledEntry>();
  entry->source = std::move(source);
  entry->is_wildcard = entry->source.resource_type == "*";
  CompileInteractions(*entry);
  CompileCriteria(*entry);
  CompileConstraints(*entry);
  if (entry->has_criteria) {
    entry->elements = fhir::search::ElementsRead(entry->criteria);
    // It may be sound for the types that `*` stands for.
    if (!entry->criteria_status.ok()) entry->elements.AddAll();
  }
  return entry;
}

std::string Print(const CompiledEntry& entry) {
  std::string out =
      StrCat("  type ", entry.source.resource_type, "\n", "  interaction");
  for (int i = 1; i < static_cast<int>(Interaction::kPatch); ++i) {
    const auto interaction = static_cast<Interaction>(i);
    if (entry.interactions & fhir::Bit(interaction)) {
      out += StrCat(" ", fhir::InteractionName(interaction));
    }
  }
  out += '\n';
  if (!entry.source.compartment.empty()) {
    out += StrCat("  compartment ", entry.source.compartment, "\n");
  }
  if (entry.has_criteria) {
    if (!entry.criteria_status.ok()) {
      out += StrCat("  error ", entry.criteria_status.message(), "\n");
    } else {
      if (entry.criteria.resource_type != entry.source.resource_type) {
        out += StrCat("  criteria-type ", entry.criteria.resource_type, "\n");
      }
      const std::string filters = fhir::search::Print(entry.criteria);
      for (size_t from = 0; from < filters.size();) {
        const size_t end = std::min(filters.find('\n', from), filters.size());
        out += StrCat("  ", filters.substr(from, end - from), "\n");
        from = end + 1;
      }
    }
    if (entry.is_malformed) out += "  malformed\n";
  }
  for (const CompiledConstraint& constraint : entry.constraints) {
    out +=
        constraint.status.ok()
            ? StrCat("  constraint ", constraint.text, "\n")
            : StrCat("  constraint-error ", constraint.status.message(), "\n");
  }
  AppendList("hide", entry.source.hidden_fields, out);
  AppendList("readonly", entry.source.readonly_fields, out);
  return out;
}

}  // namespace pdp::policy
