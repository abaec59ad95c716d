// The command line of pdpctl.

#ifndef PDP_CLIENTS_PDPCTL_COMMAND_LINE_H_
#define PDP_CLIENTS_PDPCTL_COMMAND_LINE_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "clients/pdpctl/audit_command.h"
#include "clients/pdpctl/provision_command.h"

namespace pdp::ctl {

inline constexpr char kDefaultTarget[] = "127.0.0.1:8990";

enum class OutputFormat : uint8_t { kText, kJson };

// The server, and how long it may take.
struct Connection {
  std::string target = kDefaultTarget;  // `host:port` or `unix:PATH`.
  double timeout_seconds = 10;          // Of each call.
  // Files; empty: none.  With any of the first three the connection is TLS.
  std::string tls_ca;    // What the server is checked against; none: the
                         // certificates of the system.
  std::string tls_cert;  // Who this is; goes with `tls_key`.
  std::string tls_key;
  std::string token;  // Its first line is shown to the server.
};

// Facts about the subject's session; times are of RFC 3339.
struct SessionArguments {
  std::string authenticated_at;
  std::string last_activity_at;
  std::optional<uint32_t> failed_attempts;
  std::string last_failed_attempt_at;
  std::optional<bool> locked;
  std::optional<bool> mfa_satisfied;
};

// Who asks, and under which circumstances.
struct SubjectArguments {
  // One of these two.
  std::string reference;
  std::string access_token_file;  // "-" for standard input.
  std::string project;
  std::optional<std::string> scope;
  std::optional<std::string> launch_patient;
  bool extended = false;
  std::optional<std::string> remote_address;
  bool basic_authentication = false;
  std::optional<std::string> on_behalf_of;
  std::vector<std::string> active_tenants;
  bool use_stored_tenant = false;
  std::string purpose_of_use;
  SessionArguments session;
};

struct CheckCommand {
  Connection connection;
  SubjectArguments subject;
  std::string interaction;
  std::string resource;  // `Type/id`, `Type` for create; may be empty.
  std::string version;
  std::string resource_project;
  std::string body_file;      // "-" for standard input.
  std::string proposed_file;  // "-" for standard input.
  bool deleted = false;
  bool durable_only = false;
  bool return_completed = false;
};

struct ExplainCommand {
  CheckCommand check;
  std::string decision;  // The id of a recorded decision in its place.
  std::string as_of;     // A time of RFC 3339; empty for now.
  bool all = false;      // Entries for other types too.
};

struct FilterCommand {
  Connection connection;
  SubjectArguments subject;
  std::string type;
  std::string query;
  bool same_project_runner = false;
};

struct FilterResourcesCommand {
  Connection connection = {.timeout_seconds = 600};
  SubjectArguments subject;
  std::string interaction = "read";
  std::string resource_project;
  std::vector<std::string> files;  // "-" for standard input.
};

struct DescribeCommand {
  Connection connection;
  SubjectArguments subject;
};

struct StatusCommand {
  Connection connection;
  bool differences = false;
};

struct HealthCommand {
  Connection connection;
};

struct BlockCommand {
  Connection connection;
  std::string target;  // `Type/id`.
  std::string until;   // A duration, `2h`, or a time of RFC 3339.
  std::string reason;
};

struct UnblockCommand {
  Connection connection;
  std::string target;
};

struct ResyncCommand {
  Connection connection = {.timeout_seconds = 600};
};

struct CheckpointCommand {
  Connection connection = {.timeout_seconds = 600};
  std::string name;
};

struct RecordAccessCommand {
  Connection connection;
  std::string decision;  // Its id.
  std::string event;     // "viewed".
  bool has_failed = false;
};

struct LintCommand {
  Connection connection = {.timeout_seconds = 60};
  std::string directory;  // Empty: of the server.
  std::string project;    // Empty: every project.
};

struct WatchCommand {
  Connection connection;
  std::vector<std::string> memberships;  // None: every member.
  uint64_t count = 0;                    // Messages; 0: without end.
};

struct SimulateCommand {
  Connection connection = {.timeout_seconds = 60};
  std::vector<std::string> proposed;  // Files and directories.
  std::vector<std::string> deleted;   // `Type/id`.
  // One of these two.
  std::string checks;                  // A file; "-" for standard input.
  std::vector<std::string> recorded;   // Directories of audit logs.
  AuditFilters filters;                // Of `recorded`.
  bool by_current_attributes = false;  // Always with `recorded`.
};

struct TestCommand {
  Connection connection;
  // Suites of policy tests (*.yaml), or tables of checks (*.json).
  std::vector<std::string> files;
  std::string mode;        // Of suites, in place of their own; empty: that.
  std::string junit_file;  // Empty: none is written.
};

struct ConformanceCommand {
  std::string directory;
  // Absent: in this process.
  std::optional<Connection> connection;
  std::string mode = "parity";
  // Of strict mode in this process: parity mode implies "server".
  std::string parameter_semantics = "server";
  std::vector<std::string> only;   // Scenarios; none: all.
  std::vector<std::string> kinds;  // None: all.
  bool summary = false;
};

struct SetupCommand {
  std::string base_url;
  std::string project;
  std::string ca_file;
  // Of the ClientApplication and of its AccessPolicy.
  std::string client_name = "Policy decision point";
  bool rest_hook = false;     // In place of WebSockets.
  bool audit_events = false;  // Decisions become AuditEvents.

  // Makes what is missing, by an administrator's login.
  bool create = false;
  std::string admin_client_id;
  std::string admin_client_secret_file;
  std::string secret_file;  // Where the new client's secret goes.

  // Checks the decision point's own login.
  bool verify = false;
  std::string client_id;
  std::string client_secret_file;
  std::string private_key_file;
  std::string key_id;
};

struct DoctorCommand {
  Connection connection;
  // At the Medplum server; without `base_url` that is not looked at.
  SetupCommand login;
};

// `audit report access`: asks a server, not the log.
struct AccessReportCommand {
  Connection connection;
  std::string project;  // Empty: all.
  bool csv = false;
};

struct ProvisionLine {
  ProvisionCommand command;
  // Whoever proves what was done; without a target nobody does.
  Connection connection = {.target = ""};
};

struct CommandLine {
  OutputFormat output = OutputFormat::kText;
  std::variant<CheckCommand, ExplainCommand, FilterCommand,
               FilterResourcesCommand, DescribeCommand, StatusCommand,
               HealthCommand, BlockCommand, UnblockCommand, ResyncCommand,
               CheckpointCommand, WatchCommand, RecordAccessCommand,
               LintCommand, SimulateCommand, TestCommand, ConformanceCommand,
               SetupCommand, DoctorCommand, AuditCommand, AccessReportCommand,
               ProvisionLine>
      command;
};

// The command, or the exit code with which pdpctl ends at once: after help and
// version, and where the command line is wrong, which `err` then explains.
std::variant<CommandLine, int> ParseCommandLine(int argc,
                                                const char* const* argv,
                                                std::ostream& out,
                                                std::ostream& err);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_COMMAND_LINE_H_
