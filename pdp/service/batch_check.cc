#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/caller_rules.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/item_error.h"

namespace pdp::service {
namespace {

// After so many it is seen whether anybody still waits.
constexpr int kItemsPerLook = 8;

}  // namespace

// One BatchCheck.
class DecisionService::Batch {
 public:
  Batch(const DecisionService& service, const CallAttempt& attempt,
        const v1::BatchCheckRequest& request, v1::BatchCheckResponse& response)
      : service_(service),
        attempt_(attempt),
        request_(request),
        response_(response) {}

  CallOutcome Run();

 private:
  struct SharedResource {
    bool converted = false;
    absl::Status status;
    policy::ResourceFacts facts;
    std::optional<std::string> unsupported;
  };

  absl::Status CheckLimits() const;
  const v1::Subject& SubjectOf(const v1::BatchCheckItem& item) const {
    return item.has_subject() ? item.subject() : request_.subject();
  }
  CallOutcome CheckItem(const v1::BatchCheckItem& item) const;
  const v1::Resource& ResourceOf(const v1::BatchCheckItem& item) const;
  bool is_recorded() const { return attempt_.ledger != nullptr; }
  // What is to be recorded of an item; without meaning where nothing is.
  AnswerFacts& FactsOf(int i) {
    return facts_[is_recorded() ? static_cast<size_t>(i) : 0];
  }
  CallOutcome FindToken(const v1::Subject& subject, Moment& moment);
  absl::Status Prepare(const v1::BatchCheckItem& item);
  absl::Status PrepareSubject(const v1::BatchCheckItem& item);
  absl::Status PrepareResource(const v1::BatchCheckItem& item);
  SharedResource& Shared(size_t index);
  CallOutcome DecideItem(int i, Moment moment, v1::BatchCheckResult& result);
  void RecordAll() const;
  void CountAll() const;
  void CompareAll();

  const DecisionService& service_;
  const CallAttempt& attempt_;
  const v1::BatchCheckRequest& request_;
  v1::BatchCheckResponse& response_;

