// Reads (semantics S-15), which other interactions begin with.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/reference.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {

using fhir::ElementSet;
using fhir::Interaction;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::Resource;
using fhir::ResourceKey;
using fhir::ResourcePtr;

namespace {

// Security contexts lead from a Binary to another type, so never further than
// this.
constexpr int kMaxDepth = 4;

// Whether both are instants, and the first is after the second.
bool IsLater(std::string_view first, std::string_view second) {
  absl::Time times[2];
  return absl::ParseTime(absl::RFC3339_full, ToAbsl(first), &times[0],
                         nullptr) &&
         absl::ParseTime(absl::RFC3339_full, ToAbsl(second), &times[1],
                         nullptr) &&
         times[0] > times[1];
}

std::string NotGranted(const Resource& resource) {
  return StrCat("no entry of the policy matches this ", resource.type());
}

}  // namespace

// The resource as the request gives it, or as it is looked up.
bool Decider::FindResource() {
  const ResourceFacts& facts = request_.resource;
  if (facts.current != nullptr) {
    LookupResult newer = FindNewer(*facts.current);
    if (newer.state == LookupState::kFound) {
      AddNote(NoteCode::kStaleResource,
              "a newer version than the one that was sent is held here, and "
              "was judged in its place");
      const ResourceKey key = newer.resource->key();
      if (newer.resource->Has(ElementsToDecide())) {
        return UseLookedUp(key, std::move(newer));
      }
      return UseLookedUp(key, LookUp(key, ElementsToDecide()));
    }
    presence_ = facts.deleted ? Presence::kDeleted : Presence::kLive;
    resource_ = facts.current;
    return CompleteFacts(resource_);
  }
  if (!fhir::IsUuid(facts.id)) {
    presence_ = Presence::kUnknown;
    return true;
  }
  ResourceKey key{std::string(type_), std::string(facts.id)};
  LookupResult found = LookUp(key, ElementsToDecide());
  if (found.state == LookupState::kAbsent) {
    // The database finds a UUID however it is written, the cache does not.
    key.id = absl::AsciiStrToLower(ToAbsl(facts.id));
    is_found_by_database_alone_ = key.id != facts.id;
    if (is_found_by_database_alone_) found = LookUp(key, ElementsToDecide());
  }
  return UseLookedUp(key, std::move(found));
}

bool Decider::UseLookedUp(const ResourceKey& key, LookupResult found) {
  switch (found.state) {
    case LookupState::kFound:
      presence_ = Presence::kLive;
      resource_ = std::move(found.resource);
      return CompleteFacts(resource_);
    case LookupState::kDeleted:
      presence_ = Presence::kDeleted;
      resource_ = std::move(found.resource);
      return true;
    case LookupState::kAbsent:
      presence_ = Presence::kUnknown;
      return true;
    case LookupState::kPending:
      return FailUntilFetched(key);
    case LookupState::kUnavailable:
      break;
  }
  return Deny(
      Reason::kResourceUnavailable, 0,
      StrCat("`", key.ToString(), "` cannot be looked up; ",
             found.advice.empty() ? "send the resource" : found.advice));
}

// A write compares all of what is stored with all of what is sent.
const ElementSet& Decider::ElementsToDecide() const {
  const bool is_write = request_.interaction == Interaction::kUpdate ||
                        request_.interaction == Interaction::kPatch;
  return is_write ? ElementSet::Whole() : ElementsToMatch(type_);
}

// kFound where a newer version than `sent` is held.
LookupResult Decider::FindNewer(const Resource& sent) const {
  if (request_.resource.deleted || sent.id().empty() ||
      sent.version_id().empty()) {
    return {};
  }
  LookupResult held = lookup_.FindHeld(sent.key(), access_.project.id);
  const bool is_newer =
      held.state == LookupState::kFound &&
      held.resource->version_id() != sent.version_id() &&
      IsLater(held.resource->last_updated(), sent.last_updated());
  return is_newer ? std::move(held) : LookupResult();
}

