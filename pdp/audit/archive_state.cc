#include "pdp/audit/archive_state.h"

#include <filesystem>
#include <system_error>

#include "pdp/audit/line_reader.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/replace_file.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

std::string PathIn(const std::string& directory) {
  return directory + "/archive.jsonl";
}

}  // namespace

absl::StatusOr<ArchiveState> ArchiveState::Read(const std::string& directory) {
  ArchiveState state;
  std::error_code error;
  if (!std::filesystem::exists(PathIn(directory), error)) return state;
  PDP_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(PathIn(directory)));
  simdjson::dom::parser parser;
  Line line;
  while (lines.Next(line)) {
    fhir::JsonElement json;
    if (parser.parse(line.text.data(), line.text.size()).get(json) !=
        simdjson::SUCCESS) {
      continue;  // It is archived once more.
    }
    const auto text = [&](std::string_view name) {
      return std::string(fhir::StringMember(json, name));
    };
    if (const auto digest = FromHex(text("sha256"))) {
      state.archived[text("archived")] = *digest;
    }
    const auto segment = NumberMember(json, "removed_through");
    const auto head = FromHex(text("removed_head"));
    if (segment && head) {
      state.removed[{text("where"), text("removed_chain")}] = {
          .chain = text("removed_chain"),
          .segment = *segment,
          .head = *head,
          .where = text("where"),
          .reason = text("reason")};
    }
  }
  PDP_RETURN_IF_ERROR(lines.status());
  return state;
}

absl::Status ArchiveState::Write(const std::string& directory) const {
  std::string text;
  for (const auto& [name, digest] : archived) {
    text += StrCat(R"({"archived":)", fhir::QuoteJson(name), R"(,"sha256":")",
                   ToHex(digest), "\"}\n");
  }
  for (const auto& [place, removal] : removed) {
    text += StrCat(R"({"removed_chain":)", fhir::QuoteJson(removal.chain),
                   R"(,"removed_through":)", removal.segment,
                   R"(,"removed_head":")", ToHex(removal.head), R"(","where":)",
                   fhir::QuoteJson(removal.where), R"(,"reason":)",
                   fhir::QuoteJson(removal.reason), "}\n");
  }
  return ReplaceFile(PathIn(directory), text);
}

}  // namespace pdp::audit
