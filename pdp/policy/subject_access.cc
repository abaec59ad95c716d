#include "pdp/policy/subject_access.h"

#include <algorithm>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/reference.h"
#include "pdp/policy/membership.h"
#include "pdp/policy/tenants.h"
#include "pdp/policy/type_rules.h"
#include "pdp/policy/user_options.h"

namespace pdp::policy {
namespace {

using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;

constexpr uint16_t kBadRequest = 400;
constexpr uint16_t kUnauthorized = 401;

LookupFailure Unavailable(std::string_view reference, LookupState state) {
  LookupFailure failure;
  failure.status = absl::UnavailableError(
      StrCat("`", reference, "` cannot be looked up at the moment"));
  if (state == LookupState::kPending) {
    if (auto key = ResourceKey::Parse(reference)) {
      failure.needed.push_back(*std::move(key));
    }
  }
  return failure;
}

Denial Incomplete(std::string message) {
  return {.reason = Reason::kSubjectIncomplete,
          .message = std::move(message),
          .medplum_http_status = kBadRequest};
}

// The project that a resource reference leads to: `Project/id` -> `id`.
std::string_view IdOf(std::string_view reference) {
  const size_t slash = reference.find('/');
  return slash == std::string_view::npos ? std::string_view()
                                         : reference.substr(slash + 1);
}

class Builder {
 public:
  Builder(std::string_view membership, const RequestContext& context,
          const SubjectAccess* caller, const SubjectAccessOptions& options,
          const fhir::ResourceLookup& lookup, PolicyCache& policies,
          SubjectAccess& access)
      : context_(context),
        caller_(caller),
        options_(options),
        lookup_(lookup),
        policies_(policies),
        access_(access) {
    access_.membership = membership;
  }

  // A step returns false where the rest has nothing to do: the access is denied
  // or a fact is missing.
  std::optional<LookupFailure> Run() {
    (void)(ReadMembership() && ReadProjects() && ReadUserConfiguration() &&
           ReadProfile() && FindSessionRules() && CheckScope() &&
           ReadPolicies() && CheckTenants() && BindPolicies());
    return std::move(failure_);
  }

 private:
  bool Deny(Denial denial) {
    access_.denial = std::move(denial);
    return false;
  }

  // Reads `reference`; false where it cannot be told.
  bool Read(std::string_view reference, LookupResult& result) {
    const std::optional<ResourceKey> key = fhir::KeyOfReference(reference);
    if (!key) {
      result = {.state = LookupState::kAbsent, .resource = nullptr};
      return true;
    }
    access_.dependencies.push_back(*key);
    result = lookup_.Read(*key);
    if (result.state == LookupState::kUnavailable ||
        result.state == LookupState::kPending) {
      failure_ = Unavailable(reference, result.state);
      return false;
    }
    return true;
  }

  bool ReadMembership() {
    LookupResult found;
    if (!Read(access_.membership, found)) return false;
    if (found.state != LookupState::kFound) {
      return Deny(
          {.reason = Reason::kSubjectUnknown,
           .message = StrCat("`", access_.membership, "` does not exist"),
           .medplum_http_status = kBadRequest});
    }
    absl::StatusOr<Membership> membership = ParseMembership(*found.resource);
    if (!membership.ok()) {
      return Deny(Incomplete(StrCat("`", access_.membership,
                                    "`: ", membership.status().message())));
    }
    membership_ = *std::move(membership);
    if (!options_.Keeps(IdOf(membership_.project))) {
      failure_ = NotKept(IdOf(membership_.project));
      return false;
    }
    access_.profile = membership_.profile;
    access_.project_admin = membership_.admin;
    access_.names = {access_.membership, membership_.user, membership_.profile,
                     membership_.project};
    if (caller_ != nullptr) {
      access_.names.insert(access_.names.end(), caller_->names.begin(),
                           caller_->names.end());
      access_.profile = caller_->profile;
      access_.on_behalf_of_profile = membership_.profile;
      access_.dependencies.insert(access_.dependencies.end(),
                                  caller_->dependencies.begin(),
                                  caller_->dependencies.end());
      if (membership_.active || options_.mode == Mode::kParity) return true;
      return Deny({.reason = Reason::kOnBehalfOf,
                   .message = StrCat("`", access_.membership,
                                     "`, on whose behalf the caller acts, is "
                                     "not active"),
                   .strict_rule = StrictRule::kOnBehalfOfActive});
    }
    if (!membership_.active) {
      // A user's login finds no membership; the token of a client application
      // is issued, and then refused.
      const bool is_user = membership_.user.starts_with("User/");
      return Deny(
          {.reason = Reason::kSubjectInactive,
           .message = StrCat("`", access_.membership, "` is not active"),
           .medplum_http_status = kUnauthorized,
           .login_http_status = is_user ? kBadRequest : kUnauthorized});
    }
    return true;
  }

