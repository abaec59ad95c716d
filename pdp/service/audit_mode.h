// How strictly decisions are recorded.

#ifndef PDP_SERVICE_AUDIT_MODE_H_
#define PDP_SERVICE_AUDIT_MODE_H_

#include <cstdint>
#include <string_view>

namespace pdp::service {

enum class AuditMode : uint8_t {
  kOff,         // Nothing is recorded.
  kBestEffort,  // An answer leaves also where its record cannot be written.
  kRequired,    // No answer with a decision leaves without its record.
};

// "best_effort".
constexpr std::string_view AuditModeName(AuditMode mode) {
  switch (mode) {
    case AuditMode::kOff:
      return "off";
    case AuditMode::kBestEffort:
      return "best_effort";
    case AuditMode::kRequired:
      return "required";
  }
  return "";
}

}  // namespace pdp::service

#endif  // PDP_SERVICE_AUDIT_MODE_H_
