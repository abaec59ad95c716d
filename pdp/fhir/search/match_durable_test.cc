#include "pdp/fhir/search/match_durable.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "pdp/fhir/resource.h"

namespace pdp::fhir::search {
namespace {

constexpr auto kYes = DurableMatch::kYes;
constexpr auto kNo = DurableMatch::kNo;
constexpr auto kError = DurableMatch::kError;
constexpr auto kUnknown = DurableMatch::kUnknown;
constexpr auto kForbidden = DurableMatch::kForbidden;

constexpr std::string_view kPatientId = "00000000-0000-4000-8000-0000000000aa";

constexpr std::string_view kPatient = R"({"resourceType":"Patient",
  "id":"00000000-0000-4000-8000-0000000000aa",
  "meta":{"project":"00000000-0000-4000-8000-000000000001",
    "lastUpdated":"2024-05-01T10:00:00.123Z","profile":["http://x/p"],
    "compartment":[
      {"reference":"Project/00000000-0000-4000-8000-000000000001"},
      {"reference":"Patient/00000000-0000-4000-8000-0000000000aa"}],
    "tag":[{"system":"T","code":"vip"}]},
  "active":true,"gender":"female","birthDate":"1990-02-28",
  "name":[{"given":["Ann"],"family":"Lee"}],
  "identifier":[{"system":"MRN","value":"A1"},{"value":"bare"}],
  "address":[{"line":["1 Main"],"city":"Springfield","state":"IL"}],
  "managingOrganization":{"reference":"Organization/o1"},
  "generalPractitioner":[{"reference":"Practitioner/d1"}]})";

constexpr std::string_view kEmptyPatient =
    R"({"resourceType":"Patient","id":"00000000-0000-4000-8000-0000000000bb"})";

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

DurableMatch Match(std::string_view text, std::string_view json,
                   const DurableEnvironment& environment = {}) {
  const absl::StatusOr<ResourcePtr> resource = Resource::Parse(json);
  EXPECT_TRUE(resource.ok()) << resource.status();
  const absl::StatusOr<Criteria> criteria = ParseCriteria(text);
  if (!criteria.ok()) return kError;
  fhirpath::Scratch scratch;
  const DurableResult result =
      MatchesDurably(*criteria, **resource, environment, scratch);
  const bool has_reason = !result.why.empty();
  EXPECT_EQ(has_reason, result.match != kYes && result.match != kNo);
  // What ends the matching is found without a resource too.
  const DurableResult check =
      CheckDurable(*criteria, (*resource)->type(), environment);
  EXPECT_EQ(check.match == kError, result.match == kError);
  EXPECT_EQ(check.match == kForbidden, result.match == kForbidden);
  return result.match;
}

struct Case {
  std::string_view criteria;
  std::string_view resource;
  DurableMatch want;
};

template <size_t N>
void Check(const Case (&cases)[N], const DurableEnvironment& environment = {}) {
  for (const Case& test : cases) {
    SCOPED_TRACE(test.criteria);
    SCOPED_TRACE(test.resource);
    EXPECT_EQ(Match(test.criteria, test.resource, environment), test.want);
  }
}

