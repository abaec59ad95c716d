#include "pdp/medplum/rest_hook_subscriptions.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "pdp/base/status_context.h"
#include "pdp/base/status_macros.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/medplum/subscription.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {
namespace {

using fhir::Member;
using fhir::StringMember;

constexpr absl::Duration kOtherSecretIsKept = absl::Hours(1);
constexpr int kMaxPages = 20;

struct Found {
  std::string id;
  std::string type;
  std::string last_updated;
  bool is_active = false;
  bool has_secret = false;  // Ours, that is.
};

std::string_view SecretOf(fhir::JsonElement subscription) {
  std::string_view secret;
  fhir::ForEachItem(subscription, "extension",
                    [&](fhir::JsonElement extension) {
                      if (StringMember(extension, "url") == kSecretExtension) {
                        secret = StringMember(extension, "valueString");
                      }
                    });
  return secret;
}

// Adds `json` where it is one of ours.
absl::Status Add(const std::string& json, const RestHookTarget& target,
                 const std::string& secret, std::vector<Found>& found) {
  const auto subscription = fhir::Resource::Parse(json);
  if (!subscription.ok() || (*subscription)->type() != "Subscription" ||
      (*subscription)->id().empty()) {
    return absl::DataLossError("a Subscription cannot be understood");
  }
  const fhir::JsonElement root = (*subscription)->root();
  const auto channel = Member(root, "channel");
  const std::string_view criteria = StringMember(root, "criteria");
  if (!channel || StringMember(*channel, "type") != "rest-hook" ||
      StringMember(*channel, "endpoint") != target.endpoint ||
      StringMember(root, "reason") != target.reason ||
      std::ranges::find(target.types, criteria) == target.types.end()) {
    return absl::OkStatus();
  }
  found.push_back({.id = std::string((*subscription)->id()),
                   .type = std::string(criteria),
                   .last_updated = std::string((*subscription)->last_updated()),
                   .is_active = StringMember(root, "status") == "active",
                   .has_secret = SecretOf(root) == secret});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Found>> Find(Api& api, const RestHookTarget& target,
                                        const std::string& secret) {
  std::vector<Found> found;
  absl::StatusOr<SearchPage> page =
      api.Search(StrCat("Subscription?url=", PercentEncode(target.endpoint),
                        "&_sort=_lastUpdated&_count=1000"));
  for (int pages = 1;; ++pages) {
    PDP_RETURN_IF_ERROR(page.status());
    for (const std::string& json : page->resources) {
      PDP_RETURN_IF_ERROR(Add(json, target, secret, found));
    }
    if (page->next.empty()) return found;
    if (pages == kMaxPages) {
      return absl::DataLossError("too many Subscriptions name the endpoint");
    }
    page = api.NextPage(page->next);
  }
}

// Whether it may still be wanted by a server that shares the endpoint.
bool MayBeWanted(const Found& one, absl::Time now) {
  absl::Time updated;
  return one.is_active && !one.has_secret &&
         absl::ParseTime(absl::RFC3339_full, one.last_updated, &updated,
                         nullptr) &&
         now - updated < kOtherSecretIsKept;
}

}  // namespace

absl::StatusOr<RestHookSubscriptions> EnsureRestHooks(
    Api& api, const RestHookTarget& target, const std::string& secret,
    absl::Time now) {
  absl::StatusOr<std::vector<Found>> found = Find(api, target, secret);
  if (!found.ok()) {
    return InContext("the rest-hook Subscriptions cannot be searched for",
                     found.status());
  }
  // Servers that share the endpoint all keep the first.
  std::ranges::sort(*found, {}, [](const Found& one) {
    return std::tie(one.last_updated, one.id);
  });
  RestHookSubscriptions result;
  StringSet served;
  for (const Found& one : *found) {
    result.types[one.id] = one.type;
    if (one.is_active && one.has_secret && served.insert(one.type).second) {
      continue;
    }
    if (!MayBeWanted(one, now)) result.superseded.push_back(one.id);
  }
  for (const std::string& type : target.types) {
    if (served.contains(type)) continue;
    absl::StatusOr<std::string> id = api.CreateSubscription(
        RestHookSubscription(type, target.endpoint, secret, target.reason));
    if (!id.ok()) {
      return InContext(
          "a rest-hook Subscription cannot be made; the login "
          "needs to create, search and delete Subscription",
          id.status());
    }
    result.types[*std::move(id)] = type;
    ++result.created;
  }
  return result;
}

}  // namespace pdp::medplum
