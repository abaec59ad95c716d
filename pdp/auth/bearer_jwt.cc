#include "pdp/auth/bearer_jwt.h"

#include <utility>

#include "absl/strings/match.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/jwt.h"

namespace pdp::auth {
namespace {

using fhir::JsonElement;
using fhir::StringMember;

bool IsAccessTokenType(JsonElement header) {
  if (!fhir::Member(header, "typ")) return true;
  const absl::string_view type = ToAbsl(StringMember(header, "typ"));
  return absl::EqualsIgnoreCase(type, "JWT") ||
         absl::EqualsIgnoreCase(type, "at+jwt") ||
         absl::EqualsIgnoreCase(type, "application/at+jwt");
}

// One, or a list.
std::vector<std::string> Audiences(JsonElement claims) {
  const auto member = fhir::Member(claims, "aud");
  if (!member) return {};
  if (const auto one = fhir::AsString(*member)) return {std::string(*one)};
  fhir::JsonArray list;
  if (member->get(list) != simdjson::SUCCESS) return {};
  std::vector<std::string> audiences;
  for (const JsonElement item : list) {
    const auto text = fhir::AsString(item);
    if (!text) return {};
    audiences.emplace_back(*text);
  }
  return audiences;
}

bool IsInForce(JsonElement claims, absl::Time now, absl::Time& expires) {
  const auto end = fhir::Member(claims, "exp");
  if (!end) return false;
  const auto read = medplum::ReadInstant(*end, "end");
  if (!read.ok() || now >= *read) return false;
  expires = *read;
  const auto begin = fhir::Member(claims, "nbf");
  if (!begin) return true;
  const auto begins = medplum::ReadInstant(*begin, "beginning");
  return begins.ok() && now + kClockLeeway >= *begins;
}

}  // namespace

std::string DigestOf(std::string_view token) { return medplum::Sha256(token); }

std::optional<std::string> NamedIssuer(std::string_view token) {
  const absl::StatusOr<medplum::Jwt> jwt = medplum::ReadJwt(token);
  if (!jwt.ok()) return std::nullopt;
  return std::string(StringMember(jwt->claims->root(), "iss"));
}

JwtVerdict VerifyJwt(std::string_view token, std::string_view issuer,
                     KeySource& keys, absl::Time now) {
  const absl::StatusOr<medplum::Jwt> jwt = medplum::ReadJwt(token);
  if (!jwt.ok()) return {};
  const JsonElement header = jwt->header->root();
  const JsonElement claims = jwt->claims->root();
  JwtVerdict verdict;
  const std::string_view key_id = StringMember(header, "kid");
  if (StringMember(claims, "iss") != issuer || key_id.empty() ||
      !IsAccessTokenType(header) ||
      !IsInForce(claims, now, verdict.claims.expires)) {
    return {};
  }
  const KeySource::Found found = keys.Find(key_id);
  if (!found.key) {
    if (found.may_come) verdict.state = JwtVerdict::State::kUnknown;
    return verdict;
  }
  if (!medplum::CheckJwtSignature(jwt->signed_text, jwt->signature,
                                  StringMember(header, "alg"), *found.key)
           .ok()) {
    return {};
  }
  verdict.claims.audiences = Audiences(claims);
  verdict.claims.subject = StringMember(claims, "sub");
  verdict.state = JwtVerdict::State::kGood;
  return verdict;
}

}  // namespace pdp::auth