// Fills in what rules compute and refuses what they cannot (design: facts about
// the resource).
bool Decider::CompleteFacts(ResourcePtr& resource) {
  const bool is_inline = resource == request_.resource.current;
  const bool lacks_project = resource->project().empty();
  const std::string_view assumed = request_.resource.project;
  if (is_inline && lacks_project && assumed.empty() && !access_.super_admin) {
    return Deny(Reason::kIncompleteResource, 0,
                "the resource has no `meta.project` (was it read from Medplum "
                "without the header `X-Medplum: extended`?) and the request "
                "names no `resource.project`");
  }
  const auto meta = fhir::Member(resource->root(), "meta");
  const bool has_compartment =
      meta && fhir::Member(*meta, "compartment").has_value();
  if (has_compartment && !lacks_project) return true;
  if (!is_inline && lacks_project) return true;  // So it is stored.
  absl::StatusOr<ResourcePtr> completed = WithCompartments(
      resource, is_inline ? assumed : std::string_view(), scratch_);
  if (!completed.ok()) {
    return Deny(Reason::kInvalidResource, 400,
                std::string(ToStd(completed.status().message())));
  }
  if (is_inline && lacks_project && !assumed.empty()) {
    AddNote(NoteCode::kProjectAssumed,
            "`meta.project` is absent; `resource.project` was used");
  }
  if (!has_compartment) {
    AddNote(NoteCode::kCompartmentComputed,
            "`meta.compartment` is absent and has been computed");
  }
  resource = *std::move(completed);
  return true;
}

// What Medplum itself reads to authenticate the request (the profile, the
// membership, its Project and policies) is in its cache by then.
bool Decider::IsCachedByNow() const {
  const ResourceFacts& facts = request_.resource;
  const std::string_view id = !facts.id.empty()          ? facts.id
                              : facts.current != nullptr ? facts.current->id()
                                                         : facts.id;
  return std::any_of(access_.dependencies.begin(), access_.dependencies.end(),
                     [&](const ResourceKey& key) {
                       return key.type == type_ && key.id == id;
                     });
}

void Decider::DecideRead() {
  const bool durable_only =
      request_.context.read_path == ReadPath::kDurableOnly && !IsCachedByNow();
  if (!Read(durable_only ? Path::kDurableOnly : Path::kEither)) return;
  if (presence_ == Presence::kDeleted) {
    Deny(Reason::kResourceDeleted, 410, "the resource is deleted");
    return;
  }
  if (!AddHiddenFields(*resource_)) return;
  Permit(read_entry_, 200);
}

// Reads it (S-15).  On success the resource is live and readable, or deleted
// and its tombstone visible.
bool Decider::Read(Path path) {
  if (!Supports(Interaction::kRead)) return false;
  if (!FindResource()) return false;
  if (presence_ == Presence::kUnknown) return DenyUnknown();
  if (is_found_by_database_alone_) path = Path::kDurableOnly;
  return presence_ == Presence::kDeleted ? ReadTombstone() : ReadRow(path);
}

bool Decider::DenyUnknown() {
  return Deny(Reason::kResourceNotFound, 404,
              fhir::IsUuid(request_.resource.id)
                  ? "no such resource"
                  : "no such resource: Medplum's ids are UUIDs");
}

