// The members of a record, by their names in the log.

#ifndef PDP_AUDIT_RECORD_MEMBERS_H_
#define PDP_AUDIT_RECORD_MEMBERS_H_

#include <string_view>

#include "pdp/audit/record.h"

namespace pdp::audit {

struct TextMember {
  std::string_view name;
  std::string_view Record::*text;
};

// In the order of a line: these, `tenants`, those of kWhatMembers, `entry`,
// `source`, `notes`, `revision`, those of kHowMembers, `success`, `latency_ns`,
// `cut`.
inline constexpr TextMember kWhoMembers[] = {
    {"decision_id", &Record::decision_id},
    {"method", &Record::method},
    {"caller", &Record::caller},
    {"subject", &Record::subject},
    {"membership", &Record::membership},
    {"profile", &Record::profile},
    {"on_behalf_of", &Record::on_behalf_of},
    {"project", &Record::project}};
inline constexpr TextMember kWhatMembers[] = {
    {"interaction", &Record::interaction},
    {"resource", &Record::resource},
    {"version_id", &Record::version_id},
    {"patient", &Record::patient},
    {"effect", &Record::effect},
    {"reason", &Record::reason},
    {"policy", &Record::policy},
    {"policy_version", &Record::policy_version},
    {"built_in", &Record::built_in}};
inline constexpr TextMember kHowMembers[] = {
    {"purpose_of_use", &Record::purpose_of_use},
    {"remote_address", &Record::remote_address},
    {"user_agent", &Record::user_agent},
    {"session", &Record::session},
    {"request_id", &Record::request_id},
    {"traceparent", &Record::traceparent},
    {"smart_scope", &Record::smart_scope},
    {"launch_patient", &Record::launch_patient},
    {"event", &Record::event}};

// "decision": of each RecordKind, by its number.
inline constexpr std::string_view kKindNames[] = {
    "decision", "filter", "release", "simulation", "access", "admin", "change"};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RECORD_MEMBERS_H_
