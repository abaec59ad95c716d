// Memory that is given back all at once.

#ifndef PDP_FHIR_FHIRPATH_ARENA_H_
#define PDP_FHIR_FHIRPATH_ARENA_H_

#include <cstddef>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pdp::fhir::fhirpath {

class Arena {
 public:
  template <typename T>
  T* New(const T& value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T(value);
  }

  std::string_view Copy(std::string_view text);

  // Keeps one block for the next use.
  void Reset();

 private:
  static constexpr size_t kBlockBytes = 4096;

  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size;
  };

  void* Allocate(size_t size, size_t alignment);

  std::vector<Block> blocks_;
  size_t used_ = 0;  // Of the last block.
};

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_ARENA_H_
