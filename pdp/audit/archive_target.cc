#include "pdp/audit/archive_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "pdp/audit/run_command.h"
#include "pdp/audit/segment_file.h"
#include "pdp/audit/torn_tail.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

std::string NameOf(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

absl::Status SyncFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError(StrCat("cannot open `", path, "`"), errno);
  const int result = fdatasync(file);
  const int error = errno;
  close(file);
  if (result != 0) return FileError(StrCat("cannot sync `", path, "`"), error);
  return absl::OkStatus();
}

class DirectoryTarget : public ArchiveTarget {
 public:
  explicit DirectoryTarget(std::string directory)
      : directory_(std::move(directory)) {}

  absl::Status Store(const std::string& path) override {
    const std::string target = StrCat(directory_, "/", NameOf(path));
    const std::string temporary = target + ".new";
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    std::filesystem::copy_file(
        path, temporary, std::filesystem::copy_options::overwrite_existing,
        error);
    if (error) {
      return FileError(StrCat("cannot copy to `", temporary, "`"),
                       error.value());
    }
    PDP_RETURN_IF_ERROR(SyncFile(temporary));
    if (std::rename(temporary.c_str(), target.c_str()) != 0) {
      return FileError(StrCat("cannot rename `", temporary, "`"), errno);
    }
    return SyncDirectory(directory_);
  }

  absl::StatusOr<Hash> DigestOf(const std::string& path) override {
    return DigestOfFile(StrCat(directory_, "/", NameOf(path)));
  }

 private:
  const std::string directory_;
};

class CommandTarget : public ArchiveTarget {
 public:
  explicit CommandTarget(const ArchiveOptions& options) : options_(options) {}

  absl::Status Store(const std::string& path) override {
    return Run(options_.command, path).status();
  }

  absl::StatusOr<Hash> DigestOf(const std::string& path) override {
    PDP_ASSIGN_OR_RETURN(const std::string output,
                         Run(options_.digest_command, path));
    // As sha256sum prints it, with a name after it or none.
    const std::vector<std::string> words =
        absl::StrSplit(output, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
    const auto digest = words.empty()
                            ? std::nullopt
                            : FromHex(absl::AsciiStrToLower(words.front()));
    if (digest) return *digest;
    return absl::UnavailableError(
        StrCat("`", options_.digest_command[0], "` printed no SHA-256"));
  }

 private:
  absl::StatusOr<std::string> Run(std::vector<std::string> command,
                                  const std::string& path) const {
    command.push_back(path);
    return RunCommand(command, options_.command_timeout);
  }

  const ArchiveOptions options_;
};

}  // namespace

std::unique_ptr<ArchiveTarget> MakeArchiveTarget(
    const ArchiveOptions& options) {
  if (!options.directory.empty()) {
    return std::make_unique<DirectoryTarget>(options.directory);
  }
  return std::make_unique<CommandTarget>(options);
}

absl::StatusOr<Hash> DigestOfFile(const std::string& path) {
  PDP_ASSIGN_OR_RETURN(const TornTail whole, ReadTornTail(path, 0));
  return whole.digest;
}

}  // namespace pdp::audit
