// Record: what the audit log says of one decision, or of one thing that an
// enforcement point or an administrator did.  References and codes, never the
// content of a resource, a token or a query's values.

#ifndef PDP_AUDIT_RECORD_H_
#define PDP_AUDIT_RECORD_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace pdp::audit {

enum class RecordKind : uint8_t {
  kDecision,    // Check, an item of BatchCheck, a request of CheckStream.
  kFilter,      // Filter.
  kRelease,     // A resource that FilterResources was asked for.
  kSimulation,  // A check of Simulate or Explain: nothing was granted by it.
  kAccess,      // RecordAccess: what the enforcement point then did.
  kAdmin,       // A call of PdpAdmin that changes something.
  kChange,      // A policy, membership or project changed.
};

// Text is not owned.  What is empty is left out of the log.
struct Record {
  RecordKind kind = RecordKind::kDecision;
  absl::Time time;
  std::string_view decision_id;
  std::string_view method;  // "Check".
  absl::Duration latency;   // Up to the record; zero: not told.

  // Who asked this server, and for whom.
  std::string_view caller;      // The name of the calling service.
  std::string_view subject;     // The reference asked for; of a token: "token".
  std::string_view membership;  // `ProjectMembership/id`.
  std::string_view profile;     // `Practitioner/id`.
  std::string_view on_behalf_of;
  std::string_view project;  // An id.
  // The active ones, or else those whose access item decided.
  absl::Span<const std::string_view> tenants;

  // What was asked.
  std::string_view interaction;  // FHIR's code: "read", "search".
  std::string_view resource;     // `Type/id`; `Type` where there is no id.
  std::string_view version_id;
  std::string_view patient;  // `Patient/id`, where it is known.

  // The answer.
  // "PERMIT", "PERMIT_WITH_OBLIGATIONS", "DENY"; of kFilter also "CONDITIONAL":
  // what the answer's searches find; "NO_DECISION": there was no answer.
  std::string_view effect;
  std::string_view reason;  // "PERMITTED", "RESOURCE_NOT_GRANTED".
  std::string_view policy;  // `AccessPolicy/id` of the entry that decided.
  std::string_view policy_version;
  std::optional<uint32_t> entry;             // Its index in that policy.
  std::optional<uint32_t> source;            // PolicyEntry.source.
  std::string_view built_in;                 // PolicyEntry.built_in.
  absl::Span<const std::string_view> notes;  // Codes: "STALE".
  std::optional<uint64_t> revision;

  // The circumstances, as the caller tells them.
  std::string_view purpose_of_use;
  std::string_view remote_address;
  std::string_view user_agent;
  std::string_view session;
  std::string_view request_id;
  std::string_view traceparent;
  std::string_view smart_scope;
  std::string_view launch_patient;

  // kAccess: what was done.  kAdmin: the method's target; without `success` it
  // was about to be tried.  kChange: "updated", "deleted", "loaded".
  // kRelease: "summary", of the stream.  kSimulation: "before", "after".
  std::string_view event;
  std::optional<bool> success;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RECORD_H_
