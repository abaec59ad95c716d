// The interactions that write: create, update and patch, delete (semantics
// S-16, S-19).

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/trace.h"
#include "pdp/policy/write_constraint.h"

namespace pdp::policy {

using fhir::Interaction;
using fhir::Resource;
using fhir::ResourcePtr;

namespace {

// The id that a created resource gets is the server's choice; for deciding it
// is one that no criteria can name.
constexpr std::string_view kNewId = "ffffffff-ffff-4fff-bfff-ffffffffffff";

constexpr uint16_t kOk = 200;
constexpr uint16_t kCreated = 201;

bool NamesBinarySecurityContext(const Resource& resource) {
  if (resource.type() != "Binary") return false;
  const auto context = fhir::Member(resource.root(), "securityContext");
  return context &&
         fhir::StringMember(*context, "reference").starts_with("Binary/");
}

// Fields without which a create is an error (semantics S-18.11).
bool ErasesIdentity(const BoundEntry& entry) {
  const PolicyEntry& source = entry.compiled->source;
  const auto is_identity = [](const std::string& field) {
    return field == "id" || field == "resourceType";
  };
  return std::any_of(source.hidden_fields.begin(), source.hidden_fields.end(),
                     is_identity) ||
         std::any_of(source.readonly_fields.begin(),
                     source.readonly_fields.end(), is_identity);
}

}  // namespace

// The submitted resource must be what the request says it is.
bool Decider::CheckSubmitted() {
  const ResourceFacts& facts = request_.resource;
  if (facts.proposed == nullptr) {
    return Deny(Reason::kInvalidResource, 400,
                "the request has no `resource.proposed`");
  }
  if (facts.proposed->type() != type_) {
    return Deny(Reason::kInvalidResource, 400,
                StrCat("the proposed resource is a ", facts.proposed->type(),
                       ", not a ", type_));
  }
  if (NamesBinarySecurityContext(*facts.proposed)) {
    return Deny(Reason::kInvalidResource, 400,
                "a Binary's security context cannot be another Binary");
  }
  return AddDefaultProfiles();
}

// Project.defaultProfile: the profiles of what names none.
bool Decider::AddDefaultProfiles() {
  submitted_ = request_.resource.proposed;
  const Project& project = access_.project;
  if (!project.has_default_profiles) return true;
  const auto meta = fhir::Member(submitted_->root(), "meta");
  const auto profile = meta ? fhir::Member(*meta, "profile") : std::nullopt;
  if (profile && !profile->is_null()) return true;
  const auto found = project.default_profiles.find(type_);
  const std::string profiles =
      found == project.default_profiles.end() ? "" : found->second;
  absl::StatusOr<ResourcePtr> edited =
      WithMeta(*submitted_, {{"profile", profiles}});
  if (!edited.ok()) {
    return Deny(Reason::kInvalidResource, 400,
                std::string(ToStd(edited.status().message())));
  }
  submitted_ = *std::move(edited);
  return true;
}

// The entry whose fields are erased from what has no version before it: judged
// on what was sent, whose meta is not completed yet (S-18).
bool Decider::FindProtectingEntry(EntryMatch& match) {
  match = MatchInMemory(access_, *submitted_, Interaction::kCreate, scratch_);
  if (match.match == Match::kError) return DenyError(match);
  if (match.medplum_entry == nullptr || !ErasesIdentity(*match.medplum_entry)) {
    return true;
  }
  return Deny(Reason::kInvalidResource, 400,
              "the entry hides `id` or `resourceType`, so nothing can be "
              "created through it");
}

void Decider::DecideCreate() {
  if (!Supports(Interaction::kCreate) || !CheckType()) return;
  if (!CheckSubmitted()) return;
  EntryMatch protecting;
  if (!FindProtectingEntry(protecting)) return;
  CompletedWrite write;
  if (!Complete(nullptr, protecting.medplum_entry, write)) return;
  if (!CheckReferences(*write.resource)) return;
  if (!MayStore(Interaction::kCreate, nullptr, write)) return;
  PermitWrite(write, kCreated);
}

void Decider::DecideUpdate() {
  const bool is_patch = request_.interaction == Interaction::kPatch;
  const bool has_if_match = !request_.resource.version_id.empty();
  if (!CheckSubmitted()) return;
  const ResourcePtr& submitted = submitted_;
  const std::string id(!request_.resource.id.empty() ? request_.resource.id
                       : request_.resource.current != nullptr
                           ? request_.resource.current->id()
                           : submitted->id());
  if (submitted->id() != id && !(is_patch && submitted->id().empty())) {
    Deny(Reason::kInvalidResource, 400,
         submitted->id().empty()
             ? "the proposed resource has no id"
             : "the proposed resource has another id than the one that is "
               "updated");
    return;
  }
  if (!is_patch && !fhir::IsUuid(id)) {
    Deny(Reason::kInvalidResource, 400,
         StrCat("`", id, "` is no UUID, which Medplum's ids are"));
    return;
  }
  // A patch reads its base from the database before any right is looked at
  // (semantics S-16).
  if (is_patch && !ReadPatchBase()) return;
  if (!Supports(Interaction::kUpdate) || !CheckType()) return;
  const bool durable_only = is_patch || has_if_match;
  if (!Read(durable_only ? Path::kDurableOnly : Path::kEither)) {
    // A super admin makes what is not found, be it there and not to be seen.
    const bool is_upsert = decision_.medplum_http_status == 404 &&
                           access_.super_admin && !is_patch && !failure_;
    if (!is_upsert) return;
    decision_.reason = Reason::kInternal;
    presence_ = Presence::kUnknown;
    resource_ = nullptr;
  }
  if (presence_ == Presence::kDeleted) {
    if (is_patch) {
      Deny(Reason::kResourceDeleted, 410, "the resource is deleted");
      return;
    }
    if (!DeletedNeedsGrant(Interaction::kUpdate)) return;
  }
  ResourcePtr existing;
  EntryMatch before;
  if (presence_ == Presence::kLive) {
    // Compartments are worked out anew before the old version is judged.
    absl::StatusOr<ResourcePtr> recomputed =
        WithCompartments(resource_, {}, scratch_);
    if (!recomputed.ok()) {
      Deny(Reason::kInvalidResource, 400,
           std::string(ToStd(recomputed.status().message())));
      return;
    }
    existing = *std::move(recomputed);
    if (!MayChange(Interaction::kUpdate, *existing, before)) return;
    if (has_if_match &&
        request_.resource.version_id != existing->version_id()) {
      Deny(Reason::kVersionConflict, 412,
           "the resource is not at the version that the request names");
      return;
    }
  } else if (!FindProtectingEntry(before)) {
    return;
  }
  CompletedWrite write;
  if (!Complete(existing, before.medplum_entry, write)) return;
  // In a transaction, which patches and If-Match updates are, Medplum checks
  // references last.
  if (!durable_only && !CheckReferences(*write.resource)) return;
  if (existing != nullptr &&
      fhir::IsSameContent(existing->root(), write.resource->root())) {
    AddNote(NoteCode::kNoChange,
            "nothing changes, so neither result nor constraints were tested");
    decision_.entry = before.entry;
    read_entry_ = before.entry;
    if (!AddHiddenFields(*existing)) return;
    if (durable_only && !CheckReferences(*write.resource)) return;
    PermitWrite(write, kOk);
    return;
  }
  if (!MayStore(Interaction::kUpdate, existing.get(), write)) return;
  if (durable_only && !CheckReferences(*write.resource)) return;
  PermitWrite(write, kOk);
}

void Decider::DecideDelete() {
  if (!Read(Path::kEither)) return;
  if (presence_ == Presence::kDeleted) {
    if (DeletedNeedsGrant(Interaction::kDelete)) Permit(nullptr, kOk);
    return;
  }
  EntryMatch match;
  if (!MayChange(Interaction::kDelete, *resource_, match)) return;
  if (!request_.resource.version_id.empty() &&
      request_.resource.version_id != resource_->version_id()) {
    Deny(Reason::kVersionConflict, 412,
         "the resource is not at the version that the request names");
    return;
  }
  Permit(match.entry, kOk);
}

// canPerform (S-11) on a resource that could be read: a refusal is 403.
bool Decider::MayChange(Interaction interaction, const Resource& resource,
                        EntryMatch& match) {
  if (!IsInReach(resource, interaction)) {
    return Deny(
        Reason::kProjectBoundary, 403,
        "the resource is of another project, which can be read at most");
  }
  match = MatchInMemory(access_, resource, interaction, scratch_);
  if (trace_ != nullptr) {
    trace_->TryInMemory(DecisionStage::kStored, resource, interaction, match);
  }
  decision_.memory_match = match.match;
  if (match.match == Match::kError) return DenyError(match);
  if (match.entry != nullptr) return true;
  std::string message =
      StrCat("no entry of the policy grants ",
             fhir::InteractionName(interaction), " on this ", resource.type());
  if (match.medplum_entry != nullptr) {
    return DenyByStrictRule(match.medplum_entry->narrowed_by,
                            Reason::kResourceNotGranted, std::move(message));
  }
  return Deny(Reason::kResourceNotGranted, 403, std::move(message));
}

bool Decider::Complete(const ResourcePtr& existing,
                       const BoundEntry* protecting_entry,
                       CompletedWrite& write) {
  const ResourceFacts& facts = request_.resource;
  std::string id(kNewId);
  if (request_.interaction != Interaction::kCreate) {
    id = existing != nullptr ? existing->id()
         : !facts.id.empty() ? facts.id
                             : submitted_->id();
  }
  const WriteInput input{.access = access_,
                         .lookup = lookup_,
                         .existing = existing,
                         .submitted = submitted_,
                         .id = id,
                         .extended_mode = request_.context.extended_mode,
                         .protecting_entry = protecting_entry};
  std::optional<WriteFailure> failure = CompleteWrite(input, scratch_, write);
  if (!failure) return CheckConditionalReferences(*write.resource);
  if (failure->missing) return Fail(*std::move(failure->missing));
  return Deny(failure->denial->reason, failure->denial->medplum_http_status,
              std::move(failure->denial->message));
}

// The result must match an entry, and that entry's constraints hold.
bool Decider::MayStore(Interaction interaction, const Resource* before,
                       const CompletedWrite& write) {
  const Resource& after = *write.resource;
  const EntryMatch match = MatchInMemory(access_, after, interaction, scratch_);
  if (trace_ != nullptr) {
    trace_->TryInMemory(DecisionStage::kResult, after, interaction, match);
  }
  decision_.memory_match = match.match;
  if (match.match == Match::kError) return DenyError(match);
  if (!IsInReach(after, interaction)) {
    return Deny(Reason::kProjectBoundary, 403,
                "the result would be of another project");
  }
  if (match.medplum_entry == nullptr) {
    return Deny(Reason::kResultNotGranted, 403,
                StrCat("no entry of the policy grants ",
                       fhir::InteractionName(interaction), " of what the ",
                       after.type(), " would become"));
  }
  // Medplum's own first entry, and the first in force where it is another.
  if (!CheckConstraints(*match.medplum_entry, before, after)) return false;
  if (match.entry == nullptr) {
    return DenyByStrictRule(match.medplum_entry->narrowed_by,
                            Reason::kResultNotGranted,
                            "no entry in force grants the result");
  }
  if (match.entry != match.medplum_entry &&
      !CheckConstraints(*match.entry, before, after)) {
    return false;
  }
  if (mode_ == Mode::kStrict) {
    if (write.has_client_accounts) {
      for (const std::string& account : write.accounts) {
        if (std::find(access_.tenants.begin(), access_.tenants.end(),
                      account) == access_.tenants.end()) {
          return DenyByStrictRule(StrictRule::kAccountAllowed,
                                  Reason::kAccountNotAllowed,
                                  StrCat("the account `", account,
                                         "` is not a tenant of the subject"));
        }
      }
    }
    if (before == nullptr && !CheckPatientsOfCreated(*match.entry, after)) {
      return false;
    }
  }
  // Worked out after the write: an error there is an error of the whole
  // (semantics S-18.1).
  read_entry_ = match.entry;
  decision_.entry = match.entry;
  return AddHiddenFields(after);
}

// S-19: in order, to the first that is not true.
bool Decider::CheckConstraints(const BoundEntry& entry, const Resource* before,
                               const Resource& after) {
  const std::vector<CompiledConstraint>& constraints =
      entry.compiled->constraints;
  for (size_t i = 0; i < constraints.size(); ++i) {
    const CompiledConstraint& constraint = constraints[i];
    const std::string where =
        StrCat(entry.source.policy, ".resource[", entry.source.index,
               "].writeConstraint[", i, "]");
    const absl::StatusOr<bool> holds =
        Holds(constraint, before, after, scratch_);
    if (trace_ != nullptr && !(holds.ok() && *holds)) {
      trace_->FailConstraint(entry, i, !holds.ok());
    }
    if (!holds.ok()) {
      const absl::Status& status = holds.status();
      const Reason reason =
          status.code() == absl::StatusCode::kUnimplemented
              ? Reason::kNotSupported
          : status.code() == absl::StatusCode::kResourceExhausted
              ? Reason::kLimitExceeded
              : Reason::kEvaluationError;
      return Deny(reason, 400, StrCat(where, ": ", status.message()));
    }
    if (!*holds) {
      return Deny(Reason::kWriteConstraint, 403,
                  StrCat(where, " is not true: ", constraint.text));
    }
  }
  return true;
}

// Strict: what is created about patients must be about one that the subject's
// entries reach without the account that the policy itself stamps on it
// (semantics S-22.3).
bool Decider::CheckPatientsOfCreated(const BoundEntry& entry,
                                     const Resource& created) {
  const std::string& stamped = access_.policy->compartment();
  const auto& filters = entry.compiled->criteria.filters;
  const bool is_by_compartment = std::any_of(
      filters.begin(), filters.end(),
      [](const auto& filter) { return filter.code == "_compartment"; });
  if (!is_by_compartment || !stamped.starts_with("Patient/")) return true;
  const absl::StatusOr<std::vector<std::string>> patients =
      fhir::search::PatientsOf(created, scratch_);
  if (!patients.ok()) {
    return Deny(Reason::kInvalidResource, 400,
                std::string(ToStd(patients.status().message())));
  }
  const bool names_others =
      !patients->empty() &&
      std::find(patients->begin(), patients->end(), stamped) == patients->end();
  if (!names_others) return true;
  if (trace_ != nullptr) {
    trace_->FailByRule(entry, StrictRule::kCreateNamesGrantedPatient);
  }
  return DenyByStrictRule(
      StrictRule::kCreateNamesGrantedPatient, Reason::kResultNotGranted,
      "the new resource is about other patients than the policy's own");
}

void Decider::PermitWrite(const CompletedWrite& write, uint16_t http_status) {
  for (const std::string& field : write.restored_fields) {
    // The fields of the entry live as long as the policy does.
    for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
      const PolicyEntry& source = entry->compiled->source;
      for (const auto* list :
           {&source.readonly_fields, &source.hidden_fields}) {
        const auto found = std::find(list->begin(), list->end(), field);
        auto& fields = decision_.readonly_fields;
        if (found != list->end() &&
            std::find(fields.begin(), fields.end(), field) == fields.end()) {
          fields.push_back(*found);
        }
      }
    }
  }
  WriteOutcome outcome;
  outcome.accounts = write.accounts;
  outcome.compartments = write.compartments;
  outcome.restored_fields = write.restored_fields;
  if (request_.return_completed_resource) {
    outcome.resource = write.resource->json();
  }
  const BoundEntry* entry = decision_.entry;
  Permit(entry, http_status);
  decision_.write = std::move(outcome);
}

}  // namespace pdp::policy
