#include "clients/pdpctl/access_report.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/print_report.h"
#include "clients/pdpctl/rpc_client.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = ::medplum::pdp::v1;

constexpr std::string_view kReasonPrefix = "REASON_";
constexpr std::string_view kInteractionPrefix = "INTERACTION_";

void Append(std::string_view item, std::string& list) {
  list += StrCat(list.empty() ? "" : " ", item);
}

std::string_view Without(std::string_view prefix, std::string_view name) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

template <typename Interactions>
std::string Names(const Interactions& interactions) {
  std::string names;
  for (const int interaction : interactions) {
    const std::string name =
        v1::Interaction_Name(static_cast<v1::Interaction>(interaction));
    Append(
        absl::AsciiStrToLower(std::string(Without(kInteractionPrefix, name))),
        names);
  }
  return names;
}

absl::Status Fill(const AccessReportCommand& command,
                  audit::ReportTable& table) {
  const RpcClient client(command.connection);
  v1::ListMembershipsRequest request;
  request.set_project(command.project);
  do {
    PDP_ASSIGN_OR_RETURN(const v1::ListMembershipsResponse page,
                         client.ListMemberships(request));
    for (const v1::MembershipSummary& membership : page.memberships()) {
      v1::DescribeAccessRequest asked;
      asked.mutable_subject()->set_reference(membership.membership());
      const auto access = client.DescribeAccess(asked);
      if (!access.ok()) {
        return {access.status().code(),
                StrCat(membership.membership(), ": ",
                       ToStd(access.status().message()))};
      }
      AddAccess(membership, *access, table);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace

audit::ReportTable AccessTable() {
  return {.columns = {"project", "membership", "profile", "user", "active",
                      "admin", "state", "policies", "tenants", "type",
                      "interactions", "unrestricted"}};
}

void AddAccess(const v1::MembershipSummary& membership,
               const v1::DescribeAccessResponse& access,
               audit::ReportTable& table) {
  std::string policies;
  for (const std::string& policy : membership.policies()) {
    Append(policy, policies);
  }
  std::string tenants;
  for (const v1::Tenant& tenant : access.tenants()) {
    Append(tenant.reference(), tenants);
  }
  const std::string reason = v1::Reason_Name(access.reason());
  const std::vector<std::string> member = {
      membership.project(),
      membership.membership(),
      membership.profile(),
      membership.user(),
      membership.active() ? "yes" : "no",
      membership.admin() ? "yes" : "no",
      std::string(Without(kReasonPrefix, reason)),
      std::move(policies),
      std::move(tenants)};
  const auto add = [&](std::string_view type, std::string interactions,
                       std::string unrestricted) {
    std::vector<std::string> row = member;
    row.emplace_back(type);
    row.push_back(std::move(interactions));
    row.push_back(std::move(unrestricted));
    table.rows.push_back(std::move(row));
  };
  for (const v1::TypeAccess& type : access.types()) {
    add(type.resource_type(), Names(type.interactions()),
        Names(type.unrestricted_interactions()));
  }
  if (access.types().empty()) add("", "", "");
}

int RunAccessReport(const AccessReportCommand& command, OutputFormat output,
                    std::ostream& out, std::ostream& err) {
  audit::ReportTable table = AccessTable();
  if (const absl::Status status = Fill(command, table); !status.ok()) {
    err << "pdpctl: " << ToStd(status.message()) << '\n';
    return kExitError;
  }
  out << PrintReport(table, command.csv, output) << std::flush;
  return kExitOk;
}

}  // namespace pdp::ctl
