// Early return for absl::Status and absl::StatusOr, which abseil 20220623 does
// not have itself.

#ifndef PDP_BASE_STATUS_MACROS_H_
#define PDP_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PDP_RETURN_IF_ERROR(expression)                  \
  do {                                                   \
    const absl::Status pdp_status_macro = (expression);  \
    if (!pdp_status_macro.ok()) return pdp_status_macro; \
  } while (false)

#define PDP_STATUS_MACRO_CONCAT_INNER(a, b) a##b
#define PDP_STATUS_MACRO_CONCAT(a, b) PDP_STATUS_MACRO_CONCAT_INNER(a, b)

// PDP_ASSIGN_OR_RETURN(const auto value, Parse(text));
#define PDP_ASSIGN_OR_RETURN(declaration, expression)                   \
  PDP_ASSIGN_OR_RETURN_IMPL(PDP_STATUS_MACRO_CONCAT(pdp_or_, __LINE__), \
                            declaration, expression)
#define PDP_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                      \
  if (!result.ok()) return result.status();                        \
  declaration = *std::move(result)

#endif  // PDP_BASE_STATUS_MACROS_H_
