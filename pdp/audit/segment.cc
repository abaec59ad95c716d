#include "pdp/audit/segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/numbers.h"
#include "pdp/audit/line_writer.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

constexpr std::string_view kSuffix = ".jsonl";
constexpr char kStartFormat[] = "%E4Y%m%dT%H%M%E6SZ";

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

}  // namespace

std::string SegmentName::ToString() const {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "-%04u-%08llu", chain,
                static_cast<unsigned long long>(number));
  return StrCat(absl::FormatTime(kStartFormat, start, absl::UTCTimeZone()),
                numbers, kSuffix);
}

std::optional<SegmentName> SegmentName::Parse(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view stem = name.substr(0, name.size() - kSuffix.size());
  const size_t first = stem.find('-');
  const size_t second = stem.rfind('-');
  if (first == std::string_view::npos || second == first) return std::nullopt;
  const std::string_view chain = stem.substr(first + 1, second - first - 1);
  const std::string_view number = stem.substr(second + 1);
  SegmentName parsed;
  std::string error;
  if (!IsDigits(chain) || !IsDigits(number) ||
      !absl::SimpleAtoi(ToAbsl(chain), &parsed.chain) ||
      !absl::SimpleAtoi(ToAbsl(number), &parsed.number) ||
      !absl::ParseTime(kStartFormat, ToAbsl(stem.substr(0, first)),
                       &parsed.start, &error) ||
      parsed.ToString() != name) {
    return std::nullopt;
  }
  return parsed;
}

absl::StatusOr<std::vector<SegmentName>> ListSegments(
    const std::string& directory) {
  std::error_code error;
  std::vector<SegmentName> segments;
  std::filesystem::directory_iterator files(directory, error);
  while (!error && files != std::filesystem::directory_iterator()) {
    if (auto name = SegmentName::Parse(files->path().filename().string())) {
      segments.push_back(*name);
    }
    files.increment(error);
  }
  if (error) {
    return absl::UnavailableError(
        StrCat("cannot list `", directory, "`: ", error.message()));
  }
  std::sort(segments.begin(), segments.end(),
            [](const SegmentName& a, const SegmentName& b) {
              return std::tie(a.chain, a.number, a.start) <
                     std::tie(b.chain, b.number, b.start);
            });
  return segments;
}

std::string SignedText(std::string_view chain, uint64_t seq,
                       std::string_view head, std::string_view time,
                       std::string_view kind) {
  return StrCat("medplum-pdp audit\n", chain, "\n", seq, "\n", head, "\n", time,
                "\n", kind, "\n");
}

std::optional<ChainedLine> SplitLine(std::string_view line) {
  constexpr size_t kDigits = 64;
  const size_t tail = kHashPrefix.size() + kDigits + kHashSuffix.size();
  if (line.size() < tail || !line.ends_with(kHashSuffix)) return std::nullopt;
  const std::string_view end = line.substr(line.size() - tail);
  if (!end.starts_with(kHashPrefix)) return std::nullopt;
  const auto hash = FromHex(end.substr(kHashPrefix.size(), kDigits));
  if (!hash) return std::nullopt;
  return ChainedLine{line.substr(0, line.size() - tail), *hash};
}

Hash LinkLine(Digest& digest, const Hash& previous, const ChainedLine& line) {
  digest.Update(
      {reinterpret_cast<const char*>(previous.data()), previous.size()});
  digest.Update(line.hashed_part);
  digest.Update("}");
  return digest.Finish();
}

}  // namespace pdp::audit
