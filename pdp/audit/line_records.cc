#include "pdp/audit/line_records.h"

#include "pdp/audit/line_writer.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr std::string_view kMore = "more";
// As it stands in a line, and in no text of one.
constexpr std::string_view kMoreMember = ",\"more\":[";

bool IsOfLine(std::string_view name) {
  return name == "seq" || name == "hash" || name == "kind" || name == "item" ||
         name == kMore;
}

void Append(std::string_view name, fhir::JsonElement value, std::string& json) {
  json += json.empty() ? "{" : ",";
  json += StrCat(fhir::QuoteJson(name), ":", fhir::ToJson(value));
}

}  // namespace

LineRecords::LineRecords()
    : parser_(std::make_unique<simdjson::dom::parser>(kMaxLineBytes)) {}
LineRecords::~LineRecords() = default;
LineRecords::LineRecords(LineRecords&&) noexcept = default;
LineRecords& LineRecords::operator=(LineRecords&&) noexcept = default;

absl::Status LineRecords::Read(std::string_view line) {
  more_.clear();
  first_ = line;
  if (line.find(kMoreMember) == std::string_view::npos) {
    return absl::OkStatus();
  }
  fhir::JsonElement json;
  fhir::JsonObject first;
  fhir::JsonArray further;
  if (line.size() > kMaxLineBytes ||
      parser_->parse(line.data(), line.size()).get(json) != simdjson::SUCCESS ||
      json.get(first) != simdjson::SUCCESS ||
      first[kMore].get(further) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("not a JSON object with `more` records");
  }
  first_of_several_.clear();
  for (const auto [name, value] : first) {
    if (name != kMore) Append(name, value, first_of_several_);
  }
  first_of_several_ += '}';
  first_ = first_of_several_;
  for (const fhir::JsonElement item : further) {
    PDP_RETURN_IF_ERROR(Add(first, item));
  }
  return absl::OkStatus();
}

absl::Status LineRecords::Add(fhir::JsonObject first,
                              fhir::JsonElement further) {
  fhir::JsonObject item;
  if (further.get(item) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("`more` has something but records");
  }
  std::string json;
  for (const auto [name, value] : first) {
    if (name == kMore || name == "hash") continue;
    const auto own = fhir::Member(further, name);
    if (!own || !own->is_null()) Append(name, own.value_or(value), json);
    if (name == "seq") {
      json += StrCat(",\"item\":", more_.size() + 1);
    }
  }
  for (const auto [name, value] : item) {
    if (IsOfLine(name)) {
      return absl::InvalidArgumentError(
          StrCat("a record in `more` has the line's `", name, "`"));
    }
    fhir::JsonElement firsts;
    const bool is_known = first[name].get(firsts) == simdjson::SUCCESS;
    if (!is_known && !value.is_null()) Append(name, value, json);
  }
  if (fhir::JsonElement hash; first["hash"].get(hash) == simdjson::SUCCESS) {
    Append("hash", hash, json);
  }
  more_.push_back(json + "}");
  return absl::OkStatus();
}

}  // namespace pdp::audit
