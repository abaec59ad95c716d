// RequestLimits: what one request may hold at most.

#ifndef PDP_SERVICE_REQUEST_LIMITS_H_
#define PDP_SERVICE_REQUEST_LIMITS_H_

#include <cstddef>

#include "pdp/fhir/resource.h"

namespace pdp::service {

struct RequestLimits {
  fhir::ParseLimits resource;
  size_t active_tenants = 100;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_REQUEST_LIMITS_H_
