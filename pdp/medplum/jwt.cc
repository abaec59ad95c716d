#include "pdp/medplum/jwt.h"

#include <cmath>
#include <optional>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::medplum {
namespace {

// Far enough: the year 9999.
constexpr double kMaxSeconds = 253'402'300'799.0;

absl::Status Bad(std::string_view why) {
  return absl::UnauthenticatedError(ToAbsl(why));
}

absl::StatusOr<std::unique_ptr<UniqueJson>> DecodePart(std::string_view text) {
  const std::optional<std::string> json = DecodeBase64Url(text);
  if (json) {
    auto document = UniqueJson::Parse(*json);
    if (document.ok()) return document;
  }
  return Bad("the access token is malformed");
}

}  // namespace

absl::StatusOr<Jwt> ReadJwt(std::string_view token) {
  if (token.size() > kMaxTokenBytes) {
    return Bad("the access token is too long");
  }
  const size_t first = token.find('.');
  const size_t second =
      first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos) {
    return Bad("the access token is malformed");
  }
  Jwt read;
  read.signed_text = token.substr(0, second);
  std::optional<std::string> signature =
      DecodeBase64Url(token.substr(second + 1));
  if (!signature || signature->empty()) {
    return Bad("the access token is not signed");
  }
  read.signature = *std::move(signature);
  PDP_ASSIGN_OR_RETURN(read.header, DecodePart(token.substr(0, first)));
  if (fhir::Member(read.header->root(), "crit")) {
    return Bad("the access token asks for an extension that is not known");
  }
  PDP_ASSIGN_OR_RETURN(read.claims,
                       DecodePart(token.substr(first + 1, second - first - 1)));
  return read;
}

absl::StatusOr<absl::Time> ReadInstant(fhir::JsonElement value,
                                       std::string_view name) {
  double seconds = 0;
  if (!value.is_number() || value.get(seconds) != simdjson::SUCCESS ||
      !std::isfinite(seconds) || seconds < 0 || seconds > kMaxSeconds) {
    return Bad(StrCat("the access token's ", name, " is no time"));
  }
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

absl::Status CheckJwtSignature(std::string_view signed_text,
                               std::string_view signature,
                               std::string_view algorithm,
                               const SignatureKey& key) {
  if (algorithm != AlgorithmName(key.algorithm())) {
    return Bad("the access token is signed in a way that its key is not for");
  }
  if (!key.Verifies(signed_text, signature)) {
    return Bad("the access token's signature is wrong");
  }
  return absl::OkStatus();
}

}  // namespace pdp::medplum
