// The subject of a call that is named by an access token.

#ifndef PDP_SERVICE_TOKEN_SUBJECT_H_
#define PDP_SERVICE_TOKEN_SUBJECT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pdp/policy/access_tokens.h"
#include "pdp/service/call_outcome.h"

namespace medplum::pdp::v1 {
class Subject;
}

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

inline constexpr size_t kMaxTokenBytes = 16 * 1024;

struct TokenSubject {
  // Null: the subject is named by reference.  Text of the converted request
  // points into it.
  std::shared_ptr<const policy::TokenBinding> binding;

  // By this token nothing is decided: the answer is a denial.
  struct Refusal {
    policy::Reason reason = policy::Reason::kTokenInvalid;
    uint16_t medplum_http_status = 0;
    std::string message;
  };
  std::optional<Refusal> refusal;
};

// Finds whom `subject` names.  Pending where its token has to be resolved, with
// `fully_fresh` since the call came in.  Unavailable, TOKEN_UNCHECKED, where
// that cannot be done; ResourceExhausted for a token that is too long.
// `tokens` may be null: every token is refused, NOT_SUPPORTED.
CallOutcome FindTokenSubject(const CallAttempt& attempt,
                             const v1::Subject& subject, bool fully_fresh,
                             policy::AccessTokens* tokens, TokenSubject& found);

}  // namespace pdp::service

#endif  // PDP_SERVICE_TOKEN_SUBJECT_H_