// The base of a patch: the database row, without the type gate of reads.
bool Decider::ReadPatchBase() {
  if (!FindResource()) return false;
  switch (presence_) {
    case Presence::kUnknown:
      return DenyUnknown();
    case Presence::kDeleted:
      if (!ReadTombstone()) return false;
      return Deny(Reason::kResourceDeleted, 410, "the resource is deleted");
    case Presence::kLive:
      break;
  }
  if (!IsInReach(*resource_, Interaction::kRead)) {
    return Deny(Reason::kProjectBoundary, 404,
                "the resource is of a project that the subject does not reach");
  }
  // Medplum's own predicate also in strict mode, which adds its own later.
  const DurableEntryMatch durable =
      MatchDurably(access_, *resource_, Interaction::kRead, lookup_,
                   /*honor_narrowing=*/false, scratch_);
  if (trace_ != nullptr) {
    trace_->TryDurably(DecisionStage::kRead, *resource_, Interaction::kRead,
                       /*honor_narrowing=*/false, durable);
  }
  decision_.durable_match = durable.match;
  switch (durable.match) {
    case Match::kYes:
      return true;
    case Match::kError:
      return Deny(Reason::kEvaluationError, durable.http_status, durable.why);
    case Match::kUnknown:
      AddNote(NoteCode::kDurableUnknown, durable.why);
      break;
    case Match::kNo:
    case Match::kUnspecified:
      break;
  }
  return Deny(Reason::kResourceNotGranted, 404, NotGranted(*resource_));
}

bool Decider::ReadRow(Path path) {
  EntryMatch memory;
  if (path == Path::kEither && !IsReadableInMemory(memory)) return false;
  const bool in_reach = IsInReach(*resource_, Interaction::kRead);
  if (path == Path::kEither) {
    decision_.memory_match =
        in_reach && memory.medplum_entry != nullptr ? Match::kYes : Match::kNo;
  }
  if (!in_reach) {
    decision_.durable_match = Match::kNo;
    return Deny(Reason::kProjectBoundary, 404,
                "the resource is of a project that the subject does not reach");
  }
  const bool medplum_reads_memory = memory.medplum_entry != nullptr;
  read_in_memory_ = medplum_reads_memory;
  if (mode_ == Mode::kParity && medplum_reads_memory) {
    read_entry_ = memory.entry;
    return resource_->type() != "Binary" || ReadSecurityContext(*resource_);
  }
  DurableEntryMatch durable;
  const Match match = ReadDurably(memory, durable);
  decision_.durable_match = match;
  switch (match) {
    case Match::kYes:
      read_entry_ = memory.entry != nullptr ? memory.entry : durable.entry;
      break;
    case Match::kError:
      if (medplum_reads_memory) {
        return DenyByStrictRule(StrictRule::kDurableRead,
                                Reason::kEvaluationError, durable.why);
      }
      return Deny(Reason::kEvaluationError, durable.http_status, durable.why);
    case Match::kUnknown:
      AddNote(NoteCode::kDurableUnknown, durable.why);
      if (memory.entry == nullptr) {
        return Deny(Reason::kResourceNotGranted, 404, NotGranted(*resource_));
      }
      read_entry_ = memory.entry;
      break;
    default:
      if (medplum_reads_memory) {
        const StrictRule rule = memory.entry == nullptr
                                    ? memory.medplum_entry->narrowed_by
                                    : StrictRule::kDurableRead;
        return DenyByStrictRule(rule, Reason::kResourceNotGranted,
                                NotGranted(*resource_));
      }
      return Deny(Reason::kResourceNotGranted, 404, NotGranted(*resource_));
  }
  return resource_->type() != "Binary" || ReadSecurityContext(*resource_);
}

// False where matching in memory raises an error.
bool Decider::IsReadableInMemory(EntryMatch& memory) {
  memory = ReadMatch(*resource_);
  if (trace_ != nullptr) {
    trace_->TryInMemory(DecisionStage::kRead, *resource_, Interaction::kRead,
                        memory);
  }
  if (memory.match != Match::kError) return true;
  decision_.memory_match = Match::kError;
  return DenyError(memory);
}

// Asks the entries once about the resource that is judged, which reading it and
// hiding its fields both want to know.
const EntryMatch& Decider::ReadMatch(const Resource& resource) {
  const bool is_judged = &resource == resource_.get();
  if (is_judged && matched_ == resource_) return read_match_;
  read_match_ = MatchInMemory(access_, resource, Interaction::kRead, scratch_);
  matched_ = is_judged ? resource_ : nullptr;
  return read_match_;
}

