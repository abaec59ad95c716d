// What a call is known by to those whose work it is part of.

#ifndef PDP_SERVICE_TRACE_CONTEXT_H_
#define PDP_SERVICE_TRACE_CONTEXT_H_

#include <string_view>

namespace pdp::service {

// Of the metadata of a call, whose text it points into.  Empty: there is none
// that is well-formed.
struct TraceContext {
  std::string_view traceparent;
  std::string_view request_id;
};

// What there is of a `traceparent` of W3C Trace Context; nothing where `text`
// is none.  Of a later version that is the part that version 00 has.
std::string_view AsTraceparent(std::string_view text);

// `text` where it is 1 to 128 visible ASCII characters, else nothing.
std::string_view AsRequestId(std::string_view text);

}  // namespace pdp::service

#endif  // PDP_SERVICE_TRACE_CONTEXT_H_
