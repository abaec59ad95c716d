#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

TEST(SearchParameterTest, MakesItsSourceOnceForAllThreads) {
  const auto resource =
      Resource::Parse(R"({"resourceType":"Device","status":"active"})");
  ASSERT_TRUE(resource.ok());
  const SearchParameter& parameter = *FindSearchParameter("Device", "status");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      fhirpath::Scratch scratch;
      const auto values = ValuesOf(parameter, **resource, scratch);
      ASSERT_TRUE(values.ok());
      EXPECT_EQ(values->size(), 1u);
    });
  }
}

}  // namespace
}  // namespace pdp::fhir::search
