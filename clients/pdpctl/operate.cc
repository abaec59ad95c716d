#include "clients/pdpctl/operate.h"

#include <string>

#include "absl/status/status.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/print.h"
#include "clients/pdpctl/rpc_client.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

int Fail(const absl::Status& status, std::ostream& err) {
  err << "pdpctl: " << status.message() << '\n';
  return kExitError;
}

template <typename Message>
void Print(const Message& message, const std::string& text, OutputFormat output,
           std::ostream& out) {
  out << (output == OutputFormat::kJson ? ToJsonLine(message) : text)
      << std::flush;
}

std::string WatchText(const v1::WatchRevisionsResponse& response) {
  std::string text = StrCat("revision ", response.revision());
  if (response.all_changed()) return StrCat(text, ": all changed\n");
  std::string changed;
  for (const std::string& member : response.changed()) {
    changed += StrCat(changed.empty() ? ": " : ", ", member);
  }
  return StrCat(text, changed, "\n");
}

}  // namespace

int RunHealth(const HealthCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  using grpc::health::v1::HealthCheckResponse;
  const auto response = RpcClient(command.connection).Health();
  if (!response.ok()) return Fail(response.status(), err);
  const bool serves = response->status() == HealthCheckResponse::SERVING;
  Print(*response, serves ? "serving\n" : "not serving\n", output, out);
  return serves ? kExitOk : kExitError;
}

int RunResync(const ResyncCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  const auto response = RpcClient(command.connection).Resync();
  if (!response.ok()) return Fail(response.status(), err);
  Print(*response,
        StrCat("revision ", response->revision(), ", ", response->changed(),
               " resources changed\n"),
        output, out);
  return kExitOk;
}

int RunCheckpoint(const CheckpointCommand& command, OutputFormat output,
                  std::ostream& out, std::ostream& err) {
  const auto response = RpcClient(command.connection).Checkpoint(command.name);
  if (!response.ok()) return Fail(response.status(), err);
  Print(*response,
        StrCat(response->path(), ", revision ", response->revision(), "\n"),
        output, out);
  return kExitOk;
}

int RunRecordAccess(const RecordAccessCommand& command, OutputFormat output,
                    std::ostream& out, std::ostream& err) {
  v1::RecordAccessRequest request;
  request.set_decision_id(command.decision);
  request.set_event(command.event);
  request.set_success(!command.has_failed);
  const auto response = RpcClient(command.connection).RecordAccess(request);
  if (!response.ok()) return Fail(response.status(), err);
  Print(*response, "recorded\n", output, out);
  return kExitOk;
}

int RunWatch(const WatchCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err) {
  v1::WatchRevisionsRequest request;
  for (const std::string& member : command.memberships) {
    request.add_memberships(member);
  }
  uint64_t messages = 0;
  const absl::Status status = RpcClient(command.connection)
                                  .WatchRevisions(request, [&](const auto& in) {
                                    Print(in, WatchText(in), output, out);
                                    ++messages;
                                    return messages != command.count;
                                  });
  return status.ok() ? kExitOk : Fail(status, err);
}

}  // namespace pdp::ctl
