// ForwardAuth: what proxies ask over HTTP, in headers, before they pass a
// request on: nginx's auth_request, Traefik's forwardAuth, Caddy's
// forward_auth.
//
// Blocks the thread of the question until it is answered.  Thread-safe.

#ifndef PDP_SERVICE_FORWARD_AUTH_H_
#define PDP_SERVICE_FORWARD_AUTH_H_

#include "absl/time/time.h"
#include "pdp/gateway/question.h"
#include "pdp/service/callers.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/gateway.h"
#include "pdp/service/http_server.h"
#include "pdp/service/ledger.h"
#include "pdp/service/metrics.h"

namespace pdp::service {

// The path that it is served under.
inline constexpr const char* kForwardAuthPath = "/forward-auth";

// How the proxy itself says who it is, `Bearer TOKEN`: `authorization` is its
// client's.
inline constexpr const char* kCallerHeader = "x-pdp-authorization";

struct ForwardAuthOptions {
  ForwardAuthHeaders headers = ForwardAuthHeaders::kOriginal;
  // How long a question may wait for facts.
  absl::Duration deadline = absl::Seconds(5);
};

class ForwardAuth {
 public:
  // All of them must outlive it.
  ForwardAuth(const Gateway& gateway, const Callers& callers, Metrics& metrics,
              const FactSources& sources, const Audit& audit,
              const ForwardAuthOptions& options);

  HttpResponse Answer(const HttpRequest& question);

 private:
  absl::Status Admit(const HttpRequest& question, CallOrigin& origin) const;
  absl::Status Read(const HttpRequest& question,
                    gateway::HttpRequest& request) const;
  CallOutcome Decide(const CallOrigin& origin,
                     const gateway::HttpRequest& request,
                     GatewayAnswer& answer);

  const Gateway& gateway_;
  const Callers& callers_;
  Metrics& metrics_;
  const FactSources sources_;
  LedgerPool ledgers_;
  const ForwardAuthOptions options_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_FORWARD_AUTH_H_
