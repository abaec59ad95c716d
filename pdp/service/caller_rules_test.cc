// What callers may ask, put to the services as calls are.

#include "pdp/service/caller_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/resource_filter.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The clinic's member, and one of another project; a user who is a member of
// both, and one of neither.
std::vector<fhir::ResourcePtr> TwoProjects() {
  std::vector<fhir::ResourcePtr> live = ReadersClinic();
  const char* const kMore[] = {
      "{'resourceType':'Project','id':'$OTHER_PROJECT','meta':{'project':"
      "'$OTHER_PROJECT'},'name':'Secret name'}",
      "{'resourceType':'ProjectMembership','id':'foreign','meta':{'project':"
      "'$OTHER_PROJECT'},'project':{'reference':'Project/$OTHER_PROJECT'},"
      "'user':{'reference':'User/both'},'profile':{'reference':"
      "'Practitioner/foreign'}}",
      "{'resourceType':'ProjectMembership','id':'near','meta':{'project':"
      "'$PROJECT'},'project':{'reference':'Project/$PROJECT'},"
      "'user':{'reference':'User/both'},'profile':{'reference':"
      "'Practitioner/$PRACTITIONER'}}",
      // Kept by the project, and judged by the rules of the other.
      "{'resourceType':'ProjectMembership','id':'lent','meta':{'project':"
      "'$PROJECT'},'project':{'reference':'Project/$OTHER_PROJECT'},"
      "'user':{'reference':'User/l'},'profile':{'reference':"
      "'Practitioner/l'}}",
  };
  for (const char* const text : kMore) live.push_back(testing::Json(text));
  return live;
}

struct World {
  World() : lookup(TwoProjects()), decision_point(lookup, {}) {
    decision_point.Invalidate(7, {});
  }

  FakeClock clock;
  FakeData data{clock};
  Metrics metrics;
  PendingLookup lookup;
  policy::DecisionPoint decision_point;
  DecisionService service{decision_point, lookup, data, metrics,
                          Fixture::With({}, clock)};
};

Caller MakeCaller(SubjectsRule subjects, ResourcesRule resources,
                  std::vector<std::string> projects = {}) {
  Caller caller;
  caller.name = "test";
  caller.permissions = kAllPermissions;
  caller.subjects_rule = subjects;
  caller.subjects = {"ProjectMembership/member"};
  caller.resources_rule = resources;
  caller.projects = std::move(projects);
  return caller;
}

constexpr char kMember[] = "reference: 'ProjectMembership/member'";
constexpr char kByReference[] = "type: 'Patient' id: '$PATIENT'";
constexpr char kWithBody[] =
    "body: '{\\\"resourceType\\\":\\\"Patient\\\",\\\"id\\\":"
    "\\\"$PATIENT\\\"}' project: '$PROJECT'";

struct Case {
  const char* name;
  SubjectsRule subjects;
  ResourcesRule resources;
  bool is_limited;  // To the clinic's project.
  const char* subject;
  const char* resource;
  const char* context;
  Refusal refusal;  // kNone: it may be asked.
};

constexpr auto kOwn = SubjectsRule::kOwn;
constexpr auto kToken = SubjectsRule::kToken;
constexpr auto kAny = SubjectsRule::kAny;
constexpr auto kReference = ResourcesRule::kReference;
constexpr auto kInline = ResourcesRule::kInline;

