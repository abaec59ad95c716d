// An AccessPolicy: parsing, compiling, binding and printing.

#include <string>
#include <string_view>

#include "pdp/policy/bind.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

using policy::Mode;

policy::BindResult Bind(
    const std::shared_ptr<const policy::CompiledPolicy>& compiled, Mode mode,
    bool admin) {
  policy::BindInput input;
  input.uses = {{compiled,
                 {{"organization", "Organization/o", /*is_reference=*/true},
                  {"name", "n", /*is_reference=*/false}},
                 0,
                 false}};
  input.profile = "Practitioner/p";
  input.project_id = "10000000-0000-4000-8000-000000000001";
  input.admin = admin;
  input.mode = mode;
  input.parameter_semantics = policy::ParameterSemantics::kServer;
  return Bind(input);
}

}  // namespace

void RunInput(std::string_view input) {
  const auto resource = fhir::Resource::Parse(input);
  if (!resource.ok()) return;
  const auto compiled = policy::CompilePolicy(**resource);
  if (!compiled.ok()) return;
  for (const auto& entry : (*compiled)->entries) {
    if (entry != nullptr) Print(*entry);
  }
  for (const bool admin : {false, true}) {
    const policy::BindResult parity = Bind(*compiled, Mode::kParity, admin);
    const policy::BindResult strict = Bind(*compiled, Mode::kStrict, admin);
    for (const policy::BindResult* result : {&parity, &strict}) {
      Require((result->policy == nullptr) == result->denial.has_value(),
              "binding gives a policy or says why not");
      if (result->policy == nullptr) continue;
      result->policy->Print();
      const auto printed = fhir::Resource::Parse(result->policy->ToJson());
      if (!printed.ok()) continue;  // Larger or deeper than a resource may be.
      const auto again = policy::CompilePolicy(**printed);
      Require(again.ok(), "an effective policy is an AccessPolicy");
    }
    Require(parity.policy != nullptr || strict.policy == nullptr,
            "strict binds nothing that parity refuses");
  }
}

}  // namespace pdp::fuzz
