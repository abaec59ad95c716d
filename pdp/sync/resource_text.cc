#include "pdp/sync/resource_text.h"

#include <cstdint>
#include <optional>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::sync {
namespace {

// `members` as they stand in an object, with a comma behind them unless
// nothing follows.
std::string Render(std::span<const TextMember> members, bool more_follow) {
  std::string text;
  for (const TextMember& member : members) {
    if (!text.empty()) text += ',';
    text += fhir::QuoteJson(member.name);
    text += ':';
    text += fhir::QuoteJson(member.value);
  }
  if (more_follow) text += ',';
  return text;
}

}  // namespace

std::string AddToMeta(const fhir::JsonSpan& resource,
                      std::span<const TextMember> members) {
  if (members.empty()) return std::string(resource.text);
  const std::optional<fhir::JsonSpan> meta = MemberOf(resource, "meta");
  std::string added;
  size_t at = 1;  // Behind the resource's brace.
  if (meta) {
    at = meta->offset - resource.offset + 1;
    added = Render(members, !MembersOf(*meta).empty());
  } else {
    added = StrCat("\"meta\":{", Render(members, /*more_follow=*/false), "}");
    if (!MembersOf(resource).empty()) added += ',';
  }
  return StrCat(resource.text.substr(0, at), added, resource.text.substr(at));
}

std::string VersionIdOf(std::string_view text) {
  // FNV-1a of 128 bits.
  using Uint128 = unsigned __int128;
  constexpr Uint128 kPrime = (Uint128{1} << 88) + 0x13b;
  Uint128 hash = (Uint128{0x6c62272e07bb0142} << 64) | 0x62b821756295c58d;
  for (const unsigned char c : text) hash = (hash ^ c) * kPrime;

  static constexpr char kHex[] = "0123456789abcdef";
  std::string uuid;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) uuid += '-';
    uuid += kHex[static_cast<uint32_t>(hash >> 124)];
    hash <<= 4;
  }
  uuid[14] = '8';  // The version of UUIDs that are made in a way of one's own.
  uuid[19] = kHex[8 + (static_cast<unsigned char>(uuid[19]) & 3)];
  return uuid;
}

}  // namespace pdp::sync
