// indexOf(), substring(), matches() and the other functions of one string.

#include <cmath>
#include <optional>
#include <string>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/regex.h"
#include "pdp/fhir/fhirpath/types.h"
#include "pdp/fhir/fhirpath/upper.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Node;

// What it costs to compile a pattern.
constexpr size_t kPatternSteps = 1000;

// The string that a function is of; nothing of an empty collection.
absl::StatusOr<std::optional<std::string_view>> StringOf(Evaluator& e,
                                                         Items input) {
  if (input.empty()) return std::optional<std::string_view>();
  if (input.size() > 1) {
    return EvaluationError("a string function of more than one item");
  }
  if (!IsString(input.front())) {
    return EvaluationError("a string function of what is no string");
  }
  PDP_RETURN_IF_ERROR(e.Spend(input.front().string().size() / 64));
  return std::optional<std::string_view>(input.front().string());
}

// An argument that a JavaScript method takes for a string.
absl::StatusOr<std::string> TextArgument(Evaluator& e, const Node& call,
                                         size_t index, Items input) {
  PDP_ASSIGN_OR_RETURN(const Value argument,
                       e.First(*call.children[index], input));
  return ToString(argument);
}

// A search for one text in another may compare every part of both.
absl::Status SpendOnSearch(Evaluator& e, std::string_view text,
                           std::string_view wanted) {
  return e.Spend((text.size() / 64) * (wanted.size() / 64));
}

absl::Status AppendText(Evaluator& e, std::string_view text, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const std::string_view kept, e.Keep(text));
  return e.Append(Value::String(kept, Types().string), out);
}

absl::Status NoUnicode() {
  return EvaluationError("a text that is cut within a surrogate pair");
}

absl::Status IndexOf(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::string wanted,
                       TextArgument(e, call, 0, input));
  PDP_RETURN_IF_ERROR(SpendOnSearch(e, *text, wanted));
  const size_t found = text->find(wanted);
  const double index =
      found == std::string_view::npos
          ? -1
          : static_cast<double>(Utf16Length(text->substr(0, found)));
  return e.Append(Value::Number(index, Types().integer), out);
}

// The number that an argument is, NaN where it is absent.
absl::StatusOr<double> NumberArgument(Evaluator& e, const Node& call,
                                      size_t index, Items input) {
  if (index >= call.children.size()) return std::nan("");
  PDP_ASSIGN_OR_RETURN(const Value argument,
                       e.First(*call.children[index], input));
  if (argument.kind() == Value::Kind::kUndefined && !argument.is_null()) {
    return std::nan("");
  }
  if (!IsNumber(argument)) {
    return EvaluationError("a position that is no number");
  }
  return argument.number();
}

// A position as String.prototype.substring reads it.
size_t Clamp(double position, size_t length) {
  if (!(position > 0)) return 0;
  if (position >= static_cast<double>(length)) return length;
  return static_cast<size_t>(position);
}

absl::Status Substring(Evaluator& e, const Node& call, Items input,
                       Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const double start, NumberArgument(e, call, 0, input));
  PDP_ASSIGN_OR_RETURN(const double count, NumberArgument(e, call, 1, input));
  const size_t length = Utf16Length(*text);
  if (start < 0 || start >= static_cast<double>(length)) {
    return absl::OkStatus();
  }
  // A count of zero counts as none.
  const bool has_count = count != 0 && !std::isnan(count);
  size_t begin = Clamp(start, length);
  size_t end = has_count ? Clamp(start + count, length) : length;
  if (begin > end) std::swap(begin, end);
  const std::optional<size_t> first = ByteOffset(*text, begin);
  const std::optional<size_t> last = ByteOffset(*text, end);
  if (!first || !last) return NoUnicode();
  return e.Append(
      Value::String(text->substr(*first, *last - *first), Types().string), out);
}

template <bool (*predicate)(std::string_view, std::string_view)>
absl::Status Test(Evaluator& e, const Node& call, Items input,
                  Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::string part, TextArgument(e, call, 0, input));
  PDP_RETURN_IF_ERROR(SpendOnSearch(e, *text, part));
  return AppendBoolean(e, predicate(*text, part), out);
}

