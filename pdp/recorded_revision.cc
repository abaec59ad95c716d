#include "pdp/recorded_revision.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "pdp/audit/segment_file.h"
#include "pdp/base/log.h"
#include "pdp/base/strings.h"

namespace pdp {
namespace {

// One line, `recorded synced run`, as long as any other, so that one text
// replaces the other whole.
constexpr size_t kDigits = 20;
constexpr size_t kRunBytes = 36;
constexpr size_t kLineBytes = kDigits + 1 + kDigits + 1 + kRunBytes + 1;

bool ReadNumber(std::string_view digits, uint64_t& number) {
  return absl::SimpleAtoi(ToAbsl(digits), &number);
}

void SyncDirectoryOf(const std::string& file) {
  const std::string directory =
      std::filesystem::path(file).parent_path().string();
  audit::SyncDirectory(directory.empty() ? "." : directory).IgnoreError();
}

}  // namespace

std::string MachineRun() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text.size() == kRunBytes ? text : "";
}

RecordedRevision::RecordedRevision(const std::string& file, uint64_t otherwise,
                                   std::string machine_run)
    : machine_run_(std::move(machine_run)),
      recorded_(otherwise),
      synced_(otherwise) {
  if (file.empty()) return;
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    Log(Severity::kError, "recorded_revision_not_kept",
        {{"file", file}, {"error", std::strerror(errno)}});
    return;
  }
  const bool is_new = !Read();
  Write(/*is_synced=*/true);
  if (is_new) SyncDirectoryOf(file);
}

RecordedRevision::~RecordedRevision() {
  if (fd_ >= 0) close(fd_);
}

void RecordedRevision::Set(uint64_t recorded) {
  recorded_ = recorded;
  // A store may have been put back to an earlier state.
  synced_ = std::min(synced_, recorded);
  Write(/*is_synced=*/false);
}

void RecordedRevision::SetSynced(uint64_t synced) {
  synced_ = std::min(synced, recorded_);
  Write(/*is_synced=*/true);
}

// A file of an earlier version has the first number alone.
bool RecordedRevision::Read() {
  char text[kLineBytes] = "";
  const ssize_t size = pread(fd_, text, kLineBytes, 0);
  const std::string_view line(text,
                              static_cast<size_t>(std::max<ssize_t>(size, 0)));
  uint64_t recorded = 0;
  if (line.size() <= kDigits || !ReadNumber(line.substr(0, kDigits), recorded))
    return false;
  uint64_t synced = recorded;
  bool is_same_run = true;
  if (line.size() == kLineBytes) {
    if (!ReadNumber(line.substr(kDigits + 1, kDigits), synced)) return false;
    const std::string_view run = line.substr(2 * kDigits + 2, kRunBytes);
    is_same_run = !machine_run_.empty() && run == machine_run_;
  } else if (line.size() != kDigits + 1) {
    return false;
  }
  synced_ = std::min(synced, recorded);
  recorded_ = is_same_run ? recorded : synced_;
  return true;
}

void RecordedRevision::Write(bool is_synced) {
  if (fd_ < 0) return;
  char text[kLineBytes + 1];
  std::snprintf(text, sizeof(text), "%020llu %020llu %-36s\n",
                static_cast<unsigned long long>(recorded_),
                static_cast<unsigned long long>(synced_), machine_run_.c_str());
  // What is not written, or lost, is named once more at the next start.
  (void)!pwrite(fd_, text, kLineBytes, 0);
  if (is_synced) (void)!fdatasync(fd_);
}

}  // namespace pdp
