// ResourceFilter: what one FilterResources stream asks, decided resource by
// resource, free of any transport.
//
// A resource is decided as Check decides it when it is sent as `body`, for READ
// or SEARCH.  Confined to one thread.

#ifndef PDP_SERVICE_RESOURCE_FILTER_H_
#define PDP_SERVICE_RESOURCE_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/request.h"
#include "pdp/service/audit_record.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/token_subject.h"

namespace pdp::service {

class ResourceFilter {
 public:
  // `service` must outlive the filter.
  explicit ResourceFilter(const DecisionService& service) : service_(service) {}
  ResourceFilter(const ResourceFilter&) = delete;
  ResourceFilter& operator=(const ResourceFilter&) = delete;

  // Takes the next message of the stream, and its content out of it.
  //
  // InvalidArgument, ResourceExhausted: the stream ends with it.
  // REQUIRES: !has_next()
  absl::Status Take(v1::FilterResourcesRequest& request);

  // Whether something that was taken is still to be decided.
  bool has_next() const { return is_opening_ || next_ < resources_.size(); }

  // Decides what comes next; fills in `response` where that is a resource, and
  // it is permitted.  Where the outcome is pending, it is to be called again.
  // REQUIRES: has_next()
  CallOutcome Next(const CallAttempt& attempt,
                   v1::FilterResourcesResponse& response, bool& is_permitted);

  // The last message, once all were taken and decided.
  absl::Status Finish(const CallAttempt& attempt,
                      v1::FilterResourcesResponse& response);

 private:
  absl::Status TakeHeader(v1::FilterResourcesHeader& header);
  absl::Status TakeBundle();
  CallOutcome FindSubject(const CallAttempt& attempt,
                          DecisionService::Moment& moment);
  CallOutcome Open(const CallAttempt& attempt);
  CallOutcome DecideNext(const CallAttempt& attempt,
                         v1::FilterResourcesResponse& response,
                         bool& is_permitted);
  absl::Status Prepare(std::string_view json);
  CallOutcome DecidePrepared(const CallAttempt& attempt,
                             DecisionService::Moment moment,
                             policy::Decision& decision);
  // Denies where a hidden field cannot be removed.
  void ShowPermitted(policy::Decision& decision,
                     v1::FilteredResource& filtered) const;
  // That of the stream and of all its records.
  const std::string& DecisionId(absl::Time now);
  RecordedQuestion Recorded(const CallAttempt& attempt, absl::Time now) const;
  void Record(const CallAttempt& attempt, absl::Time now,
              const policy::Decision& decision);
  void Count(policy::Decision& decision, uint32_t removed_fields);
  void AddNotes(std::vector<policy::Note> notes);
  // "resource 3: " and what is wrong with it.
  absl::Status OfResource(const absl::Status& status) const;

  const DecisionService& service_;

  v1::FilterResourcesHeader header_;
  bool has_header_ = false;
  bool is_opening_ = false;
  std::optional<std::string> unsupported_;
  TokenSubject token_;
  bool is_subject_found_ = false;  // For the message being decided.
  v1::Consistency consistency_;    // That each resource is decided with.

  std::string held_;                         // The message being decided.
  std::vector<std::string_view> resources_;  // In it.
  size_t next_ = 0;
  v1::Resource resource_;         // The one being decided.
  policy::AccessRequest access_;  // About that.
  AnswerFacts facts_;             // About that.
  std::string decision_id_;       // See DecisionId.

  v1::FilterResourcesSummary summary_;
  policy::Decision subject_;  // Whether the subject has any access.
  policy::Findings found_;    // Who it is.
  std::map<policy::Reason, uint64_t> denied_;
  std::vector<policy::Note> notes_;
  uint64_t revision_ = 0;
  // Until when every answer may be reused; infinite: there is none yet.
  absl::Time valid_until_ = absl::InfiniteFuture();
  bool may_be_reused_ = true;
  absl::Time reuse_ends_ =
      absl::InfiniteFuture();  // Of the token, the session.
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_RESOURCE_FILTER_H_
