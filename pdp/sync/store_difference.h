// The changes that make a store agree with a directory.

#ifndef PDP_SYNC_STORE_DIFFERENCE_H_
#define PDP_SYNC_STORE_DIFFERENCE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "pdp/sync/directory_content.h"
#include "store/store.h"

namespace pdp::sync {

// Empty where the store holds just what `content` says.  A resource whose text
// is what it was keeps the instant that it was given when it was first stored,
// whatever the file's time.
absl::StatusOr<std::vector<store::Change>> DifferenceOf(
    const store::Store& store, const DirectoryContent& content);

}  // namespace pdp::sync

#endif  // PDP_SYNC_STORE_DIFFERENCE_H_
