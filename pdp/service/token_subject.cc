#include "pdp/service/token_subject.h"

#include <string_view>
#include <utility>

#include "medplum/pdp/v1/types.pb.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

CallOutcome Unchecked(std::string_view message) {
  CallOutcome outcome =
      Failed(absl::UnavailableError(StrCat("TOKEN_UNCHECKED: ", message)));
  outcome.refusal = Refusal::kTokenUnchecked;
  return outcome;
}

CallOutcome Resolving(const std::string& token, bool anew) {
  CallOutcome outcome = Unchecked("the access token is not looked up yet");
  outcome.needs_tokens.push_back(token);
  outcome.needs_tokens_anew = anew;
  return outcome;
}

}  // namespace

CallOutcome FindTokenSubject(const CallAttempt& attempt,
                             const v1::Subject& subject, bool fully_fresh,
                             policy::AccessTokens* tokens,
                             TokenSubject& found) {
  if (subject.identity_case() != v1::Subject::kAccessToken) return {};
  const std::string& token = subject.access_token();
  if (tokens == nullptr) {
    found.refusal = TokenSubject::Refusal{
        .reason = policy::Reason::kNotSupported,
        .message =
            "subject.access_token is not supported with this source: "
            "no issuer is configured; verify the token and send the "
            "member as subject.reference"};
    return {};
  }
  if (token.size() > kMaxTokenBytes) {
    return Failed(absl::ResourceExhaustedError(
        StrCat("subject.access_token: ", token.size(), " bytes; at most ",
               kMaxTokenBytes, " are taken")));
  }
  const bool may_resolve =
      attempt.may_resolve_tokens && !attempt.WasResolved(token);
  policy::TokenAnswer answer = tokens->Find(token);
  switch (answer.state) {
    case policy::TokenAnswer::State::kBound:
      if (fully_fresh && !attempt.WasResolved(token)) {
        if (may_resolve) return Resolving(token, fully_fresh);
        return Unchecked(
            "the access token could not be looked up again, as "
            "consistency.fully_fresh wants");
      }
      found.binding = std::move(answer.binding);
      return {};
    case policy::TokenAnswer::State::kRefused:
      found.refusal = TokenSubject::Refusal{
          .reason = answer.reason,
          .medplum_http_status = answer.medplum_http_status,
          .message = std::move(answer.message)};
      return {};
    case policy::TokenAnswer::State::kUnavailable:
      return Unchecked(answer.message);
    case policy::TokenAnswer::State::kUnknown:
      break;
  }
  if (may_resolve) return Resolving(token, fully_fresh);
  return Unchecked("the access token could not be looked up in time");
}

}  // namespace pdp::service