const Case kCases[] = {
    {"OwnItself", kOwn, kReference, false, kMember, kByReference, "",
     Refusal::kNone},
    {"OwnAnother", kOwn, kReference, false,
     "reference: 'ProjectMembership/near'", kByReference, "",
     Refusal::kSubjectNotAllowed},
    {"OwnByItsProfile", kOwn, kReference, false,
     "reference: 'Practitioner/$PRACTITIONER'", kByReference, "",
     Refusal::kSubjectNotAllowed},
    {"OwnNobody", kOwn, kReference, false, "", kByReference, "",
     Refusal::kSubjectNotAllowed},
    {"OwnToken", kOwn, kReference, false,
     "access_token: 'ProjectMembership/"
     "member'",
     kByReference, "", Refusal::kSubjectNotAllowed},
    {"TokenByReference", kToken, kReference, false, kMember, kByReference, "",
     Refusal::kSubjectNotAllowed},
    {"TokenByToken", kToken, kReference, false, "access_token: 'a.b.c'",
     kByReference, "", Refusal::kNone},
    {"AnyAnybody", kAny, kReference, false,
     "reference: 'ProjectMembership/foreign'", kByReference, "",
     Refusal::kNone},
    {"ReferenceWithABody", kAny, kReference, false, kMember, kWithBody, "",
     Refusal::kBodyNotAllowed},
    {"InlineWithABody", kAny, kInline, false, kMember, kWithBody, "",
     Refusal::kNone},
    {"LimitedWithin", kAny, kReference, true, kMember, kByReference, "",
     Refusal::kNone},
    {"LimitedElsewhere", kAny, kReference, true,
     "reference: 'ProjectMembership/foreign'", kByReference, "",
     Refusal::kProjectNotAllowed},
    {"LimitedElsewhereByProfile", kAny, kReference, true,
     "reference: 'Practitioner/foreign'", kByReference, "",
     Refusal::kProjectNotAllowed},
    {"LimitedElsewhereByItsName", kAny, kReference, true,
     "reference: 'Practitioner/foreign' project: '$OTHER_PROJECT'",
     kByReference, "", Refusal::kProjectNotAllowed},
    // The engine would say what it has to choose from.
    {"LimitedBoth", kAny, kReference, true, "reference: 'User/both'",
     kByReference, "", Refusal::kProjectNotAllowed},
    {"LimitedBothNamingTheProject", kAny, kReference, true,
     "reference: 'User/both' project: '$PROJECT'", kByReference, "",
     Refusal::kNone},
    {"LimitedLent", kAny, kReference, true,
     "reference: 'ProjectMembership/lent'", kByReference, "",
     Refusal::kProjectNotAllowed},
    {"LimitedActingForAnotherProject", kAny, kReference, true, kMember,
     kByReference, "on_behalf_of: 'ProjectMembership/foreign'",
     Refusal::kProjectNotAllowed},
    {"LimitedUnknown", kAny, kReference, true,
     "reference: 'ProjectMembership/nobody'", kByReference, "", Refusal::kNone},
};

// Says the same of every kind of call.
void ExpectOutcome(const Case& test, const absl::Status& status) {
  if (test.refusal == Refusal::kNone) {
    EXPECT_NE(status.code(), absl::StatusCode::kPermissionDenied) << status;
    return;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr(std::string(RefusalName(test.refusal))));
  EXPECT_THAT(message, Not(HasSubstr("foreign")));
  EXPECT_THAT(message, Not(HasSubstr("Secret")));
}

