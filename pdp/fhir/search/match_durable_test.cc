#include "pdp/fhir/search/match_durable.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

// A handful of resources in memory.
class FakeLookup : public ResourceLookup {
 public:
  explicit FakeLookup(std::initializer_list<std::string_view> resources) {
    for (const std::string_view json : resources) {
      const auto resource = Resource::Parse(json);
      EXPECT_TRUE(resource.ok()) << resource.status();
      resources_[(*resource)->key()] = *resource;
    }
  }

  LookupResult Read(const ResourceKey& key) const override {
    if (key.id == "pending") return {LookupState::kPending, nullptr};
    const auto found = resources_.find(key);
    if (found == resources_.end()) return {LookupState::kAbsent, nullptr};
    return {LookupState::kFound, found->second};
  }
  LookupResult ReadVersion(const ResourceKey&,
                           std::string_view) const override {
    return {};
  }
  LookupState FindVersions(
      const ResourceKey&,
      const std::function<void(const ResourcePtr&)>&) const override {
    return LookupState::kUnavailable;
  }
  LookupState FindMemberships(
      std::string_view,
      const std::function<void(const ResourcePtr&)>&) const override {
    return LookupState::kUnavailable;
  }
  LookupState Scan(
      std::string_view type, std::string_view,
      const std::function<bool(const ResourcePtr&)>& visit) const override {
    if (type == "Condition") return LookupState::kPending;
    for (const auto& [key, resource] : resources_) {
      if (key.type == type && !visit(resource)) break;
    }
    return LookupState::kFound;
  }

 private:
  std::map<ResourceKey, ResourcePtr> resources_;
};

TEST(MatchDurableTest, ErrorsCountWhateverElseDoesNotMatch) {
  CheckCases({
      {"Patient?gender=male&foo=bar", kPatient, kError},
      {"Patient?foo=bar&gender=male", kPatient, kError},
      {"Patient?foo:missing=true", kPatient, kError},
      {"Patient?_text=x", kPatient, kError},
      {"Patient?_account=x", kPatient, kError},
      {"Patient?_deleted=true", kPatient, kUnknown},
      {"Patient?gender=male&_deleted=true", kPatient, kNo},
      {"Patient?_sort=name&_count=1", kPatient, kYes},
  });
}

TEST(MatchDurableTest, IdsAreUuids) {
  CheckCases({
      {"Patient?_id=00000000-0000-4000-8000-0000000000aa", kPatient, kYes},
      {"Patient?_id=Patient/00000000-0000-4000-8000-0000000000aa", kPatient,
       kYes},
      {"Patient?_id=00000000-0000-4000-8000-0000000000bb", kPatient, kNo},
      {"Patient?_id=abc", R"({"resourceType":"Patient","id":"abc"})", kNo},
      {"Patient?_id:not=00000000-0000-4000-8000-0000000000bb", kPatient, kYes},
      {"Patient?_id:in=abc", kPatient, kError},
      {"Patient?_id:missing=false", kPatient, kNo},
      {"Patient?_project=00000000-0000-4000-8000-000000000001", kPatient, kYes},
      {"Patient?_id=x/y/00000000-0000-4000-8000-0000000000aa", kPatient, kYes},
      {"Patient?_id=00000000-0000-4000-8000-0000000000AA", kPatient, kYes},
      {"Patient?_id=abc,00000000-0000-4000-8000-0000000000aa", kPatient, kYes},
      {"Patient?_id:not=abc", kPatient, kYes},
      {"Patient?_id:not-in=abc", kPatient, kError},
      {"Patient?_id=", kPatient, kNo},
      {"Patient?_project:missing=true", kPatient, kNo},
      {"Patient?_project:missing=true", kEmptyPatient, kYes},
      {"Patient?_project:missing=x", kPatient, kYes},
      {"Patient?_project:present=true", kPatient, kYes},
      {"Patient?_project=x", kEmptyPatient, kNo},
      {"Patient?_project:not=00000000-0000-4000-8000-000000000001",
       kEmptyPatient, kYes},
  });
}

TEST(MatchDurableTest, CompartmentsAreComparedByIdAlone) {
  CheckCases({
      {"Patient?_compartment=Patient/00000000-0000-4000-8000-0000000000aa",
       kPatient, kYes},
      {"Patient?_compartment=Organization/00000000-0000-4000-8000-0000000000aa",
       kPatient, kYes},
      {"Patient?_compartment=00000000-0000-4000-8000-000000000001", kPatient,
       kYes},
      {"Patient?_compartment=Patient/abc", kPatient, kNo},
      {"Patient?_compartment=", kPatient, kNo},
      {"Patient?_compartment:in=x", kPatient, kError},
      {"Patient?_compartment:identifier=00000000-0000-4000-8000-0000000000aa",
       kPatient, kYes},
      {"Patient?_compartment:missing=true", kPatient, kNo},
      {"Patient?_compartment:missing=true", kEmptyPatient, kNo},
      {"Patient?_compartment:not=Patient/abc", kEmptyPatient, kYes},
  });
}

