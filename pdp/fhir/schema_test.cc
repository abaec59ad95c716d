#include "pdp/fhir/schema.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pdp::fhir {
namespace {

// "CodeableConcept|Reference", with "[]" behind an array.
std::string Describe(std::string_view type, std::string_view element) {
  const ElementInfo* const info = FindElement(FindType(type), element);
  if (info == nullptr) return "none";
  std::string text;
  for (const TypeId choice : info->types) {
    if (!text.empty()) text += '|';
    text += TypeName(choice);
  }
  if (info->is_choice) text += "[x]";
  if (info->is_array) text += "[]";
  return text;
}

TEST(SchemaTest, KnowsTypesByTheirNames) {
  for (const std::string_view name :
       {"Patient", "PatientContact", "ObservationComponent", "HumanName",
        "string", "dateTime", "code", "AccessPolicy", "ProjectMembership",
        "AccessPolicyResource", "Resource", "DomainResource", "Extension",
        "TimingRepeat", "ElementDefinitionType"}) {
    SCOPED_TRACE(name);
    EXPECT_NE(FindType(name), TypeId::kUnknown);
    EXPECT_EQ(TypeName(FindType(name)), name);
  }
  for (const std::string_view name :
       {"", "patient", "Patient ", "Constructor", "constructor", "http:"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(FindType(name), TypeId::kUnknown);
  }
  EXPECT_EQ(TypeName(TypeId::kUnknown), "");
  EXPECT_EQ(TypeName(TypeId{65535}), "");
}

TEST(SchemaTest, DescribesElements) {
  const struct {
    std::string_view type;
    std::string_view element;
    std::string_view want;
  } cases[] = {
      {"Patient", "name", "HumanName[]"},
      {"Patient", "contact", "PatientContact[]"},
      {"Patient", "managingOrganization", "Reference"},
      {"Patient", "deceased", "boolean|dateTime[x]"},
      {"Patient", "id", "string"},
      {"Patient", "extension", "Extension[]"},
      {"Patient", "meta", "Meta"},
      {"Patient", "contained", "Resource[]"},
      {"PatientContact", "name", "HumanName"},
      {"PatientContact", "modifierExtension", "Extension[]"},
      {"Observation", "value",
       "Quantity|CodeableConcept|string|boolean|integer|Range|Ratio|"
       "SampledData|time|dateTime|Period[x]"},
      {"Questionnaire", "item", "QuestionnaireItem[]"},
      {"QuestionnaireItem", "item", "QuestionnaireItem[]"},
      {"Meta", "project", "uri"},
      {"Meta", "author", "Reference"},
      {"Meta", "account", "Reference"},
      {"Meta", "accounts", "Reference[]"},
      {"Meta", "compartment", "Reference[]"},
      {"Meta", "lastUpdated", "instant"},
      {"AccessPolicy", "resource", "AccessPolicyResource[]"},
      {"AccessPolicyResource", "writeConstraint", "Expression[]"},
      {"ProjectMembershipAccess", "parameter",
       "ProjectMembershipAccessParameter[]"},
      {"Extension", "url", "uri"},
      {"Patient", "deceasedBoolean", "none"},
      {"Patient", "value[x]", "none"},
      {"Patient", "", "none"},
      {"Nothing", "id", "none"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    SCOPED_TRACE(test.element);
    EXPECT_EQ(Describe(test.type, test.element), test.want);
  }
}

TEST(SchemaTest, TellsResourceTypesFromOthers) {
  for (const std::string_view name :
       {"Patient", "Binary", "Bundle", "Project", "AccessPolicy", "Login"}) {
    EXPECT_TRUE(IsResourceType(name)) << name;
  }
  for (const std::string_view name :
       {"Resource", "DomainResource", "MetadataResource", "HumanName",
        "PatientContact", "string", "", "*"}) {
    EXPECT_FALSE(IsResourceType(name)) << name;
  }
}

}  // namespace
}  // namespace pdp::fhir
