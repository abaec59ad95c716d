// How a Client reaches decision points, and how a call is made.

#ifndef MEDPLUM_PDP_OPTIONS_H_
#define MEDPLUM_PDP_OPTIONS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "medplum_pdp/decision.h"

namespace medplum_pdp {

struct TlsOptions {
  // PEM files, read when the client is made.  Empty: the authorities that the
  // system trusts.
  std::string ca_file;
  // The client's own certificate chain and its key: mutual TLS.
  std::string cert_file;
  std::string key_file;
  // The name that the server's certificate must be for.  Empty: the host of the
  // target.  Needed with several addresses.
  std::string server_name;
};

// A call that has ended.  Holds no token and no resource.
struct CallReport {
  // `Check`, `BatchCheck`; of a CheckStream one report for each check.
  std::string_view method;
  // Nothing where there is not one decision: BatchCheck, Explain.
  std::optional<Effect> effect;
  // `RESOURCE_NOT_GRANTED`; empty without a decision.
  std::string reason;
  // Why there is no decision, or no answer.
  absl::Status status;
  absl::Duration latency;
  bool retried = false;
};

struct ClientOptions {
  // `host:port`; `dns:///name:port`: every address that the name has;
  // `ipv4:10.0.0.1:8990,10.0.0.2:8990`: several; `unix:PATH`.  Calls go to all
  // that answer, in turn.
  std::string target;
  TlsOptions tls;
  // Without TLS.  Asked for, never assumed, but with `unix:`.
  bool plaintext = false;

  // Of every call that has none of its own.
  absl::Duration timeout = absl::Seconds(1);

  // The bearer token of this service, without `Bearer`.  Asked on every call,
  // by the thread that makes it: keep what is still good.  Refused over
  // plaintext TCP to another host.  Thread-safe.
  std::function<absl::StatusOr<std::string>()> token;

  // Told of every call when it has ended, before its answer is handed out.
  // Thread-safe and quick; what it throws is swallowed.
  std::function<void(const CallReport&)> on_call;

  // What the server takes in one BatchCheck (its `limits`).
  size_t max_batch_items = 1'000;
  size_t max_batch_bytes = size_t{4} << 20;
};

// A provider for ClientOptions::token: the first line of the file, which is
// read on every call, so that a new token takes effect at once.
std::function<absl::StatusOr<std::string>()> TokenFile(std::string path);

struct CallOptions {
  // For everything: a connection, the token, the retry.
  std::optional<absl::Duration> timeout;
  // Of the request that this call is made for, carried on as metadata for the
  // audit record: W3C Trace Context, and `x-request-id`.
  std::string traceparent;
  std::string request_id;
};

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_OPTIONS_H_
