// What of the past a store is to keep (history.h).

#ifndef STORE_HISTORY_OPTIONS_H_
#define STORE_HISTORY_OPTIONS_H_

#include <string>
#include <vector>

#include "pdp/base/clock.h"

namespace pdp::store {

struct HistoryOptions {
  // Of these types everything.
  std::vector<std::string> whole;
  // Of these types only whether and since when a resource was deleted.
  std::vector<std::string> deletions;
  const Clock* clock = &Clock::Real();
};

}  // namespace pdp::store

#endif  // STORE_HISTORY_OPTIONS_H_
