#include "pdp/audit/record_json.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/record_members.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

template <size_t kSize>
void ReadTexts(const TextMember (&members)[kSize], fhir::JsonElement json,
               Record& record) {
  for (const TextMember& member : members) {
    record.*member.text = fhir::StringMember(json, member.name);
  }
}

std::vector<std::string_view> Strings(fhir::JsonElement json,
                                      std::string_view name) {
  std::vector<std::string_view> strings;
  fhir::ForEachItem(json, name, [&](fhir::JsonElement item) {
    if (const auto text = fhir::AsString(item)) strings.push_back(*text);
  });
  return strings;
}

std::optional<uint32_t> SmallNumberMember(fhir::JsonElement json,
                                          std::string_view name) {
  const auto number = NumberMember(json, name);
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

}  // namespace

std::string_view KindName(RecordKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::optional<uint64_t> NumberMember(fhir::JsonElement parent,
                                     std::string_view name) {
  const auto member = fhir::Member(parent, name);
  uint64_t number = 0;
  if (!member || member->get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

std::optional<absl::Time> ParseTime(std::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, ToAbsl(text), &time, &error)) {
    return std::nullopt;
  }
  std::string again;
  AppendTime(time, again);
  if (again != text) return std::nullopt;
  return time;
}

RecordParser::RecordParser()
    : parser_(std::make_unique<simdjson::dom::parser>(kMaxLineBytes)) {}
RecordParser::~RecordParser() = default;
RecordParser::RecordParser(RecordParser&&) noexcept = default;
RecordParser& RecordParser::operator=(RecordParser&&) noexcept = default;

absl::Status RecordParser::Parse(std::string_view json) {
  record_ = Record();
  is_record_ = false;
  kind_ = {};
  seq_ = 0;
  simdjson::dom::object object;
  if (json.size() > kMaxLineBytes ||
      parser_->parse(json.data(), json.size()).get(json_) !=
          simdjson::SUCCESS ||
      json_.get(object) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  const auto seq = NumberMember(json_, "seq");
  kind_ = fhir::StringMember(json_, "kind");
  const auto time = ParseTime(fhir::StringMember(json_, "time"));
  if (!seq || kind_.empty() || !time) {
    return absl::InvalidArgumentError("a record has `seq`, `time` and `kind`");
  }
  seq_ = *seq;
  record_.time = *time;
  const auto* const kind =
      std::find(std::begin(kKindNames), std::end(kKindNames), kind_);
  is_record_ = kind != std::end(kKindNames);
  if (!is_record_) return absl::OkStatus();
  record_.kind = static_cast<RecordKind>(kind - std::begin(kKindNames));
  ReadTexts(kWhoMembers, json_, record_);
  ReadTexts(kWhatMembers, json_, record_);
  ReadTexts(kHowMembers, json_, record_);
  tenants_ = Strings(json_, "tenants");
  record_.tenants = tenants_;
  notes_ = Strings(json_, "notes");
  record_.notes = notes_;
  record_.entry = SmallNumberMember(json_, "entry");
  record_.source = SmallNumberMember(json_, "source");
  record_.revision = NumberMember(json_, "revision");
  record_.success = fhir::BoolMember(json_, "success");
  if (const auto latency = NumberMember(json_, "latency_ns")) {
    record_.latency = absl::Nanoseconds(static_cast<int64_t>(*latency));
  }
  return absl::OkStatus();
}

}  // namespace pdp::audit
