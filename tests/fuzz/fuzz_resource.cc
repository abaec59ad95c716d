// A resource: parsing, editing, removing fields, compartments, and every search
// parameter of its type.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/test_support.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/json_scan.h"
#include "pdp/fhir/required_elements.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/fhir/search/path_plan.h"
#include "pdp/fhir/search/search_parameter.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

// Paths to the members of `element`, with and without their choice's `[x]`.
void CollectPaths(fhir::JsonElement element, const std::string& prefix,
                  int depth, std::vector<std::string>& paths) {
  if (fhir::JsonArray array; element.get(array) == simdjson::SUCCESS) {
    for (const fhir::JsonElement item : array) {
      CollectPaths(item, prefix, depth, paths);
    }
    return;
  }
  fhir::JsonObject object;
  if (element.get(object) != simdjson::SUCCESS) return;
  for (const auto& [name, value] : object) {
    if (paths.size() >= 24) return;
    std::string path = prefix + std::string(name);
    paths.push_back(path);
    const size_t choice = name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (choice != std::string_view::npos && choice > 0) {
      paths.push_back(prefix + std::string(name.substr(0, choice)) + "[x]");
    }
    if (depth < 3) CollectPaths(value, path + ".", depth + 1, paths);
  }
}

void RemoveFieldsOf(const fhir::Resource& resource) {
  std::vector<std::string> paths;
  CollectPaths(resource.root(), "", 0, paths);
  for (const std::string& path : paths) {
    const std::string_view one[] = {path};
    fhir::MissingRequiredElement(resource.root(), path);
    const auto removal = fhir::RemoveFields(resource.json(), one);
    if (!removal.ok()) continue;
    simdjson::dom::parser parser;
    fhir::JsonElement rest;
    const simdjson::padded_string text(removal->json);
    Require(parser.parse(text).get(rest) == simdjson::SUCCESS,
            "what is left of a resource is JSON");
    const auto again = fhir::RemoveFields(removal->json, one);
    Require(again.ok() && again->removed == 0,
            "no field is left to remove after it was removed");
  }
  const std::vector<std::string_view> all(paths.begin(), paths.end());
  (void)fhir::RemoveFields(resource.json(), all);
}

// What there is to be seen of the values.  A plan may give one twice.
std::set<std::string> TextsOf(const fhir::fhirpath::Collection& values) {
  std::set<std::string> texts;
  for (const fhir::fhirpath::Value& value : values) {
    texts.insert(StrCat(fhir::TypeName(value.type()), " ",
                        fhir::fhirpath::DescribeValue(value)));
  }
  return texts;
}

void FindValuesOf(const fhir::Resource& resource) {
  fhir::fhirpath::Scratch scratch;
  for (const auto* parameter :
       fhir::search::SearchParametersOf(resource.type())) {
    scratch.Reset();
    (void)fhir::search::ValuesOf(*parameter, resource, scratch);

    const auto plan =
        fhir::search::PathPlan::Make(resource.type(), parameter->expression);
    fhir::fhirpath::Collection walked;
    if (!plan || !plan->Collect(resource.root(), walked)) continue;
    const auto expression =
        fhir::fhirpath::Expression::Compile(parameter->expression);
    Require(expression.ok(), "an expression that has a plan compiles");
    const auto evaluated =
        (*expression)
            ->Evaluate(fhir::fhirpath::RootOf(resource.root()), {}, scratch);
    Require(evaluated.ok(), "what a plan finds, the engine finds");
    Require(TextsOf(walked) == TextsOf(*evaluated),
            StrCat("the plan of `", parameter->code,
                   "` finds what the engine does"));
  }
}

void MatchesOf(const fhir::Resource& resource) {
  fhir::fhirpath::Scratch scratch;
  for (const auto* parameter :
       fhir::search::SearchParametersOf(resource.type())) {
    const auto filter = fhir::search::ParseFilter(
        resource.type(), std::string(parameter->code) + ":missing", "false");
    if (!filter.ok()) continue;
    fhir::search::Criteria criteria;
    criteria.resource_type = resource.type();
    criteria.filters.push_back(*filter);
    scratch.Reset();
    fhir::search::MatchesDurably(criteria, resource, {}, scratch);
  }
}

}  // namespace

void RunInput(std::string_view input) {
  const auto resource = fhir::Resource::Parse(input);
  const auto fault = fhir::FindJsonFault(input, fhir::ParseLimits().max_depth);
  if (!resource.ok()) return;
  Require(!fault.has_value(), "a resource that parses has no fault");

  const std::string text = fhir::ToJson((*resource)->root());
  const auto again = fhir::Resource::Parse(text);
  Require(again.ok(), "a printed resource parses");
  Require(fhir::ToJson((*again)->root()) == text, "printing is stable");
  Require(fhir::IsSameContent((*resource)->root(), (*again)->root()),
          "a printed resource has the same content");
  const std::string edited = fhir::EditObject(
      (*resource)->root(), {{"id", "\"x\""}, {"meta", ""}, {"new", "[1]"}});
  Require(fhir::Resource::Parse(edited).ok(), "an edited resource parses");

  fhir::fhirpath::Scratch scratch;
  (void)fhir::search::PatientsOf(**resource, scratch);
  (void)fhir::search::CompartmentsOf(**resource, scratch);
  RemoveFieldsOf(**resource);
  FindValuesOf(**resource);
  MatchesOf(**resource);
}

}  // namespace pdp::fuzz
