#include "clients/pdpctl/audit_command.h"

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "pdp/audit/report.h"

namespace pdp::ctl {
namespace {

using Action = AuditCommand::Action;

void AddOutput(CLI::App* app, bool& is_json) {
  app->add_option_function<std::string>(
         "--output",
         [&is_json](const std::string& format) { is_json = format == "json"; },
         "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
}

CLI::App* AddAction(CLI::App* audit, AuditCommand& command, Action action,
                    const char* name, const char* about) {
  CLI::App* app = audit->add_subcommand(name, about);
  app->callback([&command, action] { command.action = action; });
  return app;
}

CLI::Option* AddDirectories(CLI::App* app, AuditCommand& command) {
  return app
      ->add_option("DIR", command.directories,
                   "directories of segments: a server's own, and archives")
      ->required();
}

std::vector<std::string> ReportNames() {
  std::vector<std::string> names = audit::ReportNames();
  names.emplace_back(kAccessReport);
  return names;
}

}  // namespace

CLI::App* AddAudit(CLI::App& app, AuditCommand& command, bool& is_json) {
  CLI::App* audit = app.add_subcommand(
      "audit", "verify the audit log, and find what is in it");
  audit->require_subcommand(1);

  CLI::App* verify =
      AddAction(audit, command, Action::kVerify, "verify",
                "was anything changed, taken out, moved or cut?");
  AddDirectories(verify, command);
  verify->add_option("--public-key", command.public_key_files,
                     "the key (PEM) that checkpoints are to be signed by; of "
                     "keys that followed each other, each, the first one "
                     "first");
  verify->add_option("--heads", command.heads_files,
                     "a file of heads that were kept elsewhere, or of the "
                     "server's log lines; may be repeated");
  AddOutput(verify, is_json);

  CLI::App* query = AddAction(audit, command, Action::kQuery, "query",
                              "print the records that match");
  AddDirectories(query, command);
  AddAuditFilters(query, command.filters);
  AddOutput(query, is_json);

  CLI::App* exported = AddAction(audit, command, Action::kExport, "export",
                                 "print all of the records that match");
  AddDirectories(exported, command);
  AddAuditFilters(exported, command.filters);
  exported->add_flag("--csv", command.csv,
                     "comma-separated values in place of JSON lines");

  CLI::App* report = AddAction(audit, command, Action::kReport, "report",
                               "print what the records add up to");
  report
      ->add_option("REPORT", command.report,
                   "patient (with --patient: everyone who asked for it), "
                   "member (with --subject: all that was asked for), denials, "
                   "changes (of policies and memberships), terminations "
                   "(and how fast they took effect), or access (who can reach "
                   "what today: of the server, without DIR; --project)")
      ->required()
      ->check(CLI::IsMember(ReportNames()));
  AddDirectories(report, command)->required(false);
  AddAuditFilters(report, command.filters);
  report->add_flag("--csv", command.csv, "comma-separated values");
  AddOutput(report, is_json);
  return audit;
}

}  // namespace pdp::ctl
