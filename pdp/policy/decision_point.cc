#include "pdp/policy/decision_point.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/policy/access_cache.h"
#include "pdp/policy/bind_cache.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/filter.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {
namespace {

// How often a decision is made anew when the data changed underneath it.
constexpr int kMaxAttempts = 4;

// Compiled AccessPolicies by key, each good for the very resource it was
// compiled from, and what was bound from them.
class CompiledPolicies : public PolicyCache {
 public:
  absl::StatusOr<std::shared_ptr<const CompiledPolicy>> Get(
      const fhir::ResourcePtr& resource) override {
    const fhir::ResourceKey key = resource->key();
    {
      MutexLock lock(mutex_);
      const auto found = policies_.find(key);
      if (found != policies_.end() && found->second.resource == resource) {
        return found->second.compiled;
      }
    }
    auto compiled = CompilePolicy(*resource);
    if (!compiled.ok()) return compiled;
    MutexLock lock(mutex_);
    if (policies_.size() >= kMaxPolicies) policies_.clear();
    policies_[key] = {resource, *compiled};
    return compiled;
  }

  BindResult Bind(const BindInput& input) override {
    return bindings_.Get(input);
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return policies_.size();
  }

 private:
  static constexpr size_t kMaxPolicies = 20'000;
  struct Compiled {
    fhir::ResourcePtr resource;
    std::shared_ptr<const CompiledPolicy> compiled;
  };
  BindCache bindings_;
  mutable Mutex mutex_;
  absl::flat_hash_map<fhir::ResourceKey, Compiled> policies_
      ABSL_GUARDED_BY(mutex_);
};

void AppendPart(std::string_view part, std::string& key) {
  absl::StrAppend(&key, part.size(), ":");
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
  AppendPart(membership, key);
  AppendOptional(context.smart_scope, key);
  AppendOptional(context.launch_patient, key);
  for (const std::string_view tenant : context.active_tenants) {
    AppendPart(tenant, key);
  }
  return key;
}

void ApplyDenial(const Denial& denial, const RequestContext& context,
                 uint16_t permitted_status, Decision& decision) {
  decision.effect = Effect::kDeny;
  decision.reason = denial.reason;
  decision.message = denial.message;
  const bool is_login = context.authentication == Authentication::kLogin &&
                        denial.login_http_status != 0;
  decision.medplum_http_status =
      is_login ? denial.login_http_status : denial.medplum_http_status;
  if (denial.strict_rule == StrictRule::kUnspecified) return;
  decision.notes.push_back({.code = NoteCode::kStrictRule,
                            .strict_rule = denial.strict_rule,
                            .text = "Medplum may permit this"});
  if (denial.medplum_http_status == 0) {
    decision.medplum_http_status = permitted_status;
  }
}

Outcome Missing(LookupFailure failure) {
  return {std::move(failure.status), std::move(failure.needed)};
}

}  // namespace

class DecisionPoint::Impl {
 public:
  Impl(const fhir::ResourceLookup& lookup, const DecisionPointOptions& options)
      : lookup_(lookup),
        options_(options),
        accesses_(options.max_bound_policies) {
    if (options_.mode == Mode::kParity) {
      options_.parameter_semantics = ParameterSemantics::kServer;
    }
    access_options_.mode = options_.mode;
    access_options_.parameter_semantics = options_.parameter_semantics;
  }

