// How far a feed has got, as its cursors in the store say.
//
//   of the feed   :=  ("loading" | "swept") through full
//   through, full :=  instant
//   of each type  :=  "live" instant  |  "deleted" instant  |  "done"
//   instant       :=  a FHIR instant, or "-" where there is none
//
// Times are of the server's clock: nothing of ours is compared with them.

#ifndef PDP_SYNC_FEED_POSITION_H_
#define PDP_SYNC_FEED_POSITION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "store/store.h"

namespace pdp::sync {

struct FeedPosition {
  enum class Phase : uint8_t {
    kNone,
    kLoading,  // The first load began at `through`.
    kSwept,    // All that changed before `through` is held.
  };

  Phase phase = Phase::kNone;
  // InfinitePast: the server did not say when.
  absl::Time through = absl::InfinitePast();
  // When the last complete full sweep began: nothing that was gone for good
  // before is held.
  absl::Time full = absl::InfinitePast();

  friend bool operator==(const FeedPosition&, const FeedPosition&) = default;
};

struct TypePosition {
  enum class Phase : uint8_t { kLive, kDeleted, kDone };

  Phase phase = Phase::kLive;
  // Up to which lastUpdated the phase is through.
  absl::Time through = absl::InfinitePast();

  friend bool operator==(const TypePosition&, const TypePosition&) = default;
};

std::string ToText(const FeedPosition& position);
std::string ToText(const TypePosition& position);

// DataLoss: not what ToText writes.
absl::StatusOr<FeedPosition> ParseFeedPosition(std::string_view text);
absl::StatusOr<TypePosition> ParseTypePosition(std::string_view text);

// The cursors of one feed.
class FeedCursors {
 public:
  // `source` is the name of the source.  `store` must outlive this.
  FeedCursors(const store::Store& store, std::string source,
              std::string project)
      : store_(store),
        source_(std::move(source)),
        project_(std::move(project)) {}

  // Of what is not there: the first positions.
  absl::StatusOr<FeedPosition> Get() const;
  absl::StatusOr<TypePosition> Get(std::string_view type) const;

  store::Cursor At(const FeedPosition& position) const;
  store::Cursor At(std::string_view type, const TypePosition& position) const;

 private:
  const store::Store& store_;
  const std::string source_;
  const std::string project_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FEED_POSITION_H_
