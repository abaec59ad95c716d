#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

TEST(DurableReferenceTest, ANegatedReferenceNeedsAReference) {
  CheckCases({
      {"Patient?organization=Organization/o1", kPatient, kYes},
      {"Patient?organization=o2", kPatient, kNo},
      {"Patient?organization:not=Organization/o2", kPatient, kYes},
      {"Patient?organization:not=Organization/o2", kEmptyPatient, kNo},
      {"Patient?general-practitioner:not=Practitioner/x", kEmptyPatient, kYes},
      {"Patient?general-practitioner=d1", kPatient, kNo},
      {"Patient?organization=", kEmptyPatient, kNo},
      {"Patient?general-practitioner=Practitioner/d1", kPatient, kYes},
      {"Patient?general-practitioner:not=Practitioner/d1", kPatient, kNo},
      {"Patient?organization:missing=true", kEmptyPatient, kYes},
      {"Patient?organization:Organization=Organization/o1", kPatient, kYes},
      {"Observation?subject=p1",
       R"({"resourceType":"Observation","subject":{"reference":"Patient/p1"}})",
       kYes},
      {"Patient?organization:identifier=s|v",
       R"({"resourceType":"Patient","managingOrganization":
           {"identifier":{"system":"s","value":"v"}}})",
       kYes},
      {"Patient?organization:not=Organization/o1,Organization/o2",
       kEmptyPatient, kNo},
      {"Patient?organization:not=Organization/o2,Organization/o3", kPatient,
       kYes},
      {"Patient?organization=x,Organization/o1", kPatient, kYes},
      {"Patient?organization:in=Organization/o1", kPatient, kError},
      {"Patient?organization:not-in=Organization/o1", kPatient, kError},
      {"Patient?organization:exact=Organization/o1", kPatient, kYes},
      {"Patient?organization:contains=Organization/o1", kPatient, kYes},
      {"Patient?organization=organization/o1", kPatient, kNo},
  });
}

TEST(DurableReferenceTest, ABareIdIsCompletedWhereOneTypeIsMeant) {
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "subject":{"reference":"Patient/00000000-0000-4000-8000-0000000000aa"},
    "encounter":{"reference":"Encounter/00000000-0000-4000-8000-0000000000ee"},
    "device":{"reference":"Device/00000000-0000-4000-8000-0000000000dd"}})";
  CheckCases({
      {"Observation?subject=00000000-0000-4000-8000-0000000000aa", kObservation,
       kYes},
      {"Observation?patient=00000000-0000-4000-8000-0000000000aa", kObservation,
       kYes},
      {"Observation?encounter=00000000-0000-4000-8000-0000000000ee",
       kObservation, kYes},
      // Two types are possible.
      {"Observation?device=00000000-0000-4000-8000-0000000000dd", kObservation,
       kNo},
      // No UUID.
      {"Patient?organization=o1", kPatient, kNo},
      {"Observation?subject=p1",
       R"({"resourceType":"Observation","subject":{"reference":"Patient/p1"}})",
       kYes},
  });
}

TEST(DurableReferenceTest, WhatIsStoredOfAReference) {
  const auto patient = [](std::string_view reference) {
    return std::string(R"({"resourceType":"Patient","managingOrganization":)") +
           std::string(reference) + "}";
  };
  const std::string versioned =
      patient(R"({"reference":"Organization/o1/_history/2"})");
  const std::string absolute =
      patient(R"({"reference":"http://x/Organization/o1"})");
  const std::string logical =
      patient(R"({"identifier":{"system":"s","value":"v"}})");
  const std::string half = patient(R"({"identifier":{"value":"v"}})");
  const std::string inline_resource =
      patient(R"({"resourceType":"Organization","id":"o1"})");
  const std::string display = patient(R"({"display":"North"})");
  CheckCases({
      {"Patient?organization=Organization/o1", versioned, kNo},
      {"Patient?organization=Organization/o1/_history/2", versioned, kYes},
      {"Patient?organization=Organization/o1", absolute, kNo},
      {"Patient?organization=http://x/Organization/o1", absolute, kYes},
      {"Patient?organization=x/y", logical, kNo},
      {"Patient?organization=identifier:s|v", logical, kYes},
      {"Patient?organization=identifier:undefined|v", half, kYes},
      {"Patient?organization:missing=true", logical, kNo},
      {"Patient?organization:not=x/y", logical, kYes},
      {"Patient?organization:identifier=s|v", logical, kYes},
      {"Patient?organization:identifier=v", logical, kYes},
      {"Patient?organization:identifier= s|v ", logical, kYes},
      {"Patient?organization:identifier=s|", logical, kYes},
      {"Patient?organization:identifier=|v", logical, kNo},
      {"Patient?organization:identifier=|v", half, kYes},
      {"Patient?organization:identifier=S|v", logical, kNo},
      {"Patient?organization:identifier=v", kEmptyPatient, kNo},
      {"Patient?organization=Organization/o1", inline_resource, kYes},
      {"Patient?organization:missing=true", display, kYes},
      {"QuestionnaireResponse?questionnaire=http://q/1",
       R"({"resourceType":"QuestionnaireResponse",
           "questionnaire":"http://q/1"})",
       kYes},
      {"QuestionnaireResponse?questionnaire=http://q/1",
       R"({"resourceType":"QuestionnaireResponse",
           "questionnaire":"http://q/1|2"})",
       kNo},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
