// Server: what provisioning asks of a Medplum server, and writes there.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_SERVER_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/provision_file.h"
#include "pdp/fhir/resource.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/session.h"

namespace pdp::provision {

// The errors are those of medplum::Api, and
//
//   Aborted        it has another version by now (412)
//   AlreadyExists  the user has a membership of the project (409)
class Server {
 public:
  // Asks nothing yet.  InvalidArgument: the environment cannot be used.
  static absl::StatusOr<std::unique_ptr<Server>> Open(
      const Environment& environment, const Login& login);

  absl::StatusOr<medplum::LoginInfo> WhoAmI();

  // Hands every resource that `query`, `Type?parameters`, finds to `visit`.
  absl::Status Search(
      const std::string& query,
      const std::function<absl::Status(fhir::ResourcePtr)>& visit);

  // NotFound where there is none.
  absl::StatusOr<fhir::ResourcePtr> Read(const fhir::ResourceKey& key);

  // What was made; or the one that `condition`, search parameters, finds.
  absl::StatusOr<fhir::ResourcePtr> Create(std::string_view type,
                                           const std::string& json,
                                           const std::string& condition);
  // Only where it still has the version.
  absl::StatusOr<fhir::ResourcePtr> Update(const fhir::ResourceKey& key,
                                           const std::string& json,
                                           std::string_view version);
  // The new ProjectMembership.
  absl::StatusOr<fhir::ResourcePtr> Invite(std::string_view project,
                                           const std::string& json);
  absl::Status DeleteMember(std::string_view project, std::string_view id);

  // Replaces the accounts of a resource; `propagate`: and in the same way those
  // of everything in the compartment of the Patient that it is.
  absl::Status SetAccounts(const fhir::ResourceKey& key,
                           const std::vector<std::string>& accounts,
                           bool propagate);

 private:
  explicit Server(std::unique_ptr<medplum::Session> session);

  absl::StatusOr<medplum::HttpExchange> Send(
      const medplum::Session::Request& request, std::string_view what);
  absl::StatusOr<fhir::ResourcePtr> Write(
      const medplum::Session::Request& request, std::string_view type);

  const std::unique_ptr<medplum::Session> session_;
};

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_SERVER_H_
