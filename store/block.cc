#include "store/block.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/strings.h"

namespace pdp::store {
namespace {

constexpr std::string_view kVersionPrefix = "1 ";

// Takes a number and the space after it off `text`.
std::optional<absl::Time> TakeTime(std::string_view& text) {
  int64_t micros = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, micros);
  if (error != std::errc() || stop == end || *stop != ' ') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(stop - text.data()) + 1);
  return absl::FromUnixMicros(micros);
}

}  // namespace

std::string EncodeBlock(const Block& block) {
  return StrCat(kVersionPrefix, absl::ToUnixMicros(block.since), " ",
                absl::ToUnixMicros(block.until), " ", block.reason);
}

absl::StatusOr<Block> DecodeBlock(fhir::ResourceKey target,
                                  std::string_view encoded) {
  std::string_view rest = encoded;
  const bool known_version = rest.starts_with(kVersionPrefix);
  if (known_version) rest.remove_prefix(kVersionPrefix.size());
  const std::optional<absl::Time> since = TakeTime(rest);
  const std::optional<absl::Time> until = since ? TakeTime(rest) : since;
  Block block{std::move(target), since.value_or(absl::Time()),
              until.value_or(absl::Time()), std::string(rest)};
  // What would be written for what was read is what must be there.
  if (known_version && until && EncodeBlock(block) == encoded) return block;
  return absl::DataLossError(StrCat("the store is damaged: the block of `",
                                    block.target.ToString(),
                                    "` cannot be read"));
}

}  // namespace pdp::store
