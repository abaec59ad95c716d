#include "clients/pdpctl/medplum_commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

namespace pdp::ctl {
namespace {

// What may stand in a URL and in YAML as it is.
std::string CheckPlainName(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '.' ||
           c == '_';
  });
  return is_plain && !text.empty()
             ? ""
             : "letters, digits, spaces and -._ are allowed";
}

void AddCaFile(CLI::App& app, SetupCommand& setup) {
  app.add_option("--ca-file", setup.ca_file,
                 "certificates that the server's is checked against, PEM");
}

void AddAuditEvents(CLI::App& app, SetupCommand& setup) {
  app.add_flag("--audit-events", setup.audit_events,
               "decisions become AuditEvents (audit.medplum.enabled)");
}

}  // namespace

CLI::App* AddSetup(CLI::App& app, SetupCommand& setup) {
  CLI::App* group = app.add_subcommand("setup", "prepare a source");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand(
      "medplum",
      "what the decision point needs at a Medplum server: print it, make it "
      "(--create) or check it (--verify)");
  command
      ->add_option("--base-url", setup.base_url,
                   "the server, https://api.example.com/")
      ->required();
  command
      ->add_option("--project", setup.project,
                   "the id of the Project that is to be read")
      ->required()
      ->check(CheckPlainName);
  AddCaFile(*command, setup);
  command
      ->add_option("--client-name", setup.client_name,
                   "the name of the ClientApplication and of its policy")
      ->check(CheckPlainName)
      ->capture_default_str();
  command->add_flag("--rest-hook", setup.rest_hook,
                    "notifications by rest-hook in place of WebSockets");
  AddAuditEvents(*command, setup);
  CLI::Option* create = command->add_flag(
      "--create", setup.create, "make what is missing, then check it");
  CLI::Option* verify =
      command->add_flag("--verify", setup.verify, "check a login");
  create->excludes(verify);
  CLI::Option* admin =
      command
          ->add_option("--admin-client-id", setup.admin_client_id,
                       "with --create: a client that is an admin of the "
                       "project, or a super admin")
          ->needs(create);
  CLI::Option* admin_secret =
      command
          ->add_option("--admin-client-secret-file",
                       setup.admin_client_secret_file,
                       "with --create: the file with that client's secret")
          ->needs(create);
  CLI::Option* secret_file =
      command
          ->add_option("--secret-file", setup.secret_file,
                       "with --create: the file that the new client's secret "
                       "is written to")
          ->needs(create);
  create->needs(admin)->needs(admin_secret)->needs(secret_file);
  CLI::Option* client =
      command
          ->add_option("--client-id", setup.client_id,
                       "with --verify: the decision point's client")
          ->needs(verify);
  verify->needs(client);
  CLI::Option* secret =
      command
          ->add_option("--client-secret-file", setup.client_secret_file,
                       "with --verify: the file with its secret")
          ->needs(verify);
  command
      ->add_option("--private-key-file", setup.private_key_file,
                   "with --verify: the file with its private key, PEM")
      ->needs(verify)
      ->excludes(secret);
  command
      ->add_option("--key-id", setup.key_id,
                   "with --verify: the `kid` of the private key")
      ->needs(verify);
  return command;
}

CLI::App* AddDoctor(CLI::App& app, SetupCommand& login) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "what is not well with the server; with --base-url also with the Medplum "
      "server and the decision point's login there");
  CLI::Option* base_url =
      command->add_option("--base-url", login.base_url,
                          "the Medplum server, https://api.example.com/");
  CLI::Option* project = command
                             ->add_option("--medplum-project", login.project,
                                          "the id of the Project that is read")
                             ->check(CheckPlainName)
                             ->needs(base_url);
  AddCaFile(*command, login);
  CLI::Option* client = command
                            ->add_option("--client-id", login.client_id,
                                         "the decision point's client")
                            ->needs(base_url);
  base_url->needs(client)->needs(project);
  CLI::Option* secret =
      command->add_option("--client-secret-file", login.client_secret_file,
                          "the file with its secret");
  secret->needs(client);
  command
      ->add_option("--private-key-file", login.private_key_file,
                   "the file with its private key, PEM")
      ->needs(client)
      ->excludes(secret);
  command->add_option("--key-id", login.key_id, "the `kid` of the private key")
      ->needs(client);
  command->add_flag("--rest-hook", login.rest_hook,
                    "notifications are by rest-hook in place of WebSockets");
  AddAuditEvents(*command, login);
  return command;
}

}  // namespace pdp::ctl
