#include "pdp/sync/hint_reader.h"

#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

// A delete may be told before it is done, and one that is rolled back is told
// as well.  When a resource still lives after these, sweeps
// will find whatever becomes of it.
constexpr absl::Duration kLooksAtDeleted[] = {absl::Milliseconds(250),
                                              absl::Seconds(1)};

}  // namespace

void HintReader::Handle(Hint hint) {
  const absl::Status status = Read(hint);
  if (status.ok()) {
    for (const Hint::Done& done : hint.waiting) done(absl::OkStatus());
    return;
  }
  Refuse(hint, status);
  if (absl::IsCancelled(status)) return;
  if (!absl::IsUnavailable(status)) {
    sweep_now_();
    return;
  }
  // The server is away: nobody shall wait for as many time-outs as there are
  // hints.  What they name is found by the sweep that succeeds next.
  while (const std::optional<Hint> other = queue_.Poll()) {
    Refuse(*other, status);
  }
}

void HintReader::Refuse(const Hint& hint, const absl::Status& why) {
  const absl::Status status = absl::UnavailableError(
      StrCat(hint.key.ToString(), " was not read: ", ToStd(why.message())));
  for (const Hint::Done& done : hint.waiting) done(status);
}

absl::Status HintReader::Read(const Hint& hint) {
  if (FindMirroredType(hint.key.type) == nullptr) {
    return hint.waiting.empty()
               ? absl::OkStatus()
               : absl::InvalidArgumentError("this type is not kept");
  }
  PDP_ASSIGN_OR_RETURN(FeedReads::Answer answer, reads_.Read(hint.key));
  const bool lives = answer.observation.kind == Observation::Kind::kLive;
  if (lives && hint.deleted &&
      hint.looks < static_cast<int>(std::size(kLooksAtDeleted))) {
    queue_.Offer({.key = hint.key, .deleted = true, .looks = hint.looks + 1},
                 kLooksAtDeleted[hint.looks]);
  }
  std::vector<Observation> observations;
  observations.push_back(std::move(answer.observation));
  PDP_RETURN_IF_ERROR(reads_.Apply(std::move(observations)).status());
  return reads_.ReadElsewhere(FeedReads::Elsewhere::kNew);
}

}  // namespace pdp::sync
