// CopyCheckpoint: begins a store with what another one held.

#ifndef STORE_COPY_H_
#define STORE_COPY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace pdp::store {

// Makes `options.directory`, which must not exist, a copy of `checkpoint`, the
// directory of one that Store::Checkpoint made, here or elsewhere: all of it or
// nothing, and durable when it returns.  Nothing of `checkpoint` is changed.
// Returns the revision of the store.
//
// FailedPrecondition: `checkpoint` is no store, of a format that is not read
// here, or a store that is open; or `options.directory` exists.
// DataLoss, Unavailable: it is damaged, not all of it is there, or the file
// system refuses.
absl::StatusOr<uint64_t> CopyCheckpoint(const std::string& checkpoint,
                                        const Options& options);

}  // namespace pdp::store

#endif  // STORE_COPY_H_
