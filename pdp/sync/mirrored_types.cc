#include "pdp/sync/mirrored_types.h"

#include <algorithm>

namespace pdp::sync {
namespace {

constexpr MirroredType kTypes[] = {
    {"Project", Mirrored::kWhole},
    {"AccessPolicy", Mirrored::kWhole},
    {"UserConfiguration", Mirrored::kWhole},
    {"ClientApplication", Mirrored::kWhole},
    {"Bot", Mirrored::kWhole},
    {"Practitioner", Mirrored::kTombstones},
    {"Patient", Mirrored::kTombstones},
    {"RelatedPerson", Mirrored::kTombstones},
    {"ProjectMembership", Mirrored::kWhole},
};

}  // namespace

std::span<const MirroredType> MirroredTypes() { return kTypes; }

const MirroredType* FindMirroredType(std::string_view type) {
  const auto* const found = std::find_if(
      std::begin(kTypes), std::end(kTypes),
      [type](const MirroredType& mirrored) { return mirrored.name == type; });
  return found == std::end(kTypes) ? nullptr : found;
}

store::HistoryOptions MirroredHistory() {
  store::HistoryOptions options;
  for (const MirroredType& type : kTypes) {
    (type.kept == Mirrored::kWhole ? options.whole : options.deletions)
        .emplace_back(type.name);
  }
  return options;
}

}  // namespace pdp::sync
