#include "clients/pdpctl/subject_options.h"

#include <CLI/CLI.hpp>

namespace pdp::ctl {
namespace {

void AddSession(CLI::App& app, SessionArguments& session) {
  app.add_option("--authenticated-at", session.authenticated_at,
                 "when the subject logged in (2026-01-02T03:04:05Z)");
  app.add_option("--last-activity-at", session.last_activity_at,
                 "when the subject last did something");
  app.add_option("--failed-attempts", session.failed_attempts,
                 "logins that failed since the last that succeeded");
  app.add_option("--last-failed-attempt-at", session.last_failed_attempt_at,
                 "when the last of them failed");
  app.add_option("--locked", session.locked,
                 "whether an administrator locked the account: true or false");
  app.add_option("--mfa", session.mfa_satisfied,
                 "whether the login had a second factor: true or false");
}

}  // namespace

void AddSubject(CLI::App& app, SubjectArguments& subject) {
  CLI::Option* reference =
      app.add_option("--subject", subject.reference,
                     "who: ProjectMembership/ID, or a profile, user, client "
                     "application or bot "
                     "with exactly one membership");
  app.add_option("--access-token-file", subject.access_token_file,
                 "the file with an access token of who asks, in place of "
                 "--subject; - for the standard input")
      ->excludes(reference);
  app.add_option("--project", subject.project,
                 "the id of the project that --subject is meant in");
  app.add_option("--scope", subject.scope,
                 "the OAuth scope of the login (\"\" is not the same as none)");
  app.add_option("--launch-patient", subject.launch_patient,
                 "the patient of the SMART launch, Patient/ID");
  app.add_flag("--extended", subject.extended,
               "the request has the header X-Medplum: extended");
  app.add_option("--remote-address", subject.remote_address,
                 "the IP address that the request comes from");
  app.add_flag("--basic", subject.basic_authentication,
               "the subject uses HTTP Basic instead of a token");
  app.add_option("--on-behalf-of", subject.on_behalf_of,
                 "the profile or ProjectMembership acted for");
  CLI::Option* active =
      app.add_option("--active-tenant", subject.active_tenants,
                     "a tenant to narrow to, Type/ID; may be repeated");
  app.add_flag("--stored-tenant", subject.use_stored_tenant,
               "narrow to the tenant of the member's UserConfiguration")
      ->excludes(active);
  app.add_option("--purpose-of-use", subject.purpose_of_use,
                 "a code of HL7's PurposeOfUse, for the audit record");
  AddSession(app, subject.session);
}

}  // namespace pdp::ctl
