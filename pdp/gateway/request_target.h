// The target of an HTTP request, taken apart in the one way in which every
// reader takes it apart.
//
// Proxies and servers differ in what they make of `//`, `%2F`, `..`, `;` and
// their like, and a path that is one thing for the decision and another for the
// server behind the proxy is how gateways are passed by.  So nothing is put in
// order here: what is not in its one plain form already is refused.

#ifndef PDP_GATEWAY_REQUEST_TARGET_H_
#define PDP_GATEWAY_REQUEST_TARGET_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pdp::gateway {

inline constexpr size_t kMaxTargetBytes = 8192;
inline constexpr size_t kMaxSegments = 8;
// Servers leave out parameters past some number of them.
inline constexpr size_t kMaxParameters = 100;

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct RequestTarget {
  // Below the base path; none: the base path itself.  Each is letters, digits
  // and `-._$`, and something other than dots.
  std::vector<std::string_view> segments;
  std::string_view query;  // As it came.
  Parameters parameters;   // Of it, decoded, in their order.
};

// Whether `path` may be the base path: "" or `/fhir/R4`.
bool IsBasePath(std::string_view path);

// `target` is in origin form, `/fhir/R4/Patient/1?_format=json`.  The result
// points into it.  InvalidArgument where it is not below `base_path` or not
// plain; the message has no part of it.
absl::StatusOr<RequestTarget> ParseTarget(std::string_view base_path,
                                          std::string_view target);

// `query`, of a URL or a form, as FHIR's parameters.  InvalidArgument likewise:
// a name that is none, an escape that is none or not needed in a name, text
// that is not UTF-8 or has control characters, parameters that would change
// what the request is.
absl::Status ParseParameters(std::string_view query, Parameters& parameters);

// Whether the query `permitted` finds what `asked` does, both as written in
// URLs: they have the same parameters, those of one name in the same order. One
// that `permitted` has again may be in `asked` once, and no other of its name.
bool IsSameQuery(std::string_view asked, std::string_view permitted);

}  // namespace pdp::gateway

#endif  // PDP_GATEWAY_REQUEST_TARGET_H_
