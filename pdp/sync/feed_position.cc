#include "pdp/sync/feed_position.h"

#include <optional>
#include <vector>

#include "absl/strings/str_split.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/listing.h"

namespace pdp::sync {
namespace {

constexpr std::string_view kNoInstant = "-";

std::string TimeText(absl::Time time) {
  return time == absl::InfinitePast() ? std::string(kNoInstant)
                                      : ToInstantText(time);
}

absl::StatusOr<absl::Time> ParseTimeText(std::string_view text) {
  if (text == kNoInstant) return absl::InfinitePast();
  return ParseInstant(text);
}

std::vector<std::string> Words(std::string_view text) {
  return absl::StrSplit(ToAbsl(text), ' ');
}

absl::Status Malformed(std::string_view text) {
  return absl::DataLossError(StrCat("a malformed cursor: ", text));
}

}  // namespace

std::string ToText(const FeedPosition& position) {
  return StrCat(
      position.phase == FeedPosition::Phase::kSwept ? "swept " : "loading ",
      TimeText(position.through), " ", TimeText(position.full));
}

std::string ToText(const TypePosition& position) {
  switch (position.phase) {
    case TypePosition::Phase::kLive:
      return StrCat("live ", TimeText(position.through));
    case TypePosition::Phase::kDeleted:
      return StrCat("deleted ", TimeText(position.through));
    case TypePosition::Phase::kDone:
      break;
  }
  return "done";
}

absl::StatusOr<FeedPosition> ParseFeedPosition(std::string_view text) {
  const std::vector<std::string> words = Words(text);
  FeedPosition position;
  if (words.size() != 3) return Malformed(text);
  if (words[0] == "loading") {
    position.phase = FeedPosition::Phase::kLoading;
  } else if (words[0] == "swept") {
    position.phase = FeedPosition::Phase::kSwept;
  } else {
    return Malformed(text);
  }
  PDP_ASSIGN_OR_RETURN(position.through, ParseTimeText(words[1]));
  PDP_ASSIGN_OR_RETURN(position.full, ParseTimeText(words[2]));
  return position;
}

absl::StatusOr<TypePosition> ParseTypePosition(std::string_view text) {
  const std::vector<std::string> words = Words(text);
  TypePosition position;
  if (words.size() == 1 && words[0] == "done") {
    position.phase = TypePosition::Phase::kDone;
    return position;
  }
  if (words.size() != 2) return Malformed(text);
  if (words[0] == "deleted") {
    position.phase = TypePosition::Phase::kDeleted;
  } else if (words[0] != "live") {
    return Malformed(text);
  }
  PDP_ASSIGN_OR_RETURN(position.through, ParseTimeText(words[1]));
  return position;
}

absl::StatusOr<FeedPosition> FeedCursors::Get() const {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                       store_.GetCursor(source_, project_, /*type=*/""));
  if (!text) return FeedPosition();
  return ParseFeedPosition(*text);
}

absl::StatusOr<TypePosition> FeedCursors::Get(std::string_view type) const {
  PDP_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                       store_.GetCursor(source_, project_, type));
  if (!text) return TypePosition();
  return ParseTypePosition(*text);
}

store::Cursor FeedCursors::At(const FeedPosition& position) const {
  return {.source = source_, .project = project_, .position = ToText(position)};
}

store::Cursor FeedCursors::At(std::string_view type,
                              const TypePosition& position) const {
  return {.source = source_,
          .project = project_,
          .type = std::string(type),
          .position = ToText(position)};
}

}  // namespace pdp::sync
