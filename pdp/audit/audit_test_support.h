// What the tests of the audit log have in common.

#ifndef PDP_AUDIT_AUDIT_TEST_SUPPORT_H_
#define PDP_AUDIT_AUDIT_TEST_SUPPORT_H_

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_split.h"
#include "pdp/audit/file_journal.h"
#include "pdp/audit/line_records.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/segment.h"
#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace pdp::audit {

// A log without a thread, at a time that stands still.
inline JournalOptions TestOptions(const std::string& directory,
                                  const Clock& clock) {
  return {.directory = directory,
          .server = "test",
          .product = "medplum-pdp test",
          .clock = &clock,
          .run_thread = false};
}

// As the service numbers decisions: the first 48 bits are the time.
inline std::string DecisionId(absl::Time time, int number) {
  char id[64];
  const auto millis = static_cast<unsigned long long>(absl::ToUnixMillis(time));
  std::snprintf(id, sizeof id, "%08llx-%04llx-7000-8000-%012d", millis >> 16,
                millis & 0xffff, number);
  return id;
}

inline Record TestRecord(absl::Time time, std::string_view id) {
  return {.time = time,
          .decision_id = id,
          .method = "Check",
          .subject = "ProjectMembership/m1",
          .interaction = "read",
          .resource = "Patient/p1",
          .patient = "Patient/p1",
          .effect = "PERMIT",
          .reason = "PERMITTED"};
}

// The lines of a file.
inline std::vector<std::string> Lines(const std::string& path) {
  return absl::StrSplit(ReadFile(path), '\n', absl::SkipEmpty());
}

// The paths of the segments, by chain and number.
inline std::vector<std::string> SegmentPaths(const std::string& directory) {
  std::vector<std::string> paths;
  const auto names = ListSegments(directory);
  if (!names.ok()) return paths;
  for (const SegmentName& name : *names) {
    paths.push_back(StrCat(directory, "/", name.ToString()));
  }
  return paths;
}

// The kinds of the lines of a file.
inline std::vector<std::string> Kinds(const std::string& path) {
  std::vector<std::string> kinds;
  RecordParser parser;
  for (const std::string& line : Lines(path)) {
    kinds.emplace_back(parser.Parse(line).ok() ? parser.kind() : "?");
  }
  return kinds;
}

// How many records of `kind` a file has, of which a line may have several.
inline size_t CountRecords(const std::string& path, std::string_view kind) {
  size_t count = 0;
  LineRecords records;
  RecordParser parser;
  for (const std::string& line : Lines(path)) {
    if (!records.Read(line).ok()) continue;
    for (size_t i = 0; i < records.size(); ++i) {
      count += parser.Parse(records[i]).ok() && parser.kind() == kind;
    }
  }
  return count;
}

// Lets calls fail.
class FaultyCalls : public FileCalls {
 public:
  ssize_t Write(int file, std::string_view bytes) override {
    if (write_error == 0) return FileCalls::Write(file, bytes);
    if (short_bytes > 0) {
      const size_t count = short_bytes;
      short_bytes = 0;
      return FileCalls::Write(file, bytes.substr(0, count));
    }
    errno = write_error;
    return -1;
  }
  int Truncate(int file, uint64_t size) override {
    if (truncate_error == 0) return FileCalls::Truncate(file, size);
    errno = truncate_error;
    return -1;
  }
  int Sync(int file) override {
    ++syncs;
    if (sync_error == 0) return FileCalls::Sync(file);
    errno = sync_error;
    return -1;
  }

  int write_error = 0;
  size_t short_bytes = 0;  // Are written before the error.
  int truncate_error = 0;
  int sync_error = 0;
  int syncs = 0;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_AUDIT_TEST_SUPPORT_H_
