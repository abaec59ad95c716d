#include "pdp/recorded_revision.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"

namespace pdp {
namespace {

// All digits a revision may have, so that one text replaces the other whole.
constexpr int kDigits = 20;

}  // namespace

RecordedRevision::RecordedRevision(const std::string& file, uint64_t otherwise)
    : revision_(otherwise) {
  if (file.empty()) return;
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    Log(Severity::kError, "recorded_revision_not_kept",
        {{"file", file}, {"error", std::strerror(errno)}});
    return;
  }
  char text[kDigits + 2] = "";
  const ssize_t size = pread(fd_, text, kDigits + 1, 0);
  std::string_view digits(text,
                          static_cast<size_t>(std::max<ssize_t>(size, 0)));
  if (digits.size() != kDigits + 1 || digits.back() != '\n' ||
      !absl::SimpleAtoi(ToAbsl(digits.substr(0, kDigits)), &revision_)) {
    Set(otherwise);
  }
}

RecordedRevision::~RecordedRevision() {
  if (fd_ >= 0) close(fd_);
}

void RecordedRevision::Set(uint64_t revision) {
  revision_ = revision;
  if (fd_ < 0) return;
  char text[kDigits + 2];
  std::snprintf(text, sizeof(text), "%020llu\n",
                static_cast<unsigned long long>(revision));
  // What is not written is named once more at the next start.
  (void)!pwrite(fd_, text, kDigits + 1, 0);
}

}  // namespace pdp
