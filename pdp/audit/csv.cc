#include "pdp/audit/csv.h"

#include <string_view>

#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

std::string Cell(std::string_view text) {
  std::string cell;
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) !=
                           std::string_view::npos) {
    cell = "'";
  }
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Text(fhir::JsonElement value) {
  if (const auto text = fhir::AsString(value)) return std::string(*text);
  return fhir::ToJson(value);
}

}  // namespace

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    line += Cell(cell);
  }
  return line + "\n";
}

const std::vector<std::string>& RecordColumns() {
  static const auto* const columns =
      new std::vector<std::string>{"time",
                                   "kind",
                                   "decision_id",
                                   "method",
                                   "caller",
                                   "subject",
                                   "membership",
                                   "profile",
                                   "on_behalf_of",
                                   "project",
                                   "tenants",
                                   "interaction",
                                   "resource",
                                   "version_id",
                                   "patient",
                                   "effect",
                                   "reason",
                                   "policy",
                                   "policy_version",
                                   "built_in",
                                   "entry",
                                   "source",
                                   "notes",
                                   "revision",
                                   "purpose_of_use",
                                   "remote_address",
                                   "user_agent",
                                   "session",
                                   "request_id",
                                   "traceparent",
                                   "smart_scope",
                                   "launch_patient",
                                   "event",
                                   "success",
                                   "latency_ns",
                                   "cut",
                                   "seq",
                                   "item",
                                   "hash"};
  return *columns;
}

std::vector<std::string> RecordCells(fhir::JsonElement record) {
  std::vector<std::string> cells;
  for (const std::string& column : RecordColumns()) {
    std::string& cell = cells.emplace_back();
    fhir::ForEachItem(record, column, [&](fhir::JsonElement item) {
      if (!cell.empty()) cell += ' ';
      cell += Text(item);
    });
  }
  return cells;
}

}  // namespace pdp::audit
