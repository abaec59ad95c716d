#include "pdp/service/caller_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "medplum/pdp/v1/types.pb.h"
#include "pdp/base/log.h"
#include "pdp/base/log_limiter.h"
#include "pdp/base/strings.h"
#include "pdp/policy/subject_projects.h"

namespace pdp::service {
namespace {

constexpr int kLinesPerSecond = 5;

// REQUIRES: origin.caller is not null.
CallOutcome Denied(const CallOrigin& origin, Refusal refusal,
                   std::string_view message) {
  static LogLimiter limiter(kLinesPerSecond);
  if (const auto left_out = limiter.Allow(absl::Now())) {
    Log(Severity::kWarning, "caller_may_not_ask",
        {{"caller", origin.caller->name},
         {"reason", RefusalName(refusal)},
         {"request_id", origin.trace.request_id},
         {"traceparent", origin.trace.traceparent},
         {"lines_left_out", *left_out}});
  }
  CallOutcome outcome = Failed(
      absl::PermissionDeniedError(StrCat(RefusalName(refusal), ": ", message)));
  outcome.refusal = refusal;
  return outcome;
}

// What a method needs; nothing: any caller may call it.
std::optional<Permission> PermissionFor(Method method) {
  switch (method) {
    case Method::kCheck:
    case Method::kBatchCheck:
    case Method::kCheckStream:
    case Method::kWatchRevisions:
      return Permission::kCheck;
    case Method::kFilter:
    case Method::kFilterResources:
      return Permission::kFilter;
    case Method::kExplain:
      return Permission::kExplain;
    case Method::kDescribeAccess:
      return Permission::kDescribe;
    case Method::kSimulate:
      return Permission::kSimulate;
    case Method::kRecordAccess:
      return Permission::kRecord;
    case Method::kGetStatus:
    case Method::kResync:
    case Method::kCheckpoint:
    case Method::kBlock:
    case Method::kUnblock:
    case Method::kLintPolicies:
    case Method::kListMemberships:
      return Permission::kAdmin;
    case Method::kExtAuthz:
    case Method::kForwardAuth:
      return Permission::kGateway;
    case Method::kHealthCheck:
    case Method::kHealthWatch:
    case Method::kReflection:
      return std::nullopt;
  }
  return Permission::kAdmin;
}

// As the configuration writes it.
std::string_view PermissionName(Permission permission) {
  switch (permission) {
    case Permission::kCheck:
      return "check";
    case Permission::kFilter:
      return "filter";
    case Permission::kExplain:
      return "explain";
    case Permission::kDescribe:
      return "describe";
    case Permission::kSimulate:
      return "simulate";
    case Permission::kRecord:
      return "record";
    case Permission::kAdmin:
      return "admin";
    case Permission::kGateway:
      return "gateway";
  }
  return "";
}

bool Has(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

CallOutcome ProjectDenied(const CallOrigin& origin) {
  return Denied(origin, Refusal::kProjectNotAllowed,
                "the calling service may not ask about members of that "
                "project; a subject that several projects may have needs "
                "subject.project");
}

// Whether every membership that `subject` may mean is of the caller's projects.
bool AreAllOfProjects(const Caller& caller, const policy::Subject& subject,
                      const fhir::ResourceLookup& lookup) {
  bool all = subject.project.empty() || Has(caller.projects, subject.project);
  if (!all || subject.reference.starts_with("ProjectMembership/")) return all;
  // Where they cannot be told, FindSubjectProjects says so.
  (void)lookup.FindMemberships(
      subject.reference, [&](const fhir::ResourcePtr& membership) {
        if (subject.project.empty() ||
            membership->project() == subject.project) {
          all = all && Has(caller.projects, membership->project());
        }
      });
  return all;
}

}  // namespace

bool IsOpenToAll(Method method) {
  return method == Method::kHealthCheck || method == Method::kHealthWatch;
}

absl::Status CheckMethod(const Caller& caller, Method method) {
  const std::optional<Permission> permission = PermissionFor(method);
  if (!permission || caller.May(*permission)) return absl::OkStatus();
  return absl::PermissionDeniedError(StrCat(
      "the caller `", caller.name, "` has no permission `",
      PermissionName(*permission), "`, which ", MethodName(method), " needs"));
}

CallOutcome CheckSubject(const CallOrigin& origin, const v1::Subject& subject) {
  const Caller* const caller = origin.caller;
  if (caller == nullptr) return {};
  const bool is_token = subject.identity_case() == v1::Subject::kAccessToken;
  if (caller->subjects_rule == SubjectsRule::kToken && !is_token) {
    return Denied(origin, Refusal::kSubjectNotAllowed,
                  "the calling service may ask by subject.access_token only");
  }
  if (caller->subjects_rule == SubjectsRule::kOwn &&
      (is_token || !Has(caller->subjects, subject.reference()))) {
    return Denied(origin, Refusal::kSubjectNotAllowed,
                  "the calling service may ask about itself only");
  }
  return {};
}

CallOutcome CheckBody(const CallOrigin& origin, const v1::Resource& resource) {
  return resource.body().empty() ? CallOutcome() : CheckBodies(origin);
}

CallOutcome CheckBodies(const CallOrigin& origin) {
  if (origin.caller == nullptr ||
      origin.caller->resources_rule == ResourcesRule::kInline) {
    return {};
  }
  return Denied(origin, Refusal::kBodyNotAllowed,
                "the calling service may name resources, not send their "
                "stored content; send type and id");
}

CallOutcome CheckProjects(const CallAttempt& attempt,
                          const policy::Subject& subject,
                          const policy::RequestContext& context,
                          const fhir::ResourceLookup& lookup) {
  const CallOrigin& origin = attempt.origin;
  const Caller* const caller = origin.caller;
  if (caller == nullptr || caller->projects.empty()) return {};
  if (!AreAllOfProjects(*caller, subject, lookup)) {
    return ProjectDenied(origin);
  }
  std::vector<std::string> projects;
  if (auto failure =
          policy::FindSubjectProjects(subject, context, lookup, projects)) {
    return FromEngine(attempt,
                      {std::move(failure->status), std::move(failure->needed)});
  }
  for (const std::string& project : projects) {
    if (!Has(caller->projects, project)) return ProjectDenied(origin);
  }
  return {};
}

CallOutcome CheckWatched(const CallAttempt& attempt, std::string_view member,
                         const fhir::ResourceLookup& lookup) {
  const CallOrigin& origin = attempt.origin;
  const Caller* const caller = origin.caller;
  if (caller == nullptr) return {};
  if (caller->subjects_rule != SubjectsRule::kAny &&
      !Has(caller->subjects, member)) {
    return Denied(origin, Refusal::kSubjectNotAllowed,
                  "the calling service may watch its own memberships only, "
                  "each by name");
  }
  if (member.empty() && !caller->projects.empty()) {
    return Denied(origin, Refusal::kProjectNotAllowed,
                  "the calling service may watch members of its projects "
                  "only, each by name");
  }
  return CheckProjects(attempt, {.reference = member}, {}, lookup);
}

}  // namespace pdp::service
