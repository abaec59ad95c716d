#include "pdp/medplum/access_token.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/unique_json.h"

namespace pdp::medplum {
namespace {

using fhir::JsonElement;
using fhir::StringMember;

// The claims of tokens that look like one that gives access, and are for
// something else.
struct ForeignClaim {
  std::string_view name;
  std::string_view message;
};
constexpr ForeignClaim kForeignClaims[] = {
    {"refresh_secret", "the token is a refresh token, not an access token"},
    {"subscription_id", "the token binds a WebSocket, and is no access token"},
    {"membership_id", "the token binds a WebSocket, and is no access token"},
};

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

absl::StatusOr<absl::Time> Instant(JsonElement value, std::string_view name) {
  double seconds = 0;
  if (!value.is_number() || value.get(seconds) != simdjson::SUCCESS ||
      !std::isfinite(seconds) || seconds < 0 || seconds > kMaxSeconds) {
    return Bad(StrCat("the access token's ", name, " is no time"));
  }
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

absl::Status ReadHeader(std::string_view text, UnverifiedToken& token) {
  PDP_ASSIGN_OR_RETURN(const auto header, DecodePart(text));
  const JsonElement root = header->root();
  if (fhir::Member(root, "crit")) {
    return Bad("the access token asks for an extension that is not known");
  }
  if (fhir::Member(root, "typ") &&
      !absl::EqualsIgnoreCase(ToAbsl(StringMember(root, "typ")), "JWT")) {
    return Bad("the access token is no JWT");
  }
  token.key_id = StringMember(root, "kid");
  token.algorithm = StringMember(root, "alg");
  if (token.key_id.empty()) return Bad("the access token names no key");
  return absl::OkStatus();
}

absl::Status ReadClaims(std::string_view text, AccessTokenClaims& claims) {
  PDP_ASSIGN_OR_RETURN(const auto payload, DecodePart(text));
  const JsonElement root = payload->root();
  for (const ForeignClaim& foreign : kForeignClaims) {
    if (fhir::Member(root, foreign.name)) return Bad(foreign.message);
  }
  claims.issuer = StringMember(root, "iss");
  if (claims.issuer.empty()) return Bad("the access token names no issuer");
  if (StringMember(root, "aud") != claims.issuer) {
    return Bad("the token is not for the API: its audience is another");
  }
  claims.login = StringMember(root, "login_id");
  if (!fhir::ResourceKey::Parse(StrCat("Login/", claims.login))) {
    return Bad("the access token names no login");
  }
  if (const auto scope = fhir::Member(root, "scope")) {
    const auto scope_text = fhir::AsString(*scope);
    if (!scope_text) return Bad("the access token's scope is no text");
    claims.scope = *scope_text;
  }
  const auto expires = fhir::Member(root, "exp");
  if (!expires) return Bad("the access token has no end");
  PDP_ASSIGN_OR_RETURN(claims.expires, Instant(*expires, "end"));
  if (const auto not_before = fhir::Member(root, "nbf")) {
    PDP_ASSIGN_OR_RETURN(claims.not_before, Instant(*not_before, "beginning"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UnverifiedToken> ReadAccessToken(std::string_view token) {
  if (token.size() > kMaxAccessTokenBytes) {
    return Bad("the access token is too long");
  }
  const size_t first = token.find('.');
  const size_t second =
      first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos) {
    return Bad("the access token is malformed");
  }
  UnverifiedToken read;
  read.signed_text = token.substr(0, second);
  std::optional<std::string> signature =
      DecodeBase64Url(token.substr(second + 1));
  if (!signature || signature->empty()) {
    return Bad("the access token is not signed");
  }
  read.signature = *std::move(signature);
  PDP_RETURN_IF_ERROR(ReadHeader(token.substr(0, first), read));
  PDP_RETURN_IF_ERROR(
      ReadClaims(token.substr(first + 1, second - first - 1), read.claims));
  return read;
}

absl::StatusOr<std::string> ProjectOfIssuer(const AccessTokenClaims& claims,
                                            std::string_view issuer) {
  const std::string_view named = claims.issuer;
  if (named == issuer) return std::string();
  const std::string prefix =
      StrCat(issuer, issuer.ends_with('/') ? "" : "/", "projects/");
  if (named.starts_with(prefix) && named.ends_with('/')) {
    const std::string_view id =
        named.substr(prefix.size(), named.size() - prefix.size() - 1);
    // It becomes part of a path.
    const bool is_dots = id.find_first_not_of('.') == std::string_view::npos;
    if (!is_dots && fhir::ResourceKey::Parse(StrCat("Project/", id))) {
      return std::string(id);
    }
  }
  return Bad("the access token is of another issuer");
}

absl::Status CheckClaims(const AccessTokenClaims& claims,
                         std::string_view issuer, absl::Time now) {
  PDP_RETURN_IF_ERROR(ProjectOfIssuer(claims, issuer).status());
  if (now >= claims.expires) return Bad("the access token has ended");
  // Whole seconds, as the server counts them.
  if (claims.not_before &&
      absl::FromUnixSeconds(absl::ToUnixSeconds(now)) < *claims.not_before) {
    return Bad("the access token is not valid yet");
  }
  return absl::OkStatus();
}

absl::Status CheckSignature(const UnverifiedToken& token,
                            const SignatureKey& key) {
  if (token.algorithm != AlgorithmName(key.algorithm())) {
    return Bad("the access token is signed in a way that its key is not for");
  }
  if (!key.Verifies(token.signed_text, token.signature)) {
    return Bad("the access token's signature is wrong");
  }
  return absl::OkStatus();
}

}  // namespace pdp::medplum
