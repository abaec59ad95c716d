#include "pdp/audit/heads.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/str_split.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/replace_file.h"
#include "pdp/audit/segment.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::audit {
namespace {

std::optional<Head> ParseHead(fhir::JsonElement json) {
  Head head;
  head.chain = fhir::StringMember(json, "chain");
  const auto seq = NumberMember(json, "seq");
  const auto hash = FromHex(fhir::StringMember(json, "head"));
  if (head.chain.empty() || !seq || !hash) return std::nullopt;
  head.seq = *seq;
  head.head = *hash;
  head.segment = NumberMember(json, "segment").value_or(0);
  head.time = ParseTime(fhir::StringMember(json, "time"))
                  .value_or(absl::InfinitePast());
  return head;
}

}  // namespace

std::string Head::ToJson() const {
  std::string time_text;
  AppendTime(time, time_text);
  return StrCat(R"({"time":")", time_text, R"(","chain":)",
                fhir::QuoteJson(chain), R"(,"segment":)", segment, R"(,"seq":)",
                seq, R"(,"head":")", ToHex(head), "\"}");
}

std::vector<Head> ParseHeads(std::string_view text) {
  std::vector<Head> heads;
  simdjson::dom::parser parser(kMaxLineBytes);
  for (const absl::string_view line :
       absl::StrSplit(ToAbsl(text), '\n', absl::SkipEmpty())) {
    fhir::JsonElement json;
    if (line.size() > kMaxLineBytes ||
        parser.parse(line.data(), line.size()).get(json) != simdjson::SUCCESS) {
      continue;
    }
    if (auto head = ParseHead(json)) heads.push_back(*std::move(head));
  }
  return heads;
}

absl::StatusOr<std::vector<Head>> ReadHeads(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::vector<Head>();
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    return absl::UnavailableError(StrCat("cannot read `", path, "`"));
  }
  return ParseHeads(text);
}

absl::Status WriteHeads(const std::string& directory,
                        const std::vector<Head>& heads) {
  std::string text;
  for (const Head& head : heads) text += StrCat(head.ToJson(), "\n");
  return ReplaceFile(StrCat(directory, "/", kHeadsName), text);
}

std::string ChainId(std::string_view log, uint32_t chain) {
  return StrCat(log, ".", chain);
}

}  // namespace pdp::audit
