// The answers of a Medplum server, read strictly: what is not what was asked
// for is DataLoss, never a guess.

#ifndef PDP_MEDPLUM_ANSWERS_H_
#define PDP_MEDPLUM_ANSWERS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/url.h"

namespace pdp::medplum {

// The path of FHIR below the base URL.
inline constexpr std::string_view kFhirPath = "fhir/R4/";

// Whether `body` is the resource `key`, with the version and time that the
// server gave it.
absl::Status CheckResource(std::string_view body, const fhir::ResourceKey& key);

// The id of the resource of `type` that `body` is.
absl::StatusOr<std::string> ParseCreated(std::string_view body,
                                         std::string_view type);

// A page of a search for `type`.  Its `next` is what follows kFhirPath.
// FailedPrecondition: the next page is said to be on another server than
// `base`.
absl::StatusOr<SearchPage> ParseSearchPage(std::string_view body,
                                           std::string_view type,
                                           const Url& base);

absl::StatusOr<LoginInfo> ParseLoginInfo(std::string_view body);

// `5.1.29` of "5.1.29-abc123"; empty where there is no version.
std::string ParseServerVersion(std::string_view body);

// FailedPrecondition: the WebSocket is on another server than `base`.
absl::StatusOr<BindingToken> ParseBindingToken(std::string_view body,
                                               const Url& base);

struct AccessToken {
  std::string text;
  absl::Duration lifetime;
};
absl::StatusOr<AccessToken> ParseAccessToken(std::string_view body);

// Whether `body` is an OperationOutcome.
bool IsOperationOutcome(std::string_view body);

// What an OperationOutcome or an OAuth error says, cut and in printable ASCII;
// empty where `body` is neither.
std::string ParseErrorText(std::string_view body);

// Whether `body` is an OAuth error.
bool IsOAuthError(std::string_view body);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_ANSWERS_H_
