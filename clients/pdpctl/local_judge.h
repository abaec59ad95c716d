// A Judge that decides in this process, each scenario in a world of its own.

#ifndef PDP_CLIENTS_PDPCTL_LOCAL_JUDGE_H_
#define PDP_CLIENTS_PDPCTL_LOCAL_JUDGE_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "clients/pdpctl/judge.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"

namespace pdp::ctl {

class LocalJudge : public Judge {
 public:
  explicit LocalJudge(const policy::DecisionPointOptions& options)
      : options_(options) {}

  void Enter(const VectorFile& file) override;
  std::vector<CheckAnswer> Check(
      std::span<const CheckQuestion> questions) override;
  SearchAnswer Search(const RecordedSearch& search) override;
  EffectiveAnswer Describe(const RecordedEffectivePolicy& effective) override;

 private:
  CheckAnswer Check(const CheckQuestion& question) const;

  const policy::DecisionPointOptions options_;
  std::unique_ptr<fhir::MemoryLookup> lookup_;
  std::unique_ptr<policy::DecisionPoint> decision_point_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_LOCAL_JUDGE_H_
