// What the end of a request means to who asked, as the errors of Api.

#ifndef PDP_MEDPLUM_ANSWER_STATUS_H_
#define PDP_MEDPLUM_ANSWER_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "pdp/medplum/http.h"

namespace pdp::medplum {

// OK for a 2xx answer.  `what` was asked for, `GET Project/1`, and begins the
// message.  A 404 is NotFound, and DataLoss where something else than Medplum
// seems to have answered.
absl::Status AnswerStatus(const HttpExchange& exchange, std::string_view what);

// Whether the server does not take the token of the request.  Another one may
// help: an old token is bound to a membership that may be gone.
bool RefusesToken(const HttpExchange& exchange);

// As AnswerStatus, of the token endpoint: what an OAuth error refuses is
// Unauthenticated.
absl::Status TokenAnswerStatus(const HttpExchange& exchange);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_ANSWER_STATUS_H_
