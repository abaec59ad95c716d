// What does an audit record cost?
//   audit_write [DIRECTORY]
// Writes records to a chain in DIRECTORY (default: /tmp), so many by each
// write, and prints the processor time of a record: of taking it over with its
// hash, and of writing.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "pdp/audit/file_journal.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr int kRecords = 400'000;

// Of this thread, in nanoseconds.
double ProcessorTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

Record TypicalRecord() {
  static constexpr std::string_view kTenants[] = {
      "Organization/30000000-0000-4000-8000-000000000001"};
  return {
      .time = absl::Now(),
      .decision_id = "019aa8a1-7a1b-7c00-8000-0123456789ab",
      .method = "Check",
      .latency = absl::Nanoseconds(900),
      .caller = "gateway",
      .subject = "ProjectMembership/20000000-0000-4000-8000-000000000001",
      .membership = "ProjectMembership/20000000-0000-4000-8000-000000000001",
      .profile = "Practitioner/40000000-0000-4000-8000-000000000001",
      .project = "10000000-0000-4000-8000-000000000001",
      .tenants = kTenants,
      .interaction = "read",
      .resource = "Observation/50000000-0000-4000-8000-000000000001",
      .patient = "Patient/60000000-0000-4000-8000-000000000001",
      .effect = "PERMIT",
      .reason = "PERMITTED",
      .policy = "AccessPolicy/70000000-0000-4000-8000-000000000001",
      .policy_version = "80000000-0000-4000-8000-000000000001",
      .entry = 3,
      .revision = 12345,
      .purpose_of_use = "TREAT",
      .remote_address = "10.1.2.3",
      .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
}

int Run(const std::string& parent) {
  const std::string directory = StrCat(parent, "/audit_write_", getpid());
  auto journal = FileJournal::Open({.directory = directory});
  if (!journal.ok()) {
    std::fprintf(stderr, "%s\n", journal.status().ToString().c_str());
    return 1;
  }
  const std::unique_ptr<Chain> chain = (*journal)->NewChain();
  const Record record = TypicalRecord();
  for (const int batch : {1, 4, 16, 64}) {
    double adding = 0;
    double writing = 0;
    for (int i = 0; i < kRecords; i += batch) {
      const double begin = ProcessorTime();
      for (int j = 0; j < batch; ++j) chain->Add(record);
      const double added = ProcessorTime();
      if (!chain->Write().ok()) return 1;
      adding += added - begin;
      writing += ProcessorTime() - added;
    }
    std::printf("%2d records a write: Add %.0f ns, Write %.0f ns a record\n",
                batch, adding / kRecords, writing / kRecords);
  }
  const JournalStatus status = (*journal)->Status();
  std::printf("%.0f bytes a record\n", static_cast<double>(status.bytes) /
                                           static_cast<double>(status.records));
  return 0;
}

}  // namespace
}  // namespace pdp::audit

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : "/tmp";
  const int code = pdp::audit::Run(parent);
  std::filesystem::remove_all(pdp::StrCat(parent, "/audit_write_", getpid()));
  return code;
}
