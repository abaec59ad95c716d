#include "pdp/gateway/request_target.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/search/url_query.h"

namespace pdp::gateway {
namespace {

absl::Status Refused(const char* why) {
  return absl::InvalidArgumentError(why);
}

bool IsOneOf(char c, std::string_view list) {
  return list.find(c) != std::string_view::npos;
}

bool IsAlnum(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c));
}

bool IsSegment(std::string_view text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlnum(c) || IsOneOf(c, "-._$");
  });
  return is_plain && text.find_first_not_of('.') != std::string_view::npos;
}

// What RFC 3986 has in a query, but for `;`, which parts parameters for some,
// and for a second `?`.
bool IsQueryCharacter(char c) {
  return IsAlnum(c) || IsOneOf(c, "-._~!$&'()*+,=:@/%|");
}

bool IsNameCharacter(char c) { return IsAlnum(c) || IsOneOf(c, "-._:"); }

// Nothing where a `%` is not followed by two hexadecimal digits.
std::optional<std::string> Decode(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    int value = 0;
    for (int digit = 0; digit < 2; ++digit) {
      if (++i == text.size()) return std::nullopt;
      const auto c = static_cast<unsigned char>(text[i]);
      if (!absl::ascii_isxdigit(c)) return std::nullopt;
      const int lower = absl::ascii_tolower(c);
      value = value * 16 +
              (absl::ascii_isdigit(c) ? lower - '0' : lower - 'a' + 10);
    }
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

// Only `:` is escaped by clients that escape what need not be.
bool IsPlainName(std::string_view raw, std::string_view name) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return false;
  }
  for (size_t at = raw.find('%'); at != std::string_view::npos;
       at = raw.find('%', at + 1)) {
    const std::string_view escape = raw.substr(at, 3);
    if (escape != "%3A" && escape != "%3a") return false;
  }
  return true;
}

bool IsPlainText(std::string_view text) {
  return ToValidUtf8(text) == text &&
         std::none_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

// They would say what the request is, or whose.
bool IsRequestChanging(std::string_view name) {
  static constexpr std::string_view kNames[] = {"_method", "access_token"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

absl::Status AddParameter(std::string_view pair, Parameters& parameters) {
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos) {
    return Refused("a parameter of the query has no value");
  }
  const std::string_view raw_name = pair.substr(0, equals);
  const std::optional<std::string> name = Decode(raw_name);
  std::optional<std::string> value = Decode(pair.substr(equals + 1));
  if (!name || !value) {
    return Refused("the query has a malformed percent-encoding");
  }
  if (!IsPlainName(raw_name, *name)) {
    return Refused("the name of a parameter is not a plain one");
  }
  if (!IsPlainText(*value)) {
    return Refused("the value of a parameter is not plain text");
  }
  if (IsRequestChanging(*name)) {
    return Refused("the query says what request it is, or whose");
  }
  if (parameters.size() == kMaxParameters) {
    return Refused("the query has too many parameters");
  }
  parameters.emplace_back(*name, *std::move(value));
  return absl::OkStatus();
}

absl::Status SplitPath(std::string_view path, RequestTarget& target) {
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (!IsSegment(segment)) {
      return Refused("the path is not in its plain form");
    }
    if (target.segments.size() == kMaxSegments) {
      return Refused("the path has too many segments");
    }
    target.segments.push_back(segment);
  }
  return absl::OkStatus();
}

Parameters SortedByName(std::string_view query) {
  Parameters parameters = fhir::search::ParseUrlQuery(query);
  std::stable_sort(
      parameters.begin(), parameters.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  return parameters;
}

int64_t CountOf(std::string_view name, const Parameters& parameters) {
  return std::count_if(
      parameters.begin(), parameters.end(),
      [&](const auto& parameter) { return parameter.first == name; });
}

}  // namespace

bool IsBasePath(std::string_view path) {
  if (path.empty()) return true;
  RequestTarget target;
  return path.front() == '/' && SplitPath(path, target).ok();
}

absl::StatusOr<RequestTarget> ParseTarget(std::string_view base_path,
                                          std::string_view text) {
  if (text.size() > kMaxTargetBytes) return Refused("the target is too long");
  if (!text.starts_with('/')) {
    return Refused("the target is not a path (origin form)");
  }
  const size_t mark = text.find('?');
  const std::string_view path = text.substr(0, mark);
  const bool is_below =
      path.starts_with(base_path) &&
      (path.size() == base_path.size() || path[base_path.size()] == '/');
  if (!is_below) return Refused("the path is not below the base path");
  RequestTarget target;
  const absl::Status status = SplitPath(path.substr(base_path.size()), target);
  if (!status.ok()) return status;
  if (mark == std::string_view::npos) return target;
  target.query = text.substr(mark + 1);
  const absl::Status parsed = ParseParameters(target.query, target.parameters);
  if (!parsed.ok()) return parsed;
  return target;
}

absl::Status ParseParameters(std::string_view query, Parameters& parameters) {
  if (!std::all_of(query.begin(), query.end(), IsQueryCharacter)) {
    return Refused("the query has a character that readers differ about");
  }
  if (query.empty()) return absl::OkStatus();
  for (;;) {
    const size_t end = query.find('&');
    const absl::Status status = AddParameter(query.substr(0, end), parameters);
    if (!status.ok() || end == std::string_view::npos) return status;
    query.remove_prefix(end + 1);
  }
}

bool IsSameQuery(std::string_view asked, std::string_view permitted) {
  Parameters sorted_asked = SortedByName(asked);
  Parameters sorted_permitted = SortedByName(permitted);
  // Said twice it narrows no more than said once.
  const auto end =
      std::unique(sorted_permitted.begin(), sorted_permitted.end(),
                  [&](const auto& a, const auto& b) {
                    return a == b && CountOf(a.first, sorted_asked) == 1;
                  });
  sorted_permitted.erase(end, sorted_permitted.end());
  return sorted_asked == sorted_permitted;
}

}  // namespace pdp::gateway
