// DataState: how well this server knows its source, as deciding sees it.

#ifndef PDP_SERVICE_DATA_STATE_H_
#define PDP_SERVICE_DATA_STATE_H_

#include "absl/time/time.h"

namespace pdp::service {

// Thread-safe, and cheap enough to be asked for every decision.
class DataState {
 public:
  virtual ~DataState() = default;

  // True once the first load is complete.
  virtual bool IsReady() const = 0;

  // All that had changed in the source until then is known here.
  virtual absl::Time FreshAsOf() const = 0;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_DATA_STATE_H_