TEST(CallerRulesTest, SubjectsResourcesAndProjectsHoldForEveryCall) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    World world;
    const DecisionService& service = world.service;
    const Caller caller =
        MakeCaller(test.subjects, test.resources,
                   test.is_limited ? std::vector{std::string(testing::kProject)}
                                   : std::vector<std::string>());
    const CallAttempt attempt{.origin = {.caller = &caller}};
    const std::string subject = StrCat("subject { ", test.subject, " } ");
    const std::string context = StrCat("context { ", test.context, " } ");
    const std::string resource = StrCat("resource { ", test.resource, " } ");
    const std::string check =
        StrCat(subject, context, "interaction: INTERACTION_READ ", resource);

    v1::CheckResponse checked;
    ExpectOutcome(
        test,
        service.Check(attempt, Proto<v1::CheckRequest>(check), checked).status);
    if (test.refusal != Refusal::kNone) {
      EXPECT_EQ(checked.ByteSizeLong(), checked.has_decision() ? 2u : 0u);
      EXPECT_EQ(world.metrics.refusals(test.refusal), 1u);
    }
    v1::ExplainResponse explained;
    ExpectOutcome(
        test,
        service
            .Explain(attempt,
                     Proto<v1::ExplainRequest>(StrCat("check { ", check, " }")),
                     explained)
            .status);
    for (const bool is_shared : {false, true}) {
      v1::BatchCheckResponse batch;
      const CallOutcome outcome = service.BatchCheck(
          attempt,
          Proto<v1::BatchCheckRequest>(StrCat(
              subject, context, is_shared ? "resources { " : "",
              is_shared ? test.resource : "", is_shared ? " } " : "",
              "items { interaction: INTERACTION_READ ",
              is_shared ? std::string("resource_index: 0") : resource, " }")),
          batch);
      ASSERT_TRUE(outcome.status.ok()) << outcome.status;
      const v1::ItemError& error = batch.results(0).error();
      ExpectOutcome(test,
                    absl::Status(static_cast<absl::StatusCode>(error.code()),
                                 error.message()));
    }
    if (test.refusal == Refusal::kBodyNotAllowed) continue;
    v1::FilterResponse filtered;
    ExpectOutcome(
        test, service
                  .Filter(attempt,
                          Proto<v1::FilterRequest>(StrCat(
                              subject, context, "resource_type: 'Patient'")),
                          filtered)
                  .status);
    v1::DescribeAccessResponse described;
    ExpectOutcome(test, service
                            .DescribeAccess(attempt,
                                            Proto<v1::DescribeAccessRequest>(
                                                StrCat(subject, context)),
                                            described)
                            .status);
  }
}

TEST(CallerRulesTest, ACallOfThisProcessItselfMayAskAnything) {
  World world;
  v1::CheckResponse response;
  EXPECT_TRUE(world.service
                  .Check({},
                         Proto<v1::CheckRequest>(StrCat(
                             "subject { ", kMember,
                             " } interaction: INTERACTION_READ resource { ",
                             kWithBody, " }")),
                         response)
                  .status.ok());
}

// What is to be stored is judged, not believed.
TEST(CallerRulesTest, ProposedIsNoBody) {
  World world;
  const Caller caller = MakeCaller(kAny, kReference);
  v1::CheckResponse response;
  const CallOutcome outcome = world.service.Check(
      {.origin = {.caller = &caller}},
      Proto<v1::CheckRequest>(
          StrCat("subject { ", kMember,
                 " } interaction: INTERACTION_CREATE resource { proposed: "
                 "'{\\\"resourceType\\\":\\\"Patient\\\"}' }")),
      response);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
}

TEST(CallerRulesTest, FilteringResourcesTakesTheRightToSendThem) {
  World world;
  for (const ResourcesRule rule : {kReference, kInline}) {
    const Caller caller = MakeCaller(kAny, rule);
    ResourceFilter filter(world.service);
    auto header = Proto<v1::FilterResourcesRequest>(StrCat(
        "header { subject { ", kMember, " } interaction: INTERACTION_READ }"));
    ASSERT_TRUE(filter.Take(header).ok());
    v1::FilterResourcesResponse response;
    bool is_permitted = false;
    const absl::Status status =
        filter.Next({.origin = {.caller = &caller}}, response, is_permitted)
            .status;
    EXPECT_EQ(status.code(), rule == kInline
                                 ? absl::StatusCode::kOk
                                 : absl::StatusCode::kPermissionDenied);
  }
}

