// The custom mutator of targets whose input is JSON.

#include <cstring>

#include "tests/fuzz/json_mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // Broken JSON, too, has to be seen.
  if (seed % 16 != 0) {
    const auto mutated = pdp::fuzz::MutateJson(
        input, seed / 16,
        [](std::string_view text) { return pdp::fuzz::MutateText(text, 64); });
    if (mutated && mutated->size() <= max_size) {
      std::memcpy(data, mutated->data(), mutated->size());
      return mutated->size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
