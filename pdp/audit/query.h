// Query: which records are asked for.

#ifndef PDP_AUDIT_QUERY_H_
#define PDP_AUDIT_QUERY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit/record.h"

namespace pdp::audit {

// What is empty is not asked for; all else has to hold.
struct Query {
  Selection selection;
  std::string subject;   // A membership, a profile, who was acted for.
  std::string patient;   // `Patient/id`, also as the resource itself.
  std::string resource;  // `Type/id`, or `Type` for all of them.
  std::string effect;    // "DENY".
  std::string reason;
  std::string decision;  // With what was done by it afterwards.
  std::string caller;
  std::string project;
  std::string interaction;
  std::string kind;  // "access"; "checkpoint" for the log's own records.

  // Without anything asked for, the log's own records do not match.
  bool Matches(const RecordParser& parsed) const;

  // Looks no earlier than the decision was made.  InvalidArgument: `decision`
  // is none, or `from` is after `to`.
  absl::Status Complete();
};

// A time as people write it: RFC 3339, or a date, which begins (or, with
// `is_end`, ends) in UTC.  InvalidArgument for anything else.
absl::StatusOr<absl::Time> ParseQueryTime(std::string_view text, bool is_end);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_QUERY_H_