  policy::AccessRequest access_;
  // That of all items, but for what an access token brings along.
  policy::RequestContext context_;
  std::vector<SharedResource> shared_;
  std::vector<ShadowedAnswer> answers_;  // Of each item that was decided.
  std::vector<CallOutcome> outcomes_;    // Of each item.
  std::vector<AnswerFacts> facts_;       // See FactsOf.
  bool is_fresh_for_all_ = false;
  // Of the item being prepared.
  std::optional<std::string> unsupported_;
  TokenSubject token_;
  std::string_view token_text_;  // What `token_` was found for.
  bool had_token_ = false;       // So its context is in `access_`.
};

absl::Status DecisionService::Batch::CheckLimits() const {
  const size_t limit = service_.options_.max_batch_items;
  const auto items = static_cast<size_t>(request_.items_size());
  const auto resources = static_cast<size_t>(request_.resources_size());
  if (items > limit) {
    return absl::ResourceExhaustedError(
        StrCat("items: ", items, " items; at most ", limit,
               " are taken in one call, so send several"));
  }
  if (resources > limit) {
    return absl::ResourceExhaustedError(
        StrCat("resources: ", resources, " resources; at most ", limit,
               " are taken in one call, so send several"));
  }
  return absl::OkStatus();
}

CallOutcome DecisionService::Batch::Run() {
  if (!service_.data_.IsReady()) return service_.Counted(NotReady());
  absl::Status status = CheckLimits();
  if (!status.ok()) return Failed(std::move(status));
  const Moment moment = service_.Begin();
  const std::optional<std::string> unsupported = FindUnsupported(request_);
  if (!unsupported) {
    status = ConvertContext(request_.context(),
                            service_.decision_point_.options().mode,
                            service_.options_.limits, context_);
    if (!status.ok()) return Failed(std::move(status));
    access_.context = context_;
    // What is wrong with a subject is said of its items.
    const bool has_own = !request_.has_subject() && request_.items_size() > 0;
    ConvertSubject(has_own ? request_.items(0).subject() : request_.subject(),
                   access_.subject)
        .IgnoreError();
    CallOutcome outcome =
        CheckConsistency(service_.Facts(), attempt_, request_.consistency(),
                         {access_.subject, access_.context});
    if (!outcome.status.ok()) return service_.Counted(std::move(outcome));
  }

  is_fresh_for_all_ =
      service_.feeds_.IsFreshForAll(request_.consistency(), moment.age);
  answers_.resize(static_cast<size_t>(request_.items_size()));
  outcomes_.resize(static_cast<size_t>(request_.items_size()));
  facts_.resize(is_recorded() ? static_cast<size_t>(request_.items_size()) : 1);
  shared_.resize(static_cast<size_t>(request_.resources_size()));
  response_.mutable_results()->Reserve(request_.items_size());
  CallOutcome pending;
  for (int i = 0; i < request_.items_size(); ++i) {
    if (i % kItemsPerLook == 0) {
      status = attempt_.CheckAwaited();
      if (!status.ok()) return Failed(std::move(status));
    }
    v1::BatchCheckResult& result = *response_.add_results();
    if (unsupported) {
      service_.DenyUnsupported(*unsupported, moment,
                               *result.mutable_decision());
      continue;
    }
    CallOutcome outcome = DecideItem(i, moment, result);
    if (!outcome.status.ok())
      SetItemError(outcome.status, *result.mutable_error());
    if (outcome.pending()) AddPending(outcome, pending);
    outcomes_[static_cast<size_t>(i)] = std::move(outcome);
  }
  if (pending.pending()) return pending;
  if (is_recorded()) RecordAll();
  CountAll();
  if (service_.options_.shadow != nullptr) CompareAll();
  return {};
}

const v1::Resource& DecisionService::Batch::ResourceOf(
    const v1::BatchCheckItem& item) const {
  const uint32_t index = item.resource_index();
  const bool is_shared =
      item.target_case() == v1::BatchCheckItem::kResourceIndex &&
      index < static_cast<uint32_t>(request_.resources_size());
  return is_shared ? request_.resources(static_cast<int>(index))
                   : item.resource();
}

CallOutcome DecisionService::Batch::DecideItem(int i, Moment moment,
                                               v1::BatchCheckResult& result) {
  const v1::BatchCheckItem& item = request_.items(i);
  AnswerFacts& facts = FactsOf(i);
  if (is_recorded()) facts.SetResource(ResourceOf(item), {});
  CallOutcome found = CheckItem(item);
  if (!found.status.ok()) return found;
  found = FindToken(SubjectOf(item), moment);
  if (found.pending()) return found;
  if (token_.refusal) {
    service_.Deny(*token_.refusal, moment, *result.mutable_decision());
    return {};
  }
  const absl::Status prepared =
      found.status.ok() ? Prepare(item) : found.status;
  if (!prepared.ok()) {
    found.status = InField(StrCat("items[", i, "]"), prepared);
    return found;
  }
  if (unsupported_) {
    service_.DenyUnsupported(*unsupported_, moment, *result.mutable_decision());
    return {};
  }
  if (is_recorded()) {
    facts.token = token_.binding;
    facts.SetResource(ResourceOf(item), access_.resource);
  }
  found = CheckProjects(attempt_, access_.subject, access_.context,
                        service_.lookup_);
  if (!found.status.ok()) return found;
  found = service_.TakeOfProjects(attempt_, access_.subject, access_.context);
  if (!found.status.ok()) return found;
  if (!is_fresh_for_all_) {
    CallOutcome outcome = service_.CheckFeeds(
        attempt_, request_.consistency(),
        {access_.subject, access_.context, &access_.resource}, moment);
    if (!outcome.status.ok()) return outcome;
  }
  return service_.Decide(attempt_, access_, moment, *result.mutable_decision(),
                         answers_[static_cast<size_t>(i)], facts);
}

// Whether the caller may ask it.
CallOutcome DecisionService::Batch::CheckItem(
    const v1::BatchCheckItem& item) const {
  CallOutcome outcome = CheckSubject(attempt_.origin, SubjectOf(item));
  if (!outcome.status.ok()) return outcome;
  if (item.target_case() == v1::BatchCheckItem::kResource) {
    return CheckBody(attempt_.origin, item.resource());
  }
  const auto resources = static_cast<uint32_t>(request_.resources_size());
  if (item.resource_index() >= resources) return {};
  return CheckBody(attempt_.origin,
                   request_.resources(static_cast<int>(item.resource_index())));
}

// Many items are of one token.
CallOutcome DecisionService::Batch::FindToken(const v1::Subject& subject,
                                              Moment& moment) {
  if (subject.identity_case() != v1::Subject::kAccessToken) {
    token_ = {};
    token_text_ = {};
    return {};
  }
  if (token_text_.empty() || subject.access_token() != token_text_) {
    token_ = {};
    CallOutcome outcome = service_.FindToken(
        attempt_, subject, request_.consistency(), moment, token_);
    token_text_ = {};
    if (outcome.status.ok()) token_text_ = subject.access_token();
    return outcome;
  }
  if (token_.binding != nullptr) moment.reuse_ends = token_.binding->expires;
  return {};
}

absl::Status DecisionService::Batch::Prepare(const v1::BatchCheckItem& item) {
  unsupported_ = FindUnsupported(item);
  if (unsupported_) return absl::OkStatus();
  absl::Status status =
      ConvertInteraction(item.interaction(), access_.interaction);
  if (status.ok()) status = PrepareSubject(item);
  if (status.ok()) status = PrepareResource(item);
  return status;
}

absl::Status DecisionService::Batch::PrepareSubject(
    const v1::BatchCheckItem& item) {
  const v1::Subject& subject = SubjectOf(item);
  unsupported_ = FindUnsupported(subject);
  if (unsupported_) return absl::OkStatus();
  const policy::TokenBinding* const token = token_.binding.get();
  PDP_RETURN_IF_ERROR(ConvertSubject(subject, access_.subject, token));
  if (token == nullptr && !had_token_) return absl::OkStatus();
  had_token_ = token != nullptr;
  access_.context = context_;
  return token == nullptr
             ? absl::OkStatus()
             : ConvertLogin(request_.context(), *token, access_.context);
}

absl::Status DecisionService::Batch::PrepareResource(
    const v1::BatchCheckItem& item) {
  switch (item.target_case()) {
    case v1::BatchCheckItem::kResource: {
      if (!unsupported_) unsupported_ = FindUnsupported(item.resource());
      if (unsupported_) return absl::OkStatus();
      access_.resource = {};
      absl::Status status =
          CheckTokenProject(token_.binding.get(), item.resource());
      if (status.ok()) {
        status = ConvertResource(item.resource(), service_.options_.limits,
                                 access_.resource);
      }
      if (status.ok()) {
        status = CheckResource(access_.interaction, access_.resource);
      }
      return status.ok() ? status : InField("resource", status);
    }
    case v1::BatchCheckItem::kResourceIndex: {
      if (item.resource_index() >= shared_.size()) {
        return absl::InvalidArgumentError(
            StrCat("resource_index: ", item.resource_index(),
                   " is past the last of ", shared_.size(), " resources"));
      }
      const SharedResource& shared = Shared(item.resource_index());
      if (!unsupported_) unsupported_ = shared.unsupported;
      if (unsupported_) return absl::OkStatus();
      access_.resource = shared.facts;
      absl::Status status = shared.status;
      if (status.ok()) {
        status = CheckTokenProject(
            token_.binding.get(),
            request_.resources(static_cast<int>(item.resource_index())));
      }
      if (status.ok()) {
        status = CheckResource(access_.interaction, access_.resource);
      }
      if (status.ok()) return status;
      return InField(
          StrCat("resource_index: resources[", item.resource_index(), "]"),
          status);
    }
    case v1::BatchCheckItem::TARGET_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "resource: missing; send a resource, or the resource_index of one of "
      "BatchCheckRequest.resources");
}

DecisionService::Batch::SharedResource& DecisionService::Batch::Shared(
    size_t index) {
  SharedResource& shared = shared_[index];
  if (shared.converted) return shared;
  shared.converted = true;
  const v1::Resource& message = request_.resources(static_cast<int>(index));
  shared.unsupported = FindUnsupported(message);
  if (!shared.unsupported) {
    shared.status =
        ConvertResource(message, service_.options_.limits, shared.facts);
  }
  return shared;
}

// Only now: a call that had to wait is made again from the start.
void DecisionService::Batch::RecordAll() const {
  const absl::Time now = service_.options_.clock->Now();
  for (int i = 0; i < request_.items_size(); ++i) {
    const v1::BatchCheckItem& item = request_.items(i);
    const v1::BatchCheckResult& result = response_.results(i);
    const RecordedQuestion question = {
        .method = Method::kBatchCheck,
        .attempt = attempt_,
        .time = now,
        .subject = SubjectOf(item),
        .context = request_.context(),
        .interaction = item.interaction(),
        .version_id = ResourceOf(item).version_id()};
    const auto index = static_cast<size_t>(i);
    if (result.has_decision()) {
      RecordAnswer(question, facts_[index], result.decision());
    } else {
      RecordNoAnswer(question, facts_[index], outcomes_[index]);
    }
  }
}

void DecisionService::Batch::CountAll() const {
  for (int i = 0; i < request_.items_size(); ++i) {
    const v1::BatchCheckResult& result = response_.results(i);
    if (result.has_decision()) {
      service_.Count(Method::kBatchCheck, request_.items(i).interaction(),
                     result.decision());
    }
    const Refusal refusal = outcomes_[static_cast<size_t>(i)].refusal;
    if (refusal != Refusal::kNone) service_.metrics_.CountRefusal(refusal);
  }
}

// Only now, as RecordAll.
void DecisionService::Batch::CompareAll() {
  for (int i = 0; i < request_.items_size(); ++i) {
    const ShadowedAnswer& answer = answers_[static_cast<size_t>(i)];
    if (answer.effect == policy::Effect::kUnspecified) continue;
    Moment moment;
    if (!FindToken(SubjectOf(request_.items(i)), moment).status.ok() ||
        !Prepare(request_.items(i)).ok()) {
      continue;
    }
    service_.options_.shadow->Compare(access_, answer);
  }
}

CallOutcome DecisionService::BatchCheck(
    const CallAttempt& attempt, const v1::BatchCheckRequest& request,
    v1::BatchCheckResponse& response) const {
  return Batch(*this, attempt, request, response).Run();
}

}  // namespace pdp::service
