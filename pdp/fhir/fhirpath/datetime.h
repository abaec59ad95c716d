// Dates and times as text, as Medplum (and JavaScript's Date under it) reads
// them.

#ifndef PDP_FHIR_FHIRPATH_DATETIME_H_
#define PDP_FHIR_FHIRPATH_DATETIME_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace pdp::fhir::fhirpath {

// The text of a literal without its @, or any text that is to be a dateTime: a
// time is filled up, a date stays as it is, a dateTime becomes UTC with
// milliseconds where JavaScript's Date can read it, in a time zone of UTC.
//
// InvalidArgument: text that Date might read by rules of its own.
absl::StatusOr<std::string> NormalizeDateTime(std::string_view text);

// "2021-03-04T05:06:07.890Z".
std::string ToIsoString(absl::Time time);

// `new Date(text)`: nothing for an invalid date.
std::optional<absl::Time> ParseIsoDate(std::string_view text);

// FHIR's regular expressions of date and dateTime, in Medplum's version.
bool IsDateText(std::string_view text);
bool IsDateTimeText(std::string_view text);
// 'T' and a digit.
bool IsTimeText(std::string_view text);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_DATETIME_H_
