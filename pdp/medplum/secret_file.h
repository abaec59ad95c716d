// Secrets are read from files, each time that they are needed: whoever changes
// the file changes the secret.

#ifndef PDP_MEDPLUM_SECRET_FILE_H_
#define PDP_MEDPLUM_SECRET_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace pdp::medplum {

inline constexpr size_t kMaxSecretBytes = size_t{64} << 10;

// The content of the file without the line feed at its end.
// Unauthenticated: there is no such file, it cannot be read, is empty or larger
// than kMaxSecretBytes.  The message names the file and says what to do.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_SECRET_FILE_H_
