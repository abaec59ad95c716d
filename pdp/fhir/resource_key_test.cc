#include "pdp/fhir/resource_key.h"

#include <gtest/gtest.h>

#include <string>

namespace pdp::fhir {
namespace {

TEST(ResourceKeyTest, AUuidHasDigitsAndDashesInTheirPlacesAlone) {
  const std::string uuid = "01234567-89ab-cdef-ABCD-EF0123456789";
  EXPECT_TRUE(IsUuid(uuid));
  for (size_t i = 0; i < uuid.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string other = uuid;
      other[i] = static_cast<char>(c);
      const bool is_digit =
          std::string("0123456789abcdefABCDEF").find(other[i]) !=
          std::string::npos;
      EXPECT_EQ(IsUuid(other), uuid[i] == '-' ? c == '-' : is_digit)
          << "character " << c << " at " << i;
    }
  }
  EXPECT_FALSE(IsUuid(""));
  EXPECT_FALSE(IsUuid(uuid.substr(1)));
  EXPECT_FALSE(IsUuid(uuid + "0"));
}

}  // namespace
}  // namespace pdp::fhir
