// Parameter substitution: how `%organization` in a policy becomes the value
// that a membership gives it (semantics S-3).
//
// Medplum replaces text in the serialized policy, one parameter after the
// other. Values that could change the JSON around them are therefore dangerous;
// they are told apart here.

#ifndef PDP_POLICY_PARAMETERS_H_
#define PDP_POLICY_PARAMETERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/membership.h"

namespace pdp::policy {

// The parameters that a policy is bound with, in Medplum's order: the access
// item's own, then `profile`, then `patient` unless one has that name.
std::vector<Parameter> BindingParameters(const std::vector<Parameter>& own,
                                         std::string_view profile);

// Whether the parameters can neither end a JSON string nor be taken for a
// replacement pattern of JavaScript: then replacing in each text of the policy
// by itself is the same as replacing in the whole.
bool ArePlain(const std::vector<Parameter>& parameters);

// Whether a value would change what the policy's author wrote rather than fill
// a place in it: a quote, a backslash, `&`, `?`, `$`, a control character, or
// the name of another parameter (strict mode refuses these).
bool ChangesStructure(const Parameter& parameter,
                      const std::vector<Parameter>& all);

// The same for what only the FHIRPath of a write constraint is changed by: the
// quotes that end its strings, and, where the name stands outside of a string,
// whatever is not a literal or a reference (`0 or true`).
bool ChangesConstraint(const Parameter& parameter, std::string_view constraint);

// More than this a text never becomes by substitution: values that repeat each
// other's names, or what stands around them, would grow without end.
inline constexpr size_t kMaxSubstitutedBytes = 4 << 20;

// Replaces every parameter in `text`, in order, JavaScript's replacement
// patterns included.  Nothing: the text would outgrow kMaxSubstitutedBytes.
std::optional<std::string> Substitute(std::string text,
                                      const std::vector<Parameter>& parameters);

// Whether `text` mentions `%name`.
bool Mentions(std::string_view text, const Parameter& parameter);

}  // namespace pdp::policy

#endif  // PDP_POLICY_PARAMETERS_H_
