#include "pdp/audit/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "pdp/audit/line_writer.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

}  // namespace

absl::StatusOr<LineReader> LineReader::Open(const std::string& path,
                                            uint64_t offset) {
  // A pipe that nobody writes to would be waited for.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return absl::UnavailableError(
        StrCat("cannot read `", path, "`: ", std::strerror(errno)));
  }
  if (offset != 0 && lseek(file, static_cast<off_t>(offset), SEEK_SET) < 0) {
    const int error = errno;
    close(file);
    return absl::UnavailableError(
        StrCat("cannot read `", path, "`: ", std::strerror(error)));
  }
  return LineReader(file, offset);
}

LineReader::LineReader(int file, uint64_t offset)
    : file_(file), offset_(offset) {}

LineReader::LineReader(LineReader&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      number_(other.number_),
      offset_(other.offset_),
      at_end_(other.at_end_),
      status_(std::move(other.status_)) {}

LineReader::~LineReader() {
  if (file_ >= 0) close(file_);
}

bool LineReader::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kChunk);
  ssize_t count = 0;
  do {
    count = read(file_, buffer_.data() + size, kChunk);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
  if (count < 0) status_ = absl::UnavailableError(std::strerror(errno));
  at_end_ = count <= 0;
  return !at_end_;
}

bool LineReader::Next(Line& line) {
  line = Line();
  line.number = ++number_;
  line.offset = offset_;
  size_t looked_at = 0;
  size_t end = 0;
  while (true) {
    end = buffer_.find('\n', begin_ + looked_at);
    if (end != std::string::npos) break;
    looked_at = buffer_.size() - begin_;
    if (looked_at > kMaxLineBytes) {
      // The rest is passed over: its size is all that is told of it.
      line.is_too_long = true;
      begin_ += looked_at - kMaxLineBytes;
      line.size += looked_at - kMaxLineBytes;
      looked_at = kMaxLineBytes;
    }
    if (at_end_ || !Fill()) break;
  }
  if (!status_.ok()) return false;
  line.is_ended = end != std::string::npos;
  if (!line.is_ended) end = buffer_.size();
  line.text = std::string_view(buffer_).substr(begin_, end - begin_);
  const size_t taken = line.text.size() + (line.is_ended ? 1 : 0);
  line.size += taken;
  if (line.text.size() > kMaxLineBytes) line.is_too_long = true;
  begin_ += taken;
  offset_ += line.size;
  return line.size != 0;
}

}  // namespace pdp::audit
