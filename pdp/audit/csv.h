// Comma-separated values (RFC 4180).

#ifndef PDP_AUDIT_CSV_H_
#define PDP_AUDIT_CSV_H_

#include <string>
#include <vector>

#include "pdp/fhir/json.h"

namespace pdp::audit {

// The line of `cells`, its line feed included.  A cell that a spreadsheet would
// take for a formula has an apostrophe in front.
std::string CsvLine(const std::vector<std::string>& cells);

// The members of records, as columns.
const std::vector<std::string>& RecordColumns();
// The cells of a record: of a list, its items with blanks between them.
std::vector<std::string> RecordCells(fhir::JsonElement record);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_CSV_H_