  bool ReadProjects() {
    LookupResult found;
    if (!Read(membership_.project, found)) return false;
    if (found.state != LookupState::kFound ||
        found.resource->type() != "Project") {
      return Deny(Incomplete(
          StrCat("the Project of `", access_.membership, "` does not exist")));
    }
    access_.project = ParseProject(*found.resource);
    access_.super_admin = access_.project.super_admin;
    access_.rules_by_super_admin =
        caller_ != nullptr ? caller_->project.super_admin : access_.super_admin;
    access_.projects.push_back(
        {access_.project.id, access_.project.exported_types});
    for (const std::string& link : access_.project.links) {
      if (!Read(link, found)) return false;
      if (found.state != LookupState::kFound ||
          found.resource->type() != "Project") {
        continue;  // Medplum ignores links that lead nowhere.
      }
      Project linked = ParseProject(*found.resource);
      access_.projects.push_back(
          {std::move(linked.id), std::move(linked.exported_types)});
    }
    return true;
  }

  bool ReadUserConfiguration() {
    // Only the caller's own is read.
    if (caller_ != nullptr || !membership_.has_user_configuration) {
      return true;
    }
    LookupResult found;
    if (!Read(membership_.user_configuration, found)) return false;
    if (found.state == LookupState::kFound) {
      if (found.resource->type() == "UserConfiguration") {
        user_options_ = ParseUserOptions(*found.resource);
      }
      return true;
    }
    return Deny(Incomplete(StrCat("the UserConfiguration of `",
                                  access_.membership, "` does not exist")));
  }

  bool ReadProfile() {
    const std::optional<ResourceKey> profile =
        fhir::KeyOfReference(membership_.profile);
    if (!profile) {
      return Deny(Incomplete(StrCat("the profile of `", access_.membership,
                                    "` is no reference that can be "
                                    "followed")));
    }
    access_.dependencies.push_back(*profile);
    const LookupState state = lookup_.FindDeletion(*profile);
    if (state == LookupState::kUnavailable || state == LookupState::kPending) {
      failure_ = Unavailable(membership_.profile, state);
      return false;
    }
    // A profile that was never there is tolerated, a deleted one is not.
    if (state != LookupState::kDeleted) return true;
    return Deny(Incomplete(
        StrCat("the profile of `", access_.membership, "` is deleted")));
  }

  // Those of the configuration and of the Project, the stricter of both; those
  // of the member can only shorten.  They are for people: clients and bots have
  // no session.
  bool FindSessionRules() {
    if (caller_ != nullptr) return true;
    SessionRules rules =
        ConfiguredFor(options_.session_rules, IdOf(membership_.project));
    if (access_.project.session_rules.size() > 1) {
      return Deny(WrongSessionRules("it is set more than once"));
    }
    for (const std::string& setting : access_.project.session_rules) {
      const absl::StatusOr<SessionRules> own = ParseSessionRules(setting);
      if (!own.ok()) {
        return Deny(WrongSessionRules(ToStd(own.status().message())));
      }
      rules = Stricter(rules, *own);
    }
    const bool is_machine =
        membership_.user.starts_with("ClientApplication/") ||
        membership_.user.starts_with("Bot/");
    if (is_machine || !rules.any()) return true;
    if (rules.idle_timeout && user_options_.session_timeout_is_wrong) {
      return Deny(Incomplete(
          StrCat("the option `sessionTimeoutMinutes` of the UserConfiguration "
                 "of `",
                 access_.membership, "` is no number of minutes")));
    }
    if (rules.idle_timeout && user_options_.session_timeout) {
      rules.idle_timeout =
          std::min(*rules.idle_timeout, *user_options_.session_timeout);
    }
    access_.session_rules = rules;
    return true;
  }

