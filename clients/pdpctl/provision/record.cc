#include "clients/pdpctl/provision/record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::provision {

using fhir::QuoteJson;

absl::StatusOr<std::unique_ptr<Record>> Record::Open(const std::string& path,
                                                     std::string head) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::FailedPreconditionError(StrCat(
        "the record ", path, " cannot be written: ", std::strerror(errno),
        "; name another with --record"));
  }
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return absl::FailedPreconditionError(
        StrCat("another pdpctl is writing the record ", path, ": wait for it"));
  }
  return std::unique_ptr<Record>(new Record(file, path, std::move(head)));
}

Record::Record(int file, std::string path, std::string head)
    : file_(file), path_(std::move(path)), head_(std::move(head)) {}

Record::~Record() { close(file_); }

absl::Status Record::Write(std::string_view event, const Step& step,
                           std::string_view reference, std::string_view version,
                           std::string_view error) {
  const std::string now = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                           absl::UTCTimeZone());
  std::string line =
      StrCat("{\"time\":", QuoteJson(now), ",", head_,
             ",\"event\":", QuoteJson(event), ",", StepMembers(step));
  if (!reference.empty()) line += StrCat(",\"made\":", QuoteJson(reference));
  if (!version.empty()) line += StrCat(",\"after\":", QuoteJson(version));
  if (!error.empty()) line += StrCat(",\"error\":", QuoteJson(error));
  line += "}\n";
  const char* at = line.data();
  size_t left = line.size();
  while (left > 0) {
    const ssize_t written = write(file_, at, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    at += written;
    left -= static_cast<size_t>(written);
  }
  if (left > 0 || fsync(file_) != 0) {
    return absl::FailedPreconditionError(StrCat(
        "the record ", path_, " cannot be written: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

std::string StepMembers(const Step& step) {
  std::string json = StrCat("\"action\":", QuoteJson(ActionName(step.action)),
                            ",\"kind\":", QuoteJson(step.kind));
  if (!step.key.empty()) {
    json += StrCat(",\"name\":",
                   QuoteJson(step.key.substr(step.key.find('/') + 1)));
  }
  if (!step.reference.empty()) {
    json += StrCat(",\"reference\":", QuoteJson(step.reference));
  }
  if (!step.version.empty()) {
    json += StrCat(",\"before\":", QuoteJson(step.version));
  }
  if (step.widens) json += ",\"widens\":true";
  if (!step.reason.empty()) {
    json += StrCat(",\"reason\":", QuoteJson(step.reason));
  }
  json += ",\"changes\":[";
  for (size_t i = 0; i < step.changes.size(); ++i) {
    json += StrCat(i == 0 ? "" : ",", QuoteJson(step.changes[i]));
  }
  return json + "]";
}

}  // namespace pdp::provision
