#include "clients/pdpctl/run_table.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "clients/pdpctl/case_table.h"
#include "clients/pdpctl/exit_code.h"
#include "clients/pdpctl/names.h"
#include "clients/pdpctl/requests.h"
#include "clients/pdpctl/rpc_client.h"
#include "clients/pdpctl/text_table.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

// One row: a case, and what came of it.
struct Row {
  std::string id;
  std::string who;
  std::string what;
  std::string answer;
  std::string statuses;
  std::string why;  // Empty: as expected.
};

std::string StatusesText(uint32_t enforcement, uint32_t medplum) {
  return StrCat(enforcement, "/",
                medplum == 0 ? std::string("-") : StrCat(medplum));
}

Row RunCase(const CheckCase& check,
            const absl::StatusOr<v1::CheckResponse>& response) {
  Row row{check.id, check.who, check.what, "", "", ""};
  if (!response.ok()) {
    row.answer = "no decision";
    row.why = std::string(response.status().message());
    return row;
  }
  const v1::Decision& decision = response->decision();
  row.answer = AnswerText(decision);
  row.statuses = StatusesText(decision.enforcement_http_status(),
                              decision.medplum_http_status());
  row.why = Mismatch(check.expected, decision);
  return row;
}

Row RunCase(const FilterCase& filter,
            const absl::StatusOr<v1::FilterResponse>& response) {
  Row row{filter.id, filter.who, filter.what, "", "", ""};
  if (!response.ok()) {
    row.answer = "no answer";
    row.why = std::string(response.status().message());
    return row;
  }
  row.answer = FilterKindText(response->kind());
  if (!response->queries().empty()) {
    row.answer += StrCat(": ", absl::StrJoin(response->queries(), " | "));
  }
  row.statuses = StatusesText(response->enforcement_http_status(),
                              response->medplum_http_status());
  row.why = Mismatch(filter, *response);
  return row;
}

class TablePrinter {
 public:
  TablePrinter(OutputFormat output, std::ostream& out)
      : output_(output), out_(out) {}

  void Print(const std::string& title, const std::vector<Row>& rows) {
    for (const Row& row : rows) ++(row.why.empty() ? passed_ : failed_);
    if (output_ == OutputFormat::kJson) {
      for (const Row& row : rows) PrintJson(title, row);
      return;
    }
    out_ << '\n' << title << '\n';
    size_t who = 0;
    size_t what = 0;
    for (const Row& row : rows) {
      who = std::max(who, Width(row.who));
      what = std::max(what, Width(Shorten(row.what)));
    }
    for (const Row& row : rows) {
      out_ << (row.why.empty() ? "  ok    " : "  FAIL  ") << Pad(row.who, who)
           << "  " << Pad(Shorten(row.what), what) << "  "
           << Pad(row.statuses, 7) << "  " << row.answer << '\n';
      if (!row.why.empty()) {
        out_ << "        " << row.id << ": " << row.why << '\n';
      }
    }
  }

  int Finish(std::ostream& totals) const {
    totals << '\n'
           << passed_ << " passed, " << failed_ << " failed" << std::endl;
    return failed_ == 0 ? kExitOk : kExitError;
  }

 private:
  void PrintJson(const std::string& title, const Row& row) {
    out_ << "{\"group\":" << fhir::QuoteJson(title)
         << ",\"id\":" << fhir::QuoteJson(row.id)
         << ",\"who\":" << fhir::QuoteJson(row.who)
         << ",\"what\":" << fhir::QuoteJson(row.what)
         << ",\"answer\":" << fhir::QuoteJson(row.answer)
         << ",\"passed\":" << (row.why.empty() ? "true" : "false")
         << ",\"reason\":" << fhir::QuoteJson(row.why) << "}\n";
  }

  const OutputFormat output_;
  std::ostream& out_;
  size_t passed_ = 0;
  size_t failed_ = 0;
};

}  // namespace

int RunTable(const Connection& connection, const std::string& file,
             OutputFormat output, std::ostream& out, std::ostream& err) {
  const auto text = ReadInput(file);
  if (!text.ok()) {
    err << "pdpctl: " << text.status().message() << '\n';
    return kExitUsage;
  }
  const auto table = ParseCaseTable(*text);
  if (!table.ok()) {
    err << "pdpctl: " << file << ": " << table.status().message() << '\n';
    return kExitUsage;
  }

  const RpcClient client(connection);
  // One sentence instead of one for each case where nobody answers.
  if (const auto status = client.GetStatus();
      absl::IsUnavailable(status.status())) {
    err << "pdpctl: " << status.status().message() << '\n';
    return kExitError;
  }

  TablePrinter printer(output, out);
  if (output == OutputFormat::kText) {
    out << table->title
        << "\n(statuses: what an enforcement point answers / what Medplum "
           "itself answers)\n";
  }
  for (const CheckGroup& group : table->groups) {
    std::vector<v1::CheckRequest> requests;
    for (const CheckCase& check : group.cases) {
      requests.push_back(check.request);
    }
    const auto responses = client.CheckAll(requests);
    std::vector<Row> rows;
    for (size_t i = 0; i < group.cases.size(); ++i) {
      rows.push_back(RunCase(group.cases[i], responses[i]));
    }
    printer.Print(group.title, rows);
  }
  if (!table->filters.empty()) {
    std::vector<Row> rows;
    for (const FilterCase& filter : table->filters) {
      rows.push_back(RunCase(filter, client.Filter(filter.request)));
    }
    printer.Print("Filters: which searches may be run", rows);
  }
  return printer.Finish(output == OutputFormat::kJson ? err : out);
}

}  // namespace pdp::ctl
