// LineRecords: the records of one line of the audit log, each as a JSON object
// of its own.  RecordLine (record_line.h) writes such lines.

#ifndef PDP_AUDIT_LINE_RECORDS_H_
#define PDP_AUDIT_LINE_RECORDS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "pdp/fhir/json.h"

namespace pdp::audit {

// For one thread at a time.
class LineRecords {
 public:
  LineRecords();
  ~LineRecords();
  LineRecords(LineRecords&&) noexcept;
  LineRecords& operator=(LineRecords&&) noexcept;

  // What it holds lives until the next Read; a line with one record alone is
  // not copied, and not looked into.  InvalidArgument: a line with several of
  // which one is no record.
  absl::Status Read(std::string_view line);

  size_t size() const { return more_.size() + 1; }
  // All have the `seq` and the `hash` of the line.  The first of several has
  // what it has in the line but `more`, the others `item`, from 1.
  std::string_view operator[](size_t index) const {
    return index == 0 ? first_ : std::string_view(more_[index - 1]);
  }

 private:
  absl::Status Add(fhir::JsonObject first, fhir::JsonElement further);

  std::unique_ptr<simdjson::dom::parser> parser_;
  std::string_view first_;
  std::string first_of_several_;
  std::vector<std::string> more_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_LINE_RECORDS_H_
