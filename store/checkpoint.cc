// Store::Checkpoint.

#include "rocksdb/utilities/checkpoint.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "store/impl.h"
#include "store/store.h"

namespace pdp::store {

absl::Status Store::Checkpoint(const std::string& directory) const {
  namespace fs = std::filesystem;
  // No Apply may come between the copy and the revision that is written for it.
  MutexLock lock(impl_->apply_mutex);
  std::error_code error;
  if (!fs::create_directory(directory, error)) {
    if (error) {
      return absl::UnavailableError(
          StrCat("cannot make `", directory, "`: ", error.message()));
    }
    return absl::AlreadyExistsError(StrCat("`", directory, "` exists"));
  }
  rocksdb::Checkpoint* raw = nullptr;
  const rocksdb::Status created =
      rocksdb::Checkpoint::Create(&impl_->rocks->db(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  PDP_RETURN_IF_ERROR(impl_->Counted(FromRocks(created)));
  const std::string path = (fs::absolute(directory) / "db").string();
  PDP_RETURN_IF_ERROR(
      impl_->Counted(FromRocks(checkpoint->CreateCheckpoint(path))));
  // Last: a copy without it is refused.
  return impl_->Counted(Identity::Write(directory, revision()));
}

}  // namespace pdp::store
