// A Judge that asks a running server.

#ifndef PDP_CLIENTS_PDPCTL_REMOTE_JUDGE_H_
#define PDP_CLIENTS_PDPCTL_REMOTE_JUDGE_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/judge.h"

namespace pdp::ctl {

class RpcClient;

class RemoteJudge : public Judge {
 public:
  // Unavailable and others: the server does not answer or is not ready.
  static absl::StatusOr<std::unique_ptr<RemoteJudge>> Connect(
      const Connection& connection);
  ~RemoteJudge() override;

  // "parity" or "strict".
  const std::string& mode() const { return mode_; }
  // "documented" or "server".
  const std::string& parameter_semantics() const {
    return parameter_semantics_;
  }

  void Enter(const VectorFile& file) override;
  std::vector<CheckAnswer> Check(
      std::span<const CheckQuestion> questions) override;
  SearchAnswer Search(const RecordedSearch& search) override;
  EffectiveAnswer Describe(const RecordedEffectivePolicy& effective) override;

 private:
  RemoteJudge(std::unique_ptr<RpcClient> client, std::string mode,
              std::string parameter_semantics);

  const std::unique_ptr<RpcClient> client_;
  const std::string mode_;
  const std::string parameter_semantics_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_REMOTE_JUDGE_H_
