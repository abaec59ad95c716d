#include "pdp/policy/decider.h"

#include <algorithm>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"
#include "pdp/policy/departure.h"
#include "pdp/policy/trace.h"
#include "pdp/policy/type_rules.h"

namespace pdp::policy {

using fhir::ElementSet;
using fhir::Interaction;
using fhir::LookupResult;
using fhir::ResourceKey;

namespace {

const ElementSet& BinaryElements() {
  static const ElementSet* const elements = [] {
    auto* const set = new ElementSet();
    set->Add("securityContext");
    return set;
  }();
  return *elements;
}

}  // namespace

Decider::Decider(const SubjectAccess& access, const AccessRequest& request,
                 const fhir::ResourceLookup& lookup, Mode mode,
                 fhir::fhirpath::Scratch& scratch, Decision& decision,
                 Trace* trace)
    : access_(access),
      request_(request),
      lookup_(lookup),
      mode_(mode),
      scratch_(scratch),
      decision_(decision),
      trace_(trace) {}

std::optional<LookupFailure> Decider::Decide() {
  decision_.policy = access_.policy;
  for (const Note& note : access_.policy->notes()) {
    decision_.notes.push_back(note);
  }
  type_ = request_.resource.judged_type();
  // Medplum looks at ids first, and at the types of what is written late.
  const bool may_be_unknown = request_.interaction == Interaction::kCreate ||
                              request_.interaction == Interaction::kUpdate;
  if (!CheckIds() || (!may_be_unknown && !CheckType())) return std::nullopt;
  switch (request_.interaction) {
    case Interaction::kRead:
      DecideRead();
      break;
    case Interaction::kVread:
      DecideVread();
      break;
    case Interaction::kHistory:
      DecideHistory();
      break;
    case Interaction::kSearch:
      DecideSearch();
      break;
    case Interaction::kCreate:
      DecideCreate();
      break;
    case Interaction::kUpdate:
    case Interaction::kPatch:
      DecideUpdate();
      break;
    case Interaction::kDelete:
      DecideDelete();
      break;
    case Interaction::kUnspecified:
      Deny(Reason::kInternal, 0, "no interaction");
      break;
  }
  return std::move(failure_);
}

// What is not named by a UUID is not found.
bool Decider::CheckIds() {
  const ResourceFacts& facts = request_.resource;
  switch (request_.interaction) {
    case Interaction::kRead:
    case Interaction::kHistory:
    case Interaction::kDelete:
    case Interaction::kPatch:
      break;
    case Interaction::kVread:
      if (fhir::IsUuid(facts.version_id) || KnowsVersion()) break;
      return Deny(Reason::kResourceNotFound, 404,
                  "no such version: Medplum's version ids are UUIDs");
    default:
      return true;
  }
  return facts.current != nullptr || fhir::IsUuid(facts.id) || DenyUnknown();
}

// Other sources than Medplum may name versions as they like.
bool Decider::KnowsVersion() const {
  const ResourceFacts& facts = request_.resource;
  if (facts.current != nullptr &&
      facts.current->version_id() == facts.version_id) {
    return true;
  }
  const std::string id(facts.current != nullptr ? facts.current->id()
                                                : facts.id);
  return lookup_.ReadVersion({std::string(type_), id}, facts.version_id)
             .state != fhir::LookupState::kAbsent;
}

bool Decider::CheckType() {
  if (fhir::IsResourceType(type_)) return true;
  return Deny(Reason::kResourceTypeUnknown, 400,
              StrCat("`", type_, "` is no FHIR or Medplum resource type"));
}

namespace {

DecisionStage StageOf(Interaction interaction) {
  switch (interaction) {
    case Interaction::kRead:
      return DecisionStage::kRead;
    case Interaction::kSearch:
      return DecisionStage::kType;
    case Interaction::kCreate:
      return DecisionStage::kResult;
    default:
      return DecisionStage::kStored;
  }
}

}  // namespace

// S-6.
bool Decider::Supports(Interaction interaction) {
  if (access_.Supports(interaction, type_)) return true;
  if (!access_.super_admin && IsProtectedType(type_)) {
    return Deny(Reason::kProtectedType, 403,
                StrCat("only super admins reach ", type_));
  }
  if (trace_ != nullptr) {
    trace_->TryType(StageOf(interaction), type_, interaction);
  }
  std::string message =
      StrCat("no entry of the policy grants ",
             fhir::InteractionName(interaction), " on ", type_);
  // An entry that strict mode has put out of force would have granted it.
  for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
    if ((entry->compiled->interactions & fhir::Bit(interaction)) == 0) continue;
    const Reason reason = entry->narrowed_by == StrictRule::kPolicyRequired
                              ? Reason::kPolicyMissing
                          : entry->narrowed_by == StrictRule::kSmartLetters
                              ? Reason::kScope
                              : Reason::kInteractionNotGranted;
    return DenyByStrictRule(entry->narrowed_by, reason, std::move(message));
  }
  return Deny(Reason::kInteractionNotGranted, 403, std::move(message));
}

