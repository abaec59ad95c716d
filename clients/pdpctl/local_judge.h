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
#include "pdp/policy/mode.h"

namespace pdp::ctl {

class LocalJudge : public Judge {
 public:
  explicit LocalJudge(policy::Mode mode) : mode_(mode) {}

  void Enter(const VectorFile& file) override;
  std::vector<CheckAnswer> Check(
      std::span<const CheckQuestion> questions) override;
  SearchAnswer Search(const RecordedSearch& search) override;
  EffectiveAnswer Describe(const RecordedEffectivePolicy& effective) override;

 private:
  CheckAnswer Check(const CheckQuestion& question) const;

  const policy::Mode mode_;
  std::unique_ptr<fhir::MemoryLookup> lookup_;
  std::unique_ptr<policy::DecisionPoint> decision_point_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_LOCAL_JUDGE_H_
