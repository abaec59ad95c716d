// MedplumAdmin: what an administrator writes at a Medplum server.
//
// The server never does: it writes nothing but Subscriptions
// (pdp/medplum/api.h).

#ifndef PDP_CLIENTS_PDPCTL_MEDPLUM_ADMIN_H_
#define PDP_CLIENTS_PDPCTL_MEDPLUM_ADMIN_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/session.h"

namespace pdp::ctl {

class MedplumAdmin {
 public:
  // As medplum::Session::Open.
  static absl::StatusOr<std::unique_ptr<MedplumAdmin>> Open(
      medplum::SessionOptions options);

  absl::StatusOr<medplum::LoginInfo> WhoAmI();

  // NotFound where there is none.
  absl::StatusOr<fhir::ResourcePtr> Read(const fhir::ResourceKey& key);

  // The one resource of the project that `query`, `Type?parameters`, finds and
  // whose member `name`, unless `value` is empty, is `value`.  Null where there
  // is none.  FailedPrecondition: there are several.
  absl::StatusOr<fhir::ResourcePtr> FindOne(std::string_view query,
                                            std::string_view name,
                                            std::string_view value);

  // What was made.
  absl::StatusOr<fhir::ResourcePtr> Create(std::string_view type,
                                           const std::string& json);
  // The new ClientApplication, whose membership is made with it.
  absl::StatusOr<fhir::ResourcePtr> CreateClient(std::string_view project,
                                                 std::string_view name,
                                                 std::string_view policy);

  // `operations`: a JSON Patch.
  absl::Status Patch(const fhir::ResourceKey& key,
                     const std::string& operations);

 private:
  explicit MedplumAdmin(std::unique_ptr<medplum::Session> session);

  absl::StatusOr<fhir::ResourcePtr> Post(const std::string& target,
                                         const std::string& json,
                                         std::string_view type);

  const std::unique_ptr<medplum::Session> session_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_MEDPLUM_ADMIN_H_
