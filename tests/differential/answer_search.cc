#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/match.h"
#include "tests/differential/answer.h"

namespace pdp::differential {
namespace {

using fhir::JsonElement;
using fhir::search::FilterExpression;

Answer Match(std::string_view text, const fhir::Resource& resource,
             fhir::fhirpath::Scratch& scratch) {
  const auto criteria = fhir::search::ParseCriteria(text);
  if (!criteria.ok()) return {{}, criteria.status()};
  const auto matches =
      fhir::search::MatchesInMemory(*criteria, resource, scratch);
  if (!matches.ok()) return {{}, matches.status()};
  return {{*matches ? "yes" : "no"}, {}};
}

// The type, then "name eq x" for each filter: Print() without the types of the
// parameters.
Answer Parse(std::string_view text) {
  const auto criteria = fhir::search::ParseCriteria(text);
  if (!criteria.ok()) return {{}, criteria.status()};
  std::string description = criteria->resource_type;
  const std::string printed = fhir::search::Print(*criteria);
  std::string_view filters = printed;
  while (!filters.empty()) {
    const std::string_view line = filters.substr(0, filters.find('\n'));
    description += '\n';
    description += line.substr(line.find(' ') + 1);
    filters.remove_prefix(line.size() + 1);
  }
  return {{description}, {}};
}

Answer Period(std::string_view text) {
  const auto period = fhir::ToPeriod(text);
  if (!period.ok()) return {{}, period.status()};
  return {{StrCat(period->start.ToString(), " ", period->end.ToString())}, {}};
}

Answer Patients(const fhir::Resource& resource,
                fhir::fhirpath::Scratch& scratch) {
  auto patients = fhir::search::PatientsOf(resource, scratch);
  if (!patients.ok()) return {{}, patients.status()};
  return {*std::move(patients), {}};
}

std::string Print(const FilterExpression& node) {
  switch (node.kind) {
    case FilterExpression::Kind::kComparison:
      return StrCat("(", node.path, " ", node.op, " ", node.value, ")");
    case FilterExpression::Kind::kNot:
      return StrCat("not ", Print(*node.left));
    default:
      return StrCat(
          "(", Print(*node.left),
          node.kind == FilterExpression::Kind::kAnd ? " and " : " or ",
          Print(*node.right), ")");
  }
}

Answer Filter(std::string_view text) {
  const auto expression = fhir::search::ParseFilterExpression(text);
  if (!expression.ok()) return {{}, expression.status()};
  return {{Print(**expression)}, {}};
}

}  // namespace

Answer AnswerSearch(std::string_view kind, JsonElement test,
                    fhir::fhirpath::Scratch& scratch) {
  const std::string_view text = fhir::StringMember(test, "text");
  if (kind == "parse") return Parse(text);
  if (kind == "period") return Period(text);
  if (kind == "lower") return {{ToLower(text)}, {}};
  if (kind == "filter") return Filter(text);
  const auto element = fhir::Member(test, "resource");
  if (!element) return {{}, absl::InvalidArgumentError("no resource")};
  const auto resource = fhir::Resource::Parse(fhir::ToJson(*element));
  if (!resource.ok()) return {{}, resource.status()};
  if (kind == "patients") return Patients(**resource, scratch);
  if (kind == "match") {
    return Match(fhir::StringMember(test, "criteria"), **resource, scratch);
  }
  return {{}, absl::InternalError(StrCat("unknown kind ", kind))};
}

}  // namespace pdp::differential
