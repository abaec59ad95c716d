#include "clients/pdpctl/run_audit.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/print_report.h"
#include "pdp/audit/csv.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/log_reader.h"
#include "pdp/audit/query.h"
#include "pdp/audit/report.h"
#include "pdp/audit/verify.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

using audit::FoundRecord;
using fhir::QuoteJson;

int Fail(const absl::Status& status, std::ostream& err) {
  err << "pdpctl: " << ToStd(status.message()) << '\n';
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitError;
}

// verify.

absl::StatusOr<std::vector<audit::Head>> ReadHeadsFile(
    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return absl::UnavailableError(StrCat("cannot read `", path, "`"));
  std::vector<audit::Head> heads = audit::ParseHeads(text);
  if (heads.empty()) {
    return absl::UnavailableError(StrCat("`", path, "` has no heads"));
  }
  return heads;
}

absl::StatusOr<audit::VerifyReport> RunVerifier(const AuditCommand& command) {
  audit::VerifyOptions options{.directories = command.directories};
  for (const std::string& file : command.public_key_files) {
    PDP_ASSIGN_OR_RETURN(audit::SigningKey key,
                         audit::SigningKey::FromPublicFile(file));
    options.public_keys.push_back(std::move(key));
  }
  for (const std::string& file : command.heads_files) {
    PDP_ASSIGN_OR_RETURN(const std::vector<audit::Head> heads,
                         ReadHeadsFile(file));
    options.heads.insert(options.heads.end(), heads.begin(), heads.end());
  }
  return audit::Verify(options);
}

std::string ToJson(const audit::VerifyReport& report) {
  std::string findings;
  for (const audit::Finding& finding : report.findings.all()) {
    if (!findings.empty()) findings += ',';
    findings +=
        StrCat(R"({"kind":")", FindingKindName(finding.kind), R"(","file":)",
               QuoteJson(finding.file), R"(,"line":)", finding.line,
               R"(,"chain":)", QuoteJson(finding.chain), R"(,"seq":)",
               finding.seq, R"(,"message":)", QuoteJson(finding.message), "}");
  }
  return StrCat(
      R"({"ok":)", report.ok() ? "true" : "false", R"(,"chains":)",
      report.chains, R"(,"segments":)", report.segments, R"(,"records":)",
      report.records, R"(,"checkpoints":)", report.checkpoints,
      R"(,"signatures":)", report.signatures, R"(,"heads":)", report.heads,
      R"(,"faults":)", report.findings.faults(), R"(,"remarks":)",
      report.findings.remarks(), R"(,"findings":[)", findings, "]}\n");
}

std::string ToText(const audit::VerifyReport& report) {
  std::string text;
  for (const audit::Finding& finding : report.findings.all()) {
    text += finding.ToString() + "\n";
  }
  const uint64_t found = report.findings.faults() + report.findings.remarks();
  if (found > report.findings.all().size()) {
    text += StrCat("... and ", found - report.findings.all().size(), " more\n");
  }
  return StrCat(
      text, report.chains, " chains, ", report.segments, " segments, ",
      report.records, " records, ", report.checkpoints, " checkpoints (",
      report.signatures, " signatures verified), ", report.heads, " heads: ",
      report.ok() ? "whole" : StrCat(report.findings.faults(), " faults"),
      "\n");
}

int RunVerify(const AuditCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  const auto report = RunVerifier(command);
  if (!report.ok()) return Fail(report.status(), err);
  out << (output == OutputFormat::kJson ? ToJson(*report) : ToText(*report))
      << std::flush;
  return report->ok() ? kExitOk : kExitFindings;
}

// The others.

bool IsAccess(const audit::RecordParser& parsed) {
  return parsed.is_record() &&
         parsed.record().kind == audit::RecordKind::kAccess;
}

