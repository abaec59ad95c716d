// A segment of an audit log.  Whatever is in the file, it can be read, verified
// and gone on with; and only a file that is as the server wrote it is whole.

#include <filesystem>
#include <string>
#include <string_view>

#include "pdp/audit/file_journal.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit/report.h"
#include "pdp/audit/verify.h"
#include "pdp/base/strings.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/temp_directory.h"

namespace pdp::fuzz {
namespace {

using audit::SegmentName;

constexpr std::string_view kName =
    "20260921T141320.000000Z-0000-00000001.jsonl";

void Read(const std::string& directory) {
  const auto reader = audit::LogReader::Open({directory});
  Require(reader.ok(), "a directory can be read");
  for (const std::string& name : audit::ReportNames()) {
    const auto report = audit::MakeReport(name);
    const absl::Status status = reader->ForEach(
        {},
        [&](const audit::FoundRecord& found) {
          report->Add(found);
          return true;
        },
        [](const audit::Defect&) {});
    Require(status.ok(), "all of it can be read");
    (void)report->Finish();
  }
}

}  // namespace

void RunInput(std::string_view input) {
  static const TempDirectory* const directory = new TempDirectory();
  const std::string log = *directory / "log";
  const std::string path = StrCat(log, "/", kName);
  std::filesystem::remove_all(log);
  WriteFile(path, input);
  Read(log);
  const auto before = audit::Verify({.directories = {log}});
  Require(before.ok(), "a log can be verified");

  auto journal =
      audit::FileJournal::Open({.directory = log,
                                .checkpoint_interval = absl::InfiniteDuration(),
                                .run_thread = false});
  if (!journal.ok()) return;  // Another log's.
  const auto chain = (*journal)->NewChain();
  chain->Add({.decision_id = "id"});
  Require(chain->Write().ok(), "a log is gone on with");
  if (input.empty()) return;
  Require(ReadFile(path) == input, "nothing is changed that is there");
  const auto after = audit::Verify({.directories = {log}});
  Require(after.ok(), "a log can be verified");
  Require(before->ok() || !after->ok(), "what was wrong does not become right");
}

}  // namespace pdp::fuzz
