#include "clients/pdpctl/provision/print_plan.h"

#include <array>

#include "clients/pdpctl/provision/record.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {

std::string ToText(const ProjectPlan& plan) {
  std::string text = StrCat(
      plan.environment, ": Project/", plan.project,
      plan.organization.empty() ? "" : StrCat(" of ", plan.organization), "\n");
  std::array<int, 6> counts{};
  int widening = 0;
  for (const Step& step : plan.steps) {
    ++counts[static_cast<size_t>(step.action)];
    if (step.action == Action::kUnchanged) continue;
    widening += step.widens ? 1 : 0;
    const std::string_view name = ActionName(step.action);
    text +=
        StrCat("  ", name, std::string(10 - name.size(), ' '), TargetOf(step));
    if (!step.reference.empty() && !step.key.empty()) {
      text += StrCat(" (", step.reference, ")");
    }
    if (step.widens) text += "  ADDS ACCESS";
    text += "\n";
    if (!step.reason.empty()) text += StrCat("      ", step.reason, "\n");
    for (const std::string& change : step.changes) {
      text += StrCat("      ", change, "\n");
    }
  }
  const auto count = [&](Action action) {
    return counts[static_cast<size_t>(action)];
  };
  return StrCat(text, "  ", count(Action::kCreate), " to create, ",
                count(Action::kUpdate), " to update, ", count(Action::kDelete),
                " to delete, ", count(Action::kUnmanaged), " unmanaged, ",
                count(Action::kConflict), " in conflict, ",
                count(Action::kUnchanged), " unchanged; ", widening,
                " may add access\n");
}

std::string ToJsonLine(const ProjectPlan& plan) {
  std::string json =
      StrCat("{\"environment\":", fhir::QuoteJson(plan.environment),
             ",\"project\":", fhir::QuoteJson(plan.project));
  if (!plan.organization.empty()) {
    json += StrCat(",\"organization\":", fhir::QuoteJson(plan.organization));
  }
  json += ",\"steps\":[";
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    json += StrCat(i == 0 ? "" : ",", "{", StepMembers(plan.steps[i]), "}");
  }
  return json + "]}\n";
}

}  // namespace pdp::provision
