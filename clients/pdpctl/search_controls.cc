#include "clients/pdpctl/search_controls.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::ctl {
namespace {

// Medplum's default for the largest `_offset`.
constexpr int64_t kMaxOffset = 10'000;
constexpr int64_t kMaxNumber = 1'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// JavaScript's parseInt, as far as sizes go; nothing for NaN.
std::optional<int64_t> ParseInt(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !IsDigit(text[0])) return std::nullopt;
  int64_t number = 0;
  for (const char c : text) {
    if (!IsDigit(c)) break;
    number = std::min(number * 10 + (c - '0'), kMaxNumber);
  }
  return is_negative ? -number : number;
}

std::vector<std::string> SplitOnCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    parts.emplace_back(part);
    if (part.size() == text.size()) return parts;
    text.remove_prefix(part.size() + 1);
  }
}

}  // namespace

SearchControls ReadControls(const fhir::search::Criteria& criteria) {
  SearchControls controls;
  for (const auto& [key, value] : criteria.control_parameters) {
    const std::string_view code =
        std::string_view(key).substr(0, key.find(':'));
    if (code == "_type") {
      controls.types = SplitOnCommas(value);
    } else if (code == "_count") {
      const std::optional<int64_t> count = ParseInt(value);
      controls.shows_nothing = !count || *count <= 0;
    } else if (code == "_offset") {
      controls.offset = ParseInt(value).value_or(0);
    } else if (code == "_cursor") {
      controls.has_cursor = value.starts_with("1-") || value.starts_with("2-");
    } else if (code == "_total") {
      controls.counts = value == "accurate" || value == "estimate";
    } else if (code == "_summary" && value == "count") {
      controls.counts = true;
      controls.shows_nothing = true;
    } else if (code == "_sort") {
      for (const std::string& field : SplitOnCommas(value)) {
        controls.sort_codes.push_back(field.substr(field.starts_with('-')));
      }
    }
  }
  return controls;
}

std::string ControlsError(const SearchControls& controls,
                          const fhir::search::Criteria& criteria) {
  if (controls.offset > kMaxOffset) {
    return StrCat("`_offset` is above ", kMaxOffset);
  }
  if (controls.shows_nothing) return "";
  for (const std::string& code : controls.sort_codes) {
    if (code != "_id" && code != "_lastUpdated" &&
        fhir::search::FindSearchParameter(criteria.resource_type, code) ==
            nullptr) {
      return StrCat("unknown search parameter `", code, "` to sort by");
    }
  }
  if (controls.offset > 0 && controls.has_cursor) {
    return "`_offset` and `_cursor` exclude each other";
  }
  return "";
}

}  // namespace pdp::ctl
