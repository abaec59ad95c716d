// What this program calls itself.

#ifndef PDP_SERVICE_VERSION_H_
#define PDP_SERVICE_VERSION_H_

namespace pdp::service {

inline constexpr char kVersion[] = "0.1.0";

// The Medplum server whose rules are implemented.
inline constexpr char kMedplumVersion[] = "5.1.29";

}  // namespace pdp::service

#endif  // PDP_SERVICE_VERSION_H_
