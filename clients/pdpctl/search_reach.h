// JudgeReach: how far a recorded subject's searches reach, as a Judge answers.

#ifndef PDP_CLIENTS_PDPCTL_SEARCH_REACH_H_
#define PDP_CLIENTS_PDPCTL_SEARCH_REACH_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clients/pdpctl/judge.h"
#include "clients/pdpctl/search_executor.h"
#include "clients/pdpctl/vector_file.h"

namespace pdp::ctl {

// Asks once for each type and resource.
class JudgeReach : public SearchReach {
 public:
  // `judge` outlives this and stays in its scenario.
  JudgeReach(Judge& judge, const RecordedSubject& subject)
      : judge_(judge), subject_(subject) {}

  const SearchAnswer& Filter(std::string_view type) override;
  absl::StatusOr<bool> MayRead(const fhir::ResourceKey& key) override;

 private:
  CheckAnswer Read(const fhir::ResourceKey& key, bool durable_only);

  Judge& judge_;
  const RecordedSubject subject_;
  std::map<std::string, SearchAnswer, std::less<>> filters_;
  std::map<fhir::ResourceKey, bool> readable_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SEARCH_REACH_H_