TEST(MatchDurableTest, ErrorsCountWhateverElseDoesNotMatch) {
  Check({
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
  Check({
      {"Patient?_id=00000000-0000-4000-8000-0000000000aa", kPatient, kYes},
      {"Patient?_id=Patient/00000000-0000-4000-8000-0000000000aa", kPatient,
       kYes},
      {"Patient?_id=00000000-0000-4000-8000-0000000000bb", kPatient, kNo},
      {"Patient?_id=abc", R"({"resourceType":"Patient","id":"abc"})", kNo},
      {"Patient?_id:not=00000000-0000-4000-8000-0000000000bb", kPatient, kYes},
      {"Patient?_id:in=abc", kPatient, kError},
      {"Patient?_id:missing=false", kPatient, kNo},
      {"Patient?_project=00000000-0000-4000-8000-000000000001", kPatient, kYes},
      {"Patient?_project:missing=true", kPatient, kNo},
  });
}

TEST(MatchDurableTest, CompartmentsAreComparedByIdAlone) {
  Check({
      {"Patient?_compartment=Patient/00000000-0000-4000-8000-0000000000aa",
       kPatient, kYes},
      {"Patient?_compartment=Organization/00000000-0000-4000-8000-0000000000aa",
       kPatient, kYes},
      {"Patient?_compartment=00000000-0000-4000-8000-000000000001", kPatient,
       kYes},
      {"Patient?_compartment=Patient/abc", kPatient, kNo},
      {"Patient?_compartment=", kPatient, kNo},
      {"Patient?_compartment:missing=true", kPatient, kNo},
      {"Patient?_compartment:missing=true", kEmptyPatient, kNo},
      {"Patient?_compartment:not=Patient/abc", kEmptyPatient, kYes},
  });
}

TEST(MatchDurableTest, PlainTokensAreExact) {
  Check({
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
      {"Patient?active=TRUE", kPatient, kError},
      {"Patient?active:not=false", kEmptyPatient, kYes},
      {"Patient?_profile=http://x/p", kPatient, kYes},
      {"Patient?_profile=http://x", kPatient, kNo},
  });
}

TEST(MatchDurableTest, HashedTokensKeepTheirCase) {
  Check({
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
      {"Patient?identifier:text=bar", kPatient, kYes},
      {"Patient?identifier:text=are", kPatient, kUnknown},
      {"Patient?identifier:text=BARE", kPatient, kUnknown},
      {"Patient?identifier:text=b.r", kPatient, kUnknown},
      {"Patient?identifier:text=A1", kPatient, kNo},
      {"Patient?identifier:not=B", kEmptyPatient, kYes},
      {"Patient?identifier:not=A1,B", kEmptyPatient, kYes},
      {"Patient?identifier:not=A1", kPatient, kNo},
      {"Patient?identifier:missing=true", kEmptyPatient, kYes},
      {"Patient?identifier:missing=foo", kEmptyPatient, kError},
      {"Patient?_tag=T|vip", kPatient, kYes},
  });
}

TEST(MatchDurableTest, ANegatedReferenceNeedsAReference) {
  Check({
      {"Patient?organization=Organization/o1", kPatient, kYes},
      {"Patient?organization=o1", kPatient, kYes},
      {"Patient?organization=o2", kPatient, kNo},
      {"Patient?organization:not=Organization/o2", kPatient, kYes},
      {"Patient?organization:not=Organization/o2", kEmptyPatient, kNo},
      {"Patient?general-practitioner:not=Practitioner/x", kEmptyPatient, kYes},
      {"Patient?general-practitioner=d1", kPatient, kNo},
      {"Patient?organization=", kEmptyPatient, kNo},
      {"Patient?organization:missing=true", kEmptyPatient, kYes},
      {"Patient?organization:Organization=Organization/o1", kPatient, kYes},
      {"Observation?subject=p1",
       R"({"resourceType":"Observation","subject":{"reference":"Patient/p1"}})",
       kYes},
      {"Patient?organization:identifier=s|v",
       R"({"resourceType":"Patient","managingOrganization":
           {"identifier":{"system":"s","value":"v"}}})",
       kYes},
      {"Patient?organization=x/y",
       R"({"resourceType":"Patient","managingOrganization":
           {"identifier":{"system":"s","value":"v"}}})",
       kUnknown},
  });
}

TEST(MatchDurableTest, StringsAreFoundByTheirBeginning) {
  constexpr std::string_view kOrganization =
      R"({"resourceType":"Organization","name":"North Clinic"})";
  Check({
      {"Organization?name=north", kOrganization, kYes},
      {"Organization?name=clinic", kOrganization, kNo},
      {"Organization?name=x,North", kOrganization, kYes},
      {"Organization?name:contains=CLINIC", kOrganization, kYes},
      {"Organization?name:exact=North Clinic", kOrganization, kYes},
      {"Organization?name:exact=north clinic", kOrganization, kNo},
      {"Organization?name:not=x", kOrganization, kError},
      {"Organization?name:text=x", kOrganization, kError},
  });
}

TEST(MatchDurableTest, NamesAreFoundByTheirWords) {
  constexpr std::string_view kIrish = R"({"resourceType":"Patient",
    "name":[{"family":"O'Brien"}]})";
  constexpr std::string_view kHyphen = R"({"resourceType":"Patient",
    "name":[{"given":["Anne-Marie"]}]})";
  Check({
      {"Patient?name=an", kPatient, kYes},
      {"Patient?name=Lee Ann", kPatient, kYes},
      {"Patient?name=ee", kPatient, kNo},
      {"Patient?family=ann", kPatient, kNo},
      {"Patient?name:not=ann", kPatient, kNo},
      {"Patient?name:not=bob", kPatient, kYes},
      {"Patient?name:not=bob", kEmptyPatient, kYes},
      {"Patient?name:missing=true", kEmptyPatient, kNo},
      {"Patient?family:exact=Lee", kPatient, kYes},
      {"Patient?family:exact=lee", kPatient, kNo},
      {"Patient?family:contains=EE", kPatient, kYes},
      {"Patient?name=", kPatient, kYes},
      {"Patient?name=brien", kIrish, kYes},
      {"Patient?name=o'brien", kIrish, kYes},
      {"Patient?name=rivera", kIrish, kNo},
      {"Patient?name=o'brien", kPatient, kNo},
      {"Patient?name=anne", kHyphen, kUnknown},
      {"Patient?name=nne", kHyphen, kUnknown},
      {"Patient?name=bob", kHyphen, kNo},
      {"Patient?name=a.nn", kPatient, kUnknown},
      {"Patient?name=a.zz", kPatient, kNo},
      {"Patient?name=!zz", kPatient, kUnknown},
      {"Patient?name=zé", kPatient, kUnknown},
      {"Patient?address=main", kPatient, kYes},
      {"Patient?address-state=I", kPatient, kYes},
      {"Patient?address-state=L", kPatient, kNo},
      {"Patient?address-city:exact=Springfield", kPatient, kYes},
  });
}

