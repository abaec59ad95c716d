// What Medplum asks of the references in a resource before it stores it: that
// conditional ones find their resource (semantics S-16), and, where the project
// says so, that the subject can read what they lead to (S-16).

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/reference.h"
#include "pdp/fhir/schema.h"
#include "pdp/policy/decider.h"

namespace pdp::policy {

using fhir::Interaction;
using fhir::LookupResult;
using fhir::LookupState;
using fhir::Resource;
using fhir::ResourceKey;

namespace {

// `%name` and `#contained` lead nowhere to be checked.
bool IsChecked(std::string_view reference) {
  return reference.front() != '%' && reference.front() != '#';
}

// `Type/...`: others are not of this server.
bool IsLocal(std::string_view reference) {
  return absl::ascii_isupper(static_cast<unsigned char>(reference.front())) &&
         fhir::KeyOfReference(reference).has_value();
}

}  // namespace

// Which resource a conditional reference finds is not worked out here.
bool Decider::CheckConditionalReferences(const Resource& result) {
  if (result.json().find('?') == std::string_view::npos) return true;
  for (const HeldReference& reference : HeldReferences(result)) {
    const size_t query = reference.value.find('?');
    if (query == std::string_view::npos) continue;
    const std::string_view path = reference.value.substr(0, query);
    const std::string_view type = path.substr(path.rfind('/') + 1);
    if (!fhir::IsResourceType(type)) {
      return Deny(
          Reason::kInvalidResource, 400,
          StrCat("`", reference.path, "` searches for no known resource type"));
    }
    if (!access_.Supports(Interaction::kSearch, type)) {
      return Deny(Reason::kInteractionNotGranted, 403,
                  StrCat("`", reference.path,
                         "` is a conditional reference, "
                         "and no entry of the policy grants search on ",
                         type));
    }
    return Deny(Reason::kNotSupported, 0,
                StrCat("`", reference.path,
                       "` is a conditional reference; send the resource with "
                       "the reference that it stands for"));
  }
  return true;
}

bool Decider::CheckReferences(const Resource& result) {
  if (!access_.project.check_references_on_write) return true;
  for (const HeldReference& reference : HeldReferences(result)) {
    if (IsChecked(reference.value) && !CheckReference(reference)) return false;
  }
  return true;
}

// Read as the subject: a copy in the cache is judged in memory alone (S-15).
bool Decider::CheckReference(const HeldReference& reference) {
  const auto refuse = [&](std::string_view why) {
    return Deny(Reason::kInvalidResource, 400,
                StrCat("`", reference.path, "` ", why));
  };
  if (!IsLocal(reference.value)) return refuse("leads out of this server");
  const ResourceKey key = *fhir::KeyOfReference(reference.value);
  const LookupResult found = LookUp(key, ElementsToMatch(key.type));
  switch (found.state) {
    case LookupState::kFound:
      break;
    case LookupState::kAbsent:
    case LookupState::kDeleted:
      return refuse("leads to a resource that does not exist");
    case LookupState::kPending:
      return FailUntilFetched(key);
    case LookupState::kUnavailable:
      return Deny(Reason::kResourceUnavailable, 0,
                  StrCat("`", key.ToString(), "` cannot be looked up"));
  }
  if (reference.is_by_system) return true;
  constexpr std::string_view kUnreadable =
      "leads to a resource that the subject may not read";
  if (!IsInReach(*found.resource, Interaction::kRead)) {
    return refuse(kUnreadable);
  }
  const EntryMatch match =
      MatchInMemory(access_, *found.resource, Interaction::kRead, scratch_);
  if (match.match == Match::kError) return DenyError(match);
  if (match.medplum_entry == nullptr) return refuse(kUnreadable);
  if (match.entry != nullptr) return true;
  return DenyByStrictRule(match.medplum_entry->narrowed_by,
                          Reason::kResourceNotGranted,
                          StrCat("`", reference.path, "` ", kUnreadable));
}

}  // namespace pdp::policy
