#include "clients/pdpctl/setup_plan.h"

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

struct Entry {
  std::string_view type;
  // As JSON, what follows the type.
  std::string_view rest;
};

constexpr std::string_view kRead =
    R"("interaction":["read","vread","search","history"])";

constexpr Entry kEntries[] = {
    {"Project", kRead},
    {"ProjectMembership", kRead},
    {"AccessPolicy", kRead},
    {"UserConfiguration", kRead},
    {"ClientApplication",
     R"("interaction":["read","vread","search","history"],)"
     R"("hiddenFields":["secret","retiringSecret"])"},
    {"Bot", R"("interaction":["read","vread","search","history"],)"
            R"("hiddenFields":["code","sourceCode","executableCode"])"},
    {"Practitioner", R"("interaction":["read","search"])"},
    {"Patient", R"("interaction":["read","search"])"},
    {"RelatedPerson", R"("interaction":["read","search"])"},
    {"Subscription",
     R"("interaction":["create","read","vread","search","delete"])"},
};

constexpr std::string_view kAuditEvents =
    R"({"resourceType":"AuditEvent","interaction":["create","search"]})";

std::string EntriesSeparatedBy(std::string_view separator,
                               const SetupCommand& command) {
  std::string text;
  for (const Entry& entry : kEntries) {
    if (!text.empty()) text += StrCat(",", separator);
    text +=
        StrCat(R"({"resourceType":")", entry.type, R"(",)", entry.rest, "}");
  }
  if (command.audit_events) text += StrCat(",", separator, kAuditEvents);
  return text;
}

}  // namespace

medplum::RequiredAccess RequiredOf(const SetupCommand& command) {
  medplum::RequiredAccess required;
  required.project = command.project;
  required.types.clear();
  for (const Entry& entry : kEntries) {
    if (entry.type != "Subscription") required.types.emplace_back(entry.type);
  }
  required.web_socket = !command.rest_hook;
  required.rest_hook = command.rest_hook;
  required.audit_events = command.audit_events;
  return required;
}

std::string PolicyEntries(const SetupCommand& command) {
  return StrCat("[", EntriesSeparatedBy("", command), "]");
}

std::string PolicyResource(const SetupCommand& command,
                           std::string_view project) {
  const std::string meta =
      project.empty()
          ? std::string()
          : StrCat(R"("meta":{"project":)", fhir::QuoteJson(project), "},");
  return StrCat(R"({"resourceType":"AccessPolicy",)", meta, R"("name":)",
                fhir::QuoteJson(command.client_name), R"(,"resource":)",
                PolicyEntries(command), "}");
}

std::string ConfigLines(const SetupCommand& command, std::string_view client_id,
                        std::string_view secret_file) {
  std::string text = StrCat(
      "source: medplum\n"
      "data-dir: DIRECTORY of the store\n"
      "callers:\n"
      "  - name: gateway\n"
      "    token-file: FILE with a token of at least 32 bytes\n"
      "    permissions: [check, filter]\n"
      "    subjects: token\n"
      "  - name: administrator\n"
      "    from: loopback\n"
      "    permissions: [admin]\n",
      command.audit_events ? "audit:\n  medplum:\n    enabled: true\n" : "",
      "medplum:\n  base-url: ", command.base_url, "\n");
  if (!command.ca_file.empty()) {
    text += StrCat("  ca-file: ", command.ca_file, "\n");
  }
  if (command.rest_hook) {
    text +=
        "  notifications: rest_hook\n"
        "  rest-hook:\n"
        "    endpoint: URL by which the server reaches `listen`\n"
        "    listen: HOST:PORT\n"
        "    secret-file: FILE with at least 16 bytes\n";
  }
  return StrCat(text, "  login:\n    - project: ", command.project,
                "\n      client-id: ", client_id,
                "\n      client-secret-file: ", secret_file, "\n");
}

void PrintPlan(const SetupCommand& command, std::ostream& out) {
  out << "The decision point reads Project/" << command.project << " at "
      << command.base_url << "\nby a login of its own. An administrator makes, "
      << "or lets `--create` make:\n\n"
      << "1. An AccessPolicy. It names every type: WebSocket notifications "
         "are\n"
      << "   judged by this text alone, in which `*` never covers Project and\n"
      << "   ProjectMembership and the rules of admins do not count.\n\n"
      << "{\"resourceType\":\"AccessPolicy\",\"name\":"
      << fhir::QuoteJson(command.client_name) << ",\"resource\":[\n  "
      << EntriesSeparatedBy("\n  ", command) << "\n]}\n\n"
      << "2. A ClientApplication named \"" << command.client_name
      << "\" in that project.\n\n"
      << "3. In the ClientApplication's ProjectMembership, `admin: true`: "
         "only\n"
      << "   admins of a project can read its memberships. And "
         "`accessPolicy`:\n"
      << "   the policy above.\n\n";
  if (command.rest_hook) {
    out << "4. Nothing for notifications, but that the server can reach the\n"
        << "   `rest-hook` endpoint of pdpd.\n\n";
  } else {
    out << "4. The feature `" << medplum::kWebSocketFeature
        << "` in Project.features. Only a super\n   admin can add it. Without "
        << "it use --rest-hook.\n\n";
  }
  out << "The configuration of pdpd:\n\n"
      << ConfigLines(command, "ID of the ClientApplication",
                     "FILE with its secret")
      << "\nThen check it: pdpctl setup medplum --verify --base-url "
      << command.base_url << " --project " << command.project
      << " --client-id ID --client-secret-file FILE"
      << (command.audit_events ? " --audit-events\n" : "\n");
}

}  // namespace pdp::ctl
