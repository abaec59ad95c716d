#include "store/record.h"

#include <cstdint>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"

namespace pdp::store {
namespace {

constexpr char kRecordVersion = 1;
constexpr char kCurrentVersion = 2;
constexpr char kLive = 0;
constexpr char kDeleted = 1;

void PutCount(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void PutString(std::string& out, std::string_view text) {
  PutCount(out, text.size());
  out += text;
}

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  bool Byte(char& value) {
    if (in_.empty()) return false;
    value = in_.front();
    in_.remove_prefix(1);
    return true;
  }

  bool Count(uint32_t& value) {
    uint64_t number = 0;
    if (!Number(number) || number > UINT32_MAX) return false;
    value = static_cast<uint32_t>(number);
    return true;
  }

  bool Number(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      char byte = 0;
      if (!Byte(byte)) return false;
      const auto bits = static_cast<uint64_t>(byte & 0x7f);
      if (bits << shift >> shift != bits) return false;
      value |= bits << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  bool String(std::string& value) {
    uint32_t size = 0;
    if (!Count(size) || size > in_.size()) return false;
    value.assign(in_.substr(0, size));
    in_.remove_prefix(size);
    return true;
  }

  bool Strings(std::vector<std::string>& values) {
    uint32_t count = 0;
    if (!Count(count) || count > in_.size()) return false;
    values.resize(count);
    for (std::string& value : values) {
      if (!String(value)) return false;
    }
    return true;
  }

  std::string_view rest() const { return in_; }
  bool AtEnd() const { return in_.empty(); }

 private:
  std::string_view in_;
};

}  // namespace

std::string EncodeRecord(const Record& record) {
  std::string out;
  out.reserve(record.bytes.size() + 160);
  out += kRecordVersion;
  out += record.deleted ? kDeleted : kLive;
  PutString(out, record.last_updated);
  PutString(out, record.version_id);
  PutString(out, record.project);
  PutString(out, record.last_version);
  PutCount(out, record.subjects.size());
  for (const std::string& subject : record.subjects) PutString(out, subject);
  PutString(out, record.bytes);
  return out;
}

absl::StatusOr<Record> DecodeRecord(std::string_view encoded) {
  Decoder in(encoded);
  char version = 0;
  if (!in.Byte(version) || version != kRecordVersion) {
    return absl::DataLossError("a record of an unknown version");
  }
  Record record;
  char flags = 0;
  if (!in.Byte(flags) || (flags != kLive && flags != kDeleted) ||
      !in.String(record.last_updated) || !in.String(record.version_id) ||
      !in.String(record.project) || !in.String(record.last_version) ||
      !in.Strings(record.subjects) || !in.String(record.bytes) || !in.AtEnd()) {
    return absl::DataLossError("a record that does not decode");
  }
  record.deleted = flags == kDeleted;
  if (record.deleted != record.bytes.empty()) {
    return absl::DataLossError("a record that is neither live nor deleted");
  }
  return record;
}

std::string EncodeCurrent(const Record& record, uint64_t revision) {
  std::string out(1, kCurrentVersion);
  PutCount(out, revision);
  return out += EncodeRecord(record);
}

absl::StatusOr<CurrentRecord> DecodeCurrent(std::string_view encoded) {
  CurrentRecord current;
  if (encoded.starts_with(kCurrentVersion)) {
    Decoder in(encoded.substr(1));
    if (!in.Number(current.revision)) {
      return absl::DataLossError("a record whose revision does not decode");
    }
    encoded = in.rest();
  }
  PDP_ASSIGN_OR_RETURN(current.record, DecodeRecord(encoded));
  return current;
}

}  // namespace pdp::store
