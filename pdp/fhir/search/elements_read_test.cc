#include "pdp/fhir/search/elements_read.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

std::string Say(const ElementSet& set) {
  if (set.is_whole()) return "whole";
  std::string text;
  for (const std::string& name : set.names()) {
    text += StrCat(text.empty() ? "" : " ", name);
  }
  return text;
}

TEST(ElementsReadTest, ArePathsFromTheResource) {
  const struct {
    const char* expression;
    const char* want;
  } kCases[] = {
      {"Patient.name.family", "name"},
      {"Patient.name | Patient.contact.name", "contact name"},
      {"name.where(use = 'official').family", "name"},
      {"Practitioner.name | Patient.birthDate", "birthDate"},
      {"Patient.deceased.exists() and Patient.deceased != false", "deceased"},
      {"Resource.id", ""},
      {"Patient.meta.tag", ""},
      {"(Patient.multipleBirth as integer)", "multipleBirth"},
      {"Patient.link.other.where(resolve() is Patient)", "link"},
      {"name[0].given", "name"},
      {"1 + 2", ""},
      {"iif(gender = 'female', 1, iif(active, 2, 3))", "active gender"},
      {"iif(true, $this)", "whole"},
      // What cannot be told.
      {"Patient", "whole"},
      {"Patient.children()", "whole"},
      {"descendants().id", "whole"},
      {"$this", "whole"},
      {"%resource.name", "whole"},
      {"name.where(family = %context.id)", "whole"},
      {"Patient | Patient.name", "whole"},
      {"Patient is Patient", "whole"},
      {"exists()", "whole"},
      {"Patient.where(active).name", "whole"},
      {"((", "whole"},
  };
  for (const auto& test_case : kCases) {
    EXPECT_EQ(Say(ElementsRead(test_case.expression, "Patient")),
              test_case.want)
        << test_case.expression;
  }
}

TEST(ElementsReadTest, AreKnownOfEveryParameter) {
  for (const std::string_view type :
       {"Patient", "Observation", "Encounter", "Task", "Practitioner", "Binary",
        "Communication", "QuestionnaireResponse", "ServiceRequest"}) {
    for (const SearchParameter* parameter : SearchParametersOf(type)) {
      if (parameter->type == ParameterType::kComposite ||
          parameter->type == ParameterType::kSpecial) {
        continue;
      }
      const ElementSet& elements = ElementsOf(*parameter);
      EXPECT_FALSE(elements.is_whole())
          << type << " " << parameter->code << ": " << parameter->expression;
    }
  }
}

ElementSet OfCriteria(std::string_view text) {
  const auto criteria = ParseCriteria(text);
  EXPECT_TRUE(criteria.ok()) << text << criteria.status();
  return criteria.ok() ? ElementsRead(*criteria) : ElementSet();
}

TEST(ElementsReadTest, OfCriteriaAreThoseOfTheirParameters) {
  const struct {
    const char* criteria;
    const char* want;
  } kCases[] = {
      {"Patient?_id=x&_compartment=Organization/1&_tag=a", ""},
      {"Patient?gender=female&birthdate=gt1990", "birthDate gender"},
      {"Patient?family=x", "name"},
      {"Patient?address-city=x", "address"},
      {"Patient?no-such-parameter=x", ""},
      {"Encounter?patient.gender=female", "subject"},
      {"Encounter?_has:Observation:encounter:code=x", ""},
      {"Patient?_filter=gender eq female", "whole"},
      {"*?_lastUpdated=gt2020", ""},
      {"*?_project=x", ""},
      {"*?subject=Patient/1", "whole"},
      {"*?_filter=gender eq female", "whole"},
  };
  for (const auto& test_case : kCases) {
    EXPECT_EQ(Say(OfCriteria(test_case.criteria)), test_case.want)
        << test_case.criteria;
  }
}

TEST(ElementsReadTest, AParameterIsNeverReadFromAPartWithoutItsElements) {
  constexpr std::string_view kPatient =
      R"({"resourceType":"Patient","id":"1","gender":"female","_gender":{},)"
      R"("birthDate":"1990-01-01","meta":{"project":"p","versionId":"v"}})";
  ElementSet gender;
  gender.Add("gender");
  const auto part = Resource::ParsePart(kPatient, gender);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ((*part)->json(),
            R"({"resourceType":"Patient","id":"1","gender":"female",)"
            R"("_gender":{},"meta":{"project":"p","versionId":"v"}})");
  EXPECT_EQ((*part)->elements(), gender);
  EXPECT_EQ((*part)->version_id(), "v");
  fhirpath::Scratch scratch;
  const auto known =
      ValuesOf(*FindSearchParameter("Patient", "gender"), **part, scratch);
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->size(), 1u);
  EXPECT_EQ(
      ValuesOf(*FindSearchParameter("Patient", "birthdate"), **part, scratch)
          .status()
          .code(),
      absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pdp::fhir::search
