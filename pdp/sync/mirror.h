// Mirror: the one writer of a store that is fed by a Medplum server.
//
// Feeds tell what their reads said; the mirror decides what of it is newer than
// what is held, and applies that with the feed's cursors in one batch.  What it
// cannot order it neither applies nor drops: it asks for a read by id, which
// says the truth of a moment.
//
// Order.  versionIds are random, lastUpdated may be set back and may be equal,
// answers overtake each other, and a search may run behind what was committed
// (a replica, an open transaction).  So each read takes a ticket before it is
// sent, and
//  - a read by id says the truth of a moment while it ran: it wins over all
//    that was applied before it began;
//  - an observation is `unsure` where it would change something and something
//    else was applied to the resource after its read had begun;
//  - a search is believed only where that is certain: a live version with a
//    later lastUpdated than the live one that is held; a tombstone that is
//    later than the live version that is held; and what nothing is held of.
//    It never brings back to life what is held as deleted, or what a read by id
//    found absent a short while ago: that is `unsure`.
//
// Owners.  With a feed of its own, a project's resources are that feed's: what
// other feeds see of them is ignored.  A Project, AccessPolicy or
// UserConfiguration of a project without a feed is foreign: the server reads it
// wherever it lives when a membership names it, or a link of the project does.
// It is held as long as a feed that wants it finds it by id.
//
// Tombstones.  What is deleted stays held as deleted until a read by id finds
// it absent, because the server has expunged it, or alive again; age alone ends
// no tombstone.  So a deleted membership is known as deleted and is found by no
// subject, and a deleted profile denies as long as the server would.  A login
// from which a policy hides deleted profiles must not feed a mirror: it is told
// that they are absent.
//
// Secrets (stored_form.h) are taken out of what is stored.  What a login is not
// shown is absent from what it reads: `superAdmin`, `systemSecret` and
// `strictMode` of the own Project, and `secret`, `setting` and `systemSetting`
// of others (semantics S-2).

#ifndef PDP_SYNC_MIRROR_H_
#define PDP_SYNC_MIRROR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/sync/observation.h"
#include "pdp/sync/source.h"
#include "store/store.h"

namespace pdp::sync {

// Thread-safe.
class Mirror {
 public:
  struct Options {
    // The name of the server, of which all cursors are: what a store holds of
    // any other source is erased.
    std::string source;
    // The projects that have a feed of their own.
    std::vector<std::string> projects;
    // Whether there is a feed, "", of all the others.
    bool all_others = false;
    size_t max_resource_bytes = size_t{16} << 20;
  };

  // What is held of foreign resources is erased: feeds read them anew before
  // they say that they are current.
  //
  // `store` must outlive the mirror, and nobody else may change its
  // resources.
  // `callback` runs after a change is durable, one call at a time; it must not
  // call Apply or Elsewhere.
  static absl::StatusOr<std::unique_ptr<Mirror>> Open(store::Store& store,
                                                      Options options,
                                                      ChangeCallback callback);

  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // Of all reads of all feeds.
  ReadOrder& order();

  struct Result {
    uint64_t revision = 0;  // Of the store, now.
    size_t changed = 0;     // Resources.
    // To be read by id, now, and applied: what was seen of them cannot be
    // ordered.  While there are any, the cursors were not moved; they are to be
    // given again with the observations of these reads.
    std::vector<fhir::ResourceKey> unsure;
    // To be read by id, before the feed says that it is current: foreign
    // resources that what was applied names for the first time.
    std::vector<fhir::ResourceKey> elsewhere;
  };

  // Applies what is newer of `observations`, which the feed of `project` (""
  // the one of all others) made, and the cursors: all of it or nothing.
  //
  // DataLoss: an observation cannot be understood, is of another resource than
  // its key says, or is too large; the message names it.  It is never left out:
  // nothing was applied.
  // Other errors are the store's: nothing was applied.
  absl::StatusOr<Result> Apply(std::string_view project,
                               std::vector<Observation> observations,
                               std::span<const store::Cursor> cursors);

  // The foreign resources that memberships of `project` name, and the foreign
  // Projects it is linked to: to be read by id with each round of a feed.  What
  // this returned before and does not now is no longer held for this feed.
  // Reads all memberships of the project; empty for "".
  absl::StatusOr<std::vector<fhir::ResourceKey>> Elsewhere(
      std::string_view project);

  // What a full comparison with the server needs: the id and versionId of each
  // live resource of `type` that the feed of `project` owns, in the order of
  // the ids within a project, until `visit` returns false.  An id of which this
  // is not true on the server must be read by id.
  using HeadVisitor =
      std::function<bool(std::string_view id, std::string_view version_id)>;
  absl::Status VisitHeads(std::string_view project, std::string_view type,
                          const HeadVisitor& visit) const;

  // The profiles that are held as deleted and that a live membership of
  // `project` names: to be read by id now and then, since a search for the
  // living never finds that one of them is back.
  absl::StatusOr<std::vector<fhir::ResourceKey>> DeletedProfiles(
      std::string_view project) const;

 private:
  struct State;
  class Batch;
  explicit Mirror(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_MIRROR_H_
