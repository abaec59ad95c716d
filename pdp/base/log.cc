#include "pdp/base/log.h"

#include <unistd.h>

#include <charconv>
#include <cmath>

#include "absl/time/clock.h"

namespace pdp {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "INFO";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
  }
  return "ERROR";
}

// The bytes of the UTF-8 sequence that `text` begins with; 0 where there is
// none.
size_t SequenceLength(std::string_view text) {
  const auto at = [text](size_t i) -> unsigned char {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&at](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) > 0x9f) return 0;  // A surrogate.
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xf0 && at(1) < 0x90) return 0;
    if (lead == 0xf4 && at(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    const unsigned char c = static_cast<unsigned char>(text.front());
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 0xf];
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

struct Appender {
  std::string& out;

  void operator()(const std::string& value) const { AppendQuoted(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(int64_t value) const { out += std::to_string(value); }
  void operator()(uint64_t value) const { out += std::to_string(value); }
  void operator()(double value) const {
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
  }
};

}  // namespace

void LogField::AppendTo(std::string& line) const {
  line += ',';
  AppendQuoted(line, name_);
  line += ':';
  std::visit(Appender{line}, value_);
}

std::string FormatLogLine(absl::Time time, Severity severity,
                          std::string_view event,
                          std::initializer_list<LogField> fields) {
  std::string line = "{\"time\":\"";
  line += absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
  line += "\",\"severity\":\"";
  line += Name(severity);
  line += "\",\"event\":";
  AppendQuoted(line, event);
  for (const LogField& field : fields) field.AppendTo(line);
  line += "}\n";
  return line;
}

void Log(Severity severity, std::string_view event,
         std::initializer_list<LogField> fields) {
  const std::string line = FormatLogLine(absl::Now(), severity, event, fields);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written <= 0) return;  // There is nowhere to complain to.
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace pdp