  static Denial WrongSessionRules(std::string_view why) {
    return {.reason = Reason::kPolicyInvalid,
            .message = StrCat("the setting `pdpSessionRules` of the Project "
                              "cannot be used: ",
                              why)};
  }

  bool ReadPolicies() {
    if (membership_.access_policy) {
      const PolicyReference& policy = ReconciledAccessPolicy(
          caller_ != nullptr ? caller_->project : access_.project,
          membership_.admin, *membership_.access_policy);
      if (!AddPolicy(policy, {}, 0)) return false;
    }
    uint32_t source = 1;
    for (const AccessItem& item : membership_.access) {
      if (!AddPolicy(item.policy, item.parameters, source++)) return false;
    }
    return true;
  }

  bool AddPolicy(const PolicyReference& policy,
                 const std::vector<Parameter>& parameters, uint32_t source) {
    const std::string& reference = policy.reference;
    PolicyUse use;
    use.based_on = policy.json;
    use.parameters = parameters;
    use.source = source;
    // One membership may name the same policy hundreds of times.
    const auto known =
        std::find_if(uses_.begin(), uses_.end(), [&](const PolicyUse& other) {
          return StrCat("AccessPolicy/", other.policy->policy.id) == reference;
        });
    if (known != uses_.end()) {
      use.policy = known->policy;
      use.is_foreign = known->is_foreign;
      uses_.push_back(std::move(use));
      return true;
    }
    LookupResult found;
    if (!Read(reference, found)) return false;
    if (found.state != LookupState::kFound) {
      return Deny({.reason = Reason::kPolicyUnavailable,
                   .message = StrCat("`", access_.membership, "` names `",
                                     reference, "`, which does not exist"),
                   .medplum_http_status = kBadRequest});
    }
    auto compiled = policies_.Get(found.resource);
    if (!compiled.ok()) {
      return Deny({.reason = Reason::kPolicyInvalid,
                   .message = StrCat("`", reference,
                                     "`: ", compiled.status().message()),
                   .medplum_http_status = kBadRequest});
    }
    use.policy = *std::move(compiled);
    use.is_foreign = IsForeign(found.resource->project());
    uses_.push_back(std::move(use));
    return true;
  }

  bool IsForeign(std::string_view project) const {
    return std::none_of(
        access_.projects.begin(), access_.projects.end(),
        [&](const PermittedProject& other) { return other.id == project; });
  }

  // Strict: a scope that was asked for and is empty grants nothing.
  bool CheckScope() {
    if (options_.mode == Mode::kParity || !context_.smart_scope ||
        !context_.smart_scope->empty()) {
      return true;
    }
    return Deny({.reason = Reason::kScope,
                 .message = "the login's scope is empty",
                 .strict_rule = StrictRule::kSmartLetters});
  }

  bool CheckTenants() {
    FindActiveTenants();
    narrowing_ = {.parameters = options_.tenant_parameters,
                  .active = access_.active_tenants,
                  .parameter_semantics = options_.parameter_semantics};
    for (const PolicyUse& use : uses_) {
      access_.grants.push_back(GrantOf(use, narrowing_));
    }
    access_.tenants = TenantsOf(access_.grants);
    access_.own_tenants = access_.tenants;
    if (caller_ != nullptr) {
      access_.own_tenants.insert(access_.own_tenants.end(),
                                 caller_->own_tenants.begin(),
                                 caller_->own_tenants.end());
    }
    for (const std::string& tenant : access_.active_tenants) {
      if (tenant.empty() ||
          std::find(access_.tenants.begin(), access_.tenants.end(), tenant) ==
              access_.tenants.end()) {
        return Deny(
            {.reason = Reason::kTenantNotAllowed,
             .message = StrCat(
                 context_.use_stored_tenant ? "the stored tenant " : "", "`",
                 tenant, "` is not a tenant of `", access_.membership, "`")});
      }
    }
    return true;
  }

