// The interactions that read versions: history and vread (semantics S-15), and
// what each version hides (S-18).

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {

using fhir::Interaction;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::ResourceKey;
using fhir::ResourcePtr;

// Each version of a history hides what its own content says.  Other versions
// than those known here hide all that any version might have to.
bool Decider::AddHiddenFieldsOfVersions() {
  const ResourceKey key{
      std::string(type_),
      std::string(resource_ != nullptr ? resource_->id()
                                       : request_.resource.id)};
  std::vector<ResourcePtr> versions;
  if (presence_ == Presence::kLive) versions.push_back(resource_);
  lookup_.FindVersions(key, [&](const ResourcePtr& version) {
    const bool is_current = presence_ == Presence::kLive &&
                            version->version_id() == resource_->version_id();
    if (!is_current) versions.push_back(version);
  });
  std::stable_sort(versions.begin(), versions.end(),
                   [](const ResourcePtr& a, const ResourcePtr& b) {
                     return a->last_updated() > b->last_updated();
                   });
  std::vector<VersionFields> fields;
  for (const ResourcePtr& version : versions) {
    std::vector<std::string_view> hidden;
    if (!AddHiddenFields(*version, hidden)) return false;
    if (version->version_id().empty()) continue;
    fields.push_back({.version_id = std::string(version->version_id()),
                      .hidden_fields = {hidden.begin(), hidden.end()}});
  }
  AddPossibleHiddenFields();
  // Where nothing is ever hidden there is nothing to tell apart.
  if (!decision_.hidden_fields.empty()) decision_.versions = std::move(fields);
  return true;
}

void Decider::AddPossibleHiddenFields() {
  auto& hidden = decision_.hidden_fields;
  for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
    for (const std::string& field : entry->compiled->source.hidden_fields) {
      if (std::find(hidden.begin(), hidden.end(), field) == hidden.end()) {
        hidden.push_back(field);
      }
    }
  }
}

// Hides what Medplum would show.
bool Decider::HideByStrictRule(const BoundEntry& entry, StrictRule rule,
                               std::vector<std::string_view>& hidden) {
  const size_t before = hidden.size();
  if (!AddFields(entry, &PolicyEntry::hidden_fields, hidden)) {
    NoteRule(rule);  // An error that Medplum would not come to.
    return false;
  }
  if (hidden.size() > before) NoteRule(rule);
  return true;
}

// Strict: what is deleted needs its own grant, judged on its last version.
bool Decider::DeletedNeedsGrant(Interaction interaction) {
  if (mode_ == Mode::kParity) return true;
  if (resource_ != nullptr && access_.Supports(interaction, type_)) {
    const EntryMatch match =
        MatchInMemory(access_, *resource_, interaction, scratch_);
    if (trace_ != nullptr) {
      trace_->TryInMemory(DecisionStage::kStored, *resource_, interaction,
                          match);
    }
    if (match.entry != nullptr) return true;
  } else if (trace_ != nullptr) {
    trace_->TryType(DecisionStage::kStored, type_, interaction);
  }
  return DenyByStrictRule(
      StrictRule::kDeletedNeedsGrant, Reason::kResourceNotGranted,
      StrCat("no entry of the policy grants ",
             fhir::InteractionName(interaction), " on this deleted resource"));
}

void Decider::DecideHistory() {
  if (!Read(Path::kEither)) return;
  if (presence_ == Presence::kDeleted) {
    if (!DeletedNeedsGrant(Interaction::kHistory)) return;
    if (AddHiddenFieldsOfVersions()) Permit(nullptr, 200);
    return;
  }
  EntryMatch match;
  if (!MayChange(Interaction::kHistory, *resource_, match)) return;
  if (AddHiddenFieldsOfVersions()) Permit(match.entry, 200);
}

void Decider::DecideVread() {
  if (!Read(Path::kEither)) return;
  EntryMatch match;
  if (presence_ == Presence::kDeleted) {
    if (!DeletedNeedsGrant(Interaction::kVread)) return;
  } else if (!MayChange(Interaction::kVread, *resource_, match)) {
    return;
  }
  const ResourceFacts& facts = request_.resource;
  ResourcePtr version;
  if (presence_ == Presence::kLive &&
      facts.version_id == resource_->version_id()) {
    version = resource_;
  } else if (facts.current != nullptr &&
             facts.version_id == facts.current->version_id()) {
    version = facts.current;  // What was sent is the older version itself.
  } else {
    const ResourceKey key{
        std::string(type_),
        std::string(resource_ != nullptr ? resource_->id() : facts.id)};
    const LookupResult found = lookup_.ReadVersion(key, facts.version_id);
    switch (found.state) {
      case LookupState::kFound:
        version = found.resource;
        break;
      case LookupState::kDeleted:
        Deny(Reason::kResourceDeleted, 410, "this version is a deletion");
        return;
      case LookupState::kAbsent:
        Deny(Reason::kResourceNotFound, 404, "no such version");
        return;
      case LookupState::kPending:
      case LookupState::kUnavailable:
        Deny(Reason::kResourceUnavailable, 0,
             "this version cannot be looked up");
        return;
    }
  }
  if (type_ == "Binary" && !ReadSecurityContext(*version)) return;
  if (!AddHiddenFields(*version)) return;
  Permit(match.entry, 200);
}

}  // namespace pdp::policy
