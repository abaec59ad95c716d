// One rest-hook request, judged.
//
// The signature covers the body alone: not which resource was deleted, of which
// the body is `{}` always, nor which Subscription sent it, nor when.  So
// whoever saw one request can send it again, or a delete of another resource:
// what is read from a request is a hint and no more.

#ifndef PDP_MEDPLUM_REST_HOOK_H_
#define PDP_MEDPLUM_REST_HOOK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "pdp/base/strings.h"
#include "pdp/medplum/notification.h"

namespace pdp::medplum {

// What counts of a request.  A header that is not there is empty.
struct RestHookRequest {
  std::string_view signature;         // X-Signature.
  std::string_view subscription;      // X-Medplum-Subscription.
  std::string_view interaction;       // X-Medplum-Interaction.
  std::string_view deleted_resource;  // X-Medplum-Deleted-Resource.
  std::string_view body;
};

inline constexpr size_t kMaxRestHookBytes = size_t{4} << 20;

enum class RestHookRefusal : uint8_t {
  kTooLarge,             // 413: past kMaxRestHookBytes.
  kNotSigned,            // 401: no signature, or under another secret.
  kUnknownSubscription,  // 404
  kMalformed,            // 400: not what the server sends.
  kTooMany,              // 429: more in a second than are taken.
  kNotReady,             // 503: there is no secret to check it with.
};

int HttpStatus(RestHookRefusal refusal);

// Lower-case hexadecimal HMAC-SHA256 of `body`.
std::string RestHookSignature(std::string_view secret, std::string_view body);

// `secrets`: those of which any will do.  `types`: the type that each of our
// Subscriptions is about, by the id of the Subscription.
std::variant<Notification, RestHookRefusal> ReadRestHook(
    const RestHookRequest& request, std::span<const std::string> secrets,
    const StringMap<std::string>& types);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_REST_HOOK_H_