TEST(MatchDurableTest, FollowsChains) {
  const FakeLookup lookup({
      R"({"resourceType":"Organization","id":"o1","name":"North"})",
      R"({"resourceType":"Patient","id":"p1","gender":"female",
          "birthDate":"1991-01-01",
          "managingOrganization":{"reference":"Organization/o1"}})",
      R"({"resourceType":"Questionnaire","id":"q1","status":"active",
          "url":"http://q/1"})",
  });
  DurableEnvironment environment;
  environment.lookup = &lookup;
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "subject":{"reference":"Patient/p1"}})";
  CheckCases(
      {
          {"Patient?organization.name=North", kPatient, kYes},
          {"Patient?organization.name=South", kPatient, kNo},
          {"Patient?organization:Organization.name=N", kPatient, kYes},
          {"Patient?organization.name=North", kEmptyPatient, kNo},
          {"Observation?patient.organization.name=North", kObservation, kYes},
          {"Observation?subject:Patient.gender=female", kObservation, kYes},
          {"Observation?subject:Group.code=x", kObservation, kNo},
          {"Observation?subject.gender=female", kObservation, kError},
          {"Observation?subject:Device.status=x", kObservation, kNo},
          {"Observation?subject:Organization.name=x", kObservation, kError},
          {"Observation?patient:Group.gender=female", kObservation, kYes},
          {"Patient?organization.name:exact=North", kPatient, kYes},
          {"Patient?organization.name:missing=true", kPatient, kNo},
          {"Patient?organization.name:missing=true", kEmptyPatient, kNo},
          {"Patient?organization._filter=name sw nor", kPatient, kYes},
          {"Patient?organization._id:not=o2", kPatient, kUnknown},
          {"Patient?_filter=organization._id eq o1", kPatient, kYes},
          {"Patient?_filter=organization._id ne o1", kPatient, kUnknown},
          {"Patient?_filter=organization.name ne South", kPatient, kUnknown},
          {"Patient?_filter=organization.name eq North", kPatient, kYes},
          {"Patient?_filter=organization.name eq Nor", kPatient, kNo},
          {"Patient?_filter=organization.name sw Nor", kPatient, kYes},
          {"Observation?_filter=patient.birthdate gt 1990-01-01", kObservation,
           kYes},
          {"Observation?_filter=patient.birthdate eq 1991-01-01", kObservation,
           kYes},
          {"Observation?_filter=patient.birthdate eq gt1990-01-01",
           kObservation, kYes},
          {"Observation?_filter=patient.birthdate lt 1990-01-01", kObservation,
           kNo},
          {"Patient?organization._id=o1", kPatient, kYes},
          {"Patient?organization._id=o2", kPatient, kNo},
          {"Patient?_compartment.name=x", kPatient, kError},
          {"Patient?organization.", kPatient, kError},
          {"QuestionnaireResponse?questionnaire.status=active",
           R"({"resourceType":"QuestionnaireResponse",
               "questionnaire":"http://q/1"})",
           kYes},
          {"QuestionnaireResponse?questionnaire.status=active",
           R"({"resourceType":"QuestionnaireResponse",
               "questionnaire":"http://q/1|2"})",
           kNo},
          {"Patient?organization.foo=x", kPatient, kError},
          {"Patient?organization.name:not=x", kPatient, kError},
          {"Patient?name.x=y", kPatient, kError},
          {"Patient?foo.x=y", kPatient, kError},
          {"Patient?organization.partof.partof.partof.name=x", kPatient,
           kError},
          {"Patient?organization.name=x",
           R"({"resourceType":"Patient","managingOrganization":
               {"reference":"Organization/pending"}})",
           kUnknown},
      },
      environment);
  EXPECT_EQ(Match("Patient?organization.name=North", kPatient), kUnknown);
}

TEST(MatchDurableTest, FollowsReverseChains) {
  const std::string observation =
      R"({"resourceType":"Observation","id":"x","status":"final",
          "subject":{"reference":"Patient/)" +
      std::string(kPatientId) + R"("}})";
  const FakeLookup lookup({observation});
  DurableEnvironment environment;
  environment.lookup = &lookup;
  CheckCases(
      {
          {"Patient?_has:Observation:subject:status=final", kPatient, kYes},
          {"Patient?_has:Observation:subject:status=draft", kPatient, kNo},
          {"Patient?_has:Observation:subject:status=final", kEmptyPatient, kNo},
          {"Patient?_has:Observation:status:status=x", kPatient, kError},
          {"Patient?_has:Foo:subject:status=x", kPatient, kError},
          {"Organization?_has:Observation:patient:status=x",
           R"({"resourceType":"Organization"})", kError},
          {"Patient?_has:Observation:subject:foo=x", kPatient, kError},
          {"Patient?_has=x", kPatient, kError},
          {"Patient?_has:Observation:subject=x", kPatient, kError},
          {"Patient?_has:Condition:subject:code=x", kPatient, kUnknown},
      },
      environment);
}