TEST(CallerRulesTest, FilteringResourcesIsOfTheCallersProjects) {
  World world;
  const Caller caller =
      MakeCaller(kAny, kInline, {std::string(testing::kProject)});
  ResourceFilter filter(world.service);
  auto header = Proto<v1::FilterResourcesRequest>(
      "header { subject { reference: 'ProjectMembership/foreign' } "
      "interaction: INTERACTION_READ }");
  ASSERT_TRUE(filter.Take(header).ok());
  v1::FilterResourcesResponse response;
  bool is_permitted = false;
  EXPECT_EQ(filter.Next({.origin = {.caller = &caller}}, response, is_permitted)
                .status.code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(CallerRulesTest, WatchingIsOfWhomTheCallerMayAskAbout) {
  World world;
  const struct {
    const char* name;
    SubjectsRule subjects;
    bool is_limited;
    const char* members;
    bool is_allowed;
  } kWatches[] = {
      {"AnyAll", kAny, false, "", true},
      {"OwnItself", kOwn, false, "memberships: 'ProjectMembership/member'",
       true},
      {"OwnAll", kOwn, false, "", false},
      {"OwnAnother", kOwn, false,
       "memberships: 'ProjectMembership/member' "
       "memberships: 'ProjectMembership/near'",
       false},
      {"TokenAll", kToken, false, "", false},
      {"LimitedWithin", kAny, true, "memberships: 'ProjectMembership/member'",
       true},
      {"LimitedAll", kAny, true, "", false},
      {"LimitedElsewhere", kAny, true,
       "memberships: 'ProjectMembership/foreign'", false},
  };
  for (const auto& test : kWatches) {
    SCOPED_TRACE(test.name);
    const Caller caller =
        MakeCaller(test.subjects, kReference,
                   test.is_limited ? std::vector{std::string(testing::kProject)}
                                   : std::vector<std::string>());
    EXPECT_EQ(world.service
                  .CheckWatch({.origin = {.caller = &caller}},
                              Proto<v1::WatchRevisionsRequest>(test.members))
                  .status.code(),
              test.is_allowed ? absl::StatusCode::kOk
                              : absl::StatusCode::kPermissionDenied);
  }
}

TEST(CallerRulesTest, EachMethodTakesItsPermissionAndHealthNone) {
  const struct {
    Permission permission;
    std::vector<Method> methods;
  } kPermissions[] = {
      {Permission::kCheck,
       {Method::kCheck, Method::kBatchCheck, Method::kCheckStream,
        Method::kWatchRevisions}},
      {Permission::kFilter, {Method::kFilter, Method::kFilterResources}},
      {Permission::kExplain, {Method::kExplain}},
      {Permission::kDescribe, {Method::kDescribeAccess}},
      {Permission::kSimulate, {Method::kSimulate}},
      {Permission::kRecord, {Method::kRecordAccess}},
      {Permission::kAdmin,
       {Method::kGetStatus, Method::kResync, Method::kCheckpoint,
        Method::kBlock, Method::kUnblock, Method::kLintPolicies,
        Method::kListMemberships}},
      {Permission::kGateway, {Method::kExtAuthz, Method::kForwardAuth}},
  };
  size_t judged = 0;
  for (const auto& of : kPermissions) {
    Caller only = MakeCaller(kAny, kReference);
    only.permissions = static_cast<uint8_t>(of.permission);
    Caller all_but = only;
    all_but.permissions =
        static_cast<uint8_t>(kAllPermissions & ~only.permissions);
    for (const Method method : of.methods) {
      SCOPED_TRACE(MethodName(method));
      EXPECT_FALSE(IsOpenToAll(method));
      EXPECT_TRUE(CheckMethod(only, method).ok());
      EXPECT_EQ(CheckMethod(all_but, method).code(),
                absl::StatusCode::kPermissionDenied);
      ++judged;
    }
  }
  EXPECT_TRUE(IsOpenToAll(Method::kHealthCheck));
  EXPECT_TRUE(IsOpenToAll(Method::kHealthWatch));
  EXPECT_FALSE(IsOpenToAll(Method::kReflection));  // Any caller.
  EXPECT_EQ(judged + 3, kMethods);
}

}  // namespace
}  // namespace pdp::service
