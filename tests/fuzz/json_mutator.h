// Mutation of JSON by its structure: members and items are removed, doubled,
// exchanged and grafted; texts and numbers are changed.

#ifndef PDP_TESTS_FUZZ_JSON_MUTATOR_H_
#define PDP_TESTS_FUZZ_JSON_MUTATOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pdp::fuzz {

// Changes one text.
using TextMutator = std::function<std::string(std::string_view)>;

// `json` with one change; nothing where it is not JSON.
std::optional<std::string> MutateJson(std::string_view json, uint32_t seed,
                                      const TextMutator& mutate_text);

// libFuzzer's own mutation of a text, dictionary included.
std::string MutateText(std::string_view text, size_t max_growth);

}  // namespace pdp::fuzz

#endif  // PDP_TESTS_FUZZ_JSON_MUTATOR_H_
