// The custom mutator of the target `request`.

#include <cstring>
#include <string>

#include "tests/fuzz/proto_mutator.h"
#include "tests/fuzz/request.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  if (size > 0 && seed % 16 != 0) {
    const auto request = pdp::fuzz::MakeRequest(static_cast<char>(data[0]));
    if (request != nullptr &&
        request->ParseFromArray(data + 1, static_cast<int>(size - 1))) {
      for (unsigned int i = 0; i <= seed % 3; ++i) {
        pdp::fuzz::MutateMessage(*request, seed / 16 + i,
                                 [](std::string_view text) {
                                   return pdp::fuzz::MutateText(text, 64);
                                 });
      }
      const std::string bytes = request->SerializeAsString();
      if (bytes.size() < max_size) {
        std::memcpy(data + 1, bytes.data(), bytes.size());
        return bytes.size() + 1;
      }
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}
