// Mutation of protobuf messages by their structure, since lengths around nested
// messages stop mutation by bytes.

#ifndef PDP_TESTS_FUZZ_PROTO_MUTATOR_H_
#define PDP_TESTS_FUZZ_PROTO_MUTATOR_H_

#include <cstdint>

#include "tests/fuzz/json_mutator.h"

namespace google::protobuf {
class Message;
}

namespace pdp::fuzz {

// Changes one field of `message` or of a message in it.  Text is changed by
// `mutate_text`, and where it is JSON, by its structure.
void MutateMessage(google::protobuf::Message& message, uint32_t seed,
                   const TextMutator& mutate_text);

}  // namespace pdp::fuzz

#endif  // PDP_TESTS_FUZZ_PROTO_MUTATOR_H_
