// Reads records of the audit log.  docs/audit.md lists the members.

#ifndef PDP_AUDIT_RECORD_JSON_H_
#define PDP_AUDIT_RECORD_JSON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/audit/record.h"
#include "pdp/fhir/json.h"

namespace pdp::audit {

// "decision".
std::string_view KindName(RecordKind kind);

// A record as a JSON object, or the first of a line of several
// (line_records.h).  What it holds lives until the next Parse.
class RecordParser {
 public:
  RecordParser();
  ~RecordParser();
  RecordParser(RecordParser&&) noexcept;
  RecordParser& operator=(RecordParser&&) noexcept;

  // InvalidArgument: `json` is no record.
  absl::Status Parse(std::string_view json);

  uint64_t seq() const { return seq_; }
  // Also of the records that the log makes of itself: "segment", "checkpoint",
  // "close", "removal".
  std::string_view kind() const { return kind_; }
  absl::Time time() const { return record_.time; }
  // Only where is_record(): otherwise all but the time is empty.
  const Record& record() const { return record_; }
  bool is_record() const { return is_record_; }
  // All of it.
  fhir::JsonElement json() const { return json_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  fhir::JsonElement json_;
  uint64_t seq_ = 0;
  std::string_view kind_;
  bool is_record_ = false;
  Record record_;
  std::vector<std::string_view> tenants_;
  std::vector<std::string_view> notes_;
};

// The number that the member `name` is.
std::optional<uint64_t> NumberMember(fhir::JsonElement parent,
                                     std::string_view name);

// What AppendTime (line_writer.h) writes; nothing for anything else.
std::optional<absl::Time> ParseTime(std::string_view text);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RECORD_JSON_H_
