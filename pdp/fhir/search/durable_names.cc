// Names and addresses, which the server keeps in look-up tables: one row for
// each, with a column for each part.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/base/unicode.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/durable_words.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Words = std::vector<std::string>;

Words SplitAtSpaces(std::string_view text) {
  Words words(1);
  for (const char c : text) {
    const bool is_space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!is_space) {
      words.back().push_back(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// The parts of a name as one text, and the words of its `text` that are not
// among them.
absl::StatusOr<std::string> NameColumn(const Value& name) {
  absl::StatusOr<std::string> column = DisplayText(name);
  if (!column.ok()) return column;
  Words known = SplitAtSpaces(ToLower(*column));
  for (std::string& word :
       SplitAtSpaces(ToLower(StringMember(name.object(), "text")))) {
    if (std::ranges::find(known, word) != known.end()) continue;
    *column += " " + word;
    known.push_back(std::move(word));
  }
  return column;
}

std::string GivenColumn(JsonElement name) {
  std::string column;
  bool is_first = true;
  ForEachItem(name, "given", [&](JsonElement item) {
    if (!is_first) column += ' ';
    is_first = false;
    column += AsString(item).value_or("");
  });
  return std::string(TrimWhitespace(column));
}

// The member that a parameter such as `address-city` looks at.
std::string_view MemberOf(std::string_view code) {
  constexpr std::string_view kPrefix = "address-";
  if (code.starts_with(kPrefix)) code.remove_prefix(kPrefix.size());
  return code == "postalcode" ? "postalCode" : code;
}

// The column that the parameter `code` looks at; empty where it is NULL.
absl::StatusOr<std::string> ColumnText(std::string_view code,
                                       const Value& row) {
  if (code == "name") return NameColumn(row);
  if (code == "given") return GivenColumn(row.object());
  if (code == "family") return std::string(StringMember(row.object(), code));
  if (code == "address") return DisplayText(row);
  return std::string(
      TrimWhitespace(StringMember(row.object(), MemberOf(code))));
}

// Whether there is a row: some column has a value.
bool HasRow(bool is_name, const Value& row) {
  const auto codes =
      is_name
          ? std::vector<std::string_view>{"name", "given", "family"}
          : std::vector<std::string_view>{"address",       "address-city",
                                          "address-state", "address-postalcode",
                                          "address-use",   "address-country"};
  return std::ranges::any_of(codes, [&row](std::string_view code) {
    const absl::StatusOr<std::string> text = ColumnText(code, row);
    return text.ok() && !text->empty();
  });
}

// Whether `words` has a run of words that begin as those of `prefixes` do.
Truth HasPrefixes(const Words& words, const Words& prefixes) {
  Truth best = Truth::kNo;
  for (size_t first = 0; first + prefixes.size() <= words.size(); ++first) {
    Truth all = Truth::kYes;
    for (size_t i = 0; i < prefixes.size() && all != Truth::kNo; ++i) {
      const Truth one = StartsWithIgnoringCase(words[first + i], prefixes[i]);
      if (one != Truth::kYes) all = one;
    }
    if (all == Truth::kYes) return all;
    if (all == Truth::kUnknown) best = all;
  }
  return best;
}

// Whether the column has a word for every piece that is asked for.
Truth MatchWord(std::string_view column, const std::string& piece) {
  const std::optional<Words> prefixes = WordsOf(piece);
  const std::optional<Words> words = WordsOf(column);
  if (prefixes && words && !prefixes->empty()) {
    return HasPrefixes(*words, *prefixes);
  }
  // However the text is cut, a word is some part of it.
  Words runs(1);
  for (const char c : piece) {
    if (c != '-') {
      runs.back().push_back(c);
    } else {
      runs.emplace_back();
    }
  }
  const bool may_match = std::ranges::all_of(runs, [&](const std::string& run) {
    return ContainsIgnoringCase(column, run) != Truth::kNo;
  });
  return may_match ? Truth::kUnknown : Truth::kNo;
}

Truth SearchWords(std::string_view column, bool has_row,
                  std::string_view alternative) {
  const std::optional<Words> pieces = SearchedPieces(alternative);
  if (!pieces) return Truth::kUnknown;
  // A value without words finds every row.
  if (pieces->empty()) return ToTruth(has_row);
  if (column.empty()) return Truth::kNo;
  Truth all = Truth::kYes;
  for (const std::string& piece : *pieces) {
    const Truth one = MatchWord(column, piece);
    if (one == Truth::kNo) return one;
    if (one == Truth::kUnknown) all = one;
  }
  return all;
}

Truth MatchColumn(const Filter& filter, std::string_view column, bool has_row,
                  std::string_view alternative) {
  switch (filter.op) {
    case Operator::kExact:
      return ToTruth(!column.empty() && column == TrimWhitespace(alternative));
    case Operator::kContains:
      return column.empty() ? Truth::kNo
                            : ContainsIgnoringCase(column, alternative);
    default:
      return SearchWords(column, has_row, alternative);
  }
}

}  // namespace

DurableResult CheckWords(const Filter& filter) {
  if (filter.op == Operator::kIn || filter.op == Operator::kNotIn) {
    return WrongModifier(filter);
  }
  return DurableSound();
}

DurableResult MatchWords(const Filter& filter, const Collection& values) {
  const bool is_name =
      filter.parameter->column.kind == DurableColumn::Kind::kNames;
  const bool is_negated =
      filter.op == Operator::kNot || filter.op == Operator::kNotEquals;
  bool unknown = false;
  for (const Value& value : values) {
    if (value.kind() != Value::Kind::kObject) continue;
    const absl::StatusOr<std::string> column = ColumnText(filter.code, value);
    if (!column.ok()) return DurableUnknown(column.status().ToString());
    const bool has_row = HasRow(is_name, value);
    for (const std::string& alternative : filter.alternatives) {
      const Truth truth = MatchColumn(filter, *column, has_row, alternative);
      if (truth == Truth::kYes) return DurableAnswer(!is_negated);
      unknown = unknown || truth == Truth::kUnknown;
    }
  }
  if (unknown) {
    return DurableUnknown(
        StrCat("`", filter.code, "` has words that may be cut otherwise"));
  }
  return DurableAnswer(is_negated);
}

}  // namespace pdp::fhir::search
