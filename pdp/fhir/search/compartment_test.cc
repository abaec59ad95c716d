#include "pdp/fhir/search/compartment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/resource.h"

namespace pdp::fhir::search {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Patients(std::string_view json) {
  fhirpath::Scratch scratch;
  const auto resource = Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  const auto patients = PatientsOf(**resource, scratch);
  EXPECT_TRUE(patients.ok()) << patients.status();
  return *patients;
}

std::vector<std::string> Compartments(std::string_view json) {
  fhirpath::Scratch scratch;
  const auto resource = Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  const auto compartments = CompartmentsOf(**resource, scratch);
  EXPECT_TRUE(compartments.ok()) << compartments.status();
  return *compartments;
}

TEST(CompartmentTest, KnowsTheCodesOfEachType) {
  EXPECT_THAT(PatientCompartmentCodes("Observation"),
              ElementsAre("subject", "performer"));
  EXPECT_THAT(PatientCompartmentCodes("Task"), ElementsAre("patient", "focus"));
  EXPECT_THAT(PatientCompartmentCodes("Patient"), ElementsAre("link"));
  EXPECT_THAT(PatientCompartmentCodes("Organization"), IsEmpty());
  EXPECT_THAT(PatientCompartmentCodes(""), IsEmpty());
  EXPECT_THAT(PatientCompartmentCodes("Zebra"), IsEmpty());
}

TEST(CompartmentTest, FindsThePatientsOfAResource) {
  EXPECT_THAT(Patients(R"({"resourceType":"Patient","id":"1","link":[
                {"other":{"reference":"Patient/2"}},
                {"other":{"reference":"RelatedPerson/3"}}]})"),
              ElementsAre("Patient/1", "Patient/2"));
  EXPECT_THAT(Patients(R"({"resourceType":"Patient"})"), IsEmpty());
  EXPECT_THAT(Patients(R"({"resourceType":"Observation",
                "subject":{"reference":"Patient/1"},
                "performer":[{"reference":"Practitioner/2"},
                  {"reference":"Patient/3/_history/4"},
                  {"reference":"Patient/1"},
                  {"reference":"http://x/Patient/5"}]})"),
              ElementsAre("Patient/1", "Patient/3/_history/4"));
  EXPECT_THAT(Patients(R"({"resourceType":"Organization",
                "partOf":{"reference":"Patient/1"}})"),
              IsEmpty());
}

TEST(CompartmentTest, ComputesCompartmentsInOrder) {
  constexpr std::string_view kJson = R"({"resourceType":"Observation",
    "meta":{"project":"00000000-0000-4000-8000-000000000001",
      "account":{"reference":"Organization/00000000-0000-4000-8000-0000000000ff"},
      "accounts":[
        {"reference":"Organization/00000000-0000-4000-8000-000000000002"},
        {"reference":"Organization/acme"},
        {"reference":"Project/00000000-0000-4000-8000-000000000003"},
        {"reference":"Patient/00000000-0000-4000-8000-000000000004"}]},
    "subject":{"reference":"Patient/00000000-0000-4000-8000-000000000004"},
    "performer":[{"reference":"Patient/5"},
      {"reference":"Patient/00000000-0000-4000-8000-000000000006"}]})";
  EXPECT_THAT(Compartments(kJson),
              ElementsAre("Project/00000000-0000-4000-8000-000000000001",
                          "Organization/00000000-0000-4000-8000-000000000002",
                          "Patient/00000000-0000-4000-8000-000000000004",
                          "Patient/00000000-0000-4000-8000-000000000006"));
}

TEST(CompartmentTest, TakesTheOldAccountWhereThereIsNoList) {
  EXPECT_THAT(Compartments(
                  R"({"resourceType":"Device","meta":{"project":"p","account":
          {"reference":"Organization/00000000-0000-4000-8000-000000000002"}}})"),
              ElementsAre("Organization/00000000-0000-4000-8000-000000000002"));
}

TEST(CompartmentTest, PutsAUserIntoItsProject) {
  EXPECT_THAT(Compartments(R"({"resourceType":"User","project":
          {"reference":"Project/00000000-0000-4000-8000-000000000009"}})"),
              ElementsAre("Project/00000000-0000-4000-8000-000000000009"));
  EXPECT_THAT(Compartments(R"({"resourceType":"Device","project":
          {"reference":"Project/00000000-0000-4000-8000-000000000009"}})"),
              IsEmpty());
}

}  // namespace
}  // namespace pdp::fhir::search
