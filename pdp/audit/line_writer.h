// LineWriter: one record of the audit log as a line of JSON.
//
//   line := `{"seq":` number member* `,"hash":"` 64 hexadecimal digits `"}` LF
//
// Whatever a text holds, it ends neither the string nor the line that it is in:
// quotes, backslashes, control characters and the line separators of Unicode
// are escaped, and what is not UTF-8 becomes U+FFFD.  A text of more than
// kMaxTextBytes is cut, and its member is named in a last one, "cut".

#ifndef PDP_AUDIT_LINE_WRITER_H_
#define PDP_AUDIT_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace pdp::audit {

inline constexpr size_t kMaxTextBytes = 512;
// Of all items of a list together.
inline constexpr size_t kMaxListBytes = 4096;
// More than any line has.
inline constexpr size_t kMaxLineBytes = size_t{1} << 20;

// What stands in front of the hash and after it.
inline constexpr std::string_view kHashPrefix = ",\"hash\":\"";
inline constexpr std::string_view kHashSuffix = "\"}";

// Appends members to a text.  Names are identifiers, and literals.
class LineWriter {
 public:
  explicit LineWriter(std::string& out) : out_(out) {}

  // Nothing is written for what is empty.  Returns whether the text stands
  // there as it is.
  bool Text(std::string_view name, std::string_view text);
  void List(std::string_view name, absl::Span<const std::string_view> items);
  void Number(std::string_view name, uint64_t number);
  void Flag(std::string_view name, bool value);
  void Null(std::string_view name);
  // As RFC 3339, in UTC, with microseconds.
  void Time(std::string_view name, absl::Time time);
  bool is_cut() const { return !cut_.empty(); }
  // Names what was cut, if anything was.
  void Finish();

 private:
  void Name(std::string_view name);
  void Quote(std::string_view text);

  std::string& out_;
  std::string cut_;
};

// `2026-01-02T03:04:05.678901Z`.
void AppendTime(absl::Time time, std::string& out);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_LINE_WRITER_H_
