#include "pdp/policy/patient_of.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pdp::policy {
namespace {

std::string PatientIn(std::string json) {
  std::replace(json.begin(), json.end(), '\'', '"');
  const auto resource = fhir::Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  return resource.ok() ? PatientOf(**resource) : "";
}

TEST(PatientOfTest, IsThePatientItselfOrTheFirstOfItsCompartments) {
  static constexpr struct {
    const char* name;
    const char* json;
    const char* patient;
  } kCases[] = {
      {"a Patient", "{'resourceType':'Patient','id':'p'}", "Patient/p"},
      {"a Patient that is new", "{'resourceType':'Patient'}", ""},
      {"its compartments",
       "{'resourceType':'Observation','id':'o','meta':{'compartment':["
       "{'reference':'Project/x'},{'reference':'Organization/y'},"
       "{'reference':'Patient/p'},{'reference':'Patient/q'}]}}",
       "Patient/p"},
      {"its compartments before its elements",
       "{'resourceType':'Observation','subject':{'reference':'Patient/other'},"
       "'meta':{'compartment':[{'reference':'Patient/p'}]}}",
       "Patient/p"},
      {"compartments without a patient",
       "{'resourceType':'Observation','subject':{'reference':'Patient/p'},"
       "'meta':{'compartment':[{'reference':'Project/x'}]}}",
       ""},
      {"its elements, without compartments",
       "{'resourceType':'Observation','subject':{'reference':'Patient/p'}}",
       "Patient/p"},
      {"a type of no patient", "{'resourceType':'ValueSet','id':'v'}", ""},
      {"compartments of another shape",
       "{'resourceType':'Observation','meta':{'compartment':'Patient/p'}}", ""},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(PatientIn(test.json), test.patient);
  }
}

}  // namespace
}  // namespace pdp::policy
