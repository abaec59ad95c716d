#include "pdp/medplum/required_access.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::medplum {
namespace {

using Use = MissingAccess::Use;

// Never covered by `*` (semantics S-6).
constexpr std::string_view kAdminTypes[] = {
    "Package",           "PackageRelease", "PackageInstallation", "Project",
    "ProjectMembership", "User",           "UserSecurityRequest"};

bool IsAdminType(std::string_view type) {
  return std::find(std::begin(kAdminTypes), std::end(kAdminTypes), type) !=
         std::end(kAdminTypes);
}

bool HasItem(fhir::JsonElement parent, std::string_view name,
             std::string_view item) {
  bool found = false;
  fhir::ForEachItem(parent, name, [&](fhir::JsonElement element) {
    found = found || fhir::AsString(element) == item;
  });
  return found;
}

bool IsReadInteraction(std::string_view interaction) {
  return interaction == "read" || interaction == "vread" ||
         interaction == "history" || interaction == "search";
}

bool Allows(fhir::JsonElement entry, std::string_view interaction) {
  if (fhir::Member(entry, "interaction")) {
    return HasItem(entry, "interaction", interaction);
  }
  return !fhir::BoolMember(entry, "readonly").value_or(false) ||
         IsReadInteraction(interaction);
}

// Whether the entry is about every resource of `type` in the project, as far as
// can be told from its text.
bool CoversAll(fhir::JsonElement entry, std::string_view type,
               const std::string& project) {
  const std::string_view entry_type = fhir::StringMember(entry, "resourceType");
  if (entry_type != type && (entry_type != "*" || IsAdminType(type))) {
    return false;
  }
  if (fhir::Member(entry, "compartment")) return false;
  if (!fhir::Member(entry, "criteria")) return true;
  const std::string_view criteria = fhir::StringMember(entry, "criteria");
  return criteria == StrCat(type, "?_project=", project) ||
         (type == "Project" && criteria == StrCat("Project?_id=", project));
}

// Whether a decision may need the field at `path` of `type`.
bool IsNeeded(std::string_view type, std::string_view path) {
  // What Medplum hides of it from every admin is known by other ways.
  if (type == "Project") return false;
  if (type == "AccessPolicy" || type == "ProjectMembership" ||
      type == "UserConfiguration") {
    return true;
  }
  const std::string_view member = path.substr(0, path.find('.'));
  return member.empty() || member == "resourceType" || member == "id" ||
         member == "meta" || member == "status";
}

// A policy's text, once parsed.
class Policy {
 public:
  static std::optional<Policy> Parse(std::string_view json) {
    auto resource = fhir::Resource::Parse(json);
    if (!resource.ok()) return std::nullopt;
    return Policy(*std::move(resource));
  }

  bool Grants(std::string_view type, std::string_view interaction,
              const std::string& project) const {
    bool granted = false;
    fhir::ForEachItem(resource_->root(), "resource",
                      [&](fhir::JsonElement entry) {
                        granted = granted || (CoversAll(entry, type, project) &&
                                              Allows(entry, interaction));
                      });
    return granted;
  }

  // Whether some entry keeps from who reads it what of `type` is needed.
  bool HidesWhatIsNeededOf(std::string_view type, bool every_field) const {
    bool hides = false;
    fhir::ForEachItem(
        resource_->root(), "resource", [&](fhir::JsonElement entry) {
          const std::string_view entry_type =
              fhir::StringMember(entry, "resourceType");
          if (entry_type != type && entry_type != "*") return;
          fhir::ForEachItem(
              entry, "hiddenFields", [&](fhir::JsonElement field) {
                hides = hides || every_field ||
                        IsNeeded(type, fhir::AsString(field).value_or(
                                           std::string_view()));
              });
        });
    return hides;
  }

 private:
  explicit Policy(fhir::ResourcePtr resource)
      : resource_(std::move(resource)) {}

  fhir::ResourcePtr resource_;
};

class Judge {
 public:
  Judge(const LoginFacts& facts, const RequiredAccess& required)
      : facts_(facts), required_(required) {
    for (const std::string& json : facts.policies) {
      if (auto policy = Policy::Parse(json)) raw_.push_back(*std::move(policy));
    }
  }