  // The access of a subject; `access` is null where `denial` says why.
  std::optional<LookupFailure> FindAccess(
      const Subject& subject, const RequestContext& context,
      std::shared_ptr<const SubjectAccess>& access, Denial& denial) const {
    ResolvedMembership resolved;
    if (auto failure = ResolveMembership(subject, lookup_, resolved)) {
      return failure;
    }
    if (resolved.membership.empty()) {
      denial = {.reason = Reason::kSubjectUnknown,
                .message = StrCat("`", subject.reference,
                                  "` has no ProjectMembership"),
                .medplum_http_status = 401,
                .login_http_status = 400};
      return std::nullopt;
    }
    if (auto failure = FindMembersAccess(resolved.membership, context,
                                         /*caller=*/nullptr, access, denial)) {
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
    return FindMembersAccess(target, context, caller.get(), access, denial);
  }

  // The access of one membership; with `caller`, as on its behalf.
  std::optional<LookupFailure> FindMembersAccess(
      std::string_view membership, const RequestContext& context,
      const SubjectAccess* caller, std::shared_ptr<const SubjectAccess>& access,
      Denial& denial) const {
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
      if (auto failure =
              BuildSubjectAccess(membership, context, caller, access_options_,
                                 lookup_, policies_, *built)) {
        return failure;
      }
      access = std::move(built);
      accesses_.Insert(key, access, generation);
    } else {
      hits_.fetch_add(1, std::memory_order_relaxed);
    }
    if (access->denial) {
      denial = *access->denial;
      access = nullptr;
      return std::nullopt;
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

  // The membership on whose behalf `caller` acts (semantics B.8); empty where
  // `denial` says why there is none.
  std::optional<LookupFailure> FindTarget(const Subject& subject,
                                          const RequestContext& context,
                                          const SubjectAccess& caller,
                                          std::string& target,
                                          Denial& denial) const {
    const auto refuse = [&](std::string message) {
      denial = {.reason = Reason::kOnBehalfOf,
                .message = std::move(message),
                .medplum_http_status = 400};
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
      if (auto failure = ResolveMembership({value, caller.project.id}, lookup_,
                                           resolved)) {
        if (failure->status.code() != absl::StatusCode::kInvalidArgument) {
          return failure;
        }
        refuse(std::string(ToStd(failure->status.message())));
        return std::nullopt;
      }
      membership = resolved.membership;
    }
    // Membership and profile must be readable by the caller.
    std::string profile;
    if (!membership.empty()) {
      bool is_readable = false;
      if (auto failure =
              MayRead(subject, context, caller, membership, is_readable)) {
        return failure;
      }
      if (is_readable) profile = ProfileOf(membership);
      if (!profile.empty()) {
        is_readable = false;
        if (auto failure =
                MayRead(subject, context, caller, profile, is_readable)) {
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

  std::optional<LookupFailure> MayRead(const Subject& subject,
                                       const RequestContext& context,
                                       const SubjectAccess& caller,
                                       std::string_view reference,
                                       bool& is_readable) const {
    AccessRequest request;
    request.subject = subject;
    request.context = context;
    request.context.on_behalf_of.reset();
    request.context.read_path = ReadPath::kCacheOrDatabase;
    Decision decision;
    fhir::fhirpath::Scratch scratch;
    Decider decider(caller, request, lookup_, options_.mode, scratch, decision);
    is_readable = decider.MayReadReference(reference);
    return decider.TakeFailure();
  }

  std::string ProfileOf(std::string_view membership) const {
    const auto key = fhir::ResourceKey::Parse(membership);
    if (!key) return {};
    const fhir::LookupResult found = lookup_.Read(*key);
    if (found.state != fhir::LookupState::kFound) return {};
    const auto profile = fhir::Member(found.resource->root(), "profile");
    return profile ? std::string(fhir::StringMember(*profile, "reference"))
                   : std::string();
  }

  // Calls `decide` until the data did not change underneath it.
  template <typename Decide>
  Outcome AtOneRevision(uint64_t& revision, Decide&& decide) const {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      revision = revision_.load(std::memory_order_acquire);
      Outcome outcome = decide();
      if (revision_.load(std::memory_order_acquire) == revision) {
        return outcome;
      }
    }
    return {absl::UnavailableError("the data keeps changing; ask again"), {}};
  }

  const fhir::ResourceLookup& lookup_;
  DecisionPointOptions options_;
  SubjectAccessOptions access_options_;
  mutable CompiledPolicies policies_;
  mutable AccessCache accesses_;
  std::atomic<uint64_t> revision_{0};
  mutable std::atomic<uint64_t> hits_{0};
  mutable std::atomic<uint64_t> misses_{0};
};

DecisionPoint::DecisionPoint(const fhir::ResourceLookup& lookup,
                             const DecisionPointOptions& options)
    : impl_(std::make_unique<Impl>(lookup, options)) {}

DecisionPoint::~DecisionPoint() = default;

Outcome DecisionPoint::Decide(const AccessRequest& request,
                              Decision& decision) const {
  uint64_t revision = 0;
  Outcome outcome = impl_->AtOneRevision(revision, [&]() -> Outcome {
    decision = Decision();
    std::shared_ptr<const SubjectAccess> access;
    Denial denial;
    if (auto failure = impl_->FindAccess(request.subject, request.context,
                                         access, denial)) {
      return Missing(*std::move(failure));
    }
    if (access == nullptr) {
      const bool is_create = request.interaction == fhir::Interaction::kCreate;
      ApplyDenial(denial, request.context, is_create ? 201 : 200, decision);
      return {};
    }
    thread_local fhir::fhirpath::Scratch scratch;
    scratch.Reset();
    Decider decider(*access, request, impl_->lookup_, impl_->options_.mode,
                    scratch, decision);
    if (auto failure = decider.Decide()) return Missing(*std::move(failure));
    return {};
  });
  decision.revision = revision;
  return outcome;
}

Outcome DecisionPoint::Filter(const FilterRequest& request,
                              FilterAnswer& answer) const {
  uint64_t revision = 0;
  Outcome outcome = impl_->AtOneRevision(revision, [&]() -> Outcome {
    answer = FilterAnswer();
    std::shared_ptr<const SubjectAccess> access;
    Denial denial;
    if (auto failure = impl_->FindAccess(request.subject, request.context,
                                         access, denial)) {
      return Missing(*std::move(failure));
    }
    if (access == nullptr) {
      Decision decision;
      ApplyDenial(denial, request.context, 200, decision);
      answer.reason = decision.reason;
      answer.message = std::move(decision.message);
      answer.medplum_http_status = decision.medplum_http_status;
      answer.notes = std::move(decision.notes);
      return {};
    }
    answer.notes = access->policy->notes();
    BuildFilter(*access, request, impl_->options_.mode, answer);
    return {};
  });
  answer.revision = revision;
  return outcome;
}

Outcome DecisionPoint::DescribeEffectivePolicy(const Subject& subject,
                                               const RequestContext& context,
                                               EffectivePolicy& answer) const {
  uint64_t revision = 0;
  return impl_->AtOneRevision(revision, [&]() -> Outcome {
    answer = EffectivePolicy();
    std::shared_ptr<const SubjectAccess> access;
    Denial denial;
    if (auto failure = impl_->FindAccess(subject, context, access, denial)) {
      return Missing(*std::move(failure));
    }
    if (access == nullptr) {
      ApplyDenial(denial, context, 200, answer.denial);
      return {};
    }
    answer.denial.reason = Reason::kPermitted;
    answer.denial.medplum_http_status = 200;
    answer.json = access->policy->ToJson();
    answer.membership = access->membership;
    answer.project = StrCat("Project/", access->project.id);
    answer.profile = access->profile;
    return {};
  });
}

void DecisionPoint::Invalidate(uint64_t revision,
                               std::span<const fhir::ResourceKey> changed) {
  impl_->accesses_.Invalidate(changed);
  impl_->revision_.store(revision, std::memory_order_release);
}

uint64_t DecisionPoint::revision() const {
  return impl_->revision_.load(std::memory_order_acquire);
}

const DecisionPointOptions& DecisionPoint::options() const {
  return impl_->options_;
}

DecisionPointStatistics DecisionPoint::statistics() const {
  return {.bound_policy_hits = impl_->hits_.load(std::memory_order_relaxed),
          .bound_policy_misses = impl_->misses_.load(std::memory_order_relaxed),
          .bound_policies = impl_->accesses_.size(),
          .compiled_policies = impl_->policies_.size()};
}

}  // namespace pdp::policy
