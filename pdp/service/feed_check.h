// FeedCheck: whether what a decision is made from is as fresh as it has to be.
//
// Each project is kept in step by its feed.  While all of them are, nothing
// else is looked at.  Otherwise the feeds that count are those of the subject's
// projects, so that one project's trouble is no other's; where the subject has
// no membership that is known here, it may have one in a project that is
// behind, and every feed counts.  Beside these, the feeds of the projects count
// that theirs link, and of the AccessPolicies that they name: what is stale
// there is stale here.

#ifndef PDP_SERVICE_FEED_CHECK_H_
#define PDP_SERVICE_FEED_CHECK_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/fhir/resource_lookup.h"
#include "pdp/policy/request.h"
#include "pdp/service/call_outcome.h"

namespace medplum::pdp::v1 {
class Consistency;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

struct FeedBounds {
  // Past it there is no decision.
  absl::Duration max_staleness;
  // While no feed is further behind, no project is told from another.
  absl::Duration unremarkable;
};

// What is decided about.
struct DecisionScope {
  const policy::Subject& subject;
  const policy::RequestContext& context;
  const policy::ResourceFacts* resource = nullptr;  // May be null.
};

// Thread-safe.
class FeedCheck {
 public:
  // Both must outlive the check.
  FeedCheck(const fhir::ResourceLookup& lookup, const FreshnessTable& feeds,
            const FeedBounds& bounds)
      : lookup_(lookup), feeds_(feeds), bounds_(bounds) {}

  // How far the feed that is furthest behind is.
  absl::Duration OldestAge(absl::Duration since_boot) const {
    return feeds_.OldestAge(since_boot);
  }

  // Whether Check is OK whoever asks: no feed is further behind than `age`.
  bool IsFreshForAll(const v1::Consistency& wanted, absl::Duration age) const;

  // OK where the feeds that count for `scope` are as fresh as `wanted` and the
  // bounds say.  Unavailable, with its refusal, where one is not; pending where
  // reading the source again may help.  `age` is that of the oldest feed, and
  // becomes that of the oldest one that counts.
  CallOutcome Check(const CallAttempt& attempt, const v1::Consistency& wanted,
                    const DecisionScope& scope, absl::Duration since_boot,
                    absl::Duration& age) const;

 private:
  class Run;

  const fhir::ResourceLookup& lookup_;
  const FreshnessTable& feeds_;
  const FeedBounds bounds_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_FEED_CHECK_H_
