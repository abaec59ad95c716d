// What a store begins with, where there is none yet.

#ifndef PDP_FIRST_STATE_H_
#define PDP_FIRST_STATE_H_

#include <string>

#include "store/store.h"

namespace pdp {

// Makes a store of `checkpoint`, the directory of one, unless that is empty or
// there is a store already.  Where it cannot be used the log says why, and the
// store begins empty.  True: it was made of the checkpoint.
bool BeginWithCheckpoint(const std::string& checkpoint,
                         const store::Options& options);

}  // namespace pdp

#endif  // PDP_FIRST_STATE_H_