// Visits what matches, and for a report all accesses; the number of lines that
// are no records, which `err` places.
absl::StatusOr<uint64_t> ForEachMatch(
    const AuditCommand& command,
    const std::function<void(const FoundRecord&)>& visit, std::ostream& err) {
  const bool is_report = command.action == AuditCommand::Action::kReport;
  PDP_ASSIGN_OR_RETURN(const audit::Query query, MakeQuery(command.filters));
  PDP_ASSIGN_OR_RETURN(const audit::LogReader reader,
                       audit::LogReader::Open(command.directories));
  uint64_t defects = 0;
  PDP_RETURN_IF_ERROR(reader.ForEach(
      query.selection,
      [&](const FoundRecord& found) {
        if (query.Matches(found.parsed) ||
            (is_report && IsAccess(found.parsed))) {
          visit(found);
        }
        return true;
      },
      [&](const audit::Defect& defect) {
        ++defects;
        err << defect.ToString() << '\n';
      }));
  return defects;
}

int ExitCode(const absl::StatusOr<uint64_t>& defects, std::ostream& err) {
  if (!defects.ok()) return Fail(defects.status(), err);
  if (*defects == 0) return kExitOk;
  err << "pdpctl: " << *defects << " lines are no records\n";
  return kExitError;
}

void Append(std::string_view text, std::string_view before, std::string& line) {
  if (!text.empty()) line += StrCat(before, text);
}

std::string ToText(const FoundRecord& found) {
  const audit::Record& record = found.parsed.record();
  std::string line;
  audit::AppendTime(record.time, line);
  line += StrCat(" ", found.parsed.kind());
  Append(record.effect, " ", line);
  Append(record.reason, " ", line);
  Append(record.profile.empty() ? record.subject : record.profile, " ", line);
  Append(record.on_behalf_of, " for ", line);
  Append(record.method, " ", line);
  Append(record.interaction, " ", line);
  Append(record.resource, " ", line);
  Append(record.event, " ", line);
  Append(record.policy, " by ", line);
  if (record.entry) line += StrCat("[", *record.entry, "]");
  Append(record.caller, " via ", line);
  Append(record.decision_id, " ", line);
  return line;
}

int RunQuery(const AuditCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err) {
  const auto defects = ForEachMatch(
      command,
      [&](const FoundRecord& found) {
        if (output == OutputFormat::kJson) {
          out << found.json << '\n';
        } else {
          out << ToText(found) << '\n';
        }
      },
      err);
  out << std::flush;
  return ExitCode(defects, err);
}

int RunExport(const AuditCommand& command, std::ostream& out,
              std::ostream& err) {
  if (command.csv) out << audit::CsvLine(audit::RecordColumns());
  const auto defects = ForEachMatch(
      command,
      [&](const FoundRecord& found) {
        if (command.csv) {
          out << audit::CsvLine(audit::RecordCells(found.parsed.json()));
        } else {
          out << found.json << '\n';
        }
      },
      err);
  out << std::flush;
  return ExitCode(defects, err);
}

int RunReport(const AuditCommand& command, OutputFormat output,
              std::ostream& out, std::ostream& err) {
  if (command.directories.empty()) {
    return Fail(absl::InvalidArgumentError(
                    StrCat("report ", command.report, " needs DIR")),
                err);
  }
  if (command.report == "patient" && command.filters.patient.empty()) {
    return Fail(absl::InvalidArgumentError("report patient needs --patient"),
                err);
  }
  if (command.report == "member" && command.filters.subject.empty()) {
    return Fail(absl::InvalidArgumentError("report member needs --subject"),
                err);
  }
  const std::unique_ptr<audit::Report> report =
      audit::MakeReport(command.report);
  const auto defects = ForEachMatch(
      command, [&](const FoundRecord& found) { report->Add(found); }, err);
  if (!defects.ok()) return ExitCode(defects, err);
  const audit::ReportTable table = report->Finish();
  out << PrintReport(table, command.csv, output) << std::flush;
  return ExitCode(defects, err);
}

}  // namespace

int RunAudit(const AuditCommand& command, OutputFormat output,
             std::ostream& out, std::ostream& err) {
  switch (command.action) {
    case AuditCommand::Action::kVerify:
      return RunVerify(command, output, out, err);
    case AuditCommand::Action::kQuery:
      return RunQuery(command, output, out, err);
    case AuditCommand::Action::kExport:
      return RunExport(command, out, err);
    case AuditCommand::Action::kReport:
      return RunReport(command, output, out, err);
  }
  return kExitError;
}

}  // namespace pdp::ctl
