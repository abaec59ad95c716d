#include "pdp/service/audit_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/patient_of.h"
#include "pdp/policy/subject_access.h"
#include "pdp/service/ledger.h"

namespace pdp::service {
namespace {

// Of what has to be of one shape.
constexpr size_t kMaxText = 256;
constexpr size_t kMaxNotes = 32;
constexpr size_t kMaxScopeBytes = 16 * 1024;
constexpr std::string_view kAmbiguous = "AMBIGUOUS_SUBJECT";

using Texts = absl::InlinedVector<std::string_view, 8>;

bool IsPart(std::string_view text, size_t max) {
  if (text.empty() || text.size() > max) return false;
  // Most ids are UUIDs, which are looked at as a whole.
  return fhir::IsUuid(text) ||
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '.';
         });
}

// "Project/id" -> "id".
std::string_view IdOf(std::string_view reference) {
  return reference.substr(reference.find('/') + 1);
}

const policy::SubjectAccess* Decisive(const AnswerFacts& facts) {
  return facts.on_behalf_of != nullptr ? facts.on_behalf_of.get()
                                       : facts.subject.get();
}

// Of one whose Project was not looked at, that of its membership.
std::string_view ProjectOf(const policy::SubjectAccess& access) {
  if (!access.project.id.empty()) return access.project.id;
  constexpr size_t kProject = 3;
  return access.names.size() > kProject ? IdOf(access.names[kProject])
                                        : std::string_view();
}

void FillSubject(const RecordedQuestion& question, const AnswerFacts& facts,
                 audit::Record& record) {
  const v1::Subject& subject = question.subject;
  if (subject.identity_case() == v1::Subject::kAccessToken) {
    record.subject = "token";
  } else if (facts.subject != nullptr ||
             fhir::ResourceKey::Parse(subject.reference())) {
    record.subject = subject.reference();
  }
  if (facts.subject != nullptr) {
    record.membership = facts.subject->membership;
    record.profile = facts.subject->profile;
    record.project = ProjectOf(*Decisive(facts));
  } else if (facts.token != nullptr) {
    record.membership = facts.token->membership;
    record.project = facts.token->project;
  } else {
    if (record.subject.starts_with("ProjectMembership/")) {
      record.membership = record.subject;
    }
    if (IsPart(subject.project(), kMaxText)) record.project = subject.project();
  }
}

// What the request says comes before what the metadata of its call say.
void FillTrace(const v1::Context& context, const TraceContext& trace,
               audit::Record& record) {
  record.request_id = context.request_id();
  if (record.request_id.empty()) record.request_id = trace.request_id;
  record.traceparent = AsTraceparent(context.traceparent());
  if (record.traceparent.empty()) record.traceparent = trace.traceparent;
}

void FillContext(const v1::Context& context, const AnswerFacts& facts,
                 audit::Record& record) {
  record.on_behalf_of = context.on_behalf_of();
  record.purpose_of_use = context.purpose_of_use();
  record.remote_address = context.remote_address();
  record.user_agent = context.user_agent();
  record.session = context.session().id();
  if (context.smart_scope().size() <= kMaxScopeBytes) {
    record.smart_scope = context.smart_scope();
  }
  record.launch_patient = context.launch_patient();
  if (facts.token != nullptr) {
    if (facts.token->smart_scope)
      record.smart_scope = *facts.token->smart_scope;
    if (facts.token->launch_patient) {
      record.launch_patient = *facts.token->launch_patient;
    }
  }
}

// The active ones; where there are none, those whose access item has the entry
// that decided.
Texts TenantsOf(const v1::Context& context, const AnswerFacts& facts,
                std::optional<uint32_t> source) {
  Texts tenants;
  for (const std::string& tenant : context.active_tenants()) {
    tenants.push_back(tenant);
  }
  const policy::SubjectAccess* const access = Decisive(facts);
  if (!tenants.empty() || access == nullptr) return tenants;
  tenants.assign(access->active_tenants.begin(), access->active_tenants.end());
  if (!tenants.empty() || !source) return tenants;
  for (const policy::PolicyGrant& grant : access->grants) {
    if (grant.source != *source) continue;
    for (const policy::BoundTenant& bound : grant.bound) {
      tenants.push_back(bound.tenant);
    }
  }
  return tenants;
}