  // The choice is that of whoever acts.
  void FindActiveTenants() {
    if (!context_.use_stored_tenant) {
      access_.active_tenants.assign(context_.active_tenants.begin(),
                                    context_.active_tenants.end());
    } else if (caller_ != nullptr) {
      access_.active_tenants = caller_->active_tenants;
    } else {
      access_.active_tenants = user_options_.active_tenants;
    }
  }

  bool BindPolicies() {
    BindInput input;
    input.names_no_policy = uses_.empty();
    input.uses = std::move(uses_);
    input.profile = membership_.profile;
    input.admin = membership_.admin;
    input.super_admin = access_.rules_by_super_admin;
    input.project_id = IdOf(membership_.project);
    // An empty scope is as none to Medplum.
    if (context_.smart_scope && !context_.smart_scope->empty()) {
      input.smart_scope = context_.smart_scope;
    }
    input.patient_context = PatientContext();
    input.tenants = &narrowing_;
    input.mode = options_.mode;
    input.parameter_semantics = options_.parameter_semantics;
    BindResult bound = policies_.Bind(input);
    access_.policy = std::move(bound.policy);
    access_.denial = std::move(bound.denial);
    return true;
  }

  std::string_view PatientContext() const {
    if (context_.launch_patient) return *context_.launch_patient;
    // That of the login, also under on-behalf-of.
    const std::string_view profile = access_.profile;
    return profile.starts_with("Patient/") ? profile : std::string_view();
  }

