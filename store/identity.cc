#include "store/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatPrefix = "medplum-pdp store format=";
constexpr std::string_view kNewState = "new";
constexpr std::string_view kUseState = "use";
constexpr size_t kMaxBytes = 256;

std::string PathIn(const std::string& directory) {
  return (fs::path(directory) / "STORE").string();
}

absl::Status SystemError(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      StrCat(what, " `", path,
             "`: ", std::error_code(errno, std::generic_category()).message()));
}

uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

std::string Render(uint32_t format, bool is_new, uint64_t revision) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%020llu",
                static_cast<unsigned long long>(revision));
  std::string line =
      StrCat(kFormatPrefix, format, " state=", is_new ? kNewState : kUseState,
             " revision=", digits);
  char check[32];
  std::snprintf(check, sizeof check, " check=%016llx\n",
                static_cast<unsigned long long>(Fnv1a(line)));
  return line + check;
}

struct Content {
  uint32_t format = 0;
  bool is_new = false;
  uint64_t revision = 0;
};

absl::StatusOr<Content> ParseContent(std::string_view text,
                                     const std::string& path) {
  if (!text.starts_with(kFormatPrefix)) {
    return absl::FailedPreconditionError(
        StrCat("`", path, "` is not the file of a store"));
  }
  uint32_t format = 0;
  std::from_chars(text.data() + kFormatPrefix.size(), text.data() + text.size(),
                  format);
  if (format < kOldestFormatVersion || format > kFormatVersion) {
    return absl::FailedPreconditionError(
        StrCat("`", path, "`: the store has format ", format,
               "; this program reads format ", kFormatVersion,
               ": start with an empty directory"));
  }
  // What Render would write for the numbers read is what must be there.
  constexpr std::string_view kRevision = " revision=";
  const size_t at = text.find(kRevision);
  uint64_t revision = 0;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + kRevision.size(),
                    text.data() + text.size(), revision);
  }
  for (const bool is_new : {false, true}) {
    if (text == Render(format, is_new, revision)) {
      return Content{format, is_new, revision};
    }
  }
  return absl::DataLossError(StrCat("`", path, "` is damaged"));
}

absl::Status SyncDirectory(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return SystemError("cannot open", directory);
  const int failed = fsync(file);
  close(file);
  return failed ? SystemError("cannot sync", directory) : absl::OkStatus();
}

// The first entry of `directory` that a store would not have made.
std::optional<std::string> FirstEntry(const std::string& directory,
                                      std::error_code& error) {
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::string name = entry.path().filename().string();
    if (name != "lost+found") return name;
  }
  return std::nullopt;
}

absl::StatusOr<int> OpenFile(const std::string& directory, int flags) {
  const std::string path = PathIn(directory);
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  if (file < 0) {
    if (errno == ENOENT) return absl::NotFoundError(path);
    return SystemError("cannot open", path);
  }
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Identity>> Identity::Open(
    const std::string& directory) {
  const std::string path = PathIn(directory);
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::UnavailableError(
        StrCat("cannot make `", directory, "`: ", error.message()));
  }
  absl::StatusOr<int> file = OpenFile(directory, 0);
  if (absl::IsNotFound(file.status())) {
    const std::optional<std::string> entry = FirstEntry(directory, error);
    if (error) {
      return absl::UnavailableError(
          StrCat("cannot read `", directory, "`: ", error.message()));
    }
    if (entry) {
      return absl::FailedPreconditionError(
          StrCat("`", directory, "` is not a store: it holds `", *entry,
                 "` and no file STORE"));
    }
    file = OpenFile(directory, O_CREAT);
  }
  PDP_RETURN_IF_ERROR(file.status());
  // From here on the destructor closes the file.
  std::unique_ptr<Identity> identity(new Identity(*file, false, 0));
  if (flock(*file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("cannot lock", path);
    return absl::FailedPreconditionError(
        StrCat("`", directory, "` is in use: another process has it open"));
  }
  char text[kMaxBytes];
  const ssize_t size = pread(*file, text, sizeof text, 0);
  if (size < 0) return SystemError("cannot read", path);
  if (size == 0) {
    // Made just now, or by a process that ended before its first write.
    std::error_code ignored;
    if (fs::exists(fs::path(directory) / "db", ignored)) {
      return absl::DataLossError(StrCat("`", path, "` is empty"));
    }
    identity->is_new_ = true;
    PDP_RETURN_IF_ERROR(identity->Rewrite());
    if (fsync(*file) != 0) return SystemError("cannot sync", path);
    PDP_RETURN_IF_ERROR(SyncDirectory(directory));
    return identity;
  }
  PDP_ASSIGN_OR_RETURN(
      const Content content,
      ParseContent(std::string_view(text, static_cast<size_t>(size)), path));
  identity->format_ = content.format;
  identity->is_new_ = content.is_new;
  identity->revision_ = content.revision;
  return identity;
}

absl::Status Identity::Write(const std::string& directory, uint64_t revision) {
  PDP_ASSIGN_OR_RETURN(const int file, OpenFile(directory, O_CREAT | O_EXCL));
  Identity identity(file, false, revision);
  PDP_RETURN_IF_ERROR(identity.Rewrite());
  if (fsync(file) != 0) return SystemError("cannot sync", PathIn(directory));
  return SyncDirectory(directory);
}

Identity::~Identity() { close(file_); }

absl::Status Identity::BeginUse() {
  is_new_ = false;
  return RewriteDurably();
}

absl::Status Identity::Upgrade() {
  format_ = kFormatVersion;
  return RewriteDurably();
}

absl::Status Identity::Acknowledge(uint64_t revision) {
  if (revision == revision_) return absl::OkStatus();
  revision_ = revision;
  return Rewrite();
}

absl::Status Identity::RewriteDurably() {
  PDP_RETURN_IF_ERROR(Rewrite());
  if (fsync(file_) != 0) return SystemError("cannot sync", "STORE");
  return absl::OkStatus();
}

absl::Status Identity::Rewrite() {
  // Always the same length, so that one write replaces all of it.
  const std::string text = Render(format_, is_new_, revision_);
  const ssize_t written = pwrite(file_, text.data(), text.size(), 0);
  if (written == static_cast<ssize_t>(text.size())) return absl::OkStatus();
  return SystemError("cannot write", "STORE");
}

}  // namespace pdp::store