// "STALE"; of a strict rule, "STRICT_RULE_SCOPE".
std::string_view NoteName(int code, int rule) {
  constexpr std::string_view kPrefix = "NOTE_CODE_";
  if (code == v1::NOTE_CODE_STRICT_RULE && v1::StrictRule_IsValid(rule)) {
    return v1::StrictRule_Name(static_cast<v1::StrictRule>(rule));
  }
  std::string_view name = v1::NoteCode_Name(static_cast<v1::NoteCode>(code));
  name.remove_prefix(std::min(name.size(), kPrefix.size()));
  return name;
}

void AddNote(int code, int rule, Texts& names) {
  const std::string_view name = NoteName(code, rule);
  const bool is_known =
      std::find(names.begin(), names.end(), name) != names.end();
  if (!is_known && names.size() < kMaxNotes) names.push_back(name);
}

template <typename Notes>
Texts NotesOf(const Notes& notes) {
  Texts names;
  for (const v1::Note& note : notes) {
    AddNote(note.code(), note.strict_rule(), names);
  }
  return names;
}

std::string_view EffectName(policy::Effect effect) {
  switch (effect) {
    case policy::Effect::kPermit:
      return "PERMIT";
    case policy::Effect::kPermitWithObligations:
      return "PERMIT_WITH_OBLIGATIONS";
    case policy::Effect::kDeny:
    case policy::Effect::kUnspecified:
      break;
  }
  return "DENY";
}

std::string_view EffectName(v1::FilterKind kind) {
  switch (kind) {
    case v1::FILTER_KIND_ALWAYS_PERMITTED:
      return "PERMIT";
    case v1::FILTER_KIND_CONDITIONAL:
      return "CONDITIONAL";
    default:
      return "DENY";
  }
}

// All but the answer.
audit::Record Begin(const RecordedQuestion& question,
                    const AnswerFacts& facts) {
  audit::Record record;
  record.kind = question.kind;
  record.time = question.time;
  record.method = MethodName(question.method);
  record.latency = question.attempt.Elapsed();
  const CallOrigin& origin = question.attempt.origin;
  if (origin.caller != nullptr) record.caller = origin.caller->name;
  FillSubject(question, facts, record);
  FillContext(question.context, facts, record);
  FillTrace(question.context, origin.trace, record);
  if (v1::Interaction_IsValid(question.interaction)) {
    record.interaction = fhir::InteractionName(
        static_cast<fhir::Interaction>(question.interaction));
  }
  record.resource = facts.resource.view();
  if (IsPart(question.version_id, kMaxText)) {
    record.version_id = question.version_id;
  }
  record.patient = facts.patient.view();
  record.event = question.event;
  return record;
}

std::string_view NoAnswerReason(const CallOutcome& outcome) {
  if (outcome.refusal != Refusal::kNone) return RefusalName(outcome.refusal);
  switch (outcome.status.code()) {
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kInvalidArgument:
      return ToStd(outcome.status.message()).starts_with(kAmbiguous)
                 ? kAmbiguous
                 : std::string_view();
    default:
      return {};
  }
}

}  // namespace

void ReferenceText::Assign(std::string_view type, std::string_view id) {
  size_ = 0;
  if (!IsPart(type, kMaxPart)) return;
  std::memcpy(text_, type.data(), type.size());
  size_t size = type.size();
  if (IsPart(id, kMaxPart)) {
    text_[size++] = '/';
    std::memcpy(text_ + size, id.data(), id.size());
    size += id.size();
  }
  size_ = static_cast<uint8_t>(size);
}

void ReferenceText::Assign(std::string_view reference) {
  size_ = 0;
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view id = reference.substr(slash + 1);
  if (IsPart(id, kMaxPart)) Assign(reference.substr(0, slash), id);
}

void AnswerFacts::SetResource(const v1::Resource& message,
                              const policy::ResourceFacts& facts) {
  const std::string_view type = facts.judged_type();
  SetResource(type.empty() ? std::string_view(message.type()) : type,
              facts.id.empty() ? std::string_view(message.id()) : facts.id);
}

