#include "store/copy.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(std::string_view what, const fs::path& path,
                         const std::error_code& error) {
  return absl::UnavailableError(
      StrCat(what, " `", path.string(), "`: ", error.message()));
}

absl::Status LastError(std::string_view what, const fs::path& path) {
  return SystemError(what, path,
                     std::error_code(errno, std::generic_category()));
}

// Of a file or a directory.
absl::Status Sync(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return LastError("cannot open", path);
  const absl::Cleanup closer = [file] { close(file); };
  return fsync(file) == 0 ? absl::OkStatus() : LastError("cannot sync", path);
}

absl::Status CopyFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return SystemError("cannot copy", from, error);
  fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return SystemError("cannot change", to, error);
  return Sync(to);
}

absl::Status CopyFiles(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to / "db", error);
  if (error) return SystemError("cannot make", to / "db", error);
  fs::directory_iterator entry(from / "db", error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    PDP_RETURN_IF_ERROR(CopyFile(path, to / "db" / path.filename()));
  }
  if (error) return SystemError("cannot read", from / "db", error);
  PDP_RETURN_IF_ERROR(Sync(to / "db"));
  PDP_RETURN_IF_ERROR(CopyFile(from / "STORE", to / "STORE"));
  return Sync(to);
}

}  // namespace

absl::StatusOr<uint64_t> CopyCheckpoint(const std::string& checkpoint,
                                        const Options& options) {
  const fs::path from(checkpoint);
  const fs::path to(options.directory);
  std::error_code error;
  if (fs::exists(to, error)) {
    return absl::FailedPreconditionError(
        StrCat("`", to.string(), "` is there already"));
  }
  const fs::path identity = from / "STORE";
  const int file = open(identity.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno != ENOENT && errno != ENOTDIR)
      return LastError("cannot open", identity);
    return absl::FailedPreconditionError(
        StrCat("`", checkpoint,
               "` is no checkpoint, or not a whole one: it "
               "has no file STORE"));
  }
  const absl::Cleanup closer = [file] { close(file); };
  // Of a store that is open the files would be of different moments.
  if (flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        StrCat("`", checkpoint,
               "` is in use by a server: it is a store, and no "
               "checkpoint of one"));
  }

  Options opened = options;
  opened.directory = to.string() + ".copy";
  const fs::path copy(opened.directory);
  fs::remove_all(copy, error);  // Of a process that ended here.
  absl::Cleanup remover = [&copy] {
    std::error_code ignored;
    fs::remove_all(copy, ignored);
  };
  PDP_RETURN_IF_ERROR(CopyFiles(from, copy));
  uint64_t revision = 0;
  {
    PDP_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                         Store::Open(opened));
    revision = store->revision();
  }
  fs::rename(copy, to, error);
  if (error) return SystemError("cannot rename", copy, error);
  std::move(remover).Cancel();
  PDP_RETURN_IF_ERROR(Sync(fs::absolute(to).parent_path()));
  return revision;
}

}  // namespace pdp::store
