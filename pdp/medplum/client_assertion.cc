#include "pdp/medplum/client_assertion.h"

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/signature.h"

namespace pdp::medplum {

absl::StatusOr<std::string> SignClientAssertion(std::string_view private_key,
                                                const AssertionClaims& claims) {
  PDP_ASSIGN_OR_RETURN(const SignatureKey key,
                       SignatureKey::FromPrivatePem(private_key));
  const std::string jti = RandomHex(16);
  if (jti.empty()) {
    return absl::UnauthenticatedError("the private key cannot sign");
  }

  std::string header =
      StrCat(R"({"alg":)", fhir::QuoteJson(AlgorithmName(key.algorithm())),
             R"(,"typ":"JWT")");
  if (!claims.key_id.empty()) {
    header += StrCat(R"(,"kid":)", fhir::QuoteJson(claims.key_id));
  }
  header += '}';
  const std::string client = fhir::QuoteJson(claims.client_id);
  const std::string payload =
      StrCat(R"({"iss":)", client, R"(,"sub":)", client, R"(,"aud":)",
             fhir::QuoteJson(claims.audience), R"(,"jti":")", jti,
             R"(","iat":)", absl::ToUnixSeconds(claims.now), R"(,"exp":)",
             absl::ToUnixSeconds(claims.now + kAssertionLifetime), "}");
  const std::string signed_text =
      StrCat(EncodeBase64Url(header), ".", EncodeBase64Url(payload));
  PDP_ASSIGN_OR_RETURN(const std::string signature, key.Sign(signed_text));
  return StrCat(signed_text, ".", EncodeBase64Url(signature));
}

}  // namespace pdp::medplum
