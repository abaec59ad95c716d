#include "pdp/service/resource_filter.h"

#include <algorithm>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json_scan.h"
#include "pdp/service/caller_rules.h"
#include "pdp/service/consistency.h"
#include "pdp/service/convert_decision.h"
#include "pdp/service/convert_request.h"
#include "pdp/service/decision_id.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

// A resource lies this much deeper in a Bundle.
constexpr size_t kBundleDepth = 3;
constexpr size_t kMaxNotes = 100;

absl::Status Wrong(std::string_view field, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(field, ": ", message));
}

bool IsSame(const policy::Note& a, const policy::Note& b) {
  return a.code == b.code && a.strict_rule == b.strict_rule && a.text == b.text;
}

}  // namespace

absl::Status ResourceFilter::Take(v1::FilterResourcesRequest& request) {
  if (!unsupported_) unsupported_ = FindUnsupported(request);
  if (request.has_header()) return TakeHeader(*request.mutable_header());
  if (!has_header_) {
    return Wrong("header", "missing; it is the first message of a stream");
  }
  resources_.clear();
  next_ = 0;
  is_subject_found_ = false;
  switch (request.part_case()) {
    case v1::FilterResourcesRequest::kResource:
      held_ = std::move(*request.mutable_resource());
      resources_.push_back(held_);
      return absl::OkStatus();
    case v1::FilterResourcesRequest::kBundle:
      held_ = std::move(*request.mutable_bundle());
      return TakeBundle();
    case v1::FilterResourcesRequest::kHeader:
    case v1::FilterResourcesRequest::PART_NOT_SET:
      break;
  }
  // A part of a newer API is answered as all that is not supported.
  if (unsupported_) return absl::OkStatus();
  return Wrong("part", "missing; send a resource or a bundle");
}

absl::Status ResourceFilter::TakeHeader(v1::FilterResourcesHeader& header) {
  if (has_header_) return Wrong("header", "sent before; send one");
  header_ = std::move(header);
  has_header_ = true;
  is_opening_ = true;
  if (!unsupported_) unsupported_ = FindUnsupported(header_);
  return absl::OkStatus();
}

absl::Status ResourceFilter::TakeBundle() {
  const absl::StatusOr<fhir::ResourcePtr> bundle = fhir::Resource::Parse(
      held_, {.max_bytes = held_.size(),
              .max_depth =
                  service_.options_.limits.resource.max_depth + kBundleDepth});
  if (!bundle.ok()) {
    return absl::Status(bundle.status().code(),
                        StrCat("bundle: ", ToStd(bundle.status().message())));
  }
  if ((*bundle)->type() != "Bundle") {
    return Wrong("bundle",
                 "is of another type; send what is no Bundle as resource");
  }
  const auto entries = MemberOf(fhir::RootOf(held_), "entry");
  if (!entries) return absl::OkStatus();
  if (!entries->is_array()) return Wrong("bundle", "`entry` is no array");
  for (const fhir::JsonSpan& entry : ItemsOf(*entries)) {
    if (!entry.is_object()) {
      return Wrong("bundle", "an item of `entry` is no object");
    }
    if (const auto resource = MemberOf(entry, "resource")) {
      resources_.push_back(resource->text);
    }
  }
  return absl::OkStatus();
}

CallOutcome ResourceFilter::Next(const CallAttempt& attempt,
                                 v1::FilterResourcesResponse& response,
                                 bool& is_permitted) {
  is_permitted = false;
  facts_ = {};
  CallOutcome outcome =
      is_opening_ ? Open(attempt) : DecideNext(attempt, response, is_permitted);
  if (attempt.ledger != nullptr && !outcome.status.ok() && !outcome.pending()) {
    facts_.token = token_.binding;
    RecordNoAnswer(Recorded(attempt, service_.options_.clock->Now()), facts_,
                   outcome);
  }
  return service_.Counted(std::move(outcome));
}

// Who the subject is.  An access token is looked at again with each message: a
// stream may outlive it.
CallOutcome ResourceFilter::FindSubject(const CallAttempt& attempt,
                                        DecisionService::Moment& moment) {
  TokenSubject found;
  CallOutcome outcome = service_.FindToken(
      attempt, header_.subject(),
      is_opening_ ? header_.consistency() : consistency_, moment, found);
  if (!outcome.status.ok()) return outcome;
  is_subject_found_ = true;
  const bool is_same = !is_opening_ && found.binding == token_.binding;
  token_ = std::move(found);
  if (is_same || token_.refusal) return {};
  access_ = {};
  absl::Status status = ConvertFilterResources(
      header_, service_.decision_point_.options().mode,
      service_.options_.limits, access_, token_.binding.get());
  return status.ok() ? CallOutcome() : Failed(InField("header", status));
}

