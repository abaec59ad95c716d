#include "pdp/audit_sink/medplum_target.h"

#include <utility>

#include "absl/memory/memory.h"
#include "pdp/audit_sink/event.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit_sink {

absl::StatusOr<std::unique_ptr<MedplumTarget>> MedplumTarget::Open(
    medplum::SessionOptions options) {
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<medplum::EventClient> client,
                       medplum::EventClient::Open(std::move(options)));
  return absl::WrapUnique(new MedplumTarget(std::move(client)));
}

absl::StatusOr<std::vector<absl::Status>> MedplumTarget::Post(
    absl::Span<const PostedEvent> events) {
  std::vector<medplum::ConditionalEvent> conditional;
  for (const PostedEvent& event : events) {
    conditional.push_back(
        {.condition = StrCat("_tag=", kIdentitySystem, "%7C", event.identity),
         .json = event.json});
  }
  return client_->CreateEvents(conditional);
}

}  // namespace pdp::audit_sink
