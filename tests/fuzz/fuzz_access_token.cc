// Access tokens and key sets, as anybody may send them.  The first line of the
// input is a key set where there is a second.

#include <string>
#include <string_view>

#include "pdp/medplum/access_token.h"
#include "pdp/medplum/jwks.h"
#include "pdp/medplum/signature.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

constexpr std::string_view kIssuer = "https://a.example/";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

void CheckToken(std::string_view text, const medplum::KeySet& keys) {
  const auto token = medplum::ReadAccessToken(text);
  if (!token.ok()) {
    Require(absl::IsUnauthenticated(token.status()),
            "what is no token is refused");
    return;
  }
  Require(!token->key_id.empty() && !token->claims.login.empty(),
          "a token names its key and its login");
  (void)medplum::CheckClaims(token->claims, kIssuer, kNow);
  for (const auto& [kid, key] : keys) {
    const absl::Status status = medplum::CheckSignature(*token, key);
    Require(!status.ok() ||
                token->algorithm == medplum::AlgorithmName(key.algorithm()),
            "a signature is of the key's own algorithm");
  }
}

}  // namespace

void RunInput(std::string_view input) {
  const size_t line = input.find('\n');
  medplum::KeySet keys;
  if (line != std::string_view::npos) {
    if (auto parsed = medplum::ParseKeySet(input.substr(0, line));
        parsed.ok()) {
      keys = *std::move(parsed);
    }
    input.remove_prefix(line + 1);
  }
  CheckToken(input, keys);
  // With the parts as JSON, so that their encoding is not in the way.
  const size_t second = input.find('\n');
  if (second == std::string_view::npos) return;
  CheckToken(medplum::EncodeBase64Url(input.substr(0, second)) + "." +
                 medplum::EncodeBase64Url(input.substr(second + 1)) + ".c2ln",
             keys);
}

}  // namespace pdp::fuzz