TEST(MatchDurableTest, AChainNeedsTheRightToSearchItsTarget) {
  DurableEnvironment environment;
  environment.may_search = [](std::string_view type) {
    return type == "Patient";
  };
  CheckCases(
      {
          {"Patient?organization.name=North", kPatient, kForbidden},
          {"Patient?_has:Observation:subject:status=x", kPatient, kForbidden},
          {"Patient?gender=male&organization.name=North", kPatient, kForbidden},
          // What cannot be followed at all is no question of rights.
          {"Patient?organization.foo=x", kPatient, kError},
          {"Patient?organization.name:not=x", kPatient, kForbidden},
          // Nothing is followed here.
          {"Patient?organization._id=o1", kPatient, kYes},
          {"Observation?patient.gender=male",
           R"({"resourceType":"Observation"})", kNo},
      },
      environment);
}

TEST(MatchDurableTest, EvaluatesFilterExpressions) {
  CheckCases({
      {"Patient?_filter=gender eq female", kPatient, kYes},
      {"Patient?_filter=gender eq male", kPatient, kNo},
      {"Patient?_filter=gender ne male", kPatient, kYes},
      {"Patient?_filter=(gender eq male) or (active eq true)", kPatient, kYes},
      {"Patient?_filter=(gender eq male) and (active eq true)", kPatient, kNo},
      {"Patient?_filter=not (gender eq male)", kPatient, kYes},
      {"Patient?_filter=family sw le", kPatient, kYes},
      {"Patient?_filter=family eq \"Lee\"", kPatient, kYes},
      {"Patient?_filter=family co ee", kPatient, kYes},
      {"Patient?_filter=birthdate ge 1990-01-01", kPatient, kYes},
      {"Patient?_filter=gender pr true", kPatient, kYes},
      {"Patient?_filter=identifier eq \"MRN|A1\"", kPatient, kYes},
      {"Patient?_filter=gender sw female", kPatient, kYes},
      {"Patient?_filter=gender co fem", kPatient, kNo},
      {"Patient?_filter=identifier sw A1", kPatient, kError},
      {"Patient?_filter=birthdate co 1990-02-28", kPatient, kError},
      {"Patient?_filter=birthdate eq 1990-02", kPatient, kError},
      {"Patient?_filter=gender eq \"male,female\"", kPatient, kYes},
      {"Patient?_filter=organization identifier x", kPatient, kNo},
      {"Patient?_filter=gender xx male", kPatient, kError},
      {"Patient?_filter=gender eq male or foo eq x", kPatient, kError},
      {"Patient?_filter=gender eq", kPatient, kError},
      {"Patient?_filter=", kPatient, kError},
  });
}

TEST(MatchDurableTest, TheNegationOfNoValueIsNoMatch) {
  CheckCases({
      {"Patient?_filter=not (gender eq male)", kEmptyPatient, kNo},
      {"Patient?_filter=gender ne male", kEmptyPatient, kYes},
      {"Patient?_filter=not (gender eq male) or (active pr false)",
       kEmptyPatient, kYes},
      {"Patient?_filter=not ((gender eq male) and (active eq true))",
       kEmptyPatient, kNo},
      {"Patient?_filter=not ((gender eq male) or (active pr true))",
       kEmptyPatient, kNo},
      {"Patient?_filter=not ((gender eq male) and (active pr true))",
       kEmptyPatient, kYes},
      {"Patient?_filter=not (organization eq Organization/x)", kEmptyPatient,
       kNo},
      {"Patient?_filter=not (general-practitioner eq Practitioner/x)",
       kEmptyPatient, kYes},
      {"Patient?_filter=not (identifier eq x)", kEmptyPatient, kYes},
      {"Patient?_filter=not (birthdate eq 1990-01-01)", kEmptyPatient, kNo},
      {"Patient?_filter=not (name eq x)", kEmptyPatient, kYes},
      {"Patient?_filter=not (active eq true)", kEmptyPatient, kNo},
      {"Organization?_filter=not (name eq x)",
       R"({"resourceType":"Organization"})", kYes},
      {"Location?_filter=not (name eq x)", R"({"resourceType":"Location"})",
       kYes},
      {"Group?_filter=not (actual eq true)", R"({"resourceType":"Group"})",
       kNo},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
