// What a decision may have to wait for, and who gets it.  Decisions themselves
// never wait: a call that needs one of these is put aside, and taken up again
// when it has been got.

#ifndef PDP_SERVICE_FACT_FETCHER_H_
#define PDP_SERVICE_FACT_FETCHER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::policy {
class AccessTokens;
}

namespace pdp::service {

// OK: what was asked for is there now, and decisions are made from it.
using FetchDone = std::function<void(const absl::Status&)>;

// Reads resources from the source: those that the ResourceLookup answered
// kPending for, and those of which a newer version may exist.  Thread-safe.
class FactFetcher {
 public:
  virtual ~FactFetcher() = default;

  // Returns at once.  Calls `done` exactly once and within a bounded time, from
  // another thread or, where nothing can be fetched, from within Fetch.  OK:
  // what is held of `keys` is no older than this call.  `project` is the id of
  // the one that wants to know, empty where that is not known: what is not held
  // is looked for as that project sees it.
  virtual void Fetch(std::vector<fhir::ResourceKey> keys, std::string project,
                     FetchDone done) = 0;
};

// Learns from the source what has changed.  Thread-safe.
class Refresher {
 public:
  virtual ~Refresher() = default;

  // As Fetch.  OK: all that had changed before this call in the project with
  // the id `project`, or in every project where it is empty, is known now.  One
  // project does not wait for another.
  virtual void Refresh(std::string project, FetchDone done) = 0;
};

// Where calls get what they wait for; without one they do not wait for it.
struct FactSources {
  FactFetcher* fetcher = nullptr;
  Refresher* refresher = nullptr;
  policy::AccessTokens* tokens = nullptr;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_FACT_FETCHER_H_
