#include "pdp/medplum/jwks.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/unique_json.h"

namespace pdp::medplum {
namespace {

using fhir::JsonElement;
using fhir::StringMember;

constexpr size_t kMaxBytes = 256 * 1024;
constexpr size_t kMaxKeys = 100;

std::optional<SignatureKey> Found(absl::StatusOr<SignatureKey> key) {
  if (!key.ok()) return std::nullopt;
  return *std::move(key);
}

std::optional<SignatureKey> ReadKey(JsonElement jwk) {
  const auto number = [&](std::string_view name) {
    return DecodeBase64Url(StringMember(jwk, name)).value_or("");
  };
  const std::string_view type = StringMember(jwk, "kty");
  if (type == "RSA") {
    return Found(SignatureKey::FromRsa(number("n"), number("e")));
  }
  if (type != "EC") return std::nullopt;
  return Found(
      SignatureKey::FromEc(StringMember(jwk, "crv"), number("x"), number("y")));
}

// Where it is said, it has to be this.
bool MayBe(JsonElement jwk, std::string_view name, std::string_view value) {
  return !fhir::Member(jwk, name) || StringMember(jwk, name) == value;
}

}  // namespace

absl::StatusOr<KeySet> ParseKeySet(std::string_view json) {
  if (json.size() > kMaxBytes) {
    return absl::DataLossError("the key set is too large");
  }
  PDP_ASSIGN_OR_RETURN(const auto document, UniqueJson::Parse(json));
  fhir::JsonArray keys;
  const auto member = fhir::Member(document->root(), "keys");
  if (!member || member->get(keys) != simdjson::SUCCESS) {
    return absl::DataLossError("not a key set");
  }
  if (keys.size() > kMaxKeys) {
    return absl::DataLossError("the key set has too many keys");
  }
  StringMap<int> named;
  for (const JsonElement jwk : keys) {
    const std::string_view kid = StringMember(jwk, "kid");
    if (!kid.empty()) ++named[kid];
  }
  KeySet set;
  for (const JsonElement jwk : keys) {
    const std::string_view kid = StringMember(jwk, "kid");
    if (kid.empty() || named[kid] > 1 || !HasUniqueNames(jwk) ||
        !MayBe(jwk, "use", "sig")) {
      continue;
    }
    std::optional<SignatureKey> key = ReadKey(jwk);
    if (!key || !MayBe(jwk, "alg", AlgorithmName(key->algorithm()))) continue;
    set.emplace(kid, *std::move(key));
  }
  return set;
}

}  // namespace pdp::medplum
