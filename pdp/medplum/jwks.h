// The keys by which a Medplum server signs its tokens (RFC 7517).

#ifndef PDP_MEDPLUM_JWKS_H_
#define PDP_MEDPLUM_JWKS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/signature.h"

namespace pdp::medplum {

// By `kid`.
using KeySet = StringMap<SignatureKey>;

// The keys of a JSON Web Key Set that can check a signature.  Others are left
// out: of another type or size, for another use, with an `alg` that is not
// their own, or with a `kid` that is missing or another's too.  DataLoss: no
// key set.
absl::StatusOr<KeySet> ParseKeySet(std::string_view json);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_JWKS_H_
