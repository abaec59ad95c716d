#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/departure.h"
#include "tests/differential/answer.h"

namespace pdp::differential {
namespace {

using fhir::JsonElement;
using fhir::ResourcePtr;
using policy::Decision;
using policy::Mode;
using policy::StrictRule;

absl::StatusOr<std::vector<ResourcePtr>> ReadAll(JsonElement test,
                                                 std::string_view name) {
  std::vector<ResourcePtr> resources;
  absl::Status status;
  fhir::ForEachItem(test, name, [&](JsonElement item) {
    auto resource = fhir::Resource::Parse(fhir::ToJson(item));
    if (resource.ok()) resources.push_back(*std::move(resource));
    status.Update(resource.status());
  });
  if (!status.ok()) return status;
  return resources;
}

std::optional<std::string_view> Text(JsonElement test, std::string_view name) {
  const auto member = fhir::Member(test, name);
  return member ? fhir::AsString(*member) : std::nullopt;
}

absl::StatusOr<policy::AccessRequest> ReadRequest(JsonElement test) {
  policy::AccessRequest request;
  request.subject.reference = fhir::StringMember(test, "subject");
  const std::string_view interaction = fhir::StringMember(test, "interaction");
  request.interaction = interaction == "patch"
                            ? fhir::Interaction::kPatch
                            : fhir::ParseInteraction(interaction)
                                  .value_or(fhir::Interaction::kUnspecified);
  request.context.smart_scope = Text(test, "smartScope");
  request.context.launch_patient = Text(test, "launchPatient");
  request.context.remote_address = Text(test, "remoteAddress");
  request.context.on_behalf_of = Text(test, "onBehalfOf");
  request.context.extended_mode =
      fhir::BoolMember(test, "extended").value_or(false);
  if (fhir::BoolMember(test, "basic").value_or(false)) {
    request.context.authentication = policy::Authentication::kBasic;
  }
  request.resource.type = fhir::StringMember(test, "type");
  request.resource.id = fhir::StringMember(test, "id");
  request.resource.version_id = fhir::StringMember(test, "versionId");
  if (const auto proposed = fhir::Member(test, "proposed")) {
    auto resource = fhir::Resource::Parse(fhir::ToJson(*proposed));
    if (!resource.ok()) return resource.status();
    request.resource.proposed = *std::move(resource);
  }
  return request;
}

bool HidesAll(const Decision& decision,
              const std::vector<std::string_view>& fields) {
  return std::all_of(fields.begin(), fields.end(), [&](std::string_view field) {
    return std::find(decision.hidden_fields.begin(),
                     decision.hidden_fields.end(),
                     field) != decision.hidden_fields.end();
  });
}

StrictRule RuleOf(const Decision& strict) {
  return policy::DepartureOf(strict.notes);
}

// What is wrong with the pair; empty for nothing.
std::string Complaint(const Decision& parity, const Decision& strict) {
  if (strict.permitted() && !parity.permitted()) {
    return StrCat("strict permits what parity denies: ", parity.message);
  }
  const bool departs = RuleOf(strict) != StrictRule::kUnspecified;
  if (parity.permitted() && !strict.permitted() && !departs) {
    return StrCat("strict denies and names no rule: ", strict.message);
  }
  if (!parity.permitted() && departs) {
    return StrCat("strict names a rule where parity denies, too: ",
                  parity.message);
  }
  if (strict.permitted() && !HidesAll(strict, parity.hidden_fields)) {
    return "strict shows fields that parity hides";
  }
  return "";
}

}  // namespace

Answer AnswerModes(JsonElement test) {
  auto live = ReadAll(test, "live");
  auto versions = ReadAll(test, "versions");
  auto request = ReadRequest(test);
  for (const absl::Status& status :
       {live.status(), versions.status(), request.status()}) {
    if (!status.ok()) return {{}, status};
  }
  const fhir::MemoryLookup lookup(*std::move(live), *std::move(versions));
  Decision decisions[2];
  absl::Status statuses[2];
  const Mode modes[] = {Mode::kParity, Mode::kStrict};
  for (size_t i = 0; i < 2; ++i) {
    const policy::DecisionPoint decision_point(
        lookup, {.mode = modes[i],
                 .parameter_semantics = policy::ParameterSemantics::kServer});
    statuses[i] = decision_point.Decide(*request, decisions[i]).status;
  }
  // Without a decision nothing is permitted.
  if (!statuses[1].ok()) return {{"consistent"}, {}, "no decision"};
  if (!statuses[0].ok()) {
    return {{StrCat("only strict decides: ", statuses[0].message())}, {}};
  }
  const auto& [parity, strict] = decisions;
  const std::string complaint = Complaint(parity, strict);
  if (!complaint.empty()) return {{complaint}, {}};
  if (!parity.permitted()) return {{"consistent"}, {}, "both deny"};
  const StrictRule rule = RuleOf(strict);
  if (rule == StrictRule::kUnspecified) {
    return {{"consistent"}, {}, "both permit"};
  }
  return {
      {"consistent"},
      {},
      StrCat(strict.permitted() ? "strict hides more by " : "strict denies by ",
             policy::StrictRuleName(rule))};
}

}  // namespace pdp::differential
