#include "pdp/policy/repeated_parameters.h"

#include <algorithm>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "pdp/policy/parameters.h"

namespace pdp::policy {
namespace {

bool HasValue(const Parameter& parameter) {
  return parameter.is_reference || !parameter.value.empty();
}

// The values of each name, in the order of the names' first occurrence.
std::vector<std::vector<Parameter>> GroupByName(
    const std::vector<Parameter>& parameters) {
  std::vector<std::vector<Parameter>> groups;
  for (const Parameter& parameter : parameters) {
    if (!HasValue(parameter)) continue;
    const auto group = std::find_if(
        groups.begin(), groups.end(),
        [&](const auto& g) { return g.front().name == parameter.name; });
    if (group == groups.end()) {
      groups.push_back({parameter});
    } else {
      group->push_back(parameter);
    }
  }
  return groups;
}

// `:not=` before the value, or the prefix `ne` on it.
bool IsNegation(std::string_view filter) {
  const size_t equals = filter.find('=');
  if (equals == std::string_view::npos) return false;
  return filter.substr(0, equals).ends_with(":not") ||
         filter.substr(equals + 1).starts_with("ne%");
}

}  // namespace

std::vector<RepeatedParameter> RepeatedParametersOf(
    const std::vector<Parameter>& parameters) {
  std::vector<RepeatedParameter> repeated;
  for (const std::vector<Parameter>& group : GroupByName(parameters)) {
    if (group.size() > 1)
      repeated.push_back({group.front().name, group.size()});
  }
  return repeated;
}

absl::StatusOr<std::vector<std::vector<Parameter>>> ExpandRepeated(
    const std::vector<Parameter>& parameters) {
  std::vector<std::vector<Parameter>> combinations = {{}};
  for (const std::vector<Parameter>& group : GroupByName(parameters)) {
    if (combinations.size() * group.size() > kMaxCombinations) {
      return absl::ResourceExhaustedError(
          StrCat("repeated parameters make more than ", kMaxCombinations,
                 " combinations"));
    }
    std::vector<std::vector<Parameter>> next;
    for (const std::vector<Parameter>& combination : combinations) {
      for (const Parameter& value : group) {
        next.push_back(combination);
        next.back().push_back(value);
      }
    }
    combinations = std::move(next);
  }
  return combinations;
}

std::optional<std::string> SpreadNegations(
    std::string_view criteria, const std::vector<Parameter>& parameters) {
  const size_t question = criteria.find('?');
  if (question == std::string_view::npos) return std::string(criteria);
  std::string out(criteria.substr(0, question + 1));
  std::string_view query = criteria.substr(question + 1);
  const std::vector<std::vector<Parameter>> groups = GroupByName(parameters);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view filter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    std::vector<std::string> filters = {std::string(filter)};
    for (const std::vector<Parameter>& group : groups) {
      if (group.size() < 2 || !IsNegation(filter) ||
          !Mentions(filter, group.front())) {
        continue;
      }
      std::vector<std::string> spread;
      size_t bytes = out.size();
      for (const std::string& one : filters) {
        for (const Parameter& value : group) {
          std::optional<std::string> text = Substitute(one, {value});
          if (!text) return std::nullopt;
          bytes += text->size();
          if (bytes > kMaxSubstitutedBytes) return std::nullopt;
          spread.push_back(*std::move(text));
        }
      }
      filters = std::move(spread);
    }
    for (const std::string& one : filters) {
      if (out.back() != '?') out += '&';
      out += one;
    }
  }
  return out;
}

}  // namespace pdp::policy
