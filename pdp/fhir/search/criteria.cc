#include "pdp/fhir/search/criteria.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/search/token.h"
#include "pdp/fhir/search/url_query.h"

namespace pdp::fhir::search {
namespace {

struct OperatorName {
  std::string_view name;
  Operator op;
};

constexpr OperatorName kOperators[] = {
    {"eq", Operator::kEquals},
    {"ne", Operator::kNotEquals},
    {"lt", Operator::kLessThan},
    {"le", Operator::kLessThanOrEquals},
    {"gt", Operator::kGreaterThan},
    {"ge", Operator::kGreaterThanOrEquals},
    {"sa", Operator::kStartsAfter},
    {"eb", Operator::kEndsBefore},
    {"ap", Operator::kApproximately},
    {"sw", Operator::kStartsWith},
    {"contains", Operator::kContains},
    {"exact", Operator::kExact},
    {"above", Operator::kAbove},
    {"below", Operator::kBelow},
    {"text", Operator::kText},
    {"not", Operator::kNot},
    {"in", Operator::kIn},
    {"not-in", Operator::kNotIn},
    {"of-type", Operator::kOfType},
    {"missing", Operator::kMissing},
    {"present", Operator::kPresent},
    {"identifier", Operator::kIdentifier},
    {"iterate", Operator::kIterate},
};

constexpr std::string_view kControlParameters[] = {
    "_sort",    "_cursor",     "_count",  "_offset",   "_total",
    "_summary", "_include",    "_fields", "_elements", "_type",
    "_format",  "_revinclude", "_pretty",
};

// What every JavaScript object has: Medplum finds these where it looks for a
// search parameter, and then does not know what to do with them.
constexpr std::string_view kObjectMembers[] = {
    "constructor",      "hasOwnProperty",   "isPrototypeOf",
    "toLocaleString",   "toString",         "propertyIsEnumerable",
    "valueOf",          "__defineGetter__", "__defineSetter__",
    "__lookupGetter__", "__lookupSetter__", "__proto__",
};

template <size_t N>
bool Contains(const std::string_view (&list)[N], std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

std::optional<Operator> FindOperator(std::string_view name) {
  for (const OperatorName& known : kOperators) {
    if (known.name == name) return known.op;
  }
  return std::nullopt;
}

std::string_view OperatorText(const Filter& filter) {
  for (const OperatorName& known : kOperators) {
    if (known.op == filter.op) return known.name;
  }
  return filter.modifier;
}

// The prefixes of ordered values: the operators of two letters, `in` excepted.
std::optional<Operator> PrefixOf(std::string_view value) {
  if (value.size() < 2 || value.starts_with("in")) return std::nullopt;
  return FindOperator(value.substr(0, 2));
}

// Modifiers of references, strings, tokens and uris.
bool IsModifier(Operator op) {
  return op >= Operator::kContains && op != Operator::kPresent;
}

std::vector<std::string> SplitOnCommas(std::string_view value) {
  std::vector<std::string> parts(1);
  bool escaped = false;
  for (const char c : value) {
    if (escaped) {
      parts.back().push_back(c);
      escaped = false;
    } else if (c == '\\') {
      escaped = true;
    } else if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

absl::Status CheckInclude(std::string_view value) {
  const auto colons = std::ranges::count(value, ':');
  if (colons < 1 || colons > 2) {
    return absl::InvalidArgumentError(
        StrCat("'", value, "' is no Type:parameter to include"));
  }
  while (true) {
    const std::string_view part = value.substr(0, value.find(':'));
    if (part == "*") {
      return absl::InvalidArgumentError("'*' cannot be included");
    }
    if (part.size() == value.size()) return absl::OkStatus();
    value.remove_prefix(part.size() + 1);
  }
}

void SetModifier(Filter& filter) {
  filter.op = filter.modifier.empty()
                  ? Operator::kEquals
                  : FindOperator(filter.modifier).value_or(Operator::kOther);
}

void ReadUnknownParameter(Filter& filter) {
  SetModifier(filter);
  const std::optional<Operator> prefix = PrefixOf(filter.value);
  const bool is_prefixed =
      prefix && (filter.value.size() == 2 ||
                 (filter.value[2] >= '0' && filter.value[2] <= '9'));
  if (filter.modifier.empty() && is_prefixed) {
    filter.op = *prefix;
    filter.value.erase(0, 2);
  }
}

absl::Status ReadOrderedParameter(Filter& filter) {
  if (const std::optional<Operator> prefix = PrefixOf(filter.value)) {
    filter.op = *prefix;
    filter.value.erase(0, 2);
  } else {
    SetModifier(filter);
  }
  if (filter.parameter->type != ParameterType::kDate) return absl::OkStatus();
  if (!IsDateTime(filter.value)) {
    return absl::InvalidArgumentError(
        StrCat("'", filter.value, "' is no date for ", filter.code));
  }
  filter.period = ToPeriod(filter.value);
  return absl::OkStatus();
}

void ReadTextParameter(Filter& filter) {
  SetModifier(filter);
  if (!IsModifier(filter.op) || filter.op == Operator::kOther) {
    filter.op = Operator::kEquals;
  }
}

absl::Status ReadParameter(std::string_view resource_type, Filter& filter) {
  filter.parameter = FindSearchParameter(resource_type, filter.code);
  const bool asks_presence =
      filter.modifier == "missing" || filter.modifier == "present";
  if (filter.parameter == nullptr) {
    if (!Contains(kObjectMembers, filter.code) ||
        FindSearchParameter(resource_type, "_id") == nullptr) {
      ReadUnknownParameter(filter);
      return absl::OkStatus();
    }
    if (!asks_presence) {
      return absl::InvalidArgumentError(
          StrCat("'", filter.code, "' is no search parameter"));
    }
  }
  if (asks_presence) {
    SetModifier(filter);
    return absl::OkStatus();
  }
  switch (filter.parameter->type) {
    case ParameterType::kNumber:
    case ParameterType::kDate:
    case ParameterType::kQuantity:
      return ReadOrderedParameter(filter);
    case ParameterType::kReference:
    case ParameterType::kString:
    case ParameterType::kToken:
    case ParameterType::kUri:
      ReadTextParameter(filter);
      return absl::OkStatus();
    case ParameterType::kComposite:
    case ParameterType::kSpecial:
      break;
  }
  return absl::InvalidArgumentError(
      StrCat("search parameter '", filter.code, "' cannot be searched by"));
}

bool IsChained(std::string_view key) {
  return key.substr(0, key.find(':')) == "_has" ||
         key.find('.') != std::string_view::npos;
}

absl::Status Add(std::string key, std::string value, Criteria& criteria) {
  const std::string_view code = std::string_view(key).substr(0, key.find(':'));
  if (code == "_") return absl::OkStatus();
  if (!IsChained(key) && Contains(kControlParameters, code)) {
    if (code == "_include" || code == "_revinclude") {
      PDP_RETURN_IF_ERROR(CheckInclude(value));
    }
    criteria.control_parameters.emplace_back(std::move(key), std::move(value));
    return absl::OkStatus();
  }
  PDP_ASSIGN_OR_RETURN(Filter filter,
                       ParseFilter(criteria.resource_type, key, value));
  if (criteria.filters.size() >= kMaxFilters) {
    return absl::ResourceExhaustedError(
        StrCat("criteria have more than ", kMaxFilters, " parameters"));
  }
  criteria.filters.push_back(std::move(filter));
  return absl::OkStatus();
}

// The last segment of `path` that is not empty.
std::string_view LastSegment(std::string_view path) {
  std::string_view rest = path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  return rest.substr(rest.rfind('/') + 1);
}

}  // namespace

void PrepareFilter(Filter& filter) {
  filter.alternatives = SplitOnCommas(filter.value);
  if (filter.parameter == nullptr) return;
  switch (filter.parameter->type) {
    case ParameterType::kToken:
      for (const std::string& alternative : filter.alternatives) {
        filter.token_tests.push_back(ToTokenTest(alternative));
        filter.durable_token_tests.push_back(ToDurableTokenTest(alternative));
      }
      return;
    case ParameterType::kString:
    case ParameterType::kUri:
      for (const std::string& alternative : filter.alternatives) {
        filter.lowered.push_back(ToLower(alternative));
      }
      return;
    default:
      return;
  }
}

absl::StatusOr<Filter> ParseFilter(std::string_view resource_type,
                                   std::string_view key,
                                   std::string_view value) {
  Filter filter;
  filter.value = value;
  if (IsChained(key)) {
    filter.code = key;
    filter.is_chained = true;
  } else {
    const size_t colon = key.find(':');
    filter.code = key.substr(0, colon);
    if (colon != std::string_view::npos) {
      filter.modifier = key.substr(colon + 1);
    }
    PDP_RETURN_IF_ERROR(ReadParameter(resource_type, filter));
  }
  PrepareFilter(filter);
  return filter;
}

absl::StatusOr<Criteria> ParseCriteria(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("criteria are empty");
  if (text.size() > kMaxTextBytes) {
    return absl::ResourceExhaustedError(StrCat("criteria have ", text.size(),
                                               " bytes; at most ",
                                               kMaxTextBytes, " are read"));
  }
  Criteria criteria;
  criteria.text = text;
  const size_t question_mark = text.find('?');
  criteria.resource_type = LastSegment(text.substr(0, question_mark));
  if (question_mark == std::string_view::npos) return criteria;
  // What follows a second question mark is lost, as in Medplum.
  std::string_view query = text.substr(question_mark + 1);
  query = query.substr(0, query.find('?'));
  for (auto& [key, value] : ParseUrlQuery(query)) {
    PDP_RETURN_IF_ERROR(Add(std::move(key), std::move(value), criteria));
  }
  return criteria;
}

absl::StatusOr<Criteria> ParseCallersQuery(std::string_view resource_type,
                                           std::string_view query) {
  std::string text = StrCat(resource_type, "?");
  for (const char c : query) {
    if (c == '?') {
      text += "%3F";
    } else {
      text += c;
    }
  }
  return ParseCriteria(text);
}

std::string Print(const Criteria& criteria) {
  std::string text;
  for (const Filter& filter : criteria.filters) {
    const std::string_view type =
        filter.parameter == nullptr ? "unknown"
                                    : ParameterTypeName(filter.parameter->type);
    text += StrCat(type, " ", filter.code, " ", OperatorText(filter), " ",
                   filter.value, "\n");
  }
  return text;
}

}  // namespace pdp::fhir::search
