#include <gtest/gtest.h>

#include <string_view>

#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

TEST(DurableOrderedTest, DatesAreComparedAsInstants) {
  constexpr std::string_view kEncounter = R"({"resourceType":"Encounter",
    "period":{"start":"2024-05-01T10:00:00Z","end":"2024-05-02"}})";
  CheckCases({
      {"Patient?birthdate=1990-02-28", kPatient, kYes},
      {"Patient?birthdate=1990-02", kPatient, kError},
      {"Patient?birthdate=ge1990", kPatient, kError},
      {"Patient?birthdate=ap1990-02-28", kPatient, kError},
      {"Patient?birthdate=sw1990-02-28", kPatient, kError},
      {"Patient?birthdate=ne1990-02-28", kEmptyPatient, kNo},
      {"Patient?birthdate:not=1990-02-28", kEmptyPatient, kNo},
      {"Patient?birthdate=lt1990-03-01", kPatient, kYes},
      {"Patient?birthdate:missing=true", kEmptyPatient, kYes},
      {"Patient?birthdate=1990-02-28",
       R"({"resourceType":"Patient","birthDate":"1990"})", kNo},
      {"Patient?birthdate=1990-01-01",
       R"({"resourceType":"Patient","birthDate":"1990"})", kYes},
      {"Patient?birthdate=1990-02-28",
       R"({"resourceType":"Patient","birthDate":"1991"})", kNo},
      {"Patient?birthdate=gt1990-02-28",
       R"({"resourceType":"Patient","birthDate":"1990-07"})", kYes},
      {"Patient?birthdate=2020-01-01T00:00:60Z", kPatient, kError},
      {"Patient?birthdate=1990-02-28T23:00:00Z", kPatient, kYes},
      {"Patient?birthdate=1990-02-28T10", kPatient, kError},
      {"Patient?birthdate=1990-02-28%2B", kPatient, kError},
      {"Patient?birthdate=1990-02-28%2B02:00", kPatient, kError},
      {"Patient?birthdate=1990-02-28Z", kPatient, kYes},
      {"Patient?birthdate=1990-02-30", kPatient, kError},
      {"Patient?birthdate=lt2023-02-29", kPatient, kError},
      {"Patient?birthdate=lt2024-02-29", kPatient, kYes},
      {"Patient?birthdate=1990-02-28,1991-01-01", kPatient, kError},
      {"Patient?birthdate=", kPatient, kError},
      {"Patient?birthdate:exact=1990-02-28", kPatient, kYes},
      {"Patient?birthdate:not=1990-02-28", kPatient, kNo},
      {"Patient?birthdate:contains=1990-02-28", kPatient, kError},
      {"Patient?birthdate:in=1990-02-28", kPatient, kError},
      {"Encounter?date=2024-05-01", kEncounter, kNo},
      {"Encounter?date=2024-05-01T10:00:00Z", kEncounter, kYes},
      {"Encounter?date=ge2024-05-01", kEncounter, kYes},
      {"Encounter?date=sa2024-05-01", kEncounter, kYes},
      {"Encounter?date=eb2024-05-01", kEncounter, kNo},
      {"Encounter?date=eb2024-05-02",
       R"({"resourceType":"Encounter","period":{"end":"2024-05-02"}})", kNo},
      {"Encounter?date=2024-05-02T23:59:59.999Z",
       R"({"resourceType":"Encounter","period":{"end":"2024-05-02"}})", kYes},
      {"Encounter?date=2024-05-01T12:00:00%2B02:00", kEncounter, kYes},
      {"Encounter?date=2024-05-01T10:00:00.0001Z", kEncounter, kUnknown},
      {"Encounter?date=ne2024-05-01", kEncounter, kYes},
      {"Encounter?date=2024-05-01", R"({"resourceType":"Encounter"})", kNo},
      {"Encounter?date:missing=true",
       R"({"resourceType":"Encounter","period":{}})", kYes},
      {"Goal?target-date=2024-05-01",
       R"({"resourceType":"Goal","target":[{"dueDate":"2024-05-01"}]})",
       kUnknown},
      {"Goal?target-date=2024-05-01", R"({"resourceType":"Goal"})", kNo},
      {"MeasureReport?period=2024-05-01", R"({"resourceType":"MeasureReport"})",
       kUnknown},
      {"Patient?_lastUpdated=2024-05-01T10:00:00.123Z", kPatient, kYes},
      {"Patient?_lastUpdated:missing=true", kPatient, kError},
      {"Patient?_lastUpdated:identifier=2024-05-01", kPatient, kError},
      {"Patient?birthdate:identifier=1990-02-28", kPatient, kUnknown},
  });
}

TEST(DurableOrderedTest, NumbersAndQuantitiesMatch) {
  constexpr std::string_view kRisk = R"({"resourceType":"RiskAssessment",
    "prediction":[{"probabilityDecimal":0.5}]})";
  constexpr std::string_view kWeight = R"({"resourceType":"Observation",
    "valueQuantity":{"value":60,"code":"kg"}})";
  CheckCases({
      {"RiskAssessment?probability=0.5", kRisk, kYes},
      {"RiskAssessment?probability=gt0.5", kRisk, kNo},
      {"RiskAssessment?probability=abc", kRisk, kError},
      {"RiskAssessment?probability=ap0.5", kRisk, kError},
      {"RiskAssessment?probability=0.1,0.5", kRisk, kYes},
      {"RiskAssessment?probability=ne0.5", kRisk, kNo},
      {"RiskAssessment?probability=0.7",
       R"({"resourceType":"RiskAssessment","prediction":[
           {"probabilityDecimal":0.5},{"probabilityDecimal":0.7}]})",
       kYes},
      {"RiskAssessment?probability=0.2",
       R"({"resourceType":"RiskAssessment","prediction":[
           {"probabilityRange":{"low":{"value":0.2}}}]})",
       kYes},
      {"RiskAssessment?probability:missing=true", kRisk, kNo},
      {"Task?priority-order=gt0",
       R"({"resourceType":"Task","priority":"stat"})", kYes},
      {"Observation?value-quantity=60", kWeight, kYes},
      {"Observation?value-quantity=60|http://u|g", kWeight, kYes},
      {"Observation?value-quantity=ap64", kWeight, kYes},
      {"Observation?value-quantity=ap70", kWeight, kNo},
      {"Observation?value-quantity=abc", kWeight, kError},
      {"Observation?value-quantity=|kg", kWeight, kError},
      {"Observation?value-quantity=1,60", kWeight, kError},
      {"Observation?value-quantity=ne60", kWeight, kNo},
      {"Observation?value-quantity=ne60", R"({"resourceType":"Observation"})",
       kNo},
      {"Observation?value-quantity:missing=true",
       R"({"resourceType":"Observation"})", kYes},
      {"Observation?combo-value-quantity=60", kWeight, kUnknown},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
