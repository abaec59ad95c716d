// Writing a small file whole.

#ifndef PDP_AUDIT_REPLACE_FILE_H_
#define PDP_AUDIT_REPLACE_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pdp::audit {

// Makes `text` the content of the file, for this user alone: what was there
// before stays where that fails, also when the machine loses power.
absl::Status ReplaceFile(const std::string& path, std::string_view text);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_REPLACE_FILE_H_
