#include "pdp/audit/line_writer.h"

#include <charconv>
#include <cstring>

#include "absl/time/time.h"
#include "pdp/base/unicode.h"

namespace pdp::audit {
namespace {

using Block [[gnu::vector_size(16)]] = unsigned char;

// Whether all bytes stand for themselves, whatever is around them.
bool IsPlainBlock(const char* text) {
  Block bytes;
  std::memcpy(&bytes, text, sizeof bytes);
  const auto others =
      (bytes < 0x20) | (bytes >= 0x7f) | (bytes == '"') | (bytes == '\\');
  uint64_t halves[2];
  std::memcpy(halves, &others, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

bool IsPlain(std::string_view text) {
  if (text.size() < sizeof(Block)) {
    char padded[sizeof(Block)];
    std::memset(padded, ' ', sizeof padded);
    if (!text.empty()) std::memcpy(padded, text.data(), text.size());
    return IsPlainBlock(padded);
  }
  for (size_t i = 0; i + sizeof(Block) < text.size(); i += sizeof(Block)) {
    if (!IsPlainBlock(text.data() + i)) return false;
  }
  return IsPlainBlock(text.data() + text.size() - sizeof(Block));
}

bool IsEscaped(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
         code_point == 0x2028 || code_point == 0x2029;
}

void AppendEscaped(std::string_view text, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  while (!text.empty()) {
    const DecodedUtf8 decoded = DecodeUtf8(text);
    const uint32_t code_point = decoded.code_point;
    if (IsEscaped(code_point)) {
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) {
        out += kDigits[(code_point >> shift) & 0xf];
      }
    } else {
      if (code_point == '"' || code_point == '\\') out += '\\';
      AppendUtf8(code_point, out);
    }
    text.remove_prefix(decoded.size);
  }
}

// The first `size` bytes, or a few less where that would be within a character.
std::string_view Cut(std::string_view text, size_t size) {
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  return text.substr(0, size);
}

// Since the same second stands in many records, its text is kept.
struct Second {
  int64_t seconds = INT64_MIN;
  std::string text;
};

}  // namespace

void AppendTime(absl::Time time, std::string& out) {
  static thread_local Second last;
  const int64_t micros = absl::ToUnixMicros(time);
  int64_t seconds = micros / 1'000'000;
  int64_t fraction = micros % 1'000'000;
  if (fraction < 0) {
    fraction += 1'000'000;
    --seconds;
  }
  if (last.seconds != seconds) {
    last.text =
        absl::FormatTime("%Y-%m-%d%ET%H:%M:%S.", absl::FromUnixSeconds(seconds),
                         absl::UTCTimeZone());
    last.seconds = seconds;
  }
  out += last.text;
  char digits[] = "000000Z";
  for (int i = 5; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  out.append(digits, 7);
}

void LineWriter::Name(std::string_view name) {
  out_ += ",\"";
  out_ += name;
  out_ += "\":";
}

void LineWriter::Quote(std::string_view text) {
  out_ += '"';
  if (IsPlain(text)) {
    out_ += text;
  } else {
    AppendEscaped(text, out_);
  }
  out_ += '"';
}

bool LineWriter::Text(std::string_view name, std::string_view text) {
  if (text.empty()) return true;
  const bool is_cut = text.size() > kMaxTextBytes;
  if (is_cut) {
    text = Cut(text, kMaxTextBytes);
    cut_ += cut_.empty() ? "\"" : ",\"";
    cut_ += name;
    cut_ += '"';
  }
  const bool is_plain = IsPlain(text);
  constexpr size_t kMaxAtOnce = 256;
  if (name.size() + text.size() + 6 > kMaxAtOnce || !is_plain) {
    Name(name);
    Quote(text);
    return is_plain && !is_cut;
  }
  // Most texts: one append.
  char member[kMaxAtOnce];
  char* end = member;
  const auto append = [&end](std::string_view part) {
    std::memcpy(end, part.data(), part.size());
    end += part.size();
  };
  append(",\"");
  append(name);
  append("\":\"");
  append(text);
  append("\"");
  out_.append(member, static_cast<size_t>(end - member));
  return true;
}

void LineWriter::List(std::string_view name,
                      absl::Span<const std::string_view> items) {
  if (items.empty()) return;
  Name(name);
  out_ += '[';
  size_t bytes = 0;
  bool cut = false;
  bool first = true;
  for (std::string_view item : items) {
    if (bytes + item.size() > kMaxListBytes) {
      cut = true;
      break;
    }
    bytes += item.size() + 1;
    if (item.size() > kMaxTextBytes) {
      item = Cut(item, kMaxTextBytes);
      cut = true;
    }
    if (!first) out_ += ',';
    first = false;
    Quote(item);
  }
  out_ += ']';
  if (!cut) return;
  cut_ += cut_.empty() ? "\"" : ",\"";
  cut_ += name;
  cut_ += '"';
}

void LineWriter::Number(std::string_view name, uint64_t number) {
  Name(name);
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + 20, number).ptr);
}

void LineWriter::Flag(std::string_view name, bool value) {
  Name(name);
  out_ += value ? "true" : "false";
}

void LineWriter::Null(std::string_view name) {
  Name(name);
  out_ += "null";
}

void LineWriter::Time(std::string_view name, absl::Time time) {
  Name(name);
  out_ += '"';
  AppendTime(time, out_);
  out_ += '"';
}

void LineWriter::Finish() {
  if (cut_.empty()) return;
  Name("cut");
  out_ += '[';
  out_ += cut_;
  out_ += ']';
  cut_.clear();
}

}  // namespace pdp::audit
