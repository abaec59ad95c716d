// Whether the answers of Filter and FilterResources can be believed.

#ifndef PDP_CLIENTS_CPP_FILTER_CHECK_H_
#define PDP_CLIENTS_CPP_FILTER_CHECK_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "medplum_pdp/client.h"

namespace medplum_pdp {

// Makes ALWAYS_DENIED, without queries, of what denies and of what is not
// known. Internal: the condition has a part that is not known: to leave it out,
// or take it for false beneath a `not`, could find more.
absl::Status CheckFilterAnswer(v1::FilterResponse& answer);

// The messages of one stream.
class FilterCheck {
 public:
  void Take(v1::FilterResourcesResponse message);

  // After the last one, of a stream that ended well.
  // Internal: they do not fit together; none of them is to be used.
  absl::StatusOr<FilteredResources> Finish() &&;

 private:
  FilteredResources result_;
  bool has_summary_ = false;
  absl::Status fault_;
};

}  // namespace medplum_pdp

#endif  // PDP_CLIENTS_CPP_FILTER_CHECK_H_
