#include "clients/pdpctl/search_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pdp/fhir/memory_lookup.h"

namespace pdp::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

fhir::ResourcePtr Patient(const std::string& id, const std::string& gender) {
  return fhir::Resource::Parse(R"({"resourceType":"Patient","id":")" + id +
                               R"(","gender":")" + gender +
                               R"(","meta":{"project":"p"}})")
      .value();
}

const fhir::MemoryLookup& Patients() {
  static const auto* lookup = new fhir::MemoryLookup(
      {Patient("1", "female"), Patient("2", "male"), Patient("3", "female")},
      {});
  return *lookup;
}

TEST(SearchExecutorTest, FindsTheUnionOfAllQueries) {
  const auto result = ExecuteSearches(
      Patients(), {"Patient?gender=male", "Patient?_id=3", "Patient?_id=3"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->http_status, 200);
  EXPECT_THAT(result->ids, ElementsAre("Patient/2", "Patient/3"));
}

TEST(SearchExecutorTest, AnErrorIsWhatTheCallerWouldBeTold) {
  for (const char* query :
       {"Patient?color=red", "Practitioner?organization=1"}) {
    SCOPED_TRACE(query);
    const auto result =
        ExecuteSearches(Patients(), {"Patient?gender=male", query});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->http_status, 400);
    EXPECT_TRUE(result->ids.empty());
  }
}

TEST(SearchExecutorTest, WhatCannotBeEmulatedIsNoResult) {
  const auto result =
      ExecuteSearches(Patients(), {"Patient?_include=Patient:organization"});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("`_include` is not emulated"));
}

}  // namespace
}  // namespace pdp::ctl
