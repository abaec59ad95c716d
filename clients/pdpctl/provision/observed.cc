#include "clients/pdpctl/provision/observed.h"

#include <utility>

#include "clients/pdpctl/provision/desired.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {
namespace {

std::string TagOf(const fhir::Resource& resource, std::string_view system) {
  std::string code;
  const auto meta = fhir::Member(resource.root(), "meta");
  if (!meta) return code;
  fhir::ForEachItem(*meta, "tag", [&](fhir::JsonElement tag) {
    if (fhir::StringMember(tag, "system") == system) {
      code = std::string(fhir::StringMember(tag, "code"));
    }
  });
  return code;
}

bool HasIdentifier(std::string_view type) {
  return type == "ProjectMembership" || type == "Bot";
}

}  // namespace

std::string IdentifierOf(const fhir::Resource& resource,
                         std::string_view system) {
  std::string value;
  fhir::ForEachItem(resource.root(), "identifier", [&](fhir::JsonElement one) {
    if (fhir::StringMember(one, "system") == system) {
      value = std::string(fhir::StringMember(one, "value"));
    }
  });
  return value;
}

std::string Observed::KeyOf(const fhir::Resource& resource) const {
  return HasIdentifier(resource.type()) ? IdentifierOf(resource, system_)
                                        : TagOf(resource, system_);
}

void Observed::Add(fhir::ResourcePtr resource) {
  const std::string key = KeyOf(*resource);
  if (key.empty()) {
    others_.push_back(std::move(resource));
  } else {
    AddAs(key, std::move(resource));
  }
}

void Observed::AddAs(const std::string& key, fhir::ResourcePtr resource) {
  if (resource->type() == "ProjectMembership") {
    const auto profile = fhir::Member(resource->root(), "profile");
    const std::string reference(
        profile ? fhir::StringMember(*profile, "reference") : "");
    const std::string person = key.substr(key.find('/') + 1);
    Name(ProfileKey(person.substr(0, person.find('@'))), reference);
  } else {
    Name(key, resource->key().ToString());
  }
  found_[key].push_back(std::move(resource));
}

void Observed::Name(const std::string& key, const std::string& reference) {
  if (reference.empty()) return;
  references_[key] = reference;
  names_[reference] = StrCat("@", key);
}

std::vector<fhir::ResourcePtr> Observed::Find(std::string_view key) const {
  const auto found = found_.find(key);
  return found == found_.end() ? std::vector<fhir::ResourcePtr>()
                               : found->second;
}

std::vector<std::string> Observed::Keys(std::string_view prefix) const {
  std::vector<std::string> keys;
  for (auto at = found_.lower_bound(prefix);
       at != found_.end() && at->first.starts_with(prefix); ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

std::string Observed::ToName(std::string_view reference) const {
  const auto found = names_.find(reference);
  return found == names_.end() ? std::string(reference) : found->second;
}

std::string Observed::ToReference(std::string_view name) const {
  if (!name.starts_with('@')) return std::string(name);
  const auto found = references_.find(name.substr(1));
  return found == references_.end() ? std::string() : found->second;
}

absl::StatusOr<MembershipContent> Observed::ContentOf(
    const fhir::Resource& membership) const {
  PDP_ASSIGN_OR_RETURN(policy::Membership parsed,
                       policy::ParseMembership(membership));
  MembershipContent content;
  content.active = parsed.active;
  content.admin = parsed.admin;
  if (parsed.access_policy) {
    content.access_policy = ToName(parsed.access_policy->reference);
  }
  content.access = std::move(parsed.access);
  for (policy::AccessItem& item : content.access) {
    item.policy.reference = ToName(item.policy.reference);
    for (policy::Parameter& parameter : item.parameters) {
      if (parameter.is_reference) parameter.value = ToName(parameter.value);
    }
  }
  return content;
}

}  // namespace pdp::provision
