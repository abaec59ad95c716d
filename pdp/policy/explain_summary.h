// A decision as one paragraph, and what would have to be otherwise.

#ifndef PDP_POLICY_EXPLAIN_SUMMARY_H_
#define PDP_POLICY_EXPLAIN_SUMMARY_H_

#include <string>
#include <string_view>

#include "pdp/policy/explain.h"

namespace pdp::policy {

struct SummaryInput {
  const AccessRequest& request;
  const Explanation& explanation;  // Its data; the texts are not there yet.
  const Trace& trace;
  // The walk over the entries that decided, and of it what came nearest; null
  // where there is none.
  const Attempt* attempt = nullptr;
  const TriedEntry* nearest = nullptr;
};

// A denial before any entry was looked at: why, and what to do.
struct DenialText {
  std::string cause;
  std::string remedy;
};
DenialText DenialInWords(Reason reason, std::string_view message);

std::string SummaryInWords(const SummaryInput& input);

// Of a denial.  Empty where nothing can be done.
std::string MissingInWords(const SummaryInput& input);

}  // namespace pdp::policy

#endif  // PDP_POLICY_EXPLAIN_SUMMARY_H_
