#include "pdp/base/log.h"

#include <unistd.h>

#include <charconv>
#include <cmath>

#include "absl/time/clock.h"
#include "pdp/base/unicode.h"

namespace pdp {
namespace {

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

void AppendQuoted(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : ToValidUtf8(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    } else {
      out += c;
    }
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
