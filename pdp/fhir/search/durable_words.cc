#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/unicode.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/text.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;
using Kind = DurableColumn::Kind;
using Words = std::vector<std::string>;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// The runs of ASCII letters and digits in lower case.
Words RunsOf(std::string_view text) {
  Words words(1);
  for (const char c : text) {
    if (IsWordCharacter(c)) {
      words.back().push_back(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  for (std::string& word : words) word = ToLower(word);
  return words;
}

// The words of `text` in lower case.  Nothing where Postgres may cut the text
// in another way: it knows hyphens, hosts, numbers with points and all letters
// of the world.
std::optional<Words> WordsOf(std::string_view text) {
  const bool is_simple = std::ranges::all_of(text, [](char c) {
    return IsWordCharacter(c) || c == ' ' || c == ',' || c == '\'';
  });
  if (!is_simple) return std::nullopt;
  return RunsOf(text);
}

// What one row of the look-up table holds of a name or address.
struct Row {
  std::vector<std::string_view> parts;
  // The row may hold more than the parts.
  bool is_complete = true;
};

void AppendParts(JsonElement object,
                 std::initializer_list<std::string_view> names, Row& row) {
  for (const std::string_view name : names) {
    ForEachItem(object, name, [&](JsonElement item) {
      const std::string_view part = AsString(item).value_or("");
      if (!part.empty()) row.parts.push_back(part);
    });
  }
}

Row RowOf(std::string_view code, JsonElement object) {
  Row row;
  if (code == "name") {
    AppendParts(object, {"prefix", "given", "family", "suffix", "text"}, row);
  } else if (code == "given") {
    AppendParts(object, {"given"}, row);
  } else if (code == "family") {
    AppendParts(object, {"family"}, row);
  } else if (code == "address") {
    AppendParts(object, {"line", "city", "state", "postalCode"}, row);
    row.is_complete = !Member(object, "country") &&
                      !Member(object, "district") && !Member(object, "text");
  } else if (code == "address-city") {
    AppendParts(object, {"city"}, row);
  } else if (code == "address-country") {
    AppendParts(object, {"country"}, row);
  } else if (code == "address-postalcode") {
    AppendParts(object, {"postalCode"}, row);
  } else if (code == "address-state") {
    AppendParts(object, {"state"}, row);
  } else if (code == "address-use") {
    AppendParts(object, {"use"}, row);
  } else {
    row.is_complete = false;
  }
  return row;
}

enum class Answer : uint8_t { kNo, kYes, kUnknown };

bool HasNoWord(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return IsWordCharacter(c) || !IsAscii(c); });
}

// Whether the words of `text` are needed, however they are cut: it has none of
// the operators of a text search.
bool NeedsItsWords(std::string_view text) {
  return std::ranges::all_of(text, IsAscii) &&
         text.find_first_of("&|!()<>:*\\") == std::string_view::npos;
}

// However Postgres cuts the parts, a word is some piece of one of them.
bool MayContain(const Row& row, std::string_view word) {
  return std::ranges::any_of(row.parts, [word](std::string_view part) {
    return ContainsLowered(part, word);
  });
}

Answer MatchRow(const Row& row, std::string_view alternative) {
  // A value without words finds every row.
  if (HasNoWord(alternative)) {
    return row.parts.empty() ? Answer::kUnknown : Answer::kYes;
  }
  const Words runs = RunsOf(alternative);
  if (row.is_complete && NeedsItsWords(alternative) &&
      !std::ranges::all_of(runs, [&row](const std::string& word) {
        return MayContain(row, word);
      })) {
    return Answer::kNo;
  }
  const std::optional<Words> wanted = WordsOf(alternative);
  if (!wanted) return Answer::kUnknown;
  Words words;
  for (const std::string_view part : row.parts) {
    const std::optional<Words> more = WordsOf(part);
    if (!more) return Answer::kUnknown;
    words.insert(words.end(), more->begin(), more->end());
  }
  const bool all = std::ranges::all_of(*wanted, [&](const std::string& prefix) {
    return std::ranges::any_of(words, [&](const std::string& word) {
      return word.starts_with(prefix);
    });
  });
  if (all) return Answer::kYes;
  return row.is_complete ? Answer::kNo : Answer::kUnknown;
}

Answer MatchPart(const Row& row, Operator op, std::string_view alternative) {
  if (!row.is_complete || row.parts.size() > 1) return Answer::kUnknown;
  if (row.parts.empty()) return Answer::kNo;
  const bool matches =
      op == Operator::kExact
          ? row.parts[0] == alternative
          : ContainsLowered(row.parts[0], ToLower(alternative));
  return matches ? Answer::kYes : Answer::kNo;
}

// A row of an element that a parameter such as `family` points into is made of
// its text alone.
Row RowOfValue(std::string_view code, const Value& value) {
  if (value.kind() == Value::Kind::kObject) return RowOf(code, value.object());
  Row row;
  if (value.kind() == Value::Kind::kString) row.parts = {value.string()};
  return row;
}

}  // namespace

DurableResult CheckWords(const Filter& filter) {
  switch (filter.op) {
    case Operator::kEquals:
    case Operator::kNot:
    case Operator::kExact:
    case Operator::kContains:
    case Operator::kMissing:
      return DurableSound();
    default:
      return DurableUnknown(
          StrCat("`", filter.code, "` has a modifier of unknown effect"));
  }
}

DurableResult MatchWords(const Filter& filter, const DurableColumn& column,
                         const Collection& values) {
  const bool by_part =
      filter.op == Operator::kExact || filter.op == Operator::kContains;
  if (by_part && filter.op == Operator::kContains &&
      column.kind == Kind::kAddresses) {
    return DurableUnknown("how parts of addresses are found is not known");
  }
  bool unknown = false;
  for (const Value& value : values) {
    const Row row = RowOfValue(filter.code, value);
    for (const std::string& alternative : filter.alternatives) {
      const Answer answer = by_part ? MatchPart(row, filter.op, alternative)
                                    : MatchRow(row, alternative);
      if (answer == Answer::kYes) {
        return DurableAnswer(filter.op != Operator::kNot);
      }
      unknown = unknown || answer == Answer::kUnknown;
    }
  }
  if (unknown) {
    return DurableUnknown(
        StrCat("`", filter.code, "` has words that may be cut otherwise"));
  }
  return DurableAnswer(filter.op == Operator::kNot);
}

}  // namespace pdp::fhir::search
