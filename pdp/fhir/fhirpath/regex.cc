#include "pdp/fhir/fhirpath/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/regex_translator.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr int64_t kMaxProgramBytes = int64_t{1} << 20;

bool HasPairs(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0xF0;
  });
}

// Every code unit as one code point.
std::string SplitPairs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const uint32_t code_point = TakeCodePoint(text);
    if (code_point < 0x10000) {
      AppendUtf8(code_point, out);
      continue;
    }
    const uint32_t offset = code_point - 0x10000;
    AppendUtf8(kSurrogateBase + (offset >> 10), out);
    AppendUtf8(kSurrogateBase + 0x400 + (offset & 0x3FF), out);
  }
  return out;
}

absl::Status NoUnicode() {
  return absl::InvalidArgumentError(
      "FHIRPath: a text with half a surrogate pair");
}

// Back from SplitPairs.
absl::StatusOr<std::string> JoinPairs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const uint32_t code_point = TakeCodePoint(text);
    if (code_point < kSurrogateBase) {
      AppendUtf8(code_point, out);
      continue;
    }
    if (code_point >= kSurrogateBase + 0x400 || text.empty()) {
      return NoUnicode();
    }
    const uint32_t low = TakeCodePoint(text);
    if (low < kSurrogateBase + 0x400) return NoUnicode();
    AppendUtf8(0x10000 + ((code_point - kSurrogateBase) << 10) +
                   (low - kSurrogateBase - 0x400),
               out);
  }
  return out;
}

// One match within a text.  A group that took no part has a null data().
struct Found {
  std::string_view text;
  std::string_view match;
  std::vector<std::string_view> groups;
  const std::vector<std::string>* names = nullptr;
  bool has_names = false;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What stands for a dollar sign and what follows it, which is taken off
// `rest`; nothing where they are plain text.
std::optional<std::string_view> Expand(const Found& found,
                                       std::string_view& rest) {
  const auto before =
      static_cast<size_t>(found.match.data() - found.text.data());
  std::string_view text;
  size_t size = 1;
  if (rest.starts_with('$')) {
    text = "$";
  } else if (rest.starts_with('&')) {
    text = found.match;
  } else if (rest.starts_with('`')) {
    text = found.text.substr(0, before);
  } else if (rest.starts_with('\'')) {
    text = found.text.substr(before + found.match.size());
  } else if (!rest.empty() && IsDigit(rest[0])) {
    size_t index = static_cast<size_t>(rest[0] - '0');
    if (rest.size() > 1 && IsDigit(rest[1])) {
      const size_t two = index * 10 + static_cast<size_t>(rest[1] - '0');
      if (two >= 1 && two <= found.groups.size()) {
        index = two;
        size = 2;
      }
    }
    if (index < 1 || index > found.groups.size()) return std::nullopt;
    text = found.groups[index - 1];
  } else if (rest.starts_with('<') && found.has_names) {
    const size_t end = rest.find('>');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view name = rest.substr(1, end - 1);
    size = end + 1;
    for (size_t i = 0; i < found.groups.size(); ++i) {
      if (!name.empty() && (*found.names)[i] == name) text = found.groups[i];
    }
  } else {
    return std::nullopt;
  }
  rest.remove_prefix(size);
  return text;
}

void AppendSubstitution(const Found& found, std::string_view substitution,
                        std::string& out) {
  while (!substitution.empty()) {
    const size_t dollar = substitution.find('$');
    out += substitution.substr(0, dollar);
    if (dollar == std::string_view::npos) return;
    substitution.remove_prefix(dollar + 1);
    if (const auto text = Expand(found, substitution)) {
      out += *text;
    } else {
      out += '$';
    }
  }
}

bool IsWord(char c) {
  return IsDigit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

// FHIRPath's `${name}` is JavaScript's `$<name>`.
std::string WithJsNames(std::string_view substitution) {
  std::string out;
  while (!substitution.empty()) {
    if (substitution.starts_with("${")) {
      size_t end = 2;
      while (end < substitution.size() && IsWord(substitution[end])) ++end;
      if (end > 2 && end < substitution.size() && substitution[end] == '}') {
        out += StrCat("$<", substitution.substr(2, end - 2), ">");
        substitution.remove_prefix(end + 1);
        continue;
      }
    }
    out += substitution[0];
    substitution.remove_prefix(1);
  }
  return out;
}

bool RefersToGroups(std::string_view substitution) {
  for (size_t i = 0; i + 1 < substitution.size(); ++i) {
    if (substitution[i] == '$' &&
        (IsDigit(substitution[i + 1]) || substitution[i + 1] == '<')) {
      return true;
    }
  }
  return false;
}

absl::Status TooLong(size_t max_bytes) {
  return absl::ResourceExhaustedError(
      StrCat("FHIRPath: a text of more than ", max_bytes, " bytes"));
}

// The size in bytes of the first code point.
size_t FirstSize(std::string_view text) {
  std::string_view rest = text;
  TakeCodePoint(rest);
  return text.size() - rest.size();
}

}  // namespace

Pattern::Pattern() = default;
Pattern::~Pattern() = default;

absl::StatusOr<std::unique_ptr<const Pattern>> Pattern::Compile(
    std::string_view source) {
  PDP_ASSIGN_OR_RETURN(TranslatedPattern translated, TranslatePattern(source));
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMaxProgramBytes);
  auto expression = std::make_unique<const RE2>(translated.re2, options);
  if (!expression->ok()) {
    return absl::UnimplementedError(
        StrCat("FHIRPath: a regular expression that is not supported: ",
               expression->error()));
  }
  std::unique_ptr<Pattern> pattern(new Pattern());
  pattern->expression_ = std::move(expression);
  pattern->group_names_ = std::move(translated.group_names);
  pattern->has_names_ =
      std::any_of(pattern->group_names_.begin(), pattern->group_names_.end(),
                  [](const std::string& name) { return !name.empty(); });
  pattern->groups_may_differ_ = translated.has_repeated_group;
  pattern->matches_may_differ_ = translated.has_empty_repetition;
  return std::unique_ptr<const Pattern>(std::move(pattern));
}

