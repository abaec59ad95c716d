#include "pdp/fhir/search/search_include.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_column.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Value;

absl::StatusOr<const SearchParameter*> ParameterOf(const Include& include) {
  const SearchParameter* const parameter =
      FindSearchParameter(include.resource_type, include.code);
  if (parameter != nullptr) return parameter;
  return absl::InvalidArgumentError(StrCat("invalid include parameter `",
                                           include.resource_type, ":",
                                           include.code, "`"));
}

// The parameter to evaluate on resources of `resource_type`.  Medplum evaluates
// the include's own expression on all of them, so that one which speaks of
// several types finds something in each.  Null: it finds nothing.
absl::StatusOr<const SearchParameter*> ParameterFor(
    std::string_view resource_type, const SearchParameter& parameter) {
  if (resource_type == parameter.resource_type) return &parameter;
  const SearchParameter* const same =
      FindSearchParameter(resource_type, parameter.code);
  if (same != nullptr && same->expression == parameter.expression) return same;
  if (parameter.expression.find(StrCat(resource_type, ".")) ==
      std::string_view::npos) {
    return nullptr;
  }
  return absl::UnimplementedError(StrCat("what `", parameter.resource_type, ":",
                                         parameter.code, "` includes from ",
                                         resource_type, " is not known"));
}

bool IsCanonical(const Value& value) {
  static const TypeId kCanonical = FindType("canonical");
  static const TypeId kUri = FindType("uri");
  return value.kind() == Value::Kind::kString &&
         (value.type() == kCanonical || value.type() == kUri);
}

void AppendTarget(const Value& value, IncludeTargets& targets) {
  if (IsCanonical(value)) {
    targets.urls.emplace_back(value.string());
  } else if (value.kind() == Value::Kind::kObject) {
    // A version is not followed to its resource.
    const auto key =
        ResourceKey::Parse(StringMember(value.object(), "reference"));
    if (key) targets.resources.push_back(*key);
  }
}

Criteria EqualityOf(std::string_view resource_type, Filter filter) {
  Criteria criteria;
  criteria.resource_type = resource_type;
  criteria.text = StrCat(resource_type, "?", filter.code);
  criteria.filters.push_back(std::move(filter));
  return criteria;
}

std::string JoinWithCommas(std::span<const std::string> parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!joined.empty()) joined += ',';
    joined += part;
  }
  return joined;
}

}  // namespace

std::vector<Include> IncludesOf(const Criteria& criteria) {
  std::vector<Include> includes;
  for (const bool is_reverse : {false, true}) {
    for (const auto& [key, text] : criteria.control_parameters) {
      const size_t colon = key.find(':');
      const std::string_view name = std::string_view(key).substr(0, colon);
      if (name != (is_reverse ? "_revinclude" : "_include")) continue;
      std::string_view value = text;
      Include include;
      include.is_reverse = is_reverse;
      include.iterates = colon != std::string::npos &&
                         std::string_view(key).substr(colon + 1) == "iterate";
      include.resource_type = value.substr(0, value.find(':'));
      value.remove_prefix(
          std::min(value.size(), include.resource_type.size() + 1));
      include.code = value.substr(0, value.find(':'));
      includes.push_back(std::move(include));
    }
  }
  return includes;
}

absl::StatusOr<IncludeTargets> IncludeTargetsOf(
    const Include& include, std::span<const ResourcePtr> resources,
    fhirpath::Scratch& scratch) {
  PDP_ASSIGN_OR_RETURN(const SearchParameter* const parameter,
                       ParameterOf(include));
  IncludeTargets targets;
  for (const ResourcePtr& resource : resources) {
    PDP_ASSIGN_OR_RETURN(const SearchParameter* const own,
                         ParameterFor(resource->type(), *parameter));
    if (own == nullptr) continue;
    scratch.Reset();
    PDP_ASSIGN_OR_RETURN(const fhirpath::Collection values,
                         ValuesOf(*own, *resource, scratch));
    for (const Value& value : values) AppendTarget(value, targets);
  }
  targets.url_types.assign(parameter->targets.begin(),
                           parameter->targets.end());
  return targets;
}

absl::StatusOr<Criteria> ReverseIncludeSearch(
    const Include& include, std::span<const ResourcePtr> resources) {
  PDP_ASSIGN_OR_RETURN(const SearchParameter* const parameter,
                       ParameterOf(include));
  std::vector<std::string> values;
  for (const ResourcePtr& resource : resources) {
    if (parameter->column.kind != DurableColumn::Kind::kCanonicals) {
      values.push_back(resource->key().ToString());
    } else if (const auto url = StringMember(resource->root(), "url");
               !url.empty()) {
      values.emplace_back(url);
    }
  }
  PDP_ASSIGN_OR_RETURN(
      Filter filter,
      ParseFilter(include.resource_type, include.code, JoinWithCommas(values)));
  return EqualityOf(include.resource_type, std::move(filter));
}

absl::StatusOr<Criteria> CanonicalSearch(std::string_view resource_type,
                                         std::span<const std::string> urls) {
  if (FindSearchParameter(resource_type, "url") == nullptr) {
    return absl::InvalidArgumentError(
        StrCat("`", resource_type, "` has no search parameter `url`"));
  }
  PDP_ASSIGN_OR_RETURN(Filter filter,
                       ParseFilter(resource_type, "url", JoinWithCommas(urls)));
  return EqualityOf(resource_type, std::move(filter));
}

}  // namespace pdp::fhir::search
