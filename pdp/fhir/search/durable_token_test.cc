#include <gtest/gtest.h>

#include <string_view>

#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

TEST(DurableTokenTest, HashedTokensKeepTheirCase) {
  CheckCases({
      {"Patient?identifier=MRN|A1", kPatient, kYes},
      {"Patient?identifier=mrn|A1", kPatient, kNo},
      {"Patient?identifier=A1", kPatient, kYes},
      {"Patient?identifier=a1", kPatient, kNo},
      {"Patient?identifier= A1 ", kPatient, kYes},
      {"Patient?identifier=|A1", kPatient, kNo},
      {"Patient?identifier=|bare", kPatient, kYes},
      {"Patient?identifier=MRN|", kPatient, kYes},
      {"Patient?identifier:exact=A1", kPatient, kYes},
      {"Patient?identifier:in=A1", kPatient, kError},
      {"Patient?identifier:not-in=A1", kPatient, kError},
      {"Patient?identifier:of-type=A1", kPatient, kError},
      {"Patient?identifier:identifier=A1", kPatient, kUnknown},
      {"Patient?identifier= MRN|A1 ", kPatient, kYes},
      {"Patient?identifier=MRN| A1", kPatient, kNo},
      {"Patient?identifier=MRN |A1", kPatient, kNo},
      {"Patient?identifier=MRN|A1|x", kPatient, kNo},
      {"Patient?identifier=MRN", kPatient, kNo},
      {"Patient?identifier=|", kPatient, kNo},
      {"Patient?identifier=", kPatient, kNo},
      {"Patient?identifier=x,MRN|A1", kPatient, kYes},
      {"Patient?identifier=MRN\\|A1", kPatient, kYes},
      {"Patient?identifier=x\\,A1", kPatient, kNo},
      {"Patient?identifier=A1&identifier=bare", kPatient, kYes},
      {"Patient?identifier=A1&identifier=C", kPatient, kNo},
      {"Patient?identifier:not=B", kEmptyPatient, kYes},
      {"Patient?identifier:not=A1,B", kEmptyPatient, kYes},
      {"Patient?identifier:not=A1", kPatient, kNo},
      {"Patient?identifier:missing=true", kEmptyPatient, kYes},
      {"Patient?identifier:missing=TRUE", kEmptyPatient, kYes},
      {"Patient?identifier:missing=false", kPatient, kYes},
      {"Patient?identifier:missing=foo", kEmptyPatient, kError},
      {"Patient?identifier:foo=A1", kPatient, kYes},
      {"Patient?_tag=T|vip", kPatient, kYes},
  });
}

TEST(DurableTokenTest, SpacesAroundWhatIsStoredAreDropped) {
  CheckCases({
      {"Patient?identifier=MRN|A1",
       R"({"resourceType":"Patient",
           "identifier":[{"system":" MRN ","value":" A1 "}]})",
       kYes},
      {"Patient?identifier=MRN|A|1",
       R"({"resourceType":"Patient",
           "identifier":[{"system":"MRN","value":"A|1"}]})",
       kYes},
      {"Patient?identifier=MRN|",
       R"({"resourceType":"Patient","identifier":[{"system":"MRN"}]})", kYes},
      {"Patient?identifier:missing=true",
       R"({"resourceType":"Patient","identifier":[{"use":"usual"}]})", kYes},
      {"Patient?identifier:missing=true",
       R"({"resourceType":"Patient","identifier":[{"value":" "}]})", kYes},
      {"Patient?identifier=A1",
       R"({"resourceType":"Patient","identifier":"A1"})", kUnknown},
  });
}

TEST(DurableTokenTest, TextsAreValuesButHaveNoEmptySystem) {
  constexpr std::string_view kCondition = R"({"resourceType":"Condition",
    "code":{"text":"Broken Leg","coding":[{"system":"S","code":"c1",
      "display":"Fracture [leg]"},{"code":"bare"}]
}
})";
  CheckCases({
      {"Condition?code=Broken Leg", kCondition, kYes},
      {"Condition?code=broken leg", kCondition, kNo},
      {"Condition?code=|Broken Leg", kCondition, kNo},
      {"Condition?code=Fracture [leg]", kCondition, kYes},
      {"Condition?code=|bare", kCondition, kYes},
      {"Condition?code=S|c1", kCondition, kYes},
      {"Condition?code=S|Broken Leg", kCondition, kNo},
      {"Condition?code:text=KEN LE", kCondition, kYes},
      {"Condition?code:contains=[LEG]", kCondition, kYes},
      {"Condition?code:text=.", kCondition, kNo},
      {"Condition?code:text=c1", kCondition, kNo},
      {"Condition?code:text=x,frac", kCondition, kYes},
      {"Condition?code:text=", kCondition, kUnknown},
      {"Condition?code:text=x", R"({"resourceType":"Condition"})", kNo},
      {"Condition?code:text=ärz",
       R"({"resourceType":"Condition","code":{"text":"ÄRZTLICH"}})", kUnknown},
      {"Condition?code:text=ärz",
       R"({"resourceType":"Condition","code":{"text":"ärztlich"}})", kYes},
      {"Patient?identifier:text=medical",
       R"({"resourceType":"Patient","identifier":[
           {"type":{"text":"Medical Record"},"value":"1"}]})",
       kYes},
      {"Patient?identifier:text=bar", kPatient, kNo},
  });
}

TEST(DurableTokenTest, ContactPointsAreKeptInLowerCase) {
  constexpr std::string_view kCaller = R"({"resourceType":"Patient",
    "telecom":[{"system":"email","value":"Ann@Example.org"},
      {"system":"phone","value":"555-0100"}]})";
  CheckCases({
      {"Patient?email=ann@example.ORG", kCaller, kYes},
      {"Patient?email=email|ANN@example.org", kCaller, kYes},
      {"Patient?email=EMAIL|ann@example.org", kCaller, kNo},
      {"Patient?email=555-0100", kCaller, kNo},
      {"Patient?phone=555-0100", kCaller, kYes},
      {"Patient?telecom=phone|", kCaller, kYes},
      {"Patient?telecom:contains=0100", kCaller, kYes},
      {"Patient?telecom:contains=0200", kCaller, kNo},
      {"Patient?phone:missing=true", kEmptyPatient, kYes},
      {"Subscription?contact:contains=x",
       R"({"resourceType":"Subscription","contact":[{"value":"x"}]})",
       kUnknown},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