// S-7.
bool Decider::IsInReach(const fhir::Resource& resource,
                        Interaction interaction) const {
  if (access_.super_admin) return true;
  if (IsProtectedType(resource.type())) return false;
  if (fhir::kReadInteractions & fhir::Bit(interaction)) {
    return access_.MayReadProject(resource.project(), resource.type());
  }
  return !resource.project().empty() &&
         resource.project() == access_.project.id;
}

bool Decider::Deny(Reason reason, uint16_t medplum_http_status,
                   std::string message) {
  decision_.effect = Effect::kDeny;
  decision_.reason = reason;
  decision_.medplum_http_status = medplum_http_status;
  decision_.message = std::move(message);
  decision_.entry = nullptr;
  decision_.hidden_fields.clear();
  decision_.readonly_fields.clear();
  decision_.write.reset();
  decision_.versions.clear();
  return false;
}

bool Decider::DenyByStrictRule(StrictRule rule, Reason reason,
                               std::string message) {
  NoteRule(rule);
  return Deny(reason, 0, std::move(message));
}

void Decider::NoteRule(StrictRule rule) {
  if (DepartureOf(decision_.notes) == rule) return;
  decision_.notes.push_back(
      {.code = NoteCode::kStrictRule, .strict_rule = rule, .text = {}});
}

bool Decider::DenyError(const EntryMatch& match) {
  return Deny(match.reason, 400, match.error);
}

bool Decider::Fail(LookupFailure failure) {
  failure_ = std::move(failure);
  return Deny(Reason::kResourceUnavailable, 0,
              std::string(ToStd(failure_->status.message())));
}

LookupResult Decider::LookUp(const ResourceKey& key,
                             const ElementSet& elements) const {
  return lookup_.ReadPart(key, elements, access_.project.id);
}

// What is read of a resource to tell whether the subject may read it.  No
// entry's criteria are looked at for a Binary (S-15).
const ElementSet& Decider::ElementsToMatch(std::string_view type) const {
  return type == "Binary" ? BinaryElements()
                          : access_.policy->ElementsFor(type);
}

bool Decider::FailUntilFetched(const ResourceKey& key) {
  LookupFailure failure;
  failure.status = absl::UnavailableError(
      StrCat("`", key.ToString(), "` has to be fetched"));
  failure.needed.push_back(key);
  return Fail(std::move(failure));
}

void Decider::Permit(const BoundEntry* entry, uint16_t medplum_http_status) {
  decision_.effect = decision_.hidden_fields.empty() &&
                             decision_.readonly_fields.empty() &&
                             decision_.versions.empty()
                         ? Effect::kPermit
                         : Effect::kPermitWithObligations;
  decision_.reason = Reason::kPermitted;
  decision_.medplum_http_status = medplum_http_status;
  decision_.message = "permitted";
  decision_.entry = entry;
}

void Decider::AddNote(NoteCode code, std::string text) {
  // A patch looks its base up twice.
  const bool is_known = std::any_of(
      decision_.notes.begin(), decision_.notes.end(),
      [&](const Note& note) { return note.code == code && note.text == text; });
  if (is_known) return;
  decision_.notes.push_back({.code = code, .text = std::move(text)});
}

bool Decider::AddFields(const BoundEntry& entry,
                        const std::vector<std::string> PolicyEntry::*list,
                        std::vector<std::string_view>& fields) {
  const PolicyEntry& source = entry.compiled->source;
  if (source.fields_are_broken) {
    return Deny(Reason::kPolicyInvalid, 400,
                StrCat(entry.source.policy, ".resource[", entry.source.index,
                       "]: a list of fields holds something other than names"));
  }
  for (const std::string& field : source.*list) {
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
      fields.push_back(field);
    }
  }
  return true;
}

}  // namespace pdp::policy
