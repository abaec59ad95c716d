#include "clients/pdpctl/run_setup.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/medplum_admin.h"
#include "clients/pdpctl/medplum_login.h"
#include "clients/pdpctl/setup_checks.h"
#include "clients/pdpctl/setup_create.h"
#include "clients/pdpctl/setup_plan.h"
#include "pdp/medplum/client.h"

namespace pdp::ctl {
namespace {

int Fail(const absl::Status& status, std::ostream& err) {
  err << "pdpctl: " << status.message() << "\n";
  return kExitError;
}

int Verify(const SetupCommand& command, medplum::Credentials credentials,
           std::ostream& out, std::ostream& err) {
  auto client =
      medplum::Client::Open(SessionOf(command, std::move(credentials)));
  if (!client.ok()) return Fail(client.status(), err);
  bool passed = true;
  for (const SetupCheck& check : CheckSetup(**client, RequiredOf(command))) {
    out << (check.passed ? "ok        " : "MISSING   ") << check.text << "\n";
    passed = passed && check.passed;
  }
  return passed ? kExitOk : kExitError;
}

int Create(const SetupCommand& command, std::ostream& out, std::ostream& err) {
  auto admin = MedplumAdmin::Open(SessionOf(
      command, {.client_id = command.admin_client_id,
                .client_secret_file = command.admin_client_secret_file}));
  if (!admin.ok()) return Fail(admin.status(), err);
  const auto client_id = CreateSetup(command, **admin, out);
  if (!client_id.ok()) return Fail(client_id.status(), err);
  const int result = Verify(
      command,
      {.client_id = *client_id, .client_secret_file = command.secret_file}, out,
      err);
  out << "\n" << ConfigLines(command, *client_id, command.secret_file);
  return result;
}

}  // namespace

int RunSetup(const SetupCommand& command, std::ostream& out,
             std::ostream& err) {
  if (command.create) return Create(command, out, err);
  if (command.verify) {
    return Verify(command, LoginOf(command), out, err);
  }
  PrintPlan(command, out);
  return kExitOk;
}

}  // namespace pdp::ctl