  std::vector<MissingAccess> Run() {
    FindMissingProject();
    FindMissingReads();
    if (required_.web_socket || required_.rest_hook) {
      FindMissingSubscription();
    }
    if (required_.web_socket) FindMissingDelivery();
    if (required_.audit_events) FindMissingAuditEvents();
    return std::move(missing_);
  }

 private:
  void Miss(Use use, std::string what) {
    missing_.push_back({use, std::move(what)});
  }

  std::string Login() const {
    return facts_.login.profile.empty()
               ? std::string("the login")
               : StrCat("the login (", facts_.login.profile, ")");
  }

  void FindMissingProject() {
    if (required_.project.empty()) {
      if (facts_.login.super_admin) return;
      Miss(Use::kDecide,
           StrCat(Login(),
                  " is no super admin: use a client of a project with "
                  "superAdmin, or one login for each project"));
      return;
    }
    if (facts_.login.project != required_.project) {
      Miss(Use::kDecide,
           StrCat(Login(), " belongs to Project/", facts_.login.project,
                  ", not to Project/", required_.project,
                  ": use a client of that project"));
    }
    if (!facts_.login.project_admin && !facts_.login.super_admin) {
      Miss(Use::kDecide,
           StrCat("only project admins can read ProjectMembership: set `admin: "
                  "true` in ",
                  MembershipName()));
    }
  }

  void FindMissingReads() {
    // The server shows no policy: what is refused will be met when it is asked
    // for.
    if (facts_.login.access_policy.empty()) return;
    const auto policy = Policy::Parse(facts_.login.access_policy);
    if (!policy) {
      Miss(Use::kDecide,
           "the effective policy that /auth/me shows cannot be understood");
      return;
    }
    for (const std::string& type : required_.types) {
      // Granted by the rules of admins alone, or not at all.
      if (IsAdminType(type) && !facts_.login.super_admin) continue;
      for (const std::string_view interaction : {"read", "search"}) {
        if (policy->Grants(type, interaction, required_.project)) continue;
        Miss(Use::kDecide, StrCat("the policy does not let ", Login(), " ",
                                  interaction, " every ", type, ": add ",
                                  ReadonlyEntry(type), " to ", PolicyName()));
        break;
      }
      if (policy->HidesWhatIsNeededOf(type, required_.every_field)) {
        Miss(Use::kDecide,
             StrCat("the policy hides fields of ", type, " from ", Login(),
                    ": take `hiddenFields` out of its entries in ",
                    PolicyName()));
      }
    }
  }

  void FindMissingSubscription() {
    if (facts_.login.access_policy.empty()) return;
    const auto policy = Policy::Parse(facts_.login.access_policy);
    if (!policy) return;
    for (const std::string_view interaction : {"create", "read", "delete"}) {
      if (policy->Grants("Subscription", interaction, required_.project)) {
        continue;
      }
      Miss(
          Use::kNotify,
          StrCat("the policy does not let ", Login(), " ", interaction,
                 " a Subscription: add {\"resourceType\":\"Subscription\"} to ",
                 PolicyName()));
      break;
    }
  }

  void FindMissingAuditEvents() {
    if (facts_.login.access_policy.empty()) return;
    const auto policy = Policy::Parse(facts_.login.access_policy);
    if (!policy) return;
    for (const std::string_view interaction : {"create", "search"}) {
      if (policy->Grants("AuditEvent", interaction, required_.project)) {
        continue;
      }
      Miss(Use::kAudit,
           StrCat("the policy does not let ", Login(), " ", interaction,
                  " AuditEvents: add {\"resourceType\":\"AuditEvent\","
                  "\"interaction\":[\"create\",\"search\"]} to ",
                  PolicyName()));
      break;
    }
  }

