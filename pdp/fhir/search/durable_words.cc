#include "pdp/fhir/search/durable_words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "pdp/base/unicode.h"

namespace pdp::fhir::search {
namespace {

enum class Class : uint8_t { kLetter, kDigit, kOther, kUnknown };

struct Range {
  uint32_t first;
  uint32_t last;
};

// Letters of which nobody doubts that they are.
constexpr Range kLetters[] = {
    {0x00C0, 0x00D6}, {0x00D8, 0x00F6}, {0x00F8, 0x024F}, {0x0391, 0x03A1},
    {0x03A3, 0x03C9}, {0x0400, 0x0481}, {0x048A, 0x052F}, {0x05D0, 0x05EA},
    {0x0620, 0x064A}, {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FFF},
    {0xAC00, 0xD7A3},
};

// Signs, spaces and quotation marks.
constexpr Range kOthers[] = {
    {0x0080, 0x00A9}, {0x00AB, 0x00B1}, {0x00B4, 0x00B4}, {0x00B6, 0x00B8},
    {0x00BB, 0x00BB}, {0x00BF, 0x00BF}, {0x00D7, 0x00D7}, {0x00F7, 0x00F7},
    {0x2010, 0x2027}, {0x3000, 0x3002}, {0xFFFD, 0xFFFD},
};

template <size_t N>
bool IsIn(const Range (&ranges)[N], uint32_t code_point) {
  return std::ranges::any_of(ranges, [code_point](const Range& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

Class ClassOf(uint32_t code_point) {
  if (code_point < 0x80) {
    const auto c = static_cast<unsigned char>(code_point);
    if (absl::ascii_isalpha(c)) return Class::kLetter;
    if (absl::ascii_isdigit(c)) return Class::kDigit;
    return Class::kOther;
  }
  if (IsIn(kLetters, code_point)) return Class::kLetter;
  return IsIn(kOthers, code_point) ? Class::kOther : Class::kUnknown;
}

// A run of letters and digits.
struct Run {
  std::string text;
  bool has_letters = false;
  bool has_digits = false;
};

class Cutter {
 public:
  explicit Cutter(std::string_view text) : rest_(text) {}

  std::optional<std::vector<std::string>> Cut() {
    while (!rest_.empty()) {
      const DecodedUtf8 next = DecodeUtf8(rest_);
      switch (ClassOf(next.code_point)) {
        case Class::kUnknown:
          return std::nullopt;
        case Class::kLetter:
        case Class::kDigit:
          if (!CutCompound()) return std::nullopt;
          break;
        case Class::kOther:
          if (!SkipSign(next)) return std::nullopt;
          break;
      }
    }
    return std::move(words_);
  }

 private:
  Run TakeRun() {
    Run run;
    while (!rest_.empty()) {
      const DecodedUtf8 next = DecodeUtf8(rest_);
      const Class kind = ClassOf(next.code_point);
      if (kind != Class::kLetter && kind != Class::kDigit) break;
      (kind == Class::kLetter ? run.has_letters : run.has_digits) = true;
      run.text += rest_.substr(0, next.size);
      rest_.remove_prefix(next.size);
    }
    return run;
  }

  // A word, or several that hyphens join.
  bool CutCompound() {
    std::vector<Run> runs = {TakeRun()};
    while (rest_.starts_with('-')) {
      rest_.remove_prefix(1);
      runs.push_back(TakeRun());
      if (runs.back().text.empty()) return false;
    }
    if (runs.size() == 1) {
      words_.push_back(std::move(runs[0].text));
      return true;
    }
    const bool all_letters = std::ranges::none_of(runs, &Run::has_digits);
    if (all_letters) {
      std::string whole;
      for (const Run& run : runs)
        whole += (whole.empty() ? "" : "-") + run.text;
      words_.push_back(std::move(whole));
      for (Run& run : runs) words_.push_back(std::move(run.text));
      return true;
    }
    // The hyphen between two numbers is the sign of the second.
    const bool all_digits = std::ranges::none_of(runs, &Run::has_letters);
    if (!all_digits || runs.size() != 2) return false;
    words_.push_back(std::move(runs[0].text));
    words_.push_back("-" + runs[1].text);
    return true;
  }

  // A sign that is not part of a word, wherever it stands; a point only before
  // a space or comma or at the end.
  bool SkipSign(const DecodedUtf8& sign) {
    rest_.remove_prefix(sign.size);
    if (sign.code_point == '.') {
      return rest_.empty() || rest_[0] == ' ' || rest_[0] == ',';
    }
    return sign.code_point >= 0x80 ||
           std::string_view(" ,;'\"()!#")
                   .find(static_cast<char>(sign.code_point)) !=
               std::string_view::npos;
  }

  std::string_view rest_;
  std::vector<std::string> words_;
};

}  // namespace

std::optional<std::vector<std::string>> WordsOf(std::string_view text) {
  return Cutter(text).Cut();
}

std::optional<std::vector<std::string>> SearchedPieces(std::string_view value) {
  std::vector<std::string> pieces(1);
  while (!value.empty()) {
    const DecodedUtf8 next = DecodeUtf8(value);
    const Class kind = ClassOf(next.code_point);
    if (kind == Class::kUnknown) return std::nullopt;
    if (kind != Class::kOther || next.code_point == '-') {
      pieces.back() += value.substr(0, next.size);
    } else if (!pieces.back().empty()) {
      pieces.emplace_back();
    }
    value.remove_prefix(next.size);
  }
  if (pieces.back().empty()) pieces.pop_back();
  return pieces;
}

}  // namespace pdp::fhir::search
