// The log: one JSON object a line on standard error, for each event.
//
//   {"time":"2024-05-01T12:00:00.000Z","severity":"INFO","event":"ready",
//    "port":8990}
//
// An event is a change of state (ready, stale, refused, reloaded), never a
// request.  A field is a name and a value, never the content of a resource, a
// token, or the name of a person.

#ifndef PDP_BASE_LOG_H_
#define PDP_BASE_LOG_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "absl/time/time.h"

namespace pdp {

enum class Severity : uint8_t { kInfo, kWarning, kError };

class LogField {
 public:
  LogField(std::string_view name, std::string_view value)
      : name_(name), value_(std::string(value)) {}
  LogField(std::string_view name, const std::string& value)
      : name_(name), value_(value) {}
  LogField(std::string_view name, const char* value)
      : name_(name), value_(std::string(value)) {}
  LogField(std::string_view name, bool value) : name_(name), value_(value) {}
  LogField(std::string_view name, std::signed_integral auto value)
      : name_(name), value_(static_cast<int64_t>(value)) {}
  LogField(std::string_view name, std::unsigned_integral auto value)
      : name_(name), value_(static_cast<uint64_t>(value)) {}
  LogField(std::string_view name, std::floating_point auto value)
      : name_(name), value_(static_cast<double>(value)) {}

  // Appends `,"name":value`.
  void AppendTo(std::string& line) const;

 private:
  std::string_view name_;
  std::variant<std::string, bool, int64_t, uint64_t, double> value_;
};

// Writes one line, whole, whatever other threads write.  `event` and the names
// of fields are snake_case.
void Log(Severity severity, std::string_view event,
         std::initializer_list<LogField> fields = {});

// The line that Log writes, line feed included.
std::string FormatLogLine(absl::Time time, Severity severity,
                          std::string_view event,
                          std::initializer_list<LogField> fields);

}  // namespace pdp

#endif  // PDP_BASE_LOG_H_
