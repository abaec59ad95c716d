#include "pdp/service/command_line.h"

#include <google/protobuf/descriptor.h>

#include <CLI/CLI.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/service/config_fields.h"
#include "pdp/service/version.h"

namespace pdp::service {
namespace {

struct Flag {
  const char* name;
  const char* value;
  const char* help;
};

constexpr Flag kFlags[] = {
    {"source", "directory:PATH|medplum",
     "Where policies and memberships come from: FHIR JSON files and Bundles "
     "below PATH, or a Medplum server. Required."},
    {"data-dir", "DIR", "The directory of the store. Required."},
    {"bootstrap-from", "DIR",
     "A checkpoint of another server, with which a store that is not there yet "
     "begins. [none]"},
    {"listen", "ADDRESS",
     "host:port (port 0: one is picked) or unix:PATH for gRPC; loopback only "
     "without TLS; repeatable. [127.0.0.1:8990]"},
    {"http-listen", "ADDRESS",
     "host:port for /metrics, /livez and /readyz, or none. [127.0.0.1:8991]"},
    {"mode", "strict|parity",
     "parity decides as Medplum does, defects included; strict is never more "
     "permissive. [strict]"},
    {"parameter-semantics", "documented|server",
     "A parameter given several times in one access item: each value, or the "
     "first. [documented; in parity mode and with a Medplum server: server]"},
    {"max-staleness", "DURATION",
     "No decision from data that is further behind. [5m]"},
    {"stale-after", "DURATION", "Data further behind is called stale. [30s]"},
    {"decision-reuse", "DURATION",
     "How long callers may reuse an answer; 0s for not at all. [10s]"},
    {"audit-mode", "off|best_effort|required",
     "Whether a decision may leave that is not recorded. [required]"},
    {"audit.directory", "DIR",
     "Where the audit log is. [audit in the data directory]"},
    {"audit.fsync", "batch|DURATION",
     "Each record is on the disk before its answer leaves; or how often they "
     "go there. [1s]"},
    {"audit.max-segment-bytes", "N", "A larger segment is closed. [67108864]"},
    {"audit.max-segment-age", "DURATION", "An older segment is closed. [1h]"},
    {"audit.checkpoint-interval", "DURATION",
     "A checkpoint follows after so long. [1m]"},
    {"audit.checkpoint-records", "N",
     "A checkpoint follows after so many records. [10000]"},
    {"audit.signing-key-file", "PATH",
     "The Ed25519 key (PEM) that signs checkpoints. [none]"},
    {"audit.archive-directory", "DIR",
     "Closed segments are copied to. [none: nothing is deleted]"},
    {"audit.archive-command", "WORD",
     "Of the command that archives a segment, whose path follows; repeatable."},
    {"audit.archive-digest-command", "WORD",
     "Of the command that prints the SHA-256 of what was archived; "
     "repeatable."},
    {"audit.archive-timeout", "DURATION",
     "How long each of them may take. [5m]"},
    {"audit.retention-days", "N",
     "How long segments stay in the archive directory. [2192]"},
    {"audit.local-retention-days", "N",
     "How long archived segments stay here as well. [30]"},
    {"audit.max-volume-percent", "N",
     "They go earlier where the volume is fuller than this. [80]"},
    {"audit.medplum.enabled", "true|false",
     "Whether decisions become AuditEvents at the Medplum server. [false]"},
    {"audit.medplum.reads", "folded|every|none",
     "Of permitted reads: one event for a member, patient and window; one "
     "each; or none. [folded]"},
    {"audit.medplum.fold-window", "DURATION", "The window. [5m]"},
    {"audit.medplum.batch-size", "N", "Events in one request, at most. [50]"},
    {"audit.medplum.interval", "DURATION",
     "How often what was recorded is posted. [1s]"},
    {"threads", "N",
     "Threads that decide; 0 for half the number of cores. [0]"},
    {"max-bound-policies", "N", "Bound policies kept for reuse. [10000]"},
    {"socket-mode", "0600|0660", "Permissions of unix sockets. [0600]"},
    {"drain-timeout", "DURATION",
     "How long calls in flight may take to end on SIGTERM. [20s]"},
    {"medplum.base-url", "URL", "The Medplum server. Required."},
    {"medplum.login", "KEY=VALUE,...",
     "Who this server is there: project=ID (or all, for a super admin), "
     "client-id=ID, and client-secret-file=PATH, or private-key-file=PATH and "
     "key-id=ID; repeatable, one for each project. Required."},
    {"medplum.ca-file", "PATH",
     "Certificates that its own is checked against. [those of the system]"},
    {"medplum.request-timeout", "DURATION",
     "How long one request may take. [10s]"},
    {"medplum.notifications", "web_socket|rest_hook|none",
     "How it tells of changes; none: sweeps alone. [web_socket]"},
    {"medplum.rest-hook.endpoint", "URL",
     "By which it reaches medplum.rest-hook.listen."},
    {"medplum.rest-hook.listen", "ADDRESS",
     "host:port where hooks are received."},
    {"medplum.rest-hook.secret-file", "PATH",
     "The secret under which hooks are signed."},
    {"medplum.access-tokens.issuer", "URL",
     "Of access tokens as subjects. [medplum.base-url]"},
    {"medplum.access-tokens.cache", "DURATION",
     "How long what is known of a token holds. [60s]"},
    {"medplum.access-tokens.key-refetch-interval", "DURATION",
     "How often keys are asked for again at most. [30s]"},
    {"medplum.access-tokens.max-cached", "N",
     "Tokens of which something is known. [10000]"},
    {"sweep.interval", "DURATION",
     "How often all that changed is searched for. [15s]"},
    {"sweep.full-interval", "DURATION",
     "How often everything is compared. [5m]"},
    {"sweep.overlap", "DURATION",
     "How much further back than the last one a sweep looks. [30s]"},
    {"sweep.max-searches-per-second", "N",
     "The sweeps of all projects together make no more. [20]"},
    {"attributes.max-bytes", "N",
     "Of what is kept in memory of resources by reference. [67108864]"},
    {"attributes.max-reads-per-second", "N",
     "The reads of resources by reference are no more. [50]"},
    {"attributes.subscribed-types", "TYPE",
     "A type, as Patient, of which changes are told by a Subscription too; "
     "repeatable. [none]"},
    {"tenants.parameters", "NAME",
     "A parameter of access items that binds a tenant; repeatable. "
     "[organization, current_organization, healthcare_service, care_team]"},
    {"session-rules", "KEY=VALUE,...",
     "What is asked of sessions: project=ID (none: every other), "
     "idle-timeout=DURATION, absolute-lifetime=DURATION, failed-attempts=N, "
     "lock=DURATION, administrative-lock=true, mfa=true; repeatable. [none]"},
    {"callers", "KEY=VALUE,...",
     "Who may ask, and what: name=NAME; token-file=PATH, or san=uri:URI or "
     "dns:NAME, or issuer=ISSUER,audience=AUDIENCE and jwks-file=PATH or "
     "jwks-url=URL (and jwks-ca-file=PATH, token-subject=SUB), or "
     "from=loopback; "
     "permissions=check|filter|explain|describe|simulate|record|admin|gateway|"
     "all, "
     "projects=ID, subjects=own|token|any, own=REFERENCE, "
     "resources=reference|inline; repeatable, as are permissions, projects and "
     "own within. Required."},
    {"tls.certificate-file", "PATH",
     "The server's certificate and those of its issuers (PEM). Without it gRPC "
     "is served on loopback addresses and unix sockets only."},
    {"tls.private-key-file", "PATH", "Its private key (PEM)."},
    {"tls.client-ca-file", "PATH",
     "Who issues the certificates of clients (PEM). [they are not asked]"},
    {"tls.require-client-certificate", "true|false",
     "Whether clients without one are turned away. [true with "
     "tls.client-ca-file]"},
    {"tls.allow-plaintext", "true|false",
     "Serve any address in plain text: something in front does TLS. [false]"},
    {"limits.message-bytes", "N", "Of one request. [4194304]"},
    {"limits.batch-items", "N", "Of one BatchCheck or Simulate. [1000]"},
    {"limits.streams-per-connection", "N",
     "Calls and streams of one connection at a time. [1000]"},
    {"limits.calls-in-flight", "N", "At a time, of all connections. [10000]"},
    {"limits.open-streams", "N", "At a time, of all connections. [1000]"},
    {"limits.buffer-bytes", "N",
     "Memory for what clients send and do not read. [536870912]"},
    {"limits.caller-calls-per-second", "N",
     "Of one caller; 0 for no limit. [0]"},
    {"limits.project-questions-per-second", "N",
     "About members of one project; 0 for no limit. [0]"},
    {"limits.connections", "N", "At a time. [10000]"},
    {"limits.connections-per-address", "N",
     "At a time, of one peer; 0 for no limit. [0]"},
    {"limits.connection-age", "DURATION",
     "How long a connection lasts. [1h with tls.client-ca-file, else for "
     "ever]"},
    {"limits.unread-answers", "DURATION",
     "How long answers of a stream may be left unread. [30s]"},
    {"reflection", "true|false",
     "Whether gRPC's reflection is served, to every caller. [false]"},
    {"gateway.ext-authz", "true|false",
     "Whether Envoy's external authorization is served. [false]"},
    {"gateway.forward-auth", "ADDRESS",
     "host:port for forward-auth over HTTP: nginx, Traefik, Caddy. [none]"},
    {"gateway.forward-auth-headers", "original|forwarded",
     "X-Original-Method and X-Original-URI, or X-Forwarded-Method and "
     "X-Forwarded-Uri. [original]"},
    {"gateway.base-path", "PATH", "Below it is the FHIR API. [/fhir/R4]"},
    {"gateway.tenant-header", "NAME", "It has the active tenant. [none]"},
    {"gateway.stored-tenant", "true|false",
     "Without that header: the tenant that the member stored. [false]"},
    {"gateway.search", "exact|header|rewrite",
     "What becomes of a search that finds more than is permitted. [exact]"},
    {"gateway.runner", "privileged|same_project",
     "Whose rights the server behind has when it searches. [privileged]"},
    {"gateway.honors", "hidden_fields|readonly_fields",
     "What the server behind does where it is told to; repeatable. [none]"},
    {"gateway.forwarded-for", "N",
     "Which entry of X-Forwarded-For, from the right, is believed. [0: none]"},
    {"gateway.metadata", "true|false",
     "Whether GET /metadata passes without a token. [false]"},
    {"history.retention-days", "N",
     "How long policies and memberships are kept as they were. [2192]"},
};

bool IsRepeatable(std::string_view name) {
  ::medplum::pdp::config::v1::Config config;
  const absl::StatusOr<ConfigPlace> place = FindConfigPlace(config, name);
  return place.ok() && place->field->is_repeated();
}

constexpr char kFooter[] = R"(
Examples:
  pdpd --source directory:docs/policies --data-dir /var/lib/medplum-pdp
       --callers name=local,from=loopback,permissions=all,subjects=any
  pdpd --config /etc/medplum-pdp/pdpd.yaml --mode parity
  pdpd --source directory:policies --data-dir data --listen 127.0.0.1:0
       --listen unix:/run/medplum-pdp/pdp.sock --http-listen none
  pdpd --source medplum --data-dir data --medplum.base-url https://HOST/
       --medplum.login project=ID,client-id=ID,client-secret-file=PATH

When it serves, one line of JSON on stdout says where:
  {"event":"ready","grpc":["127.0.0.1:8990"],"http":"127.0.0.1:8991","pid":7}

Exit codes: 0 drained after SIGTERM or SIGINT, 1 a fault, 2 the configuration.
)";

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CommandLine result;
  CLI::App app("pdpd: the policy decision point for Medplum.", "pdpd");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("pdpd ") + kVersion);
  app.get_formatter()->column_width(40);
  app.add_option_function<std::string>(
         "--config",
         [&](const std::string& value) { result.inputs.config_file = value; },
         "A YAML file with the same keys; flags win over it.")
      ->type_name("FILE");
  for (const Flag& flag : kFlags) {
    const std::string name = flag.name;
    const auto keep = [&result, name](const std::vector<std::string>& values) {
      for (const std::string& value : values) {
        result.inputs.flags.emplace_back(name, value);
      }
    };
    CLI::Option* option = app.add_option_function<std::vector<std::string>>(
        "--" + name, keep, flag.help);
    option->type_name(flag.value)->allow_extra_args(false);
    if (!IsRepeatable(name)) option->expected(1);
    if (name.starts_with("medplum.") || name.starts_with("sweep.") ||
        name.starts_with("attributes.")) {
      option->group("With source medplum");
    }
  }
  std::string shadow;
  app.add_flag("--shadow", shadow,
               "Also decide in the other mode, and count what differs. "
               "[false]");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app.exit(error, out, err);
    result.exit =
        CommandLine::Exit{.code = code == 0 ? 0 : 2,
                          .message = code == 0 ? out.str() : err.str()};
  }
  if (!shadow.empty()) result.inputs.flags.emplace_back("shadow", shadow);
  return result;
}

}  // namespace pdp::service
