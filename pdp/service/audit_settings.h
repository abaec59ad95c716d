// AuditSettings: the part of the configuration that says how the audit log is
// kept.

#ifndef PDP_SERVICE_AUDIT_SETTINGS_H_
#define PDP_SERVICE_AUDIT_SETTINGS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "pdp/audit/archive_options.h"
#include "pdp/audit/journal_options.h"
#include "pdp/audit_sink/options.h"

namespace medplum::pdp::config::v1 {
class Audit;
}

namespace pdp::service {

struct AuditSettings {
  audit::JournalOptions journal;
  audit::ArchiveOptions archive;
  // Without a value: nothing is posted.
  std::optional<audit_sink::SinkSettings> medplum;
};

// The settings that the section `audit` makes, beside the store in `data_dir`.
// InvalidArgument, "audit.fsync: ...", where they cannot be used: also where
// the key cannot be read.
absl::StatusOr<AuditSettings> ReadAuditSettings(
    const ::medplum::pdp::config::v1::Audit& config,
    const std::string& data_dir);

}  // namespace pdp::service

#endif  // PDP_SERVICE_AUDIT_SETTINGS_H_
