#include "pdp/policy/access_finder.h"

#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/departure.h"

namespace pdp::policy {
namespace {

void AppendPart(std::string_view part, std::string& key) {
  const size_t size = part.size();
  key.append(reinterpret_cast<const char*>(&size), sizeof(size));
  key += part;
}

void AppendOptional(const std::optional<std::string_view>& part,
                    std::string& key) {
  key += part ? '+' : '-';
  if (part) AppendPart(*part, key);
}

// Every input of BuildSubjectAccess that is not looked up.
std::string AccessKey(std::string_view membership,
                      const RequestContext& context) {
  std::string key;
  key.reserve(membership.size() + 2 * sizeof(size_t));
  AppendPart(membership, key);
  AppendOptional(context.smart_scope, key);
  AppendOptional(context.launch_patient, key);
  key += context.use_stored_tenant ? '+' : '-';
  for (const std::string_view tenant : context.active_tenants) {
    key += ',';
    AppendPart(tenant, key);
  }
  return key;
}

}  // namespace

AccessFinder::AccessFinder(const SubjectAccessOptions& options,
                           size_t max_items, const fhir::ResourceLookup& lookup,
                           PolicyCache& policies, const PublishedBlocks& blocks)
    : options_(options),
      lookup_(lookup),
      policies_(policies),
      blocks_(blocks),
      accesses_(max_items) {}

std::optional<LookupFailure> AccessFinder::Find(
    const Subject& subject, const RequestContext& context,
    std::shared_ptr<const SubjectAccess>& access, Denial& denial,
    absl::Time& session_ends, Findings& found) {
  const BlockSet* const blocks = blocks_.Get();
  if (blocks == nullptr) {
    return FindUnblocked(subject, context, access, denial, session_ends, found);
  }
  // Before anything is looked up: who is blocked need not be known.
  std::optional<Denial> blocked = blocks->CheckNames(subject, context);
  if (!blocked) {
    if (auto failure = FindUnblocked(subject, context, access, denial,
                                     session_ends, found)) {
      return failure;
    }
    if (access != nullptr) blocked = blocks->CheckAccess(*access, context);
  }
  if (blocked) {
    access = nullptr;
    denial = *std::move(blocked);
  }
  return std::nullopt;
}

std::optional<LookupFailure> AccessFinder::FindUnblocked(
    const Subject& subject, const RequestContext& context,
    std::shared_ptr<const SubjectAccess>& access, Denial& denial,
    absl::Time& session_ends, Findings& found) {
  if (!subject.project.empty() && !options_.Keeps(subject.project)) {
    return NotKept(subject.project);
  }
  ResolvedMembership resolved;
  if (auto failure = ResolveMembership(subject, lookup_, resolved)) {
    return failure;
  }
  if (resolved.membership.empty()) {
    denial = {
        .reason = Reason::kSubjectUnknown,
        .message = StrCat("`", subject.reference, "` has no ProjectMembership"),
        .medplum_http_status = 401,
        .login_http_status = 400};
    return std::nullopt;
  }
  if (auto failure = FindMembers(resolved.membership, context,
                                 /*caller=*/nullptr, access, denial,
                                 session_ends, found)) {
    return failure;
  }
  if (access == nullptr || !context.on_behalf_of ||
      context.on_behalf_of->empty()) {
    return std::nullopt;
  }
  const std::shared_ptr<const SubjectAccess> caller = std::move(access);
  access = nullptr;
  std::string target;
  if (auto failure = FindTarget(subject, context, *caller, target, denial)) {
    return failure;
  }
  if (target.empty()) return std::nullopt;
  return FindMembers(target, context, caller.get(), access, denial,
                     session_ends, found);
}

std::optional<LookupFailure> AccessFinder::FindMembers(
    std::string_view membership, const RequestContext& context,
    const SubjectAccess* caller, std::shared_ptr<const SubjectAccess>& access,
    Denial& denial, absl::Time& session_ends, Findings& found) {
  std::string key = AccessKey(membership, context);
  if (caller != nullptr) {
    key += '/';
    AppendPart(caller->membership, key);
  }
  uint64_t generation = 0;
  access = accesses_.Find(key, generation);
  if (access == nullptr) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    auto built = std::make_shared<SubjectAccess>();
    if (auto failure = BuildSubjectAccess(membership, context, caller, options_,
                                          lookup_, policies_, *built)) {
      return failure;
    }
    access = std::move(built);
    accesses_.Insert(key, access, generation);
  } else {
    hits_.fetch_add(1, std::memory_order_relaxed);
  }
  (caller == nullptr ? found.subject : found.on_behalf_of) = access;
  if (access->denial) {
    denial = *access->denial;
    access = nullptr;
    return std::nullopt;
  }
  // It is the caller who has a session.
  if (caller == nullptr && access->session_rules.any()) {
    SessionJudgment session = JudgeSession(
        access->session_rules, context.session, options_.clock->Now());
    if (session.denial) {
      denial = *std::move(session.denial);
      access = nullptr;
      return std::nullopt;
    }
    session_ends = session.ends;
  }
  // Medplum does not look at the IP rules of whom the caller acts for.
  const bool checks_address =
      caller == nullptr || options_.mode == Mode::kStrict;
  if (!checks_address) return std::nullopt;
  if (auto refused = CheckAddress(*access, context, options_.mode)) {
    denial = *std::move(refused);
    if (caller != nullptr) {
      denial.strict_rule = StrictRule::kOnBehalfOfActive;
    }
    access = nullptr;
  }
  return std::nullopt;
}