// Whether the data is what the caller asks for, and who the subject is.
CallOutcome ResourceFilter::Open(const CallAttempt& attempt) {
  if (!service_.data_.IsReady()) return NotReady();
  revision_ = service_.decision_point_.revision();
  DecisionService::Moment moment = service_.Begin();
  CallOutcome outcome = CheckBodies(attempt.origin);
  if (!outcome.status.ok()) return outcome;
  if (!unsupported_) outcome = FindSubject(attempt, moment);
  if (!outcome.status.ok()) return outcome;
  if (unsupported_ || token_.refusal) {
    is_opening_ = false;
    return {};
  }
  outcome = service_.CheckData(attempt, header_.consistency(),
                               {access_.subject, access_.context}, moment);
  if (!outcome.status.ok()) return outcome;
  policy::DecisionPoint::EffectivePolicy access;
  policy::Outcome described = service_.decision_point_.DescribeEffectivePolicy(
      access_.subject, access_.context, access);
  if (!described.decided()) return FromEngine(attempt, std::move(described));
  reuse_ends_ = std::min(moment.reuse_ends, described.session_ends);
  found_ = std::move(described.found);
  subject_ = std::move(access.denial);
  AddNotes(std::move(subject_.notes));
  // Medplum is asked once.
  if (header_.consistency().has_max_staleness()) {
    *consistency_.mutable_max_staleness() =
        header_.consistency().max_staleness();
  }
  is_opening_ = false;
  return {};
}

CallOutcome ResourceFilter::DecideNext(const CallAttempt& attempt,
                                       v1::FilterResourcesResponse& response,
                                       bool& is_permitted) {
  DecisionService::Moment moment = service_.Begin();
  if (!unsupported_ && !is_subject_found_) {
    CallOutcome outcome = FindSubject(attempt, moment);
    if (!outcome.status.ok()) return outcome;
  }
  if (token_.binding != nullptr) moment.reuse_ends = token_.binding->expires;
  if (absl::Status status = Prepare(resources_[next_]); !status.ok()) {
    return Failed(OfResource(status));
  }
  policy::Decision decision;
  decision.revision = revision_;
  if (unsupported_) {
    decision.reason = policy::Reason::kNotSupported;
  } else if (token_.refusal) {
    decision.reason = token_.refusal->reason;
  } else if (moment.reuse_ends <= moment.now) {
    decision.reason = policy::Reason::kTokenInvalid;
  } else {
    CallOutcome outcome = DecidePrepared(attempt, moment, decision);
    if (!outcome.status.ok()) {
      if (!outcome.pending()) outcome.status = OfResource(outcome.status);
      return outcome;
    }
  }
  v1::FilteredResource& filtered = *response.mutable_resource();
  filtered.set_index(summary_.received());
  if (decision.permitted()) ShowPermitted(decision, filtered);
  is_permitted = decision.permitted();
  if (attempt.ledger != nullptr) Record(attempt, moment.now, decision);
  Count(decision, filtered.removed_fields());
  ++next_;
  return {};
}

void ResourceFilter::ShowPermitted(policy::Decision& decision,
                                   v1::FilteredResource& filtered) const {
  absl::StatusOr<fhir::FieldRemoval> removal =
      fhir::RemoveFields(resources_[next_], decision.hidden_fields);
  if (!removal.ok()) {  // Medplum answers 400.
    decision.effect = policy::Effect::kDeny;
    decision.reason = policy::Reason::kEvaluationError;
    return;
  }
  filtered.set_removed_fields(static_cast<uint32_t>(removal->removed));
  filtered.set_resource(std::move(removal->json));
}

absl::Status ResourceFilter::Prepare(std::string_view json) {
  resource_.set_body(json.data(), json.size());
  resource_.set_project(header_.project());
  access_.resource = {};
  PDP_RETURN_IF_ERROR(
      ConvertResource(resource_, service_.options_.limits, access_.resource));
  const bool is_decided = unsupported_ || token_.refusal;
  return is_decided ? absl::OkStatus()
                    : CheckResource(access_.interaction, access_.resource);
}

CallOutcome ResourceFilter::DecidePrepared(const CallAttempt& attempt,
                                           DecisionService::Moment moment,
                                           policy::Decision& decision) {
  CallOutcome outcome =
      service_.TakeOfProjects(attempt, access_.subject, access_.context);
  if (!outcome.status.ok()) return outcome;
  outcome = service_.CheckFeeds(
      attempt, consistency_,
      {access_.subject, access_.context, &access_.resource}, moment);
  if (!outcome.status.ok()) return outcome;
  policy::Outcome decided = service_.decision_point_.Decide(access_, decision);
  if (attempt.ledger != nullptr) {
    facts_.SetFindings(std::move(decided.found), access_.resource, decision);
  }
  if (!decided.decided()) return FromEngine(attempt, std::move(decided));
  if (service_.options_.shadow != nullptr) {
    service_.options_.shadow->Compare(access_, Shadowed(decision));
  }
  service_.AddNotes(moment, decision.notes);
  moment.reuse_ends = std::min(moment.reuse_ends, decided.session_ends);
  revision_ = std::min(revision_, decision.revision);
  const std::optional<absl::Time> until =
      service_.ValidUntil(decision.reason, moment);
  may_be_reused_ = may_be_reused_ && until.has_value();
  if (until) valid_until_ = std::min(valid_until_, *until);
  return {};
}

