// MedplumTarget: a Target that is a Medplum server.

#ifndef PDP_AUDIT_SINK_MEDPLUM_TARGET_H_
#define PDP_AUDIT_SINK_MEDPLUM_TARGET_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit_sink/target.h"
#include "pdp/medplum/event_client.h"

namespace pdp::audit_sink {

class MedplumTarget final : public Target {
 public:
  // As EventClient::Open.
  static absl::StatusOr<std::unique_ptr<MedplumTarget>> Open(
      medplum::SessionOptions options);

  // FHIR's AuditEvent has no identifier: it is found by its tag.
  absl::StatusOr<std::vector<absl::Status>> Post(
      absl::Span<const PostedEvent> events) override;
  void Stop() override { client_->Stop(); }

 private:
  explicit MedplumTarget(std::unique_ptr<medplum::EventClient> client)
      : client_(std::move(client)) {}

  const std::unique_ptr<medplum::EventClient> client_;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_MEDPLUM_TARGET_H_