TEST(MatchDurableTest, DatesAreComparedAsInstants) {
  constexpr std::string_view kEncounter = R"({"resourceType":"Encounter",
    "period":{"start":"2024-05-01T10:00:00Z","end":"2024-05-02"}})";
  Check({
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
       R"({"resourceType":"Patient","birthDate":"1990"})", kUnknown},
      {"Patient?birthdate=1990-02-28",
       R"({"resourceType":"Patient","birthDate":"1991"})", kNo},
      {"Patient?birthdate=gt1990-02-28",
       R"({"resourceType":"Patient","birthDate":"1990-07"})", kYes},
      {"Patient?birthdate=2020-01-01T00:00:60Z", kPatient, kUnknown},
      {"Encounter?date=2024-05-01", kEncounter, kNo},
      {"Encounter?date=2024-05-01T10:00:00Z", kEncounter, kYes},
      {"Encounter?date=ge2024-05-01", kEncounter, kYes},
      {"Encounter?date=sa2024-05-01", kEncounter, kYes},
      {"Encounter?date=eb2024-05-01", kEncounter, kNo},
      {"Patient?_lastUpdated=2024-05-01T10:00:00.123Z", kPatient, kYes},
      {"Patient?_lastUpdated:missing=true", kPatient, kError},
  });
}

TEST(MatchDurableTest, TheFirstErrorOfACriteriaIsTheOneThatCounts) {
  const DurableEnvironment environment = {
      .lookup = nullptr, .may_search = [](std::string_view) { return false; }};
  const struct {
    std::string_view criteria;
    DurableMatch want;
  } cases[] = {
      {"Patient?birthdate=1990&organization.name=x", kError},
      {"Patient?organization.name=x&birthdate=1990", kForbidden},
      {"Patient?active=true&birthdate=1990", kError},
      {"Patient?foo=bar&organization.name=x", kError},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.criteria);
    const absl::StatusOr<Criteria> criteria = ParseCriteria(test.criteria);
    ASSERT_TRUE(criteria.ok());
    EXPECT_EQ(CheckDurable(*criteria, "Patient", environment).match, test.want);
  }
}

TEST(MatchDurableTest, NumbersAndQuantitiesMatch) {
  constexpr std::string_view kRisk = R"({"resourceType":"RiskAssessment",
    "prediction":[{"probabilityDecimal":0.5}]})";
  constexpr std::string_view kWeight = R"({"resourceType":"Observation",
    "valueQuantity":{"value":60,"code":"kg"}})";
  Check({
      {"RiskAssessment?probability=0.5", kRisk, kYes},
      {"RiskAssessment?probability=gt0.5", kRisk, kNo},
      {"RiskAssessment?probability=abc", kRisk, kError},
      {"Observation?value-quantity=60", kWeight, kYes},
      {"Observation?value-quantity=60|http://u|g", kWeight, kYes},
      {"Observation?value-quantity=ap64", kWeight, kYes},
      {"Observation?value-quantity=ap70", kWeight, kNo},
      {"Observation?value-quantity=abc", kWeight, kError},
  });
}

TEST(MatchDurableTest, FollowsChains) {
  const FakeLookup lookup({
      R"({"resourceType":"Organization","id":"o1","name":"North"})",
      R"({"resourceType":"Patient","id":"p1","gender":"female",
          "managingOrganization":{"reference":"Organization/o1"}})",
  });
  DurableEnvironment environment;
  environment.lookup = &lookup;
  constexpr std::string_view kObservation = R"({"resourceType":"Observation",
    "subject":{"reference":"Patient/p1"}})";
  Check(
      {
          {"Patient?organization.name=North", kPatient, kYes},
          {"Patient?organization.name=South", kPatient, kNo},
          {"Patient?organization:Organization.name=N", kPatient, kYes},
          {"Patient?organization.name=North", kEmptyPatient, kNo},
          {"Observation?patient.organization.name=North", kObservation, kYes},
          {"Observation?subject:Patient.gender=female", kObservation, kYes},
          {"Observation?subject:Group.code=x", kObservation, kNo},
          {"Observation?subject.gender=female", kObservation, kUnknown},
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
  Check(
      {
          {"Patient?_has:Observation:subject:status=final", kPatient, kYes},
          {"Patient?_has:Observation:subject:status=draft", kPatient, kNo},
          {"Patient?_has:Observation:subject:status=final", kEmptyPatient, kNo},
          {"Patient?_has:Observation:status:status=x", kPatient, kError},
          {"Patient?_has:Foo:subject:status=x", kPatient, kError},
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
  Check(
      {
          {"Patient?organization.name=North", kPatient, kForbidden},
          {"Patient?_has:Observation:subject:status=x", kPatient, kForbidden},
          {"Patient?gender=male&organization.name=North", kPatient, kForbidden},
          {"Observation?patient.gender=male",
           R"({"resourceType":"Observation"})", kNo},
      },
      environment);
}

TEST(MatchDurableTest, EvaluatesFilterExpressions) {
  Check({
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
      {"Patient?_filter=gender xx male", kPatient, kError},
      {"Patient?_filter=gender eq male or foo eq x", kPatient, kError},
      {"Patient?_filter=gender eq", kPatient, kError},
      {"Patient?_filter=", kPatient, kError},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
