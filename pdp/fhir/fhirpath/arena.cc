#include "pdp/fhir/fhirpath/arena.h"

#include <algorithm>
#include <cstring>

namespace pdp::fhir::fhirpath {

std::string_view Arena::Copy(std::string_view text) {
  char* const copy = static_cast<char*>(Allocate(text.size() + 1, 1));
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return {copy, text.size()};
}

void Arena::Reset() {
  if (!blocks_.empty() && blocks_.front().size > kBlockBytes) blocks_.clear();
  if (blocks_.size() > 1) blocks_.resize(1);
  used_ = 0;
}

void* Arena::Allocate(size_t size, size_t alignment) {
  size_t begin = (used_ + alignment - 1) / alignment * alignment;
  if (blocks_.empty() || begin + size > blocks_.back().size) {
    const size_t block = std::max(kBlockBytes, size);
    blocks_.push_back(
        {std::make_unique_for_overwrite<std::byte[]>(block), block});
    begin = 0;
  }
  used_ = begin + size;
  return blocks_.back().bytes.get() + begin;
}

}  // namespace pdp::fhir::fhirpath
