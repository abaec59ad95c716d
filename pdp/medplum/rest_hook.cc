#include "pdp/medplum/rest_hook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "pdp/fhir/resource.h"
#include "pdp/medplum/subscription.h"

namespace pdp::medplum {
namespace {

// Takes the same time whichever byte differs.
bool IsEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool IsSigned(const RestHookRequest& request,
              std::span<const std::string> secrets) {
  bool is_signed = false;
  for (const std::string& secret : secrets) {
    is_signed |=
        IsEqual(RestHookSignature(secret, request.body), request.signature);
  }
  return is_signed;
}

std::optional<Notification> ReadDeleted(const RestHookRequest& request) {
  if (request.body != "{}") return std::nullopt;
  auto key = fhir::ResourceKey::Parse(request.deleted_resource);
  if (!key) return std::nullopt;
  return Notification{.key = *std::move(key),
                      .interaction = Interaction::kDelete};
}

std::optional<Notification> ReadVersion(const RestHookRequest& request,
                                        Interaction interaction) {
  const auto resource =
      fhir::Resource::Parse(request.body, {.max_bytes = kMaxRestHookBytes});
  if (!resource.ok()) return std::nullopt;
  auto key = fhir::ResourceKey::Parse((*resource)->key().ToString());
  if (!key) return std::nullopt;
  return Notification{.key = *std::move(key),
                      .interaction = interaction,
                      .version_id = std::string((*resource)->version_id())};
}

}  // namespace

int HttpStatus(RestHookRefusal refusal) {
  switch (refusal) {
    case RestHookRefusal::kTooLarge:
      return 413;
    case RestHookRefusal::kNotSigned:
      return 401;
    case RestHookRefusal::kUnknownSubscription:
      return 404;
    case RestHookRefusal::kMalformed:
      return 400;
    case RestHookRefusal::kTooMany:
      return 429;
    case RestHookRefusal::kNotReady:
      return 503;
  }
  return 500;
}

std::string RestHookSignature(std::string_view secret, std::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest,
       &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

std::variant<Notification, RestHookRefusal> ReadRestHook(
    const RestHookRequest& request, std::span<const std::string> secrets,
    const StringMap<std::string>& types) {
  if (request.body.size() > kMaxRestHookBytes) {
    return RestHookRefusal::kTooLarge;
  }
  if (secrets.empty()) return RestHookRefusal::kNotReady;
  if (!IsSigned(request, secrets)) return RestHookRefusal::kNotSigned;
  const auto type = types.find(request.subscription);
  if (type == types.end()) return RestHookRefusal::kUnknownSubscription;
  const std::optional<Interaction> interaction =
      ParseInteraction(request.interaction);
  if (!interaction) return RestHookRefusal::kMalformed;
  std::optional<Notification> notification =
      *interaction == Interaction::kDelete ? ReadDeleted(request)
                                           : ReadVersion(request, *interaction);
  if (!notification || notification->key.type != type->second) {
    return RestHookRefusal::kMalformed;
  }
  return *std::move(notification);
}

}  // namespace pdp::medplum
