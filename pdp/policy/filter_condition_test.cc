#include "pdp/policy/filter_condition.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

std::string Print(const Condition& condition) {
  using Kind = Condition::Kind;
  constexpr const char* kOperators[] = {"?",  "=", "starts", "contains", "<",
                                        "<=", ">", ">=",     "exists",   "!="};
  switch (condition.kind) {
    case Kind::kConstant:
      return condition.constant ? "true" : "false";
    case Kind::kNot:
      return StrCat("not ", Print(condition.children.front()));
    case Kind::kAllOf:
    case Kind::kAnyOf: {
      std::string text;
      for (const Condition& child : condition.children) {
        text += StrCat(text.empty()                     ? ""
                       : condition.kind == Kind::kAllOf ? " and "
                                                        : " or ",
                       Print(child));
      }
      return StrCat("(", text, ")");
    }
    case Kind::kComparison:
      break;
  }
  std::string text = StrCat(condition.path, ":", condition.parameter_type, " ",
                            kOperators[static_cast<size_t>(condition.op)]);
  for (const std::string& value : condition.values) text += " " + value;
  return text;
}

std::string ConditionOf(std::string_view criteria, bool has_ranges = false) {
  const auto parsed = fhir::search::ParseCriteria(testing::Expand(criteria));
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto condition =
      ConditionOfAll(parsed->filters, parsed->resource_type, has_ranges);
  return condition ? Print(*condition) : "";
}

TEST(FilterConditionTest, SaysWhatTheDatabaseWouldFind) {
  const struct {
    const char* criteria;
    std::string want;
  } cases[] = {
      {"Patient?gender=male,female", "Patient.gender:token = male female"},
      {"Patient?gender:not=male", "Patient.gender:token != male"},
      // Negated, a list leaves out those without a value; one value does not.
      {"Patient?gender:not=male,other",
       "(Patient.gender:token exists true and Patient.gender:token != male "
       "other)"},
      {"Patient?gender:missing=true", "Patient.gender:token exists false"},
      {"Patient?identifier=s|v", "Patient.identifier:token = s|v"},
      {"Patient?identifier:not=s|v", "Patient.identifier:token != s|v"},
      {"Patient?identifier=|", "false"},
      {"Patient?organization=40000000-0000-4000-8000-000000000001",
       "Patient.managingOrganization:reference = "
       "Organization/40000000-0000-4000-8000-000000000001"},
      {"Patient?organization=x", "Patient.managingOrganization:reference = x"},
      {"Observation?subject=x", "Observation.subject:reference = Patient/x"},
      {"Patient?organization:not=Organization/x",
       "(Patient.managingOrganization:reference exists true and "
       "Patient.managingOrganization:reference != Organization/x)"},
      {"Patient?general-practitioner:not=Practitioner/x",
       "Patient.generalPractitioner:reference != Practitioner/x"},
      {"Patient?birthdate=lt2000-01-01", "Patient.birthDate:date < 2000-01-01"},
      {"Patient?birthdate=eb2000-01-01", "Patient.birthDate:date < 2000-01-01"},
      {"Observation?date=ge2000-01-01T10:00:00%2B02:00",
       "Observation.effective:date >= 2000-01-01T08:00:00.000Z"},
      {"Patient?birthdate=ne2000-01-01",
       "(Patient.birthDate:date exists true and Patient.birthDate:date != "
       "2000-01-01)"},
      {"Organization?name:contains=a",
       "Organization.name | Organization.alias:string contains a"},
      {"Organization?name:exact=A",
       "Organization.name | Organization.alias:string = A"},
      {"ValueSet?url=http://x", "ValueSet.url:uri = http://x"},
      {"Observation?value-quantity=gt5.5|u|c",
       "(Observation.value.ofType(Quantity)) | "
       "(Observation.value.ofType(SampledData)):quantity > 5.5"},
      {"Patient?_id=Patient/A0000000-0000-4000-8000-000000000001,x",
       "Patient.id:token = a0000000-0000-4000-8000-000000000001"},
      {"Patient?_id:not=x", "true"},
      {"Patient?_compartment=Organization/$NORTH",
       "Patient.meta.compartment:reference = "
       "Organization/40000000-0000-4000-8000-000000000001"},
      {"Patient?_filter=not (gender eq male)",
       "(Patient.gender:token exists true and Patient.gender:token != male)"},
      {"Patient?_filter=not ((gender eq male) and (gender pr true))",
       "((Patient.gender:token exists true and Patient.gender:token != male) "
       "or Patient.gender:token exists false)"},
      {"Patient?gender=male&_filter=gender pr true or not (gender ne x)",
       "(Patient.gender:token = male and (Patient.gender:token exists true or "
       "Patient.gender:token = x))"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.criteria);
    EXPECT_EQ(ConditionOf(test.criteria), test.want);
  }
}

TEST(FilterConditionTest, WhatIsNotExactIsNotSaid) {
  for (const std::string_view criteria :
       {"Patient?name=x", "Patient?address-city=x",
        "Patient?organization.name=x",
        "Patient?_has:Observation:subject:status=x",
        "Patient?identifier:text=x", "Organization?name=\xC3\xA4",
        "Patient?organization:identifier=s|v",
        "Patient?_filter=gender eq male or (name co x)",
        "Observation?value-quantity=ap5", "Patient?color=red",
        "Patient?_project=65897e4f-7add-55f3-9b17-035b5a4e6d52"}) {
    SCOPED_TRACE(criteria);
    EXPECT_EQ(ConditionOf(criteria), "");
  }
}

TEST(FilterConditionTest, RangesAreComparedByTheServerAlone) {
  EXPECT_EQ(ConditionOf("Patient?birthdate=lt2000-01-01", true), "");
  EXPECT_EQ(ConditionOf("Patient?gender=male", true),
            "Patient.gender:token = male");
}

std::string ConditionOfAnswer(std::string_view entries,
                              std::string_view query) {
  testing::World world(testing::Clinic(entries), Mode::kStrict);
  FilterRequest request;
  request.subject.reference = "ProjectMembership/member";
  request.resource_type = "Patient";
  request.query = query;
  FilterAnswer answer;
  EXPECT_TRUE(world.decision_point().Filter(request, answer).decided());
  return answer.condition ? Print(*answer.condition) : "";
}

TEST(FilterConditionTest, HoldsWithinTheProjectsAndForTheCallersQuery) {
  const std::string projects =
      testing::Expand("Patient.meta.project:token = $PROJECT $LINKED_PROJECT");
  EXPECT_EQ(ConditionOfAnswer("[{'resourceType':'Patient'}]", ""), projects);
  EXPECT_EQ(ConditionOfAnswer(
                "[{'resourceType':'Patient','criteria':'Patient?active=true'},"
                "{'resourceType':'Patient','criteria':'Patient?gender=male'}]",
                "deceased=true&_count=5"),
            StrCat("(", projects,
                   " and (Patient.active:token = true or Patient.gender:token "
                   "= male) and Patient.deceased.exists() and "
                   "Patient.deceased != false:token = true)"));
  EXPECT_EQ(ConditionOfAnswer("[{'resourceType':'Patient'}]", "name=x"), "");
}

}  // namespace
}  // namespace pdp::policy
