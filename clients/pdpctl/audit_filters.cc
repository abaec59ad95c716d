#include "clients/pdpctl/audit_filters.h"

#include <CLI/CLI.hpp>

#include "pdp/base/status_macros.h"

namespace pdp::ctl {

void AddAuditFilters(CLI::App* app, AuditFilters& filters) {
  app->add_option("--from", filters.from,
                  "records of this time or later (2026-01-02, or "
                  "2026-01-02T03:04:05Z)");
  app->add_option("--to", filters.to, "records of this time or earlier");
  app->add_option("--subject", filters.subject,
                  "who asked, or was asked for: a membership or a profile");
  app->add_option("--patient", filters.patient, "Patient/ID");
  app->add_option("--resource", filters.resource, "Type/ID, or Type");
  app->add_option(
      "--effect", filters.effect,
      "PERMIT, PERMIT_WITH_OBLIGATIONS, DENY, of Filter CONDITIONAL, or "
      "NO_DECISION");
  app->add_option("--reason", filters.reason, "such as RESOURCE_NOT_GRANTED");
  app->add_option("--decision", filters.decision, "the id of a decision");
  app->add_option("--caller", filters.caller, "the calling service");
  app->add_option("--project", filters.project, "the id of a project");
  app->add_option("--interaction", filters.interaction, "such as read");
  app->add_option("--kind", filters.kind,
                  "decision, filter, release, simulation, access, admin, "
                  "change, or one of the log's own");
}

absl::StatusOr<audit::Query> MakeQuery(const AuditFilters& filters) {
  audit::Query query{.subject = filters.subject,
                     .patient = filters.patient,
                     .resource = filters.resource,
                     .effect = filters.effect,
                     .reason = filters.reason,
                     .decision = filters.decision,
                     .caller = filters.caller,
                     .project = filters.project,
                     .interaction = filters.interaction,
                     .kind = filters.kind};
  if (!filters.from.empty()) {
    PDP_ASSIGN_OR_RETURN(query.selection.from,
                         audit::ParseQueryTime(filters.from, false));
  }
  if (!filters.to.empty()) {
    PDP_ASSIGN_OR_RETURN(query.selection.to,
                         audit::ParseQueryTime(filters.to, true));
  }
  PDP_RETURN_IF_ERROR(query.Complete());
  return query;
}

}  // namespace pdp::ctl
