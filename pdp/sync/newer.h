// Which of two things that are known of a resource is the newer one.

#ifndef PDP_SYNC_NEWER_H_
#define PDP_SYNC_NEWER_H_

#include <cstdint>

#include "pdp/sync/observation.h"
#include "store/record.h"

namespace pdp::sync {

enum class Verdict : uint8_t {
  kNothing,  // Held already, or older than what is held.
  kPut,
  kDelete,
  kErase,
  kUnsure,  // Has to be read by id.
};

// What was read of a resource before.
struct ReadHistory {
  // The last read that had begun when something was last applied, or was found
  // to be held already: of that and earlier ones the order cannot be told.
  ReadTicket latest;
  // The last read that said what is held now: earlier ones that say something
  // older are of the time before it.  One that began later, while it ran, may
  // be of the time after it.
  ReadTicket confirmed;
  // A read by id found nothing, a short while ago.
  bool was_absent = false;
};

// What becomes of `read` (mirror.h has the rules).  `held` is null where
// nothing is held.
Verdict Judge(const ReadResource& read, const store::Record* held,
              const ReadHistory& history);

}  // namespace pdp::sync

#endif  // PDP_SYNC_NEWER_H_
