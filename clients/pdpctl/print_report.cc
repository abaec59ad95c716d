#include "clients/pdpctl/print_report.h"

#include <algorithm>
#include <vector>

#include "clients/pdpctl/text_table.h"
#include "pdp/audit/csv.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

using fhir::QuoteJson;

std::string ToCsv(const audit::ReportTable& table) {
  std::string text = audit::CsvLine(table.columns);
  for (const auto& row : table.rows) text += audit::CsvLine(row);
  return text;
}

// An object a row.
std::string ToJson(const audit::ReportTable& table) {
  std::string text;
  for (const auto& row : table.rows) {
    std::string object;
    for (size_t i = 0; i < row.size(); ++i) {
      object += StrCat(object.empty() ? "{" : ",", QuoteJson(table.columns[i]),
                       ":", QuoteJson(row[i]));
    }
    text += StrCat(object, "}\n");
  }
  return text;
}

std::string ToText(const audit::ReportTable& table) {
  std::vector<size_t> widths;
  for (const std::string& column : table.columns) {
    widths.push_back(Width(column));
  }
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += Pad(row[i], widths[i]) + "  ";
    }
    text += StrCat(line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  };
  add(table.columns);
  for (const auto& row : table.rows) add(row);
  return text;
}

}  // namespace

std::string PrintReport(const audit::ReportTable& table, bool csv,
                        OutputFormat output) {
  if (csv) return ToCsv(table);
  return output == OutputFormat::kJson ? ToJson(table) : ToText(table);
}

}  // namespace pdp::ctl
