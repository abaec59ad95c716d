#include "pdp/policy/entry_parameters.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/parameters.h"

namespace pdp::policy {
namespace {

template <typename Parse>
auto Read(std::string_view reference, const fhir::ResourceLookup& lookup,
          Parse&& parse) {
  using Value = typename decltype(parse(
      std::declval<const fhir::Resource&>()))::value_type;
  const auto key = fhir::ResourceKey::Parse(reference);
  if (!key) return std::optional<Value>();
  const fhir::LookupResult found = lookup.Read(*key);
  if (found.state != fhir::LookupState::kFound) return std::optional<Value>();
  auto value = parse(*found.resource);
  return value.ok() ? std::optional<Value>(*std::move(value)) : std::nullopt;
}

std::optional<AccessPolicy> ReadPolicy(std::string_view reference,
                                       const fhir::ResourceLookup& lookup) {
  return Read(reference, lookup, [](const fhir::Resource& resource) {
    return ParseAccessPolicy(resource.root());
  });
}

bool MentionsIn(PolicyEntry entry, const Parameter& parameter) {
  bool mentioned = false;
  ForEachText(entry, [&](std::string& text) {
    mentioned = mentioned || Mentions(text, parameter);
  });
  return mentioned;
}

// `%name.id` leaves the id alone.
bool StandsIn(std::string_view criteria, const Parameter& parameter) {
  if (criteria.find(parameter.value) != std::string_view::npos) return true;
  const size_t slash = parameter.value.find('/');
  return parameter.is_reference && slash != std::string::npos &&
         criteria.find(std::string_view(parameter.value).substr(slash + 1)) !=
             std::string_view::npos;
}

void AddParameters(const PolicyEntry& written,
                   const std::vector<Parameter>& own, std::string_view profile,
                   ExplainedEntry& entry) {
  const std::vector<Parameter> all = BindingParameters(own, profile);
  for (size_t i = 0; i < all.size(); ++i) {
    const Parameter& parameter = all[i];
    if (parameter.value.empty() || !MentionsIn(written, parameter)) continue;
    const bool is_repeated =
        std::count_if(all.begin(), all.end(), [&](const Parameter& other) {
          return other.name == parameter.name;
        }) > 1;
    if (is_repeated && !StandsIn(entry.criteria, parameter)) continue;
    entry.parameters.push_back(
        {.name = parameter.name,
         .value = parameter.value,
         .source = i < own.size() ? entry.source.source : 0});
  }
}

}  // namespace

void AddEntryParameters(std::string_view membership,
                        const fhir::ResourceLookup& lookup,
                        std::vector<ExplainedEntry>& entries) {
  const std::optional<Membership> member = Read(
      membership, lookup,
      [](const fhir::Resource& resource) { return ParseMembership(resource); });
  if (!member) return;
  static const std::vector<Parameter> kNone;
  std::map<std::string, std::optional<AccessPolicy>> policies;
  for (ExplainedEntry& entry : entries) {
    const EntrySource& source = entry.source;
    if (source.policy.empty() || source.source > member->access.size()) {
      continue;
    }
    const auto [policy, is_new] = policies.try_emplace(source.policy);
    if (is_new) policy->second = ReadPolicy(source.policy, lookup);
    if (!policy->second || source.index >= policy->second->entries.size()) {
      continue;
    }
    AddParameters(policy->second->entries[source.index],
                  source.source == 0
                      ? kNone
                      : member->access[source.source - 1].parameters,
                  member->profile, entry);
  }
}

}  // namespace pdp::policy
