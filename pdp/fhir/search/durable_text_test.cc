#include <gtest/gtest.h>

#include <string_view>

#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

TEST(DurableTextTest, PlainTokensAreExact) {
  CheckCases({
      {"Patient?gender=female", kPatient, kYes},
      {"Patient?gender=FEMALE", kPatient, kNo},
      {"Patient?gender=male,female", kPatient, kYes},
      {"Patient?gender=|female", kPatient, kNo},
      {"Patient?gender:exact=female", kPatient, kYes},
      {"Patient?gender:not=male", kPatient, kYes},
      {"Patient?gender:not=male", kEmptyPatient, kYes},
      {"Patient?gender:not=male,other", kPatient, kYes},
      {"Patient?gender:not=male,other", kEmptyPatient, kNo},
      {"Patient?gender:missing=true", kEmptyPatient, kYes},
      {"Patient?gender:missing=foo", kEmptyPatient, kNo},
      {"Patient?gender:missing=foo", kPatient, kYes},
      {"Patient?active=true", kPatient, kYes},
      {"Patient?gender:in=female", kPatient, kYes},
      {"Patient?gender:foo=female", kPatient, kYes},
      {"Patient?gender= female", kPatient, kNo},
      {"Patient?gender=", kPatient, kNo},
      {"Patient?gender=", kEmptyPatient, kNo},
      {"Patient?gender:present=true", kPatient, kYes},
      {"Patient?gender:present=foo", kEmptyPatient, kYes},
      {"Patient?active=TRUE", kPatient, kError},
      {"Patient?active=true,false", kPatient, kError},
      {"Patient?active=", kPatient, kError},
      {"Patient?active:in=true", kPatient, kError},
      {"Patient?active=false", kEmptyPatient, kNo},
      {"Patient?active:not=true", kPatient, kNo},
      {"Patient?active:missing=true", kEmptyPatient, kYes},
      {"Group?exclude=true", R"({"resourceType":"Group"})", kUnknown},
      {"Group?exclude:missing=true", R"({"resourceType":"Group"})", kUnknown},
      {"Patient?deceased=true",
       R"({"resourceType":"Patient","deceasedDateTime":"2020-01-01"})", kYes},
      {"Patient?deceased=false", kEmptyPatient, kYes},
      {"Patient?deceased:missing=true", kEmptyPatient, kNo},
      {"Patient?active:not=false", kEmptyPatient, kYes},
      {"Patient?_profile=http://x/p", kPatient, kYes},
      {"Patient?_profile=http://x", kPatient, kNo},
      {"Patient?_profile=HTTP://X/P", kPatient, kNo},
      {"Patient?_profile:below=http://x/p", kPatient, kYes},
      {"Patient?_profile:not=http://x/p", kEmptyPatient, kYes},
      {"Patient?_profile:not=http://y,http://x/p", kEmptyPatient, kYes},
      {"Patient?_profile:not=http://y", kPatient, kYes},
  });
}

TEST(DurableTextTest, StringsAreFoundByTheirBeginning) {
  constexpr std::string_view kOrganization =
      R"({"resourceType":"Organization","name":"North Clinic"})";
  CheckCases({
      {"Organization?name=north", kOrganization, kYes},
      {"Organization?name=clinic", kOrganization, kNo},
      {"Organization?name=x,North", kOrganization, kYes},
      {"Organization?name:contains=CLINIC", kOrganization, kYes},
      {"Organization?name:exact=North Clinic", kOrganization, kYes},
      {"Organization?name:exact=north clinic", kOrganization, kNo},
      {"Organization?name=%", kOrganization, kNo},
      {"Organization?name=No_th", kOrganization, kNo},
      {"Organization?name=", kOrganization, kYes},
      {"Organization?name=", R"({"resourceType":"Organization"})", kNo},
      {"Organization?name:contains=", kOrganization, kYes},
      {"Organization?name:foo=north", kOrganization, kYes},
      {"Organization?name=north\\,south",
       R"({"resourceType":"Organization","name":"North,South"})", kYes},
      {"Organization?name=south",
       R"({"resourceType":"Organization","name":"x","alias":["y","South"]})",
       kYes},
      {"Organization?name=Örtlich",
       R"({"resourceType":"Organization","name":"örtliche Klinik"})", kYes},
      {"Organization?name=örtlich",
       R"({"resourceType":"Organization","name":"ÖRTLICH"})", kUnknown},
      {"Organization?name:missing=true", kOrganization, kNo},
      {"Organization?name:missing=x", kOrganization, kYes},
      {"Organization?name:not=x", kOrganization, kError},
      {"Organization?name:in=x", kOrganization, kError},
      {"Organization?name:above=x", kOrganization, kError},
      {"Organization?name:text=x", kOrganization, kError},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
