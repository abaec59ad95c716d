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

constexpr char kFirst[] = "10000000-0000-4000-8000-000000000001";
constexpr char kSecond[] = "10000000-0000-4000-8000-000000000002";
constexpr char kThird[] = "10000000-0000-4000-8000-000000000003";

fhir::ResourcePtr Patient(const std::string& id, const std::string& gender) {
  return fhir::Resource::Parse(R"({"resourceType":"Patient","id":")" + id +
                               R"(","gender":")" + gender +
                               R"(","meta":{"project":"p"}})")
      .value();
}

const fhir::MemoryLookup& Patients() {
  static const auto* lookup = new fhir::MemoryLookup(
      {Patient(kFirst, "female"), Patient(kSecond, "male"),
       Patient(kThird, "female")},
      {});
  return *lookup;
}

TEST(SearchExecutorTest, FindsTheUnionOfAllQueries) {
  const std::string by_id = std::string("Patient?_id=") + kThird;
  const auto result =
      ExecuteSearches(Patients(), {"Patient?gender=male", by_id, by_id});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->http_status, 200);
  EXPECT_THAT(result->ids, ElementsAre(std::string("Patient/") + kSecond,
                                       std::string("Patient/") + kThird));
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