std::optional<LookupFailure> AccessFinder::FindTarget(
    const Subject& subject, const RequestContext& context,
    const SubjectAccess& caller, std::string& target, Denial& denial) const {
  StrictRule rule = StrictRule::kUnspecified;
  const auto refuse = [&](std::string message) {
    denial = {.reason = Reason::kOnBehalfOf,
              .message = std::move(message),
              .medplum_http_status = 400,
              .strict_rule = rule};
  };
  if (!caller.project_admin && !caller.super_admin) {
    refuse("only an admin of the project may act on behalf of a member");
    return std::nullopt;
  }
  const std::string_view value = *context.on_behalf_of;
  std::string membership;
  if (value.starts_with("ProjectMembership/")) {
    membership = value;
  } else {
    ResolvedMembership resolved;
    if (auto failure =
            ResolveMembership({value, caller.project.id}, lookup_, resolved)) {
      if (failure->status.code() != absl::StatusCode::kInvalidArgument) {
        return failure;
      }
      refuse(std::string(ToStd(failure->status.message())));
      return std::nullopt;
    }
    membership = resolved.membership;
    // Medplum looks for the profile alone, never for the user.
    if (ProfileOf(membership) != value) membership.clear();
  }
  // Membership and profile must be readable by the caller.
  std::string profile;
  if (!membership.empty()) {
    bool is_readable = false;
    if (auto failure =
            MayRead(subject, context, caller, membership, is_readable, rule)) {
      return failure;
    }
    if (is_readable) profile = ProfileOf(membership);
    if (!profile.empty()) {
      is_readable = false;
      if (auto failure =
              MayRead(subject, context, caller, profile, is_readable, rule)) {
        return failure;
      }
      if (is_readable) {
        target = std::move(membership);
        return std::nullopt;
      }
    }
  }
  refuse(StrCat("the caller may not act on behalf of `", value, "`"));
  return std::nullopt;
}

std::optional<LookupFailure> AccessFinder::MayRead(
    const Subject& subject, const RequestContext& context,
    const SubjectAccess& caller, std::string_view reference, bool& is_readable,
    StrictRule& rule) const {
  AccessRequest request;
  request.subject = subject;
  request.context = context;
  request.context.on_behalf_of.reset();
  request.context.read_path = ReadPath::kCacheOrDatabase;
  request.interaction = fhir::Interaction::kRead;
  Decision decision;
  decision.policy = caller.policy;
  fhir::fhirpath::Scratch scratch;
  Decider decider(caller, request, lookup_, options_.mode, scratch, decision);
  is_readable = decider.MayReadReference(reference);
  if (!is_readable && decision.reason == Reason::kResourceUnavailable) {
    // That it may not be read would be a guess.
    std::optional<LookupFailure> failure = decider.TakeFailure();
    if (failure) return failure;
    failure.emplace();
    failure->status = absl::UnavailableError(ToAbsl(decision.message));
    return failure;
  }
  if (!is_readable) {
    rule = SuspectedRule(decision, request.interaction,
                         reference.substr(0, reference.find('/')));
  }
  return decider.TakeFailure();
}

std::string AccessFinder::ProfileOf(std::string_view membership) const {
  const auto key = fhir::ResourceKey::Parse(membership);
  if (!key) return {};
  const fhir::LookupResult found = lookup_.Read(*key);
  if (found.state != fhir::LookupState::kFound) return {};
  const auto profile = fhir::Member(found.resource->root(), "profile");
  return profile ? std::string(fhir::StringMember(*profile, "reference"))
                 : std::string();
}

}  // namespace pdp::policy
