#include "pdp/sync/directory_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::sync {
namespace {

namespace fs = std::filesystem;

absl::Status CannotRead(const fs::path& path, const std::error_code& error) {
  return absl::UnavailableError(
      StrCat(path.string(), ": cannot be read: ", error.message()));
}

int64_t Nanos(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

class Walker {
 public:
  explicit Walker(size_t max_files) : max_files_(max_files) {}

  absl::StatusOr<Walk> Run(const fs::path& path) {
    std::error_code error;
    root_ = fs::canonical(path, error);
    if (error) return CannotRead(path, error);
    if (!fs::is_directory(root_, error)) {
      return absl::InvalidArgumentError(
          StrCat(path.string(), ": not a directory"));
    }
    PDP_RETURN_IF_ERROR(Directory(path, root_));
    std::sort(walk_.files.begin(), walk_.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(walk_);
  }

 private:
  // `real` is `path` without symbolic links.
  absl::Status Directory(const fs::path& path, const fs::path& real) {
    if (!seen_.insert(real).second) return absl::OkStatus();
    walk_.directories.push_back(real.string());
    std::error_code error;
    std::vector<fs::path> names;
    for (fs::directory_iterator entry(real, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename());
    }
    if (error) return CannotRead(path, error);
    std::sort(names.begin(), names.end());
    for (const fs::path& name : names) {
      if (name.native().starts_with('.')) continue;
      PDP_RETURN_IF_ERROR(Entry(path / name, real / name));
    }
    return absl::OkStatus();
  }

  absl::Status Entry(const fs::path& path, fs::path real) {
    const bool is_json = path.extension() == ".json";
    std::error_code error;
    fs::file_status status = fs::symlink_status(real, error);
    if (error) return CannotRead(path, error);
    if (fs::is_symlink(status)) {
      real = fs::canonical(real, error);
      status = error ? fs::file_status() : fs::status(real, error);
      const bool matters = is_json || fs::is_directory(status);
      if (!matters) return absl::OkStatus();
      if (error) {
        return absl::InvalidArgumentError(
            StrCat(path.string(), ":1: a symbolic link that leads nowhere"));
      }
      if (!IsBelowRoot(real)) {
        return absl::InvalidArgumentError(
            StrCat(path.string(),
                   ":1: a symbolic link that leads outside of the directory"));
      }
    }
    if (fs::is_directory(status)) return Directory(path, real);
    if (!is_json) return absl::OkStatus();
    if (!fs::is_regular_file(status)) {
      return absl::InvalidArgumentError(
          StrCat(path.string(), ":1: not a regular file"));
    }
    return File(path, real);
  }

  bool IsBelowRoot(const fs::path& real) const {
    return std::mismatch(root_.begin(), root_.end(), real.begin(), real.end())
               .first == root_.end();
  }

  absl::Status File(const fs::path& path, const fs::path& real) {
    if (!seen_.insert(real).second) return absl::OkStatus();
    if (walk_.files.size() == max_files_) {
      return absl::ResourceExhaustedError(
          StrCat(root_.string(), ": more than ", max_files_, " files"));
    }
    struct stat file {};
    if (stat(real.c_str(), &file) != 0) {
      return CannotRead(path, {errno, std::generic_category()});
    }
    walk_.fingerprint =
        absl::HashOf(walk_.fingerprint, path.native(), file.st_dev, file.st_ino,
                     file.st_size, Nanos(file.st_mtim), Nanos(file.st_ctim));
    walk_.files.push_back({.path = path.string(),
                           .real = real.string(),
                           .bytes = static_cast<uint64_t>(file.st_size),
                           .modified = absl::TimeFromTimespec(file.st_mtim)});
    return absl::OkStatus();
  }

  const size_t max_files_;
  fs::path root_;
  std::set<fs::path> seen_;
  Walk walk_;
};

}  // namespace

absl::StatusOr<Walk> WalkDirectory(const std::string& path, size_t max_files) {
  return Walker(max_files).Run(path);
}

}  // namespace pdp::sync