  void FindMissingDelivery() {
    if (facts_.login.super_admin) {
      Miss(Use::kNotify,
           "a super admin cannot have WebSocket Subscriptions: use rest-hooks, "
           "or one login for each project");
      return;
    }
    const auto& features = facts_.project_features;
    if (std::find(features.begin(), features.end(), kWebSocketFeature) ==
        features.end()) {
      Miss(Use::kNotify, StrCat("Project/", required_.project,
                                " lacks the feature `", kWebSocketFeature,
                                "`: have a super admin add it to "
                                "Project.features"));
    }
    // Said above already: a membership that is no admin's.
    if (!facts_.membership_is_readable) return;
    for (const std::string& type : required_.types) {
      const bool delivered =
          std::any_of(raw_.begin(), raw_.end(), [&](const Policy& policy) {
            return policy.Grants(type, "read", required_.project);
          });
      if (delivered) continue;
      Miss(Use::kNotify,
           StrCat("changes of ", type, " are not delivered to ", Login(),
                  ": add ", ReadonlyEntry(type), " to ", PolicyName(),
                  IsAdminType(type)
                      ? ", by that name (`*` and the rules of admins do not "
                        "count for WebSockets)"
                      : ""));
    }
  }

  static std::string ReadonlyEntry(std::string_view type) {
    return StrCat("{\"resourceType\":\"", type, "\",\"readonly\":true}");
  }

  std::string MembershipName() const {
    return facts_.login.membership.empty() ? std::string("its membership")
                                           : facts_.login.membership;
  }

  std::string PolicyName() const {
    return facts_.policies.empty()
               ? StrCat("an AccessPolicy that ", MembershipName(), " names")
               : StrCat("the AccessPolicy of ", MembershipName());
  }

  const LoginFacts& facts_;
  const RequiredAccess& required_;
  std::vector<Policy> raw_;
  std::vector<MissingAccess> missing_;
};

// The text of a resource that the login may not see is empty.
absl::StatusOr<std::string> ReadIfVisible(Api& api,
                                          const fhir::ResourceKey& key) {
  absl::StatusOr<ReadAnswer> answer = api.Read(key);
  if (!answer.ok()) {
    if (absl::IsPermissionDenied(answer.status())) return std::string();
    return answer.status();
  }
  return std::move(answer->json);
}

// The references of the AccessPolicies that a membership names.
std::vector<fhir::ResourceKey> PolicyKeys(fhir::JsonElement membership) {
  std::vector<fhir::ResourceKey> keys;
  const auto add = [&](fhir::JsonElement parent, std::string_view name) {
    const auto reference = fhir::Member(parent, name);
    if (!reference) return;
    auto key =
        fhir::ResourceKey::Parse(fhir::StringMember(*reference, "reference"));
    if (key) keys.push_back(*std::move(key));
  };
  add(membership, "accessPolicy");
  fhir::ForEachItem(membership, "access",
                    [&](fhir::JsonElement item) { add(item, "policy"); });
  return keys;
}

}  // namespace

std::vector<MissingAccess> FindMissingAccess(const LoginFacts& facts,
                                             const RequiredAccess& required) {
  return Judge(facts, required).Run();
}

absl::StatusOr<LoginFacts> ReadLoginFacts(Api& api) {
  LoginFacts facts;
  PDP_ASSIGN_OR_RETURN(facts.login, api.WhoAmI());
  facts.project_features = facts.login.project_features;

  PDP_ASSIGN_OR_RETURN(const std::string project,
                       ReadIfVisible(api, {"Project", facts.login.project}));
  if (const auto parsed = fhir::Resource::Parse(project); parsed.ok()) {
    facts.project_features.clear();
    fhir::ForEachItem((*parsed)->root(), "features",
                      [&](fhir::JsonElement feature) {
                        facts.project_features.emplace_back(
                            fhir::AsString(feature).value_or(""));
                      });
  }

  const auto membership_key = fhir::ResourceKey::Parse(facts.login.membership);
  if (!membership_key) return facts;
  PDP_ASSIGN_OR_RETURN(const std::string membership,
                       ReadIfVisible(api, *membership_key));
  const auto parsed = fhir::Resource::Parse(membership);
  if (!parsed.ok()) return facts;
  facts.membership_is_readable = true;
  for (const fhir::ResourceKey& key : PolicyKeys((*parsed)->root())) {
    PDP_ASSIGN_OR_RETURN(std::string policy, ReadIfVisible(api, key));
    if (!policy.empty()) facts.policies.push_back(std::move(policy));
  }
  return facts;
}

}  // namespace pdp::medplum
