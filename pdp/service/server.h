// Server: the gRPC services on their addresses, with health and reflection.

#ifndef PDP_SERVICE_SERVER_H_
#define PDP_SERVICE_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/auth/tls_files.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/service/admin_service.h"
#include "pdp/service/callers.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/ledger.h"
#include "pdp/service/listen_address.h"
#include "pdp/service/metrics.h"
#include "pdp/service/revision_watchers.h"
#include "pdp/service/transport_settings.h"

namespace pdp::service {

class Gateway;

struct ServerOptions {
  std::vector<ListenAddress> listen;  // At least one.
  size_t threads = 1;                 // That decide.
  ServerLimits limits;
  // TCP addresses are served by TLS with these.  Null: in plain text.
  const auth::TlsFiles* tls = nullptr;
  ClientCertificates client_certificates = ClientCertificates::kNone;
  uint32_t socket_mode = 0600;  // Permissions of unix sockets.
  bool reflection = false;
  // How long clients that watch health have to go elsewhere when the server is
  // drained.  What reaches a grpc::Server that is shut down is cancelled, so
  // that they must have left before.
  absl::Duration departure = absl::Seconds(1);
};

// What is served.  All of it must outlive the server.
struct Served {
  const Callers& callers;
  const DecisionService& decisions;
  AdminService& admin;
  Metrics& metrics;
  FactFetcher* fetcher = nullptr;          // Null: facts cannot be fetched.
  Refresher* refresher = nullptr;          // Null: the source cannot be asked.
  RevisionWatchers* watchers = nullptr;    // Null: nothing can be watched.
  policy::AccessTokens* tokens = nullptr;  // Null: none can be resolved.
  const Gateway* gateway = nullptr;        // Null: ext_authz is not served.
  Audit audit = {};
};

// SetServing may be called from any thread, the rest from the one that started
// the server.
class Server {
 public:
  // Listens and serves; health says NOT_SERVING until SetServing.
  // FailedPrecondition where an address is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, const Served& served);

  // Drains at once, if Drain was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens, with the ports that were picked.
  const std::vector<ListenAddress>& addresses() const;

  // What grpc.health.v1 answers, for all services and for each.
  void SetServing(bool serving);

  // Says NOT_SERVING, serves on until those who watch that have left, accepts
  // no more, lets calls in flight end, and cancels what has not ended at
  // `deadline`.
  void Drain(absl::Time deadline);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_SERVER_H_
