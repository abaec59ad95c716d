// What this program answers to the cases of the differential test, in the form
// that the answers of Medplum's code are put in.  See README.md.

#ifndef TESTS_DIFFERENTIAL_ANSWER_H_
#define TESTS_DIFFERENTIAL_ANSWER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/json.h"

namespace pdp::differential {

// What was found, in order, until an error ended it.
struct Answer {
  std::vector<std::string> parts;
  absl::Status status;
  std::string note = "";  // Counted, not compared.
};

// Whether criteria match a resource, what they are parsed to, the patients of a
// resource, and the texts, dates and `_filter` values that matching is made of.
Answer AnswerSearch(std::string_view kind, fhir::JsonElement test,
                    fhir::fhirpath::Scratch& scratch);

// The items that an expression evaluates to.
Answer AnswerFhirPath(fhir::JsonElement test);

// Which entry of a policy lets an interaction through, and whether its write
// constraints hold.
Answer AnswerEntry(fhir::JsonElement test, fhir::fhirpath::Scratch& scratch);

// The two modes' decisions on one request: what strict permits parity permits,
// and what only parity permits names the rule.
Answer AnswerModes(fhir::JsonElement test);

}  // namespace pdp::differential

#endif  // TESTS_DIFFERENTIAL_ANSWER_H_
