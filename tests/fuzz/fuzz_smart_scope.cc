// A SMART scope string: parsing, and narrowing a policy by it.

#include <string>
#include <string_view>

#include "pdp/policy/smart_scopes.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/world.h"

namespace pdp::fuzz {
namespace {

using policy::Mode;

testing::World MakeWorld(Mode mode) {
  return testing::World(
      testing::Clinic(
          "[{'resourceType':'Patient','criteria':'Patient?gender=female'},"
          "{'resourceType':'Observation','interaction':['read','create'],"
          "'criteria':'Observation?status=final'},"
          "{'resourceType':'Task','readonly':true},"
          "{'resourceType':'*','interaction':['read','update'],"
          "'criteria':'*?_compartment=Patient/$PATIENT'}]"),
      mode, policy::ParameterSemantics::kServer);
}

policy::Decision Decide(testing::World& world, fhir::Interaction interaction,
                        std::string_view type,
                        std::optional<std::string_view> scope) {
  static const auto* const current = new auto(
      testing::Json("{'resourceType':'Task','id':'t','meta':{'project':"
                    "'$PROJECT'},'for':{'reference':'Patient/$PATIENT'}}"));
  static const auto* const proposed = new auto(testing::Json(
      "{'resourceType':'Observation','status':'final','subject':{'reference':"
      "'Patient/$PATIENT'},'meta':{'project':'$PROJECT'}}"));
  policy::AccessRequest request;
  request.interaction = interaction;
  request.context.smart_scope = scope;
  request.context.launch_patient =
      "Patient/30000000-0000-4000-8000-000000000001";
  request.resource.type = type;
  if (type == "Patient") request.resource.id = testing::kPatient;
  if (type == "Task") {
    request.resource.id = "t";
    request.resource.current = *current;
    request.resource.proposed = *current;
  }
  if (type == "Observation") request.resource.proposed = *proposed;
  return world.Decide(request);
}

}  // namespace

void RunInput(std::string_view input) {
  for (const policy::SmartScope& scope : policy::ParseSmartScopes(input)) {
    Require(scope.permissions.find_first_not_of("cruds") == std::string::npos,
            "permissions are letters of `cruds`");
  }
  static auto* const parity = new testing::World(MakeWorld(Mode::kParity));
  static auto* const strict = new testing::World(MakeWorld(Mode::kStrict));
  const std::pair<fhir::Interaction, std::string_view> questions[] = {
      {fhir::Interaction::kRead, "Patient"},
      {fhir::Interaction::kSearch, "Patient"},
      {fhir::Interaction::kUpdate, "Task"},
      {fhir::Interaction::kRead, "Task"},
      {fhir::Interaction::kCreate, "Observation"}};
  for (const auto& [interaction, type] : questions) {
    const bool by_strict =
        Decide(*strict, interaction, type, input).permitted();
    const bool by_parity =
        Decide(*parity, interaction, type, input).permitted();
    const bool without_scope =
        Decide(*strict, interaction, type, std::nullopt).permitted();
    Require(by_parity || !by_strict, "strict permits no more than parity");
    Require(without_scope || !by_strict, "a scope permits nothing more");
  }
}

}  // namespace pdp::fuzz