  const RequestContext& context_;
  const SubjectAccess* const caller_;
  const SubjectAccessOptions& options_;
  const fhir::ResourceLookup& lookup_;
  PolicyCache& policies_;
  SubjectAccess& access_;
  Membership membership_;
  UserOptions user_options_;
  std::vector<PolicyUse> uses_;
  TenantNarrowing narrowing_;
  std::optional<LookupFailure> failure_;
};

}  // namespace

bool SubjectAccess::Supports(fhir::Interaction interaction,
                             std::string_view type) const {
  if (policy == nullptr) return false;
  if (!super_admin && IsProtectedType(type)) return false;
  const fhir::InteractionSet bit = fhir::Bit(interaction);
  const auto entries = policy->EntriesFor(type);
  return std::any_of(
      entries.begin(), entries.end(), [bit](const BoundEntry* entry) {
        return (entry->compiled->interactions & entry->in_force & bit) != 0;
      });
}

bool SubjectAccess::MayReadProject(std::string_view id,
                                   std::string_view type) const {
  if (super_admin) return true;
  if (id.empty()) return false;
  if (id == project.id) return true;
  const bool own_only = IsProjectAdminType(type) && type != "Project";
  if (own_only) return false;
  if (id == BaseProjectId()) {
    return type == "Project" || BaseProjectExports(type);
  }
  const auto found = std::find_if(
      projects.begin(), projects.end(),
      [&](const PermittedProject& other) { return other.id == id; });
  if (found == projects.end()) return false;
  return type == "Project" || found->exported_types.empty() ||
         std::find(found->exported_types.begin(), found->exported_types.end(),
                   type) != found->exported_types.end();
}

std::vector<std::string> SubjectAccess::ReadableProjects(
    std::string_view type) const {
  std::vector<std::string> ids;
  for (const PermittedProject& permitted : projects) {
    if (MayReadProject(permitted.id, type)) ids.push_back(permitted.id);
  }
  if (MayReadProject(BaseProjectId(), type)) ids.emplace_back(BaseProjectId());
  return ids;
}

LookupFailure NotKept(std::string_view project) {
  LookupFailure failure;
  failure.status = absl::UnavailableError(
      StrCat("STALE: this server does not read project `", project,
             "` from its source"));
  return failure;
}

std::optional<LookupFailure> ResolveMembership(
    const Subject& subject, const fhir::ResourceLookup& lookup,
    ResolvedMembership& result) {
  if (subject.reference.starts_with("ProjectMembership/")) {
    result.membership = subject.reference;
    if (subject.project.empty()) return std::nullopt;
    const auto key = ResourceKey::Parse(subject.reference);
    if (!key) return std::nullopt;
    const LookupResult found = lookup.Read(*key);
    if (found.state == LookupState::kUnavailable ||
        found.state == LookupState::kPending) {
      return Unavailable(subject.reference, found.state);
    }
    // A membership of another project than the one named is not the subject.
    if (found.state == LookupState::kFound &&
        found.resource->project() != subject.project) {
      result.membership.clear();
    }
    return std::nullopt;
  }
  std::vector<std::string> candidates;
  const LookupState state = lookup.FindMemberships(
      subject.reference, [&](const fhir::ResourcePtr& membership) {
        if (subject.project.empty() ||
            membership->project() == subject.project) {
          candidates.push_back(membership->key().ToString());
        }
      });
  if (state != LookupState::kFound) {
    return Unavailable(subject.reference, state);
  }
  if (candidates.size() > 1) {
    std::string message = StrCat("AMBIGUOUS_SUBJECT: `", subject.reference,
                                 "` has ", candidates.size(), " memberships:");
    for (const std::string& candidate : candidates) {
      message += StrCat(" ", candidate);
    }
    message += "; name one of them, or the project";
    return LookupFailure{absl::InvalidArgumentError(message), {}};
  }
  if (!candidates.empty()) result.membership = std::move(candidates.front());
  return std::nullopt;
}

std::optional<LookupFailure> BuildSubjectAccess(
    std::string_view membership, const RequestContext& context,
    const SubjectAccess* caller, const SubjectAccessOptions& options,
    const fhir::ResourceLookup& lookup, PolicyCache& policies,
    SubjectAccess& access) {
  return Builder(membership, context, caller, options, lookup, policies, access)
      .Run();
}

namespace {

// Medplum compares text; strict mode lets a prefix end only where an octet (or
// a group of IPv6) ends.
bool MatchesAddress(std::string_view rule, std::string_view address,
                    std::string_view action, Mode mode) {
  if (rule == "*" || rule == address) return true;
  if (!address.starts_with(rule)) return false;
  // A wider block rule denies more: strict mode keeps it.
  if (mode == Mode::kParity || action != "allow") return true;
  if (rule.empty()) return false;
  const char last = rule.back();
  const char next = address[rule.size()];
  return last == '.' || last == ':' || next == '.' || next == ':';
}

}  // namespace

std::optional<Denial> CheckAddress(const SubjectAccess& access,
                                   const RequestContext& context, Mode mode) {
  const std::vector<IpAccessRule>& rules = access.policy->ip_access_rules();
  if (rules.empty()) return std::nullopt;
  const bool is_basic = context.authentication == Authentication::kBasic;
  if (!context.remote_address || context.remote_address->empty()) {
    if (mode == Mode::kParity) return std::nullopt;
    return Denial{.reason = Reason::kFactMissing,
                  .message =
                      "the policy has IP rules, and the request names no "
                      "remote address",
                  .strict_rule = StrictRule::kFactRequired};
  }
  const std::string_view address = *context.remote_address;
  for (const IpAccessRule& rule : rules) {
    // What is stored empty is absent, and matches nothing.
    const bool matches_text =
        rule.value == "*" ||
        (!rule.value.empty() && address.starts_with(rule.value));
    if (!matches_text) continue;
    const bool allows = rule.action == "allow";
    if (allows && MatchesAddress(rule.value, address, rule.action, mode)) {
      return std::nullopt;
    }
    if (allows || rule.action == "block") {
      // An allow rule that matches only as text ends the search here in strict
      // mode: what follows must not permit more than it did.
      return Denial{
          .reason = Reason::kAddressNotAllowed,
          .message = StrCat("an IP rule of the policy refuses the address; the "
                            "rule is `",
                            rule.value, "`"),
          .medplum_http_status = is_basic ? kUnauthorized : kBadRequest,
          .strict_rule =
              allows ? StrictRule::kAddressBoundary : StrictRule::kUnspecified};
    }
  }
  return std::nullopt;
}

}  // namespace pdp::policy
