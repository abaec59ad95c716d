// Client: an Api over HTTP, under the login of one ClientApplication.

#ifndef PDP_MEDPLUM_CLIENT_H_
#define PDP_MEDPLUM_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/session.h"

namespace pdp::medplum {

using ClientOptions = SessionOptions;

struct ClientStatistics {
  HttpStatistics http;
  TokenStatistics tokens;
};

// Thread-safe.
class Client : public Api {
 public:
  // As Session::Open.
  static absl::StatusOr<std::unique_ptr<Client>> Open(ClientOptions options);

  explicit Client(std::unique_ptr<Session> session);

  absl::StatusOr<ReadAnswer> Read(const fhir::ResourceKey& key) override;
  absl::StatusOr<SearchPage> Search(std::string_view query) override;
  absl::StatusOr<SearchPage> NextPage(std::string_view next) override;
  absl::StatusOr<LoginInfo> WhoAmI() override;
  absl::StatusOr<std::string> ServerVersion() override;
  absl::StatusOr<std::string> CreateSubscription(
      std::string_view json) override;
  absl::Status DeleteSubscription(std::string_view id) override;
  absl::StatusOr<BindingToken> GetBindingToken(
      std::string_view subscription_id) override;
  void Stop() override;

  ClientStatistics statistics() const;

 private:
  const std::unique_ptr<Session> session_;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_CLIENT_H_
