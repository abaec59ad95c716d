#include "pdp/medplum/access_token.h"

#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/medplum/jwt.h"

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

absl::Status Bad(std::string_view why) {
  return absl::UnauthenticatedError(ToAbsl(why));
}

absl::Status ReadHeader(JsonElement root, UnverifiedToken& token) {
  if (fhir::Member(root, "typ") &&
      !absl::EqualsIgnoreCase(ToAbsl(StringMember(root, "typ")), "JWT")) {
    return Bad("the access token is no JWT");
  }
  token.key_id = StringMember(root, "kid");
  token.algorithm = StringMember(root, "alg");
  if (token.key_id.empty()) return Bad("the access token names no key");
  return absl::OkStatus();
}

absl::Status ReadClaims(JsonElement root, AccessTokenClaims& claims) {
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
  PDP_ASSIGN_OR_RETURN(claims.expires, ReadInstant(*expires, "end"));
  if (const auto not_before = fhir::Member(root, "nbf")) {
    PDP_ASSIGN_OR_RETURN(claims.not_before,
                         ReadInstant(*not_before, "beginning"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UnverifiedToken> ReadAccessToken(std::string_view token) {
  PDP_ASSIGN_OR_RETURN(Jwt jwt, ReadJwt(token));
  UnverifiedToken read;
  read.signed_text = jwt.signed_text;
  read.signature = std::move(jwt.signature);
  PDP_RETURN_IF_ERROR(ReadHeader(jwt.header->root(), read));
  PDP_RETURN_IF_ERROR(ReadClaims(jwt.claims->root(), read.claims));
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
  return CheckJwtSignature(token.signed_text, token.signature, token.algorithm,
                           key);
}

}  // namespace pdp::medplum
