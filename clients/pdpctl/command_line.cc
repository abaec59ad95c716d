#include "clients/pdpctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/medplum_commands.h"
#include "clients/pdpctl/subject_options.h"

namespace pdp::ctl {
namespace {

constexpr char kAbout[] =
    "Asks a policy decision point, and tests one.\n"
    "Exit codes: 0 permitted or passed, 3 denied or found, 2 wrong command "
    "line, 1 error.";

// How to show who this is, and know who the server is.
void AddCredentials(CLI::App& app, Connection& connection) {
  app.add_option("--token-file", connection.token,
                 "a file with the token that shows the server who this is")
      ->check(CLI::ExistingFile);
  app.add_option("--tls-ca", connection.tls_ca,
                 "TLS: the certificates that the server's is checked against")
      ->check(CLI::ExistingFile);
  CLI::Option* certificate =
      app.add_option("--tls-cert", connection.tls_cert,
                     "TLS: the certificate that shows the server who this is")
          ->check(CLI::ExistingFile);
  CLI::Option* key =
      app.add_option("--tls-key", connection.tls_key, "TLS: its private key")
          ->check(CLI::ExistingFile);
  certificate->needs(key);
  key->needs(certificate);
}

void AddConnection(CLI::App& app, Connection& connection) {
  app.add_option("--target", connection.target,
                 "the server: host:port or unix:PATH")
      ->capture_default_str();
  app.add_option("--timeout", connection.timeout_seconds,
                 "how long a call may take, in seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  AddCredentials(app, connection);
}

void AddOutput(CLI::App& app, OutputFormat& output) {
  app.add_option("--output", output, "text or json")
      ->transform(
          CLI::CheckedTransformer(
              std::vector<std::pair<std::string, OutputFormat>>{
                  {"text", OutputFormat::kText}, {"json", OutputFormat::kJson}},
              CLI::ignore_case)
              .description("{text,json}"))
      ->type_name("FORMAT");
}

void AddQuestion(CLI::App* command, CheckCommand& check) {
  AddConnection(*command, check.connection);
  AddSubject(*command, check.subject);
  command
      ->add_option("--interaction", check.interaction,
                   "read, vread, history, search, create, update, patch or "
                   "delete")
      ->required()
      ->check(CLI::IsMember({"read", "vread", "history", "search", "create",
                             "update", "patch", "delete"}));
  command->add_option("--resource", check.resource,
                      "Type/ID, or Type for create and search");
  command->add_option("--version", check.version,
                      "the version of a vread, or the If-Match of a write");
  command->add_option("--resource-project", check.resource_project,
                      "the project of a resource without meta.project");
  command->add_option("--body", check.body_file,
                      "a file with the stored resource as JSON (- for "
                      "standard input); without it the server looks it up");
  command->add_option("--proposed", check.proposed_file,
                      "a file with what is to be written as JSON (- for "
                      "standard input)");
  command->add_flag("--deleted", check.deleted,
                    "--body is the last version of a deleted resource");
  command->add_flag("--durable-only", check.durable_only,
                    "as if Medplum's cache were empty (parity mode only)");
  command->add_flag("--completed", check.return_completed,
                    "print what Medplum would store");
}

CLI::App* AddCheck(CLI::App& app, CheckCommand& check) {
  CLI::App* command =
      app.add_subcommand("check", "may the subject do this to that resource?");
  AddQuestion(command, check);
  return command;
}

CLI::App* AddExplain(CLI::App& app, ExplainCommand& explain) {
  CLI::App* command =
      app.add_subcommand("explain", "why may the subject do this, or why not?");
  AddQuestion(command, explain.check);
  command->get_option("--interaction")->required(false);
  command->add_option("--decision", explain.decision,
                      "the id of a recorded decision, in place of a question");
  command->add_option("--as-of", explain.as_of,
                      "by the policies of that time (2026-01-02T03:04:05Z)");
  command->add_flag("--all", explain.all,
                    "list the entries for other resource types too");
  return command;
}

CLI::App* AddFilter(CLI::App& app, FilterCommand& filter) {
  CLI::App* command = app.add_subcommand(
      "filter", "which searches find what the subject may see?");
  AddConnection(*command, filter.connection);
  AddSubject(*command, filter.subject);
  command->add_option("--type", filter.type, "the resource type to search")
      ->required();
  command->add_option("--query", filter.query,
                      "the caller's own search, status=active&_sort=date");
  command->add_flag("--same-project", filter.same_project_runner,
                    "the queries are run by a token confined to the project");
  return command;
}

CLI::App* AddFilterResources(CLI::App& app, FilterResourcesCommand& filter) {
  CLI::App* command = app.add_subcommand(
      "filter-resources",
      "print those of the resources that the subject may see, without what is "
      "hidden from it");
  AddConnection(*command, filter.connection);
  AddSubject(*command, filter.subject);
  command
      ->add_option("FILE", filter.files,
                   "resources and Bundles as JSON (- for standard input)")
      ->required();
  command
      ->add_option("--interaction", filter.interaction,
                   "read, or search: what a search may return")
      ->check(CLI::IsMember({"read", "search"}))
      ->capture_default_str();
  command->add_option("--resource-project", filter.resource_project,
                      "the project of resources without meta.project");
  return command;
}

CLI::App* AddBlock(CLI::App& app, BlockCommand& block) {
  CLI::App* command = app.add_subcommand(
      "block", "deny at once whatever somebody asks for, until a moment");
  AddConnection(*command, block.connection);
  command
      ->add_option("TARGET", block.target,
                   "a ProjectMembership/ID; a profile, user or client in every "
                   "membership; a Project/ID; or a tenant, such as "
                   "Organization/ID")
      ->required();
  command
      ->add_option("--until", block.until,
                   "when it ends: a duration from now (30m, 2h) or a time "
                   "(2026-01-02T03:04:05Z); at most a year ahead")
      ->required();
  command
      ->add_option("--reason", block.reason,
                   "why; it is shown in the status and in answers")
      ->required();
  return command;
}

CLI::App* AddResync(CLI::App& app, ResyncCommand& resync) {
  CLI::App* command =
      app.add_subcommand("resync", "read everything from the source again");
  AddConnection(*command, resync.connection);
  return command;
}

CLI::App* AddCheckpoint(CLI::App& app, CheckpointCommand& checkpoint) {
  CLI::App* command = app.add_subcommand(
      "checkpoint", "copy the store while the server goes on");
  AddConnection(*command, checkpoint.connection);
  command
      ->add_option("NAME", checkpoint.name,
                   "of the directory that is made: letters, digits, - and _")
      ->required();
  return command;
}

CLI::App* AddRecordAccess(CLI::App& app, RecordAccessCommand& record) {
  CLI::App* command = app.add_subcommand(
      "record-access", "put into the audit log what was done with a decision");
  AddConnection(*command, record.connection);
  command->add_option("DECISION-ID", record.decision, "of an answer")
      ->required();
  command
      ->add_option("EVENT", record.event,
                   "what was done: viewed, downloaded, exported, ...; withheld "
                   "is nothing")
      ->required();
  command->add_flag("--failed", record.has_failed, "it did not succeed");
  return command;
}

CLI::App* AddLint(CLI::App& app, LintCommand& lint) {
  CLI::App* command = app.add_subcommand(
      "lint", "what is wrong with the policies and memberships?");
  AddConnection(*command, lint.connection);
  command->add_option("DIR", lint.directory,
                      "a directory of FHIR resources as JSON, in place of a "
                      "server");
  command->add_option("--project", lint.project,
                      "the id of a project; none: every project");
  return command;
}

CLI::App* AddWatch(CLI::App& app, WatchCommand& watch) {
  CLI::App* command =
      app.add_subcommand("watch", "tell when what members may do has changed");
  command
      ->add_option("--target", watch.connection.target,
                   "the server: host:port or unix:PATH")
      ->capture_default_str();
  AddCredentials(*command, watch.connection);
  command->add_option("MEMBERSHIP", watch.memberships,
                      "ProjectMembership/ID, up to 1,000; none: every member");
  command->add_option("--count", watch.count,
                      "end after so many messages (0: never)");
  return command;
}

CLI::App* AddSimulate(CLI::App& app, SimulateCommand& simulate) {
  CLI::App* command = app.add_subcommand(
      "simulate", "what would other policies and memberships change?");
  AddConnection(*command, simulate.connection);
  command->add_option("--proposed", simulate.proposed,
                      "files or directories of FHIR JSON with AccessPolicies, "
                      "ProjectMemberships, Projects and UserConfigurations, in "
                      "place of or beside the stored ones");
  command->add_option("--delete", simulate.deleted,
                      "such a resource that would be deleted, Type/ID; may be "
                      "repeated");
  CLI::Option_group* const questions =
      command->add_option_group("questions", "what is asked before and after");
  questions->add_option("--checks", simulate.checks,
                        "the checks to make: a table as for `test`, or a "
                        "CheckRequest as JSON on each line (- for standard "
                        "input)");
  questions->add_option("--recorded", simulate.recorded,
                        "the recorded decisions of an audit log: directories "
                        "of segments, a server's own and archives");
  questions->require_option(1);
  AddAuditFilters(command, simulate.filters);
  command->add_flag("--by-current-attributes", simulate.by_current_attributes,
                    "the checks are recorded decisions: say that their "
                    "resources are judged as they are now");
  return command;
}

CLI::App* AddTest(CLI::App& app, TestCommand& test) {
  CLI::App* command = app.add_subcommand(
      "test", "run policy tests, or a table of checks with their answers");
  AddConnection(*command, test.connection);
  command
      ->add_option("FILE", test.files,
                   "suites of policy tests, *.yaml, run in this process; "
                   "tables of checks, *.json, put to the server")
      ->required();
  command
      ->add_option("--mode", test.mode,
                   "run suites in this mode, whatever they say")
      ->check(CLI::IsMember({"parity", "strict"}));
  command->add_option("--junit", test.junit_file,
                      "write the results of suites to this file, as JUnit XML");
  return command;
}

CLI::App* AddConformance(CLI::App& app, ConformanceCommand& conformance,
                         Connection& connection) {
  CLI::App* command = app.add_subcommand(
      "conformance",
      "compare decisions with those that were recorded from Medplum");
  command
      ->add_option("DIR", conformance.directory,
                   "the directory of the vector files")
      ->required();
  command->add_option("--target", connection.target,
                      "a server started with --source directory:DIR; without "
                      "it the decisions are made in this process");
  AddCredentials(*command, connection);
  command
      ->add_option("--timeout", connection.timeout_seconds,
                   "how long a call may take, in seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--mode", conformance.mode, "parity or strict")
      ->check(CLI::IsMember({"parity", "strict"}))
      ->capture_default_str();
  command
      ->add_option("--parameter-semantics", conformance.parameter_semantics,
                   "what a repeated parameter means in strict mode: server, as "
                   "in the recorded answers, or documented")
      ->check(CLI::IsMember({"server", "documented"}))
      ->capture_default_str();
  command
      ->add_option("--only", conformance.only,
                   "a scenario to run; may be repeated")
      ->delimiter(',');
  command
      ->add_option("--kinds", conformance.kinds,
                   "the kinds of cases to run: check, cold, effective, search")
      ->delimiter(',')
      ->check(CLI::IsMember({"check", "cold", "effective", "search"}));
  command->add_flag("--summary", conformance.summary,
                    "group and count the mismatches");
  return command;
}

}  // namespace

std::variant<CommandLine, int> ParseCommandLine(int argc,
                                                const char* const* argv,
                                                std::ostream& out,
                                                std::ostream& err) {
  CLI::App app(kAbout, "pdpctl");
  app.set_version_flag("--version", "pdpctl " PDPCTL_VERSION);
  app.require_subcommand(1);

  CommandLine line;
  CheckCommand check;
  ExplainCommand explain;
  FilterCommand filter;
  FilterResourcesCommand filter_resources;
  DescribeCommand describe;
  StatusCommand status;
  HealthCommand health;
  BlockCommand block;
  UnblockCommand unblock;
  ResyncCommand resync;
  CheckpointCommand checkpoint;
  WatchCommand watch;
  RecordAccessCommand record_access;
  SimulateCommand simulate;
  LintCommand lint;
  TestCommand test;
  ConformanceCommand conformance;
  SetupCommand setup;
  DoctorCommand doctor;
  AuditCommand audit;
  bool is_audit_json = false;
  Connection conformance_connection;
  conformance_connection.target.clear();

  const CLI::App* check_app = AddCheck(app, check);
  const CLI::App* explain_app = AddExplain(app, explain);
  const CLI::App* filter_app = AddFilter(app, filter);
  const CLI::App* filter_resources_app =
      AddFilterResources(app, filter_resources);
  CLI::App* describe_app =
      app.add_subcommand("describe", "what may the subject do at all?");
  AddConnection(*describe_app, describe.connection);
  AddSubject(*describe_app, describe.subject);
  CLI::App* status_app =
      app.add_subcommand("status", "what is the server doing?");
  AddConnection(*status_app, status.connection);
  status_app->add_flag("--differences", status.differences,
                       "what the other mode would have answered otherwise, by "
                       "rule (needs a server with --shadow)");
  CLI::App* health_app = app.add_subcommand(
      "health", "does the server decide? needs no permission");
  AddConnection(*health_app, health.connection);
  const CLI::App* block_app = AddBlock(app, block);
  CLI::App* unblock_app = app.add_subcommand("unblock", "end a block");
  AddConnection(*unblock_app, unblock.connection);
  unblock_app->add_option("TARGET", unblock.target, "Type/ID")->required();
  const CLI::App* resync_app = AddResync(app, resync);
  const CLI::App* checkpoint_app = AddCheckpoint(app, checkpoint);
  const CLI::App* watch_app = AddWatch(app, watch);
  const CLI::App* record_access_app = AddRecordAccess(app, record_access);
  const CLI::App* simulate_app = AddSimulate(app, simulate);
  const CLI::App* test_app = AddTest(app, test);
  const CLI::App* lint_app = AddLint(app, lint);
  AddConformance(app, conformance, conformance_connection);
  CLI::App* doctor_app = AddDoctor(app, doctor.login);
  AddConnection(*doctor_app, doctor.connection);
  for (CLI::App* command : app.get_subcommands({})) {
    AddOutput(*command, line.output);
  }
  const CLI::App* setup_app = AddSetup(app, setup);
  CLI::App* audit_app = AddAudit(app, audit, is_audit_json);
  AccessReportCommand access;
  AddConnection(*audit_app->get_subcommand("report"), access.connection);

  ProvisionLine provision;
  bool is_provision_json = false;
  CLI::App* provision_app =
      AddProvision(app, provision.command, is_provision_json);
  for (const char* name : {"onboard", "suspend", "offboard"}) {
    AddConnection(*provision_app->get_subcommand(name), provision.connection);
  }

  // CLI11 would only say that there is no command.
  const auto commands = app.get_subcommands({});
  const auto is_named = [&](const CLI::App* command) {
    return command->get_name() == argv[1];
  };
  if (argc > 1 && argv[1][0] != '-' &&
      std::none_of(commands.begin(), commands.end(), is_named)) {
    err << "there is no command `" << argv[1]
        << "`\nRun with --help for more information.\n";
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
  }

  if (check_app->parsed()) {
    line.command = std::move(check);
  } else if (explain_app->parsed()) {
    line.command = std::move(explain);
  } else if (filter_app->parsed()) {
    line.command = std::move(filter);
  } else if (filter_resources_app->parsed()) {
    line.command = std::move(filter_resources);
  } else if (describe_app->parsed()) {
    line.command = std::move(describe);
  } else if (status_app->parsed()) {
    line.command = std::move(status);
  } else if (health_app->parsed()) {
    line.command = std::move(health);
  } else if (block_app->parsed()) {
    line.command = std::move(block);
  } else if (unblock_app->parsed()) {
    line.command = std::move(unblock);
  } else if (resync_app->parsed()) {
    line.command = std::move(resync);
  } else if (checkpoint_app->parsed()) {
    line.command = std::move(checkpoint);
  } else if (watch_app->parsed()) {
    line.command = std::move(watch);
  } else if (record_access_app->parsed()) {
    line.command = std::move(record_access);
  } else if (simulate_app->parsed()) {
    line.command = std::move(simulate);
  } else if (lint_app->parsed()) {
    line.command = std::move(lint);
  } else if (test_app->parsed()) {
    line.command = std::move(test);
  } else if (setup_app->parsed()) {
    line.command = std::move(setup);
  } else if (doctor_app->parsed()) {
    line.command = std::move(doctor);
  } else if (audit_app->parsed()) {
    if (is_audit_json) line.output = OutputFormat::kJson;
    if (audit.action == AuditCommand::Action::kReport &&
        audit.report == kAccessReport) {
      access.project = audit.filters.project;
      access.csv = audit.csv;
      line.command = std::move(access);
    } else {
      line.command = std::move(audit);
    }
  } else if (provision_app->parsed()) {
    if (is_provision_json) line.output = OutputFormat::kJson;
    line.command = std::move(provision);
  } else {
    if (!conformance_connection.target.empty()) {
      conformance.connection = conformance_connection;
    }
    line.command = std::move(conformance);
  }
  return line;
}

}  // namespace pdp::ctl
