#include "pdp/policy/parameters.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

bool IsPlainName(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
         });
}

bool IsPlainValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\' || c == '$';
  });
}

// The second segment of a reference, as JavaScript's split('/')[1] gives it.
std::string_view SecondSegment(std::string_view reference) {
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return "undefined";
  const std::string_view rest = reference.substr(slash + 1);
  return rest.substr(0, rest.find('/'));
}

// Appends `replacement` with JavaScript's patterns: $$, $&, $` and $'.
void AppendReplacement(std::string_view replacement, std::string_view text,
                       size_t match, size_t match_size, std::string& out) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char next = i + 1 < replacement.size() ? replacement[i + 1] : '\0';
    if (replacement[i] != '$') {
      out += replacement[i];
      continue;
    }
    switch (next) {
      case '$':
        out += '$';
        break;
      case '&':
        out += text.substr(match, match_size);
        break;
      case '`':
        out += text.substr(0, match);
        break;
      case '\'':
        out += text.substr(match + match_size);
        break;
      default:
        out += '$';
        continue;
    }
    ++i;
  }
}

// False: `text` would outgrow kMaxSubstitutedBytes.
bool ReplaceAll(std::string_view pattern, std::string_view replacement,
                std::string& text) {
  size_t match = text.find(pattern);
  std::string out;
  size_t from = 0;
  while (match != std::string::npos) {
    out.append(text, from, match - from);
    AppendReplacement(replacement, text, match, pattern.size(), out);
    if (out.size() > kMaxSubstitutedBytes) return false;
    from = match + pattern.size();
    match = text.find(pattern, from);
  }
  if (from == 0) return true;
  out.append(text, from);
  text = std::move(out);
  return text.size() <= kMaxSubstitutedBytes;
}

// What stands for itself in FHIRPath: names, numbers, dates and references have
// no operator, blank or parenthesis in them.
bool IsLiteralLike(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '/' ||
           c == ':' || c == '-';
  });
}

// Whether `%name` stands outside of the strings of `constraint`; true as well
// where a comment makes it hard to tell.
bool StandsOutsideStrings(std::string_view name, std::string_view constraint) {
  if (constraint.find("//") != std::string_view::npos ||
      constraint.find("/*") != std::string_view::npos) {
    return true;
  }
  char quote = '\0';
  for (size_t i = 0; i < constraint.size(); ++i) {
    const char c = constraint[i];
    if (quote != '\0') {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '%' && constraint.substr(i + 1).starts_with(name)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<Parameter> BindingParameters(const std::vector<Parameter>& own,
                                         std::string_view profile) {
  std::vector<Parameter> all = own;
  const bool has_patient = std::any_of(
      own.begin(), own.end(),
      [](const Parameter& parameter) { return parameter.name == "patient"; });
  all.push_back({"profile", std::string(profile), /*is_reference=*/true});
  if (!has_patient) {
    all.push_back({"patient", std::string(profile), /*is_reference=*/true});
  }
  return all;
}

bool ArePlain(const std::vector<Parameter>& parameters) {
  return std::all_of(
      parameters.begin(), parameters.end(), [](const Parameter& parameter) {
        return IsPlainName(parameter.name) && IsPlainValue(parameter.value);
      });
}

bool ChangesStructure(const Parameter& parameter,
                      const std::vector<Parameter>& all) {
  // `&` begins another filter, and a second `?` ends all of them.
  if (!IsPlainName(parameter.name) || !IsPlainValue(parameter.value) ||
      parameter.value.find_first_of("&?") != std::string::npos) {
    return true;
  }
  return std::any_of(all.begin(), all.end(), [&](const Parameter& other) {
    return Mentions(parameter.value, other);
  });
}

bool ChangesConstraint(const Parameter& parameter,
                       std::string_view constraint) {
  if (!Mentions(constraint, parameter)) return false;
  return parameter.value.find_first_of("'`") != std::string::npos ||
         (!IsLiteralLike(parameter.value) &&
          StandsOutsideStrings(parameter.name, constraint));
}

std::optional<std::string> Substitute(
    std::string text, const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    if (text.find('%') == std::string::npos) break;
    if (parameter.value.empty() && !parameter.is_reference) continue;
    const std::string name = StrCat("%", parameter.name);
    if (text.find(name) == std::string::npos) continue;
    if (parameter.is_reference &&
        !ReplaceAll(StrCat(name, ".id"), SecondSegment(parameter.value),
                    text)) {
      return std::nullopt;
    }
    if (!ReplaceAll(name, parameter.value, text)) return std::nullopt;
  }
  return text;
}

bool Mentions(std::string_view text, const Parameter& parameter) {
  return text.find(StrCat("%", parameter.name)) != std::string_view::npos;
}

}  // namespace pdp::policy