void AnswerFacts::SetResource(std::string_view type, std::string_view id) {
  resource.Assign(type, id);
  if (type == "Patient" && !id.empty()) patient.Assign(type, id);
}

void AnswerFacts::SetFindings(policy::Findings found,
                              const policy::ResourceFacts& facts,
                              const policy::Decision& decision) {
  subject = std::move(found.subject);
  on_behalf_of = std::move(found.on_behalf_of);
  if (!patient.view().empty()) return;
  if (decision.write) {
    for (const std::string& compartment : decision.write->compartments) {
      if (!compartment.starts_with("Patient/")) continue;
      patient.Assign(compartment);
      return;
    }
  }
  const fhir::Resource* const judged =
      found.resource != nullptr  ? found.resource.get()
      : facts.current != nullptr ? facts.current.get()
                                 : facts.proposed.get();
  SetPatient(judged);
}

void AnswerFacts::SetPatient(const fhir::Resource* resource) {
  if (resource != nullptr) patient.Assign(policy::PatientOf(*resource));
}

void AnswerFacts::SetFindings(policy::Findings found) {
  subject = std::move(found.subject);
  on_behalf_of = std::move(found.on_behalf_of);
}

void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const v1::Decision& answer) {
  audit::Record record = Begin(question, facts);
  record.decision_id = answer.decision_id();
  record.effect = EffectName(static_cast<policy::Effect>(answer.effect()));
  record.reason =
      policy::ReasonName(static_cast<policy::Reason>(answer.reason()));
  if (answer.has_entry()) {
    const v1::PolicyEntry& entry = answer.entry();
    record.policy = entry.policy();
    record.policy_version = entry.policy_version_id();
    record.entry = entry.index();
    record.source = entry.source();
    record.built_in = entry.built_in();
  }
  const Texts tenants = TenantsOf(question.context, facts, record.source);
  record.tenants = tenants;
  const Texts notes = NotesOf(answer.notes());
  record.notes = notes;
  record.revision = answer.revision();
  question.attempt.ledger->Add(record);
}

void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const v1::FilterResponse& answer) {
  audit::Record record = Begin(question, facts);
  record.decision_id = answer.decision_id();
  record.effect = EffectName(answer.kind());
  record.reason =
      policy::ReasonName(static_cast<policy::Reason>(answer.reason()));
  const Texts tenants = TenantsOf(question.context, facts, std::nullopt);
  record.tenants = tenants;
  const Texts notes = NotesOf(answer.notes());
  record.notes = notes;
  record.revision = answer.revision();
  question.attempt.ledger->Add(record);
}

void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const policy::Decision& answer,
                  std::string_view decision_id) {
  audit::Record record = Begin(question, facts);
  record.decision_id = decision_id;
  record.effect = EffectName(answer.effect);
  record.reason = policy::ReasonName(answer.reason);
  if (answer.entry != nullptr) {
    const policy::EntrySource& source = answer.entry->source;
    record.policy = source.policy;
    record.policy_version = source.policy_version_id;
    record.entry = source.index;
    record.source = source.source;
    record.built_in = source.built_in;
  }
  const Texts tenants = TenantsOf(question.context, facts, record.source);
  record.tenants = tenants;
  Texts notes;
  for (const policy::Note& note : answer.notes) {
    AddNote(static_cast<int>(note.code), static_cast<int>(note.strict_rule),
            notes);
  }
  record.notes = notes;
  record.revision = answer.revision;
  question.attempt.ledger->Add(record);
}

void RecordNoAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                    const CallOutcome& outcome) {
  const std::string_view reason = NoAnswerReason(outcome);
  const bool is_subject_named =
      question.subject.identity_case() != v1::Subject::IDENTITY_NOT_SET;
  if (reason.empty() || !is_subject_named) return;
  audit::Record record = Begin(question, facts);
  record.effect = "NO_DECISION";
  record.reason = reason;
  const Texts tenants = TenantsOf(question.context, facts, std::nullopt);
  record.tenants = tenants;
  question.attempt.ledger->Add(record);
}

}  // namespace pdp::service
