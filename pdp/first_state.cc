#include "pdp/first_state.h"

#include <filesystem>
#include <system_error>

#include "pdp/base/log.h"
#include "pdp/base/strings.h"
#include "store/copy.h"

namespace pdp {

bool BeginWithCheckpoint(const std::string& checkpoint,
                         const store::Options& options) {
  std::error_code error;
  if (checkpoint.empty() || std::filesystem::exists(options.directory, error)) {
    return false;
  }
  const absl::StatusOr<uint64_t> copied =
      store::CopyCheckpoint(checkpoint, options);
  if (!copied.ok()) {
    Log(Severity::kWarning, "checkpoint_not_used",
        {{"checkpoint", checkpoint},
         {"error", ToStd(copied.status().message())}});
    return false;
  }
  Log(Severity::kInfo, "checkpoint_used",
      {{"checkpoint", checkpoint}, {"revision", *copied}});
  return true;
}

}  // namespace pdp
