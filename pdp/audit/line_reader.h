// LineReader: the lines of a file, one after the other, in bounded memory.

#ifndef PDP_AUDIT_LINE_READER_H_
#define PDP_AUDIT_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pdp::audit {

struct Line {
  std::string_view text;  // Without the line feed; until the next one is read.
  uint64_t number = 0;    // From 1.
  uint64_t offset = 0;    // Of its first byte.
  bool is_ended = false;  // By a line feed.
  bool is_too_long = false;  // `text` is but a part of it.

  uint64_t size = 0;  // With the line feed.

  uint64_t end() const { return offset + size; }
};

// For one thread at a time.
class LineReader {
 public:
  // Of the lines from `offset` on, where one begins; they are numbered from
  // there.  Unavailable: the file cannot be read.
  static absl::StatusOr<LineReader> Open(const std::string& path,
                                         uint64_t offset = 0);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;

  // False at the end, and where the file cannot be read any more.
  bool Next(Line& line);
  // Why it ended too early.
  const absl::Status& status() const { return status_; }

 private:
  LineReader(int file, uint64_t offset);
  bool Fill();

  int file_;
  std::string buffer_;
  size_t begin_ = 0;  // Of what was not yet returned.
  uint64_t number_ = 0;
  uint64_t offset_ = 0;
  bool at_end_ = false;
  absl::Status status_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_LINE_READER_H_
