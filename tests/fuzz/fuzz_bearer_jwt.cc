// Tokens of callers, as anybody may send them; or two lines, header and claims
// as JSON, so that their encoding is not in the way.

#include <memory>
#include <string>
#include <string_view>

#include "pdp/auth/bearer_jwt.h"
#include "pdp/auth/key_source.h"
#include "pdp/medplum/jwks.h"
#include "pdp/medplum/jwt.h"
#include "pdp/medplum/signature.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

constexpr std::string_view kIssuer = "https://a.example";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// Some of the checked-in inputs are signed by it; nobody has it any more.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"EC","kid":"e","use":"sig","alg":"ES256",)"
    R"("crv":"P-256","x":"HCpqxTtbHR2eUKYMHvylNO38-IATr6gA-0ySF2Gzjrk",)"
    R"("y":"ZaF3OW87oELxuuaFjNyN5xO3mQGkentkVxBAIjqva4k"}]})";

auth::KeySource& Keys() {
  static auth::KeySource& keys = [&]() -> auth::KeySource& {
    auth::KeySource* const source =
        auth::KeySource::OpenFetched([] { return medplum::ParseKeySet(kKeys); },
                                     [] {})
            .release();
    while (!source->Find("e").key) {
    }
    return *source;
  }();
  return keys;
}

void CheckToken(std::string_view token) {
  Require(auth::DigestOf(token).size() == 32, "a digest is a SHA-256");
  const auto issuer = auth::NamedIssuer(token);
  const auth::JwtVerdict verdict =
      auth::VerifyJwt(token, kIssuer, Keys(), kNow);
  if (verdict.state == auth::JwtVerdict::State::kBad) return;
  Require(issuer == kIssuer, "a token is of the issuer that it names");
  if (verdict.state == auth::JwtVerdict::State::kUnknown) return;
  Require(verdict.claims.expires > kNow, "a good token has not ended");
  const auto jwt = medplum::ReadJwt(token);
  Require(
      jwt.ok() && medplum::CheckJwtSignature(jwt->signed_text, jwt->signature,
                                             "ES256", *Keys().Find("e").key)
                      .ok(),
      "a good token is signed");
}

}  // namespace

void RunInput(std::string_view input) {
  CheckToken(input);
  const size_t line = input.find('\n');
  if (line == std::string_view::npos) return;
  CheckToken(medplum::EncodeBase64Url(input.substr(0, line)) + "." +
             medplum::EncodeBase64Url(input.substr(line + 1)) + ".c2ln");
}

}  // namespace pdp::fuzz
