// DataState: how well this server knows its source, as deciding sees it.

#ifndef PDP_SERVICE_DATA_STATE_H_
#define PDP_SERVICE_DATA_STATE_H_

#include <cstdint>
#include <string_view>

#include "pdp/base/feed_freshness.h"

namespace pdp::service {

// Thread-safe, and cheap enough to be asked for every decision.
class DataState {
 public:
  virtual ~DataState() = default;

  // True once the first load is complete.
  virtual bool IsReady() const = 0;

  // Always the same table.
  virtual const FreshnessTable& Feeds() const = 0;

  // The revision of what look-ups that were made before see: the decision point
  // learns of it a moment later.
  virtual uint64_t StoredRevision() const = 0;

  // Whether resources of `type` are read from the source at all.
  virtual bool KeepsType(std::string_view /*type*/) const { return true; }

  // Whether the rules were checked against the version of the source's server;
  // true where there is no server.
  virtual bool IsServerVersionChecked() const { return true; }
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_DATA_STATE_H_