// The durable half of a read.
Match Decider::ReadDurably(const EntryMatch& memory,
                           DurableEntryMatch& durable) {
  return MatchPredicate(Interaction::kRead, memory.medplum_entry == nullptr,
                        durable);
}

// In strict mode the database's predicate must hold with the entries in force,
// and, where Medplum asks the database too, with all of them: an error that
// Medplum would raise is not escaped by leaving an entry out.
Match Decider::MatchPredicate(Interaction interaction, bool medplum_asks_it,
                              DurableEntryMatch& durable) {
  const bool is_strict = mode_ == Mode::kStrict;
  durable = MatchDurably(access_, *resource_, interaction, lookup_,
                         /*honor_narrowing=*/is_strict, scratch_);
  if (trace_ != nullptr) {
    trace_->TryDurably(DecisionStage::kRead, *resource_, interaction, is_strict,
                       durable);
  }
  if (!is_strict || durable.match != Match::kYes || !medplum_asks_it) {
    return durable.match;
  }
  const DurableEntryMatch medplum =
      MatchDurably(access_, *resource_, interaction, lookup_,
                   /*honor_narrowing=*/false, scratch_);
  if (medplum.match == Match::kYes) return Match::kYes;
  if (trace_ != nullptr) {
    trace_->TryDurably(DecisionStage::kRead, *resource_, interaction,
                       /*honor_narrowing=*/false, medplum);
  }
  durable = medplum;
  return medplum.match;
}

// A tombstone keeps no index values (S-12.36): only a predicate that asks
// for none lets it be seen.
bool Decider::ReadTombstone() {
  const std::string project(resource_ != nullptr ? resource_->project()
                                                 : std::string_view());
  const std::string id(request_.resource.id.empty() && resource_ != nullptr
                           ? resource_->id()
                           : request_.resource.id);
  const absl::StatusOr<ResourcePtr> stub = Resource::Parse(
      StrCat("{\"resourceType\":", fhir::QuoteJson(type_),
             ",\"id\":", fhir::QuoteJson(id),
             ",\"meta\":{\"project\":", fhir::QuoteJson(project), "}}"));
  if (!stub.ok()) {
    return Deny(Reason::kInternal, 0, "the stub of a deleted resource");
  }
  decision_.memory_match = Match::kNo;
  if (resource_ != nullptr && !IsInReach(*resource_, Interaction::kRead)) {
    decision_.durable_match = Match::kNo;
    return Deny(Reason::kProjectBoundary, 404,
                "the resource is of a project that the subject does not reach");
  }
  const DurableEntryMatch durable =
      MatchDurably(access_, **stub, Interaction::kRead, lookup_,
                   /*honor_narrowing=*/false, scratch_);
  if (trace_ != nullptr) {
    trace_->TryDurably(DecisionStage::kRead, **stub, Interaction::kRead,
                       /*honor_narrowing=*/false, durable);
  }
  decision_.durable_match = durable.match;
  if (durable.match == Match::kYes && mode_ == Mode::kStrict) {
    const DurableEntryMatch in_force =
        MatchDurably(access_, **stub, Interaction::kRead, lookup_,
                     /*honor_narrowing=*/true, scratch_);
    if (in_force.match != Match::kYes) {
      if (trace_ != nullptr) {
        trace_->TryDurably(DecisionStage::kRead, **stub, Interaction::kRead,
                           /*honor_narrowing=*/true, in_force);
      }
      return DenyByStrictRule(
          StrictRule::kDeletedNeedsGrant, Reason::kResourceNotGranted,
          "no entry in force matches this deleted resource");
    }
  }
  if (durable.match == Match::kYes) return true;
  if (durable.match == Match::kError) {
    return Deny(Reason::kEvaluationError, durable.http_status, durable.why);
  }
  if (durable.match == Match::kUnknown) {
    AddNote(NoteCode::kDurableUnknown, durable.why);
  }
  return Deny(Reason::kResourceNotGranted, 404,
              "no entry of the policy matches this deleted resource");
}