const std::string& ResourceFilter::DecisionId(absl::Time now) {
  if (decision_id_.empty()) WriteDecisionId(now, decision_id_);
  return decision_id_;
}

RecordedQuestion ResourceFilter::Recorded(const CallAttempt& attempt,
                                          absl::Time now) const {
  return {.kind = audit::RecordKind::kRelease,
          .method = Method::kFilterResources,
          .attempt = attempt,
          .time = now,
          .subject = header_.subject(),
          .context = header_.context(),
          .interaction = header_.interaction()};
}

void ResourceFilter::Record(const CallAttempt& attempt, absl::Time now,
                            const policy::Decision& decision) {
  facts_.token = token_.binding;
  facts_.SetResource(access_.resource.judged_type(), access_.resource.id);
  if (facts_.patient.view().empty()) {
    facts_.SetPatient(access_.resource.current.get());
  }
  RecordAnswer(Recorded(attempt, now), facts_, decision, DecisionId(now));
}

void ResourceFilter::Count(policy::Decision& decision,
                           uint32_t removed_fields) {
  summary_.set_received(summary_.received() + 1);
  summary_.set_removed_fields(summary_.removed_fields() + removed_fields);
  if (decision.permitted()) {
    summary_.set_permitted(summary_.permitted() + 1);
  } else {
    summary_.set_denied(summary_.denied() + 1);
    ++denied_[decision.reason];
  }
  service_.metrics_.CountDecision(Method::kFilterResources, decision.effect,
                                  access_.interaction, decision.reason);
  AddNotes(std::move(decision.notes));
}

void ResourceFilter::AddNotes(std::vector<policy::Note> notes) {
  for (policy::Note& note : notes) {
    const bool is_known =
        std::any_of(notes_.begin(), notes_.end(),
                    [&](const policy::Note& n) { return IsSame(n, note); });
    if (!is_known && notes_.size() < kMaxNotes) {
      notes_.push_back(std::move(note));
    }
  }
}

absl::Status ResourceFilter::OfResource(const absl::Status& status) const {
  std::string_view message = ToStd(status.message());
  if (message.starts_with("body: ")) message.remove_prefix(6);
  // The reason of what is unavailable stays in front.
  if (absl::IsUnavailable(status)) return status;
  return absl::Status(status.code(),
                      StrCat("resource ", summary_.received(), ": ", message));
}

absl::Status ResourceFilter::Finish(const CallAttempt& attempt,
                                    v1::FilterResourcesResponse& response) {
  if (!has_header_) {
    return Wrong("header", "missing; it is the first message of a stream");
  }
  v1::FilterResourcesSummary& summary = *response.mutable_summary();
  summary = summary_;
  DecisionService::Moment moment = service_.Begin();
  moment.reuse_ends = reuse_ends_;
  summary.set_decision_id(DecisionId(moment.now));
  summary.set_revision(revision_);
  policy::Decision subject = subject_;
  if (unsupported_) {
    subject.reason = policy::Reason::kNotSupported;
    subject.message = *unsupported_;
  } else if (token_.refusal) {
    subject.reason = token_.refusal->reason;
    subject.message = token_.refusal->message;
  }
  if (subject.reason == policy::Reason::kPermitted) {
    subject.effect = policy::Effect::kPermit;
  }
  summary.set_reason(static_cast<v1::Reason>(subject.reason));
  summary.set_message(subject.message);
  summary.set_enforcement_http_status(policy::EnforcementHttpStatus(subject));
  if (attempt.ledger != nullptr) {
    RecordedQuestion question = Recorded(attempt, moment.now);
    question.event = "summary";
    AnswerFacts facts;
    facts.SetFindings(found_);
    facts.token = token_.binding;
    subject.revision = revision_;
    RecordAnswer(question, facts, subject, summary.decision_id());
  }
  absl::Time valid_until = valid_until_;
  if (valid_until == absl::InfiniteFuture()) {
    valid_until = service_.ValidUntil(subject.reason, moment)
                      .value_or(absl::InfiniteFuture());
  }
  if (may_be_reused_ && valid_until != absl::InfiniteFuture()) {
    WriteTimestamp(valid_until, *summary.mutable_valid_until());
  }
  for (const policy::Note& note : notes_) {
    ConvertNote(note, *summary.add_notes());
  }
  for (const auto& [reason, count] : denied_) {
    v1::DeniedCount& denied = *summary.add_denied_by_reason();
    denied.set_reason(static_cast<v1::Reason>(reason));
    denied.set_count(count);
  }
  return absl::OkStatus();
}

}  // namespace pdp::service
