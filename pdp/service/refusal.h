// Why a call ends without a decision though nothing is wrong with the request:
// the data may be, or the caller may not ask it.

#ifndef PDP_SERVICE_REFUSAL_H_
#define PDP_SERVICE_REFUSAL_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pdp/base/feed_freshness.h"

namespace pdp::service {

enum class Refusal : uint8_t {
  kNone,
  kStale,  // Older than allowed, or not loaded yet.
  kCredentialsRefused,
  kProjectGone,
  kAccessMissing,
  kTokenUnchecked,     // Not the data: an access token could not be looked up.
  kSubjectNotAllowed,  // The caller may not ask about this subject,
  kProjectNotAllowed,  // about members of its project,
  kBodyNotAllowed,     // or send the content of resources.
};
inline constexpr size_t kRefusals = 9;

// "STALE": what the message of the status begins with.
constexpr std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "";
    case Refusal::kStale:
      return "STALE";
    case Refusal::kCredentialsRefused:
      return "CREDENTIALS_REFUSED";
    case Refusal::kProjectGone:
      return "PROJECT_GONE";
    case Refusal::kAccessMissing:
      return "ACCESS_MISSING";
    case Refusal::kTokenUnchecked:
      return "TOKEN_UNCHECKED";
    case Refusal::kSubjectNotAllowed:
      return "SUBJECT_NOT_ALLOWED";
    case Refusal::kProjectNotAllowed:
      return "PROJECT_NOT_ALLOWED";
    case Refusal::kBodyNotAllowed:
      return "BODY_NOT_ALLOWED";
  }
  return "";
}

// Of a feed whose age is within the bounds, if it has one.
constexpr Refusal RefusalOf(FeedState state) {
  switch (state) {
    case FeedState::kLoading:
      return Refusal::kStale;
    case FeedState::kCurrent:
      return Refusal::kNone;
    case FeedState::kCredentialsRefused:
      return Refusal::kCredentialsRefused;
    case FeedState::kProjectGone:
      return Refusal::kProjectGone;
    case FeedState::kAccessMissing:
      return Refusal::kAccessMissing;
  }
  return Refusal::kStale;
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_REFUSAL_H_
