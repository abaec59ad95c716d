#include "clients/pdpctl/commands.h"

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/print.h"
#include "clients/pdpctl/print_differences.h"
#include "clients/pdpctl/print_explanation.h"
#include "clients/pdpctl/requests.h"
#include "clients/pdpctl/rpc_client.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

int Fail(const absl::Status& status, std::ostream& err) {
  err << "pdpctl: " << status.message() << '\n';
  return kExitError;
}

// A request that cannot be made.
int Misused(const absl::Status& status, std::ostream& err) {
  Fail(status, err);
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitError;
}

bool IsPermitted(const v1::Decision& decision) {
  return decision.effect() == v1::EFFECT_PERMIT ||
         decision.effect() == v1::EFFECT_PERMIT_WITH_OBLIGATIONS;
}

template <typename Message>
void Print(const Message& message, OutputFormat output, std::ostream& out) {
  out << (output == OutputFormat::kJson ? ToJsonLine(message) : ToText(message))
      << std::flush;
}

}  // namespace

int RunCheck(const CheckCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err) {
  const auto request = ToRequest(command);
  if (!request.ok()) return Misused(request.status(), err);
  const auto response = RpcClient(command.connection).Check(*request);
  if (!response.ok()) return Fail(response.status(), err);
  Print(response->decision(), output, out);
  return IsPermitted(response->decision()) ? kExitOk : kExitDeny;
}

int RunExplain(const ExplainCommand& command, OutputFormat output,
               std::ostream& out, std::ostream& err) {
  const auto request = ToRequest(command);
  if (!request.ok()) return Misused(request.status(), err);
  const auto response = RpcClient(command.check.connection).Explain(*request);
  if (!response.ok()) return Fail(response.status(), err);
  out << (output == OutputFormat::kJson ? ToJsonLine(*response)
                                        : ToText(*response, command.all))
      << std::flush;
  return IsPermitted(response->decision()) ? kExitOk : kExitDeny;
}

int RunFilter(const FilterCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  const auto request = ToRequest(command);
  if (!request.ok()) return Misused(request.status(), err);
  const auto response = RpcClient(command.connection).Filter(*request);
  if (!response.ok()) return Fail(response.status(), err);
  Print(*response, output, out);
  const bool permitted = response->kind() == v1::FILTER_KIND_ALWAYS_PERMITTED ||
                         response->kind() == v1::FILTER_KIND_CONDITIONAL;
  return permitted ? kExitOk : kExitDeny;
}

int RunFilterResources(const FilterResourcesCommand& command,
                       OutputFormat output, std::ostream& out,
                       std::ostream& err) {
  const auto messages = ToRequests(command);
  if (!messages.ok()) return Misused(messages.status(), err);
  v1::FilterResourcesSummary summary;
  const absl::Status status =
      RpcClient(command.connection)
          .FilterResources(*messages,
                           [&](const v1::FilterResourcesResponse& part) {
                             if (part.has_summary()) summary = part.summary();
                             if (output == OutputFormat::kJson) {
                               out << ToJsonLine(part);
                             } else if (part.has_resource()) {
                               out << part.resource().resource() << '\n';
                             }
                           });
  out << std::flush;
  if (!status.ok()) return Fail(status, err);
  if (output == OutputFormat::kText) err << ToText(summary);
  return summary.reason() == v1::REASON_PERMITTED ? kExitOk : kExitDeny;
}

int RunDescribe(const DescribeCommand& command, OutputFormat output,
                std::ostream& out, std::ostream& err) {
  const auto request = ToRequest(command);
  if (!request.ok()) return Misused(request.status(), err);
  const auto response = RpcClient(command.connection).DescribeAccess(*request);
  if (!response.ok()) return Fail(response.status(), err);
  Print(*response, output, out);
  return response->effective_policy().empty() ? kExitDeny : kExitOk;
}

int RunStatus(const StatusCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  const auto response = RpcClient(command.connection).GetStatus();
  if (!response.ok()) return Fail(response.status(), err);
  if (command.differences) {
    if (!response->has_shadow()) {
      return Fail(absl::FailedPreconditionError(
                      "the server does not compare the modes; start it with "
                      "--shadow"),
                  err);
    }
    Print(response->shadow(), output, out);
    return kExitOk;
  }
  Print(*response, output, out);
  return response->ready() ? kExitOk : kExitError;
}

int RunBlock(const BlockCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err) {
  const auto request = ToRequest(command, absl::Now());
  if (!request.ok()) {
    Fail(request.status(), err);
    return kExitUsage;
  }
  const auto response = RpcClient(command.connection).Block(*request);
  if (!response.ok()) return Fail(response.status(), err);
  Print(response->block(), output, out);
  return kExitOk;
}

int RunUnblock(const UnblockCommand& command, OutputFormat output,
               std::ostream& out, std::ostream& err) {
  v1::UnblockRequest request;
  request.set_target(command.target);
  const auto response = RpcClient(command.connection).Unblock(request);
  if (!response.ok()) return Fail(response.status(), err);
  if (output == OutputFormat::kJson) {
    out << ToJsonLine(*response) << std::flush;
  } else {
    out << command.target << " is not blocked any more\n" << std::flush;
  }
  return kExitOk;
}

}  // namespace pdp::ctl
