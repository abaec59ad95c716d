// The parameters of a membership.  The input is one parameter a line, written
// `name=value` or, with a reference for its value, `name@value`; after an empty
// line follow the criteria of an entry, and after a line break its constraint.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/policy/bind.h"
#include "pdp/policy/parameters.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

using policy::Mode;
using policy::Parameter;
using policy::ParameterSemantics;

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<Parameter> TakeParameters(std::string_view& text) {
  std::vector<Parameter> parameters;
  while (!text.empty() && parameters.size() < 100) {
    const std::string_view line = TakeLine(text);
    const size_t separator = line.find_first_of("=@");
    if (separator == std::string_view::npos) break;
    parameters.push_back({std::string(line.substr(0, separator)),
                          std::string(line.substr(separator + 1)),
                          line[separator] == '@'});
  }
  return parameters;
}

std::shared_ptr<const policy::CompiledPolicy> Compile(
    std::string_view criteria, std::string_view constraint) {
  const auto resource = fhir::Resource::Parse(
      StrCat(R"({"resourceType":"AccessPolicy","id":"p","resource":[)",
             R"({"resourceType":"Task","interaction":["read"],"criteria":)",
             fhir::QuoteJson(criteria), R"(},{"resourceType":"Observation",)",
             R"("writeConstraint":[{"language":"text/fhirpath","expression":)",
             fhir::QuoteJson(constraint), "}]}]}"));
  if (!resource.ok()) return nullptr;  // Not UTF-8.
  const auto compiled = policy::CompilePolicy(**resource);
  Require(compiled.ok(), "a policy with any texts compiles");
  return *compiled;
}

policy::BindResult Bind(
    const std::shared_ptr<const policy::CompiledPolicy>& compiled,
    std::vector<Parameter> parameters, Mode mode,
    ParameterSemantics semantics) {
  policy::BindInput input;
  input.uses = {{compiled, std::move(parameters), 1, false}};
  input.profile = "Practitioner/p";
  input.project_id = "10000000-0000-4000-8000-000000000001";
  input.mode = mode;
  input.parameter_semantics = semantics;
  return Bind(input);
}

std::vector<const policy::CompiledEntry*> EntriesOf(
    const policy::BindResult& result) {
  std::vector<const policy::CompiledEntry*> entries;
  for (const policy::BoundEntry& entry : result.policy->entries()) {
    if (entry.source.policy.empty()) continue;  // One of Medplum's own.
    entries.push_back(entry.compiled.get());
  }
  return entries;
}

// In strict mode a value fills a place and changes nothing else: the bound
// entries test what they would with harmless values.
void ExpectStructureOf(const policy::BindResult& harmless,
                       const policy::BindResult& strict) {
  const auto expected = EntriesOf(harmless);
  const auto bound = EntriesOf(strict);
  Require(expected.size() == bound.size(), "as many entries");
  for (size_t i = 0; i < bound.size(); ++i) {
    Require(expected[i]->source.resource_type == bound[i]->source.resource_type,
            "entries for the same types");
    Require(expected[i]->interactions == bound[i]->interactions,
            "entries for the same interactions");
    if (!bound[i]->criteria_status.ok() || bound[i]->is_malformed ||
        !expected[i]->criteria_status.ok()) {
      continue;
    }
    const auto& filters = bound[i]->criteria.filters;
    Require(expected[i]->criteria.filters.size() <= filters.size(),
            "a value takes no filter away");
  }
}

}  // namespace

void RunInput(std::string_view input) {
  std::string_view text = input;
  const std::vector<Parameter> parameters = TakeParameters(text);
  const std::string_view criteria = TakeLine(text);
  const auto compiled = Compile(criteria, text);
  if (compiled == nullptr) return;

  const auto parity =
      Bind(compiled, parameters, Mode::kParity, ParameterSemantics::kServer);
  const auto strict =
      Bind(compiled, parameters, Mode::kStrict, ParameterSemantics::kServer);
  const auto documented = Bind(compiled, parameters, Mode::kStrict,
                               ParameterSemantics::kDocumented);
  if (documented.policy != nullptr) documented.policy->ToJson();
  if (parity.policy != nullptr) parity.policy->ToJson();
  if (strict.policy == nullptr) return;
  Require(parity.policy != nullptr, "strict binds nothing that parity refuses");

  std::vector<Parameter> harmless = parameters;
  for (Parameter& parameter : harmless) {
    if (!parameter.value.empty()) parameter.value = "Organization/o";
  }
  const auto expected =
      Bind(compiled, harmless, Mode::kStrict, ParameterSemantics::kServer);
  if (expected.policy != nullptr) ExpectStructureOf(expected, strict);
}

}  // namespace pdp::fuzz