bool StartsWith(std::string_view text, std::string_view part) {
  return text.starts_with(part);
}
bool EndsWith(std::string_view text, std::string_view part) {
  return text.ends_with(part);
}
bool ContainsPart(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

absl::Status Upper(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  return AppendText(e, ToUpper(*text), out);
}

absl::Status Lower(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  return AppendText(e, ToLower(*text), out);
}

absl::Status Replace(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  PDP_ASSIGN_OR_RETURN(const std::string pattern,
                       TextArgument(e, call, 0, input));
  PDP_ASSIGN_OR_RETURN(const std::string substitution,
                       TextArgument(e, call, 1, input));
  PDP_RETURN_IF_ERROR(SpendOnSearch(e, *text, pattern));
  PDP_ASSIGN_OR_RETURN(const std::string replaced,
                       ReplaceAllText(*text, pattern, substitution,
                                      e.limits().max_string_bytes));
  return AppendText(e, replaced, out);
}

// The pattern of a call; `computed` keeps one that is no literal.
absl::StatusOr<const Pattern*> PatternOf(
    Evaluator& e, const Node& call, Items input,
    std::unique_ptr<const Pattern>& computed) {
  if (call.pattern != nullptr) return call.pattern.get();
  PDP_ASSIGN_OR_RETURN(const Value argument, e.First(*call.children[0], input));
  const bool is_absent =
      argument.kind() == Value::Kind::kUndefined && !argument.is_null();
  PDP_ASSIGN_OR_RETURN(const std::string source, ToString(argument));
  // An absent pattern is one that matches everything.
  PDP_RETURN_IF_ERROR(e.Spend(kPatternSteps));
  PDP_ASSIGN_OR_RETURN(computed, Pattern::Compile(is_absent ? "" : source));
  return computed.get();
}

absl::Status Matches(Evaluator& e, const Node& call, Items input,
                     Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  std::unique_ptr<const Pattern> computed;
  PDP_ASSIGN_OR_RETURN(const Pattern* const pattern,
                       PatternOf(e, call, input, computed));
  return AppendBoolean(e, pattern->Search(*text), out);
}

absl::Status ReplaceMatches(Evaluator& e, const Node& call, Items input,
                            Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  std::unique_ptr<const Pattern> computed;
  PDP_ASSIGN_OR_RETURN(const Pattern* const pattern,
                       PatternOf(e, call, input, computed));
  PDP_ASSIGN_OR_RETURN(const Value substitution,
                       e.First(*call.children[1], input));
  if (substitution.kind() != Value::Kind::kString) {
    return EvaluationError("a substitution that is no string");
  }
  PDP_ASSIGN_OR_RETURN(const std::string replaced,
                       pattern->ReplaceAll(*text, substitution.string(),
                                           e.limits().max_string_bytes));
  return AppendText(e, replaced, out);
}

absl::Status Length(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  return e.Append(
      Value::Number(static_cast<double>(Utf16Length(*text)), Types().integer),
      out);
}

absl::Status ToChars(Evaluator& e, const Node&, Items input, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const auto text, StringOf(e, input));
  if (!text) return absl::OkStatus();
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view before = rest;
    if (TakeCodePoint(rest) >= 0x10000) return NoUnicode();
    PDP_RETURN_IF_ERROR(
        e.Append(Value::String(before.substr(0, before.size() - rest.size()),
                               Types().string),
                 out));
  }
  return absl::OkStatus();
}

absl::Status Join(Evaluator& e, const Node& call, Items input,
                  Collection& out) {
  std::string separator;
  if (!call.children.empty()) {
    PDP_ASSIGN_OR_RETURN(const Value argument,
                         e.First(*call.children[0], Items(&e.root(), 1)));
    if (IsString(argument)) {
      separator = argument.string();
    } else if (argument.kind() != Value::Kind::kUndefined) {
      return EvaluationError("a separator that is no string");
    }
  }
  std::string joined;
  bool is_first = true;
  for (const Value& item : input) {
    PDP_RETURN_IF_ERROR(e.Spend());
    if (!is_first) joined += separator;
    is_first = false;
    if (item.kind() == Value::Kind::kUndefined) continue;
    PDP_ASSIGN_OR_RETURN(const std::string text, ToString(item));
    joined += text;
    if (joined.size() > e.limits().max_string_bytes) break;
  }
  return AppendText(e, joined, out);
}

// Medplum has the name and gives nothing.
absl::Status Nothing(Evaluator&, const Node&, Items, Collection&) {
  return absl::OkStatus();
}

constexpr Function kFunctions[] = {
    {"indexOf", 1, IndexOf},
    {"substring", 1, Substring},
    {"startsWith", 1, Test<StartsWith>},
    {"endsWith", 1, Test<EndsWith>},
    {"contains", 1, Test<ContainsPart>},
    {"upper", 0, Upper},
    {"lower", 0, Lower},
    {"replace", 2, Replace},
    {"matches", 1, Matches, FirstArgument::kPattern},
    {"replaceMatches", 2, ReplaceMatches, FirstArgument::kPattern},
    {"length", 0, Length},
    {"toChars", 0, ToChars},
    {"join", 0, Join},
    {"encode", 0, Nothing},
    {"decode", 0, Nothing},
    {"escape", 0, Nothing},
    {"unescape", 0, Nothing},
    {"trim", 0, Nothing},
    {"split", 0, Nothing},
};

}  // namespace

std::span<const Function> StringFunctions() { return kFunctions; }

}  // namespace pdp::fhir::fhirpath
