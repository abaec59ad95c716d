#include "pdp/fhir/required_elements.h"

#include <gtest/gtest.h>

#include "pdp/fhir/resource.h"

namespace pdp::fhir {
namespace {

TEST(RequiredElementsTest, AreThoseOfTheDefinitions) {
  EXPECT_TRUE(IsRequiredElement("Observation", "status"));
  EXPECT_TRUE(IsRequiredElement("PatientCommunication", "language"));
  EXPECT_FALSE(IsRequiredElement("Observation", "value"));
  EXPECT_FALSE(IsRequiredElement("Nonsense", "status"));
}

TEST(RequiredElementsTest, AreMissedAlongAPath) {
  const struct {
    const char* path;
    const char* resource;
    const char* want;
  } kCases[] = {
      {"communication.language",
       R"({"resourceType":"Patient","communication":[{"preferred":true}]})",
       "PatientCommunication.language"},
      {"communication.language",
       R"({"resourceType":"Patient","communication":[{"language":{}}]})", ""},
      {"communication.language", R"({"resourceType":"Patient"})", ""},
      {"code", R"({"resourceType":"Observation"})", "Observation.code"},
      {"value[x]", R"({"resourceType":"Observation"})", ""},
      {"valueQuantity", R"({"resourceType":"Observation"})", ""},
      {"medication[x]", R"({"resourceType":"MedicationRequest"})",
       "MedicationRequest.medication"},
      {"medication[x]",
       R"({"resourceType":"MedicationRequest","medicationReference":{}})", ""},
      {"nonsense.deep", R"({"resourceType":"Observation"})", ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.path);
    const auto resource = Resource::Parse(c.resource);
    ASSERT_TRUE(resource.ok());
    EXPECT_EQ(MissingRequiredElement((*resource)->root(), c.path), c.want);
  }
}

}  // namespace
}  // namespace pdp::fhir
