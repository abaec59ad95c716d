// What the audit log says, as FHIR R4 AuditEvents: references and codes, as the
// records have them.
//
// The shape of a decision is that of the authorization decision of IHE's Basic
// Audit Log Patterns (BALP), for decisions by role: without the consent that
// the profile wants, and so without its name.

#ifndef PDP_AUDIT_SINK_EVENT_H_
#define PDP_AUDIT_SINK_EVENT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/audit/record.h"

namespace pdp::audit_sink {

// The system of the tag in `meta` whose code is the event's identity.
inline constexpr std::string_view kIdentitySystem = "urn:medplum-pdp:audit";

struct EventFrame {
  // The chain and number of the first record that it tells of.
  std::string_view identity;
  std::string_view server;
  // Becomes meta.project, unless it is empty.
  std::string_view project;
  // Of several records: how many, and from when to when.
  uint64_t count = 1;
  absl::Time first;
  absl::Time last;
};

// An AuditEvent as JSON.
std::string MakeEvent(const audit::Record& record, const EventFrame& frame);

// The same without references, which are text instead: for servers that take
// none to what they do not have.
std::string WithoutReferences(std::string_view event);

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_EVENT_H_