// S-15: the resource that protects a Binary must be readable too; its own
// denial is the Binary's.
bool Decider::ReadSecurityContext(const Resource& binary) {
  if (access_.super_admin) return true;
  if (!binary.Has(ElementsToMatch("Binary"))) {
    return Deny(Reason::kInternal, 0, "the Binary is known in part");
  }
  const auto context = fhir::Member(binary.root(), "securityContext");
  if (!context) return true;
  const std::string_view reference = fhir::StringMember(*context, "reference");
  if (reference.empty()) return true;
  if (reference.starts_with("Binary/")) {
    return Deny(Reason::kSecurityContext, 404,
                "a Binary's security context is another Binary");
  }
  return MayReadReference(reference);
}

bool Decider::MayReadReference(std::string_view reference) {
  const std::optional<ResourceKey> key = fhir::KeyOfReference(reference);
  if (!key) {
    return Deny(Reason::kSecurityContext, 400,
                "the security context is no reference that can be followed");
  }
  if (depth_ >= kMaxDepth) {
    return Deny(Reason::kSecurityContext, 404,
                "the security context leads too far");
  }
  AccessRequest request;
  request.subject = request_.subject;
  request.context = request_.context;
  request.context.read_path = ReadPath::kCacheOrDatabase;
  request.interaction = Interaction::kRead;
  request.resource.type = key->type;
  request.resource.id = key->id;
  Decision decision;
  Decider other(access_, request, lookup_, mode_, scratch_, decision, trace_);
  other.depth_ = depth_ + 1;
  if (trace_ != nullptr) trace_->EnterSecurityContext();
  std::optional<LookupFailure> failure = other.Decide();
  if (trace_ != nullptr) trace_->LeaveSecurityContext();
  if (failure) return Fail(*std::move(failure));
  if (decision.permitted()) return true;
  const Reason reason = decision.reason == Reason::kResourceUnavailable
                            ? Reason::kResourceUnavailable
                            : Reason::kSecurityContext;
  for (Note& note : decision.notes) {
    if (note.code == NoteCode::kStrictRule) {
      decision_.notes.push_back(std::move(note));
    }
  }
  return Deny(
      reason, decision.medplum_http_status,
      StrCat("the security context may not be read: ", decision.message));
}

// S-18: the fields of the first entry that grants `read` in memory.  Medplum
// hides nothing where there is none; strict mode hides what the entry hides
// that let the resource through.
bool Decider::AddHiddenFields(const Resource& resource) {
  return AddHiddenFields(resource, decision_.hidden_fields);
}

bool Decider::AddHiddenFields(const Resource& resource,
                              std::vector<std::string_view>& hidden) {
  const EntryMatch& match = ReadMatch(resource);
  if (match.match == Match::kError) return DenyError(match);
  if (match.medplum_entry != nullptr &&
      !AddFields(*match.medplum_entry, &PolicyEntry::hidden_fields, hidden)) {
    return false;
  }
  if (mode_ == Mode::kParity) return true;
  if (match.entry != nullptr && match.entry != match.medplum_entry) {
    return HideByStrictRule(*match.entry, match.medplum_entry->narrowed_by,
                            hidden);
  }
  if (match.medplum_entry != nullptr) return true;
  if (read_entry_ != nullptr) {
    return HideByStrictRule(*read_entry_,
                            read_entry_->compiled->is_wildcard
                                ? StrictRule::kWildcardCriteriaFields
                                : StrictRule::kDurableFields,
                            hidden);
  }
  for (const BoundEntry* entry : access_.policy->EntriesFor(resource.type())) {
    if (!HideByStrictRule(*entry, StrictRule::kDurableFields, hidden))
      return false;
  }
  return true;
}

}  // namespace pdp::policy
