#include "pdp/audit_sink/sink_state.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "pdp/audit/record_json.h"
#include "pdp/audit/replace_file.h"
#include "pdp/audit/segment_file.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::audit_sink {
namespace {

constexpr uint64_t kFormat = 1;

using fhir::JsonElement;
using fhir::QuoteJson;
using fhir::StringMember;

int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

absl::Time TimeMember(JsonElement parent, std::string_view name) {
  return absl::FromUnixMicros(
      static_cast<int64_t>(audit::NumberMember(parent, name).value_or(0)));
}

std::string Text(JsonElement parent, std::string_view name) {
  return std::string(StringMember(parent, name));
}

// Calls `visit` with each of the array's items, and says whether all were
// taken.
template <typename Visitor>
bool ReadAll(JsonElement root, std::string_view name, Visitor visit) {
  const auto member = fhir::Member(root, name);
  fhir::JsonArray array;
  if (!member || member->get(array) != simdjson::SUCCESS) return false;
  for (const JsonElement item : array) {
    if (!visit(item)) return false;
  }
  return true;
}

bool ReadPosition(JsonElement item, Positions& positions) {
  const auto number = audit::NumberMember(item, "number");
  const auto segment = audit::NumberMember(item, "segment");
  const auto offset = audit::NumberMember(item, "offset");
  if (!number || *number > UINT32_MAX || !segment || !offset) return false;
  positions[static_cast<uint32_t>(*number)] = {
      .segment = *segment, .offset = *offset, .chain = Text(item, "chain")};
  return true;
}

bool ReadFold(JsonElement item, std::map<std::string, OpenFold>& folds) {
  const auto count = audit::NumberMember(item, "count");
  OpenFold fold{.identity = Text(item, "identity"),
                .record = Text(item, "line"),
                .count = count.value_or(0),
                .first = TimeMember(item, "first"),
                .last = TimeMember(item, "last"),
                .window_ends = TimeMember(item, "window_ends")};
  if (fold.identity.empty() || fold.record.empty() || fold.count == 0) {
    return false;
  }
  return folds.try_emplace(Text(item, "key"), std::move(fold)).second;
}

bool ReadPending(JsonElement item, std::deque<PendingEvent>& pending) {
  pending.push_back(
      {.identity = Text(item, "identity"),
       .time = TimeMember(item, "time"),
       .json = Text(item, "json"),
       .is_without_references =
           fhir::BoolMember(item, "is_without_references").value_or(false)});
  return !pending.back().identity.empty() && !pending.back().json.empty();
}

}  // namespace

absl::StatusOr<std::optional<SinkState>> SinkState::Read(
    const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    return absl::UnavailableError(StrCat(
        "cannot read `", path, "`: ", std::generic_category().message(errno)));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  simdjson::dom::parser parser;
  JsonElement root;
  SinkState state;
  const bool is_read =
      parser.parse(text).get(root) == simdjson::SUCCESS &&
      audit::NumberMember(root, "format") == kFormat &&
      ReadAll(root, "positions",
              [&](JsonElement item) {
                return ReadPosition(item, state.positions);
              }) &&
      ReadAll(root, "folds",
              [&](JsonElement item) { return ReadFold(item, state.folds); }) &&
      ReadAll(root, "pending", [&](JsonElement item) {
        return ReadPending(item, state.pending);
      });
  if (!is_read) {
    return absl::DataLossError(
        StrCat("`", path,
               "` is damaged; without it, what is recorded from then on is "
               "posted"));
  }
  return state;
}

absl::Status SinkState::Write(const std::string& directory,
                              const std::string& name) const {
  std::string text = StrCat(R"({"format":)", kFormat, R"(,"positions":[)");
  std::string_view separator;
  for (const auto& [number, position] : positions) {
    text += StrCat(separator, R"({"number":)", number, R"(,"segment":)",
                   position.segment, R"(,"offset":)", position.offset,
                   R"(,"chain":)", QuoteJson(position.chain), "}");
    separator = ",";
  }
  text += R"(],"folds":[)";
  separator = "";
  for (const auto& [key, fold] : folds) {
    text += StrCat(separator, R"({"key":)", QuoteJson(key), R"(,"identity":)",
                   QuoteJson(fold.identity), R"(,"line":)",
                   QuoteJson(fold.record), R"(,"count":)", fold.count);
    text += StrCat(R"(,"first":)", Micros(fold.first), R"(,"last":)",
                   Micros(fold.last), R"(,"window_ends":)",
                   Micros(fold.window_ends), "}");
    separator = ",";
  }
  text += R"(],"pending":[)";
  separator = "";
  for (const PendingEvent& event : pending) {
    text += StrCat(separator, R"({"identity":)", QuoteJson(event.identity),
                   R"(,"time":)", Micros(event.time), R"(,"json":)",
                   QuoteJson(event.json), R"(,"is_without_references":)",
                   event.is_without_references ? "true" : "false", "}");
    separator = ",";
  }
  text += "]}\n";
  PDP_RETURN_IF_ERROR(audit::ReplaceFile(StrCat(directory, "/", name), text));
  return audit::SyncDirectory(directory);
}

}  // namespace pdp::audit_sink
