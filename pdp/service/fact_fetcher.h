// What a decision may have to wait for, and who gets it.  Decisions themselves
// never wait: a call that needs one of these is put aside, and taken up again
// when it has been got.

#ifndef PDP_SERVICE_FACT_FETCHER_H_
#define PDP_SERVICE_FACT_FETCHER_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::service {

// OK: what was asked for is there now, if it exists at all.
using FetchDone = std::function<void(const absl::Status&)>;

// Gets resources that the ResourceLookup answered kPending for.  Thread-safe.
class FactFetcher {
 public:
  virtual ~FactFetcher() = default;

  // Returns at once.  Calls `done` exactly once and within a bounded time, from
  // a thread of its own, never from within Fetch.
  virtual void Fetch(std::vector<fhir::ResourceKey> keys, FetchDone done) = 0;
};

// Reads the source again.  Thread-safe.
class Refresher {
 public:
  virtual ~Refresher() = default;

  // As Fetch.  OK: all that had changed before this call is known now.
  virtual void Refresh(FetchDone done) = 0;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_FACT_FETCHER_H_
