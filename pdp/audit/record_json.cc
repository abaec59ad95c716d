#include "pdp/audit/record_json.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pdp/audit/line_writer.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr std::string_view kKinds[] = {
    "decision", "filter", "release", "simulation", "access", "admin", "change"};

// The texts of a record, by the names of their members.
struct TextMember {
  std::string_view name;
  std::string_view Record::*text;
};

constexpr TextMember kWho[] = {{"decision_id", &Record::decision_id},
                               {"method", &Record::method},
                               {"caller", &Record::caller},
                               {"subject", &Record::subject},
                               {"membership", &Record::membership},
                               {"profile", &Record::profile},
                               {"on_behalf_of", &Record::on_behalf_of},
                               {"project", &Record::project}};
constexpr TextMember kWhat[] = {{"interaction", &Record::interaction},
                                {"resource", &Record::resource},
                                {"version_id", &Record::version_id},
                                {"patient", &Record::patient},
                                {"effect", &Record::effect},
                                {"reason", &Record::reason},
                                {"policy", &Record::policy},
                                {"policy_version", &Record::policy_version},
                                {"built_in", &Record::built_in}};
constexpr TextMember kHow[] = {{"purpose_of_use", &Record::purpose_of_use},
                               {"remote_address", &Record::remote_address},
                               {"user_agent", &Record::user_agent},
                               {"session", &Record::session},
                               {"request_id", &Record::request_id},
                               {"traceparent", &Record::traceparent},
                               {"smart_scope", &Record::smart_scope},
                               {"launch_patient", &Record::launch_patient},
                               {"event", &Record::event}};

template <size_t kSize>
void AppendTexts(const TextMember (&members)[kSize], const Record& record,
                 LineWriter& out) {
  for (const TextMember& member : members) {
    out.Text(member.name, record.*member.text);
  }
}

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
  return kKinds[static_cast<size_t>(kind)];
}

void AppendMembers(const Record& record, std::string& text) {
  LineWriter out(text);
  out.Time("time", record.time);
  out.Text("kind", KindName(record.kind));
  AppendTexts(kWho, record, out);
  out.List("tenants", record.tenants);
  AppendTexts(kWhat, record, out);
  if (record.entry) out.Number("entry", *record.entry);
  if (record.source) out.Number("source", *record.source);
  out.List("notes", record.notes);
  if (record.revision) out.Number("revision", *record.revision);
  AppendTexts(kHow, record, out);
  if (record.success) out.Flag("success", *record.success);
  if (record.latency > absl::ZeroDuration()) {
    out.Number("latency_ns",
               static_cast<uint64_t>(absl::ToInt64Nanoseconds(record.latency)));
  }
  out.Finish();
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

absl::Status RecordParser::Parse(std::string_view line) {
  record_ = Record();
  is_record_ = false;
  kind_ = {};
  seq_ = 0;
  simdjson::dom::object object;
  if (line.size() > kMaxLineBytes ||
      parser_->parse(line.data(), line.size()).get(json_) !=
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
      std::find(std::begin(kKinds), std::end(kKinds), kind_);
  is_record_ = kind != std::end(kKinds);
  if (!is_record_) return absl::OkStatus();
  record_.kind = static_cast<RecordKind>(kind - std::begin(kKinds));
  ReadTexts(kWho, json_, record_);
  ReadTexts(kWhat, json_, record_);
  ReadTexts(kHow, json_, record_);
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
