// Searches: whether a type may be searched at all (semantics S-21), and whether
// a search may return a resource (S-14).

#include <string>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/policy/decider.h"
#include "pdp/policy/filter.h"
#include "pdp/policy/trace.h"

namespace pdp::policy {

using fhir::Interaction;

void Decider::DecideSearch() {
  if (!MaySearchType()) return;
  if (request_.resource.current != nullptr) {
    DecideFound();
    return;
  }
  for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
    if (!AddFields(*entry, &PolicyEntry::hidden_fields,
                   decision_.hidden_fields)) {
      return;
    }
  }
  Permit(nullptr, 200);
}

bool Decider::MaySearchType() {
  // Binary is never searched, whatever is granted.
  if (type_ != "Binary" && !Supports(Interaction::kSearch)) return false;
  if (trace_ != nullptr) {
    trace_->TryType(DecisionStage::kType, type_, Interaction::kSearch);
  }
  FilterRequest request;
  request.subject = request_.subject;
  request.context = request_.context;
  request.resource_type = type_;
  FilterAnswer answer;
  BuildFilter(access_, request, mode_, answer);
  if (answer.kind == FilterKind::kAlwaysDenied ||
      answer.kind == FilterKind::kUnspecified) {
    return Deny(answer.reason, answer.medplum_http_status, answer.message);
  }
  return true;
}

// A search asks the database alone.  What it does not return is answered as a
// read of it would be: 404.
void Decider::DecideFound() {
  if (!FindResource()) return;
  if (presence_ == Presence::kDeleted) {
    Deny(Reason::kResourceDeleted, 404, "a search finds nothing deleted");
    return;
  }
  if (!IsInReach(*resource_, Interaction::kSearch)) {
    decision_.durable_match = Match::kNo;
    Deny(Reason::kProjectBoundary, 404,
         "the resource is of a project that the subject does not reach");
    return;
  }
  DurableEntryMatch durable;
  decision_.durable_match =
      MatchPredicate(Interaction::kSearch, /*medplum_asks_it=*/true, durable);
  switch (decision_.durable_match) {
    case Match::kYes:
      read_entry_ = durable.entry;
      if (AddHiddenFields(*resource_)) Permit(read_entry_, 200);
      return;
    case Match::kError:
      Deny(Reason::kEvaluationError, durable.http_status, durable.why);
      return;
    case Match::kUnknown:
      AddNote(NoteCode::kDurableUnknown, durable.why);
      break;
    case Match::kNo:
    case Match::kUnspecified:
      break;
  }
  Deny(Reason::kResourceNotGranted, 404,
       StrCat("no entry of the policy lets a search return this ", type_));
}

}  // namespace pdp::policy