bool Pattern::Search(std::string_view subject) const {
  if (!HasPairs(subject)) {
    return RE2::PartialMatch(subject, *expression_);
  }
  return RE2::PartialMatch(SplitPairs(subject), *expression_);
}

absl::StatusOr<std::string> Pattern::ReplaceAll(std::string_view subject,
                                                std::string_view substitution,
                                                size_t max_bytes) const {
  const std::string replacement = SplitPairs(WithJsNames(substitution));
  if (matches_may_differ_ ||
      (groups_may_differ_ && RefersToGroups(replacement))) {
    return absl::UnimplementedError(
        "FHIRPath: `replaceMatches` with a group or an empty match within a "
        "repetition is not supported");
  }
  const std::string text = SplitPairs(subject);
  const std::string_view view = text;
  Found found{.text = view, .names = &group_names_, .has_names = has_names_};
  found.groups.resize(group_names_.size());
  std::vector<re2::StringPiece> pieces(group_names_.size() + 1);
  std::string out;
  size_t copied = 0;
  size_t position = 0;
  while (position <= view.size() &&
         expression_->Match(text, position, text.size(), RE2::UNANCHORED,
                            pieces.data(), static_cast<int>(pieces.size()))) {
    found.match = {pieces[0].data(), pieces[0].size()};
    for (size_t i = 0; i < found.groups.size(); ++i) {
      found.groups[i] = {pieces[i + 1].data(), pieces[i + 1].size()};
    }
    const auto begin = static_cast<size_t>(found.match.data() - view.data());
    out += view.substr(copied, begin - copied);
    AppendSubstitution(found, replacement, out);
    if (out.size() > max_bytes) return TooLong(max_bytes);
    copied = position = begin + found.match.size();
    if (found.match.empty()) {
      if (position == view.size()) break;
      position += FirstSize(view.substr(position));
    }
  }
  out += view.substr(copied);
  if (out.size() > max_bytes) return TooLong(max_bytes);
  return JoinPairs(out);
}

absl::StatusOr<std::string> ReplaceAllText(std::string_view subject,
                                           std::string_view pattern,
                                           std::string_view substitution,
                                           size_t max_bytes) {
  // An empty pattern matches between all code units.
  const std::string text = SplitPairs(subject);
  const std::string wanted = SplitPairs(pattern);
  const std::string replacement = SplitPairs(substitution);
  const std::string_view view = text;
  Found found{.text = view};
  std::string out;
  size_t copied = 0;
  size_t position = 0;
  while (position <= view.size()) {
    const size_t begin = view.find(wanted, position);
    if (begin == std::string_view::npos) break;
    found.match = view.substr(begin, wanted.size());
    out += view.substr(copied, begin - copied);
    AppendSubstitution(found, replacement, out);
    if (out.size() > max_bytes) return TooLong(max_bytes);
    copied = begin + wanted.size();
    position = copied;
    if (wanted.empty()) {
      if (position == view.size()) break;
      position += FirstSize(view.substr(position));
    }
  }
  out += view.substr(copied);
  if (out.size() > max_bytes) return TooLong(max_bytes);
  return JoinPairs(out);
}

}  // namespace pdp::fhir::fhirpath
