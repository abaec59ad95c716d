// Two projects, each with its own feed: what the trouble of one does.

#include "pdp/service/feed_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kNorthMember[] = "ProjectMembership/member";
constexpr char kSouthMember[] = "ProjectMembership/south";

// The clinic is in the project north; another member is in south.
std::vector<fhir::ResourcePtr> TwoProjects() {
  std::vector<fhir::ResourcePtr> live = ReadersClinic();
  const char* const kSouth[] = {
      "{'resourceType':'AccessPolicy','id':'south','meta':{'project':"
      "'$OTHER_PROJECT'},'resource':[{'resourceType':'Patient'}]}",
      "{'resourceType':'ProjectMembership','id':'south','meta':{'project':"
      "'$OTHER_PROJECT'},'project':{'reference':'Project/$OTHER_PROJECT'},"
      "'user':{'reference':'User/s'},'profile':{'reference':'Practitioner/s'},"
      "'accessPolicy':{'reference':'AccessPolicy/south'}}",
      "{'resourceType':'Patient','id':'south','meta':{'project':"
      "'$OTHER_PROJECT','compartment':[{'reference':"
      "'Project/$OTHER_PROJECT'}]}}",
      // An admin of north acts for members elsewhere by this reference only.
      "{'resourceType':'ProjectMembership','id':'nowhere','meta':{'project':"
      "'left'},'project':{'reference':'Project/left'},'user':{'reference':"
      "'User/n'},'profile':{'reference':'Practitioner/n'}}"};
  for (const char* const text : kSouth) live.push_back(testing::Json(text));
  return live;
}

class FeedCheckTest : public ::testing::Test {
 protected:
  FeedCheckTest()
      : decision_point_(lookup_,
                        {.keeps_project = [this](std::string_view project) {
                          return data_.Feeds().Find(project) != nullptr;
                        }}) {
    decision_point_.Invalidate(7, {});
  }

  CallOutcome Check(std::string_view subject, v1::CheckResponse& response,
                    std::string_view consistency = "",
                    const CallAttempt& attempt = {}) {
    response.Clear();
    const bool is_south = subject.find("/south") != std::string_view::npos;
    return service_.Check(attempt,
                          Proto<v1::CheckRequest>(
                              StrCat("subject { ", subject,
                                     " } interaction: INTERACTION_READ "
                                     "resource { type: 'Patient' id: '",
                                     is_south ? "south" : "$PATIENT",
                                     "' } consistency { ", consistency, " }")),
                          response);
  }
  static std::string Member(std::string_view reference) {
    return StrCat("reference: '", reference, "'");
  }
  absl::Status StatusOf(std::string_view subject) {
    v1::CheckResponse response;
    return Check(subject, response).status;
  }

  FeedFreshness& north() { return data_.Feed(testing::kProject); }
  FeedFreshness& south() { return data_.Feed(testing::kOtherProject); }

  FakeClock clock_;
  FakeData data_{clock_, {testing::kProject, testing::kOtherProject}};
  Metrics metrics_;
  PendingLookup lookup_{TwoProjects()};
  policy::DecisionPoint decision_point_;
  DecisionService service_{decision_point_, lookup_, data_, metrics_,
                           Fixture::With({}, clock_)};
};

struct StateCase {
  FeedState state;
  Refusal refusal;
  const char* message;
};

const StateCase kStates[] = {
    {FeedState::kCredentialsRefused, Refusal::kCredentialsRefused,
     "CREDENTIALS_REFUSED: "},
    {FeedState::kProjectGone, Refusal::kProjectGone, "PROJECT_GONE: "},
    {FeedState::kAccessMissing, Refusal::kAccessMissing, "ACCESS_MISSING: "},
};

TEST_F(FeedCheckTest, AProjectThatIsNotCurrentIsRefusedAlone) {
  for (const StateCase& c : kStates) {
    SCOPED_TRACE(c.message);
    south().Refuse(c.state);
    v1::CheckResponse response;
    ASSERT_EQ(Check(Member(kNorthMember), response).status, absl::OkStatus());
    EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
    EXPECT_EQ(response.decision().notes_size(), 0);
    EXPECT_EQ(response.decision().valid_until().seconds(),
              absl::ToUnixSeconds(clock_.Now()) + 10);

    const CallOutcome refused =
        Check(Member(kSouthMember), response, "fully_fresh: true",
              {.may_fetch = true, .may_refresh = true});
    EXPECT_EQ(refused.status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(refused.status.message()), StartsWith(c.message));
    EXPECT_THAT(std::string(refused.status.message()),
                HasSubstr(std::string(testing::kOtherProject)));
    EXPECT_FALSE(refused.pending());
    EXPECT_EQ(metrics_.refusals(c.refusal), 1u);
  }
}

TEST(FeedCheckNamedTest, WhatAMemberIsJudgedByCountsWhereverItIsKept) {
  std::vector<fhir::ResourcePtr> live = TwoProjects();
  live.push_back(testing::Json(
      "{'resourceType':'ProjectMembership','id':'borrower','meta':{'project':"
      "'$PROJECT'},'project':{'reference':'Project/$PROJECT'},'user':"
      "{'reference':'User/b'},'profile':{'reference':'Practitioner/b'},"
      "'access':[{'policy':{'reference':'AccessPolicy/south'}}]}"));
  const PendingLookup lookup(std::move(live));
  const struct {
    const char* name;
    std::string_view stale;  // The project whose feed is behind.
    const char* subject;
    const char* on_behalf_of;
    bool refused;
  } kCases[] = {
      {"Own", testing::kProject, kNorthMember, "", true},
      {"APolicyElsewhere", testing::kOtherProject, "ProjectMembership/borrower",
       "", true},
      {"NoPolicyThere", testing::kOtherProject, kNorthMember, "", false},
      {"OnBehalfOfWhoHasAPolicyElsewhere", testing::kOtherProject, kNorthMember,
       "ProjectMembership/borrower", true},
      {"TheSameByProfile", testing::kOtherProject, kNorthMember,
       "Practitioner/b", true},
      {"ALinkedProject", testing::kLinkedProject, kNorthMember, "", true},
      {"NotLinkedFromThere", testing::kLinkedProject, kSouthMember, "", false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const FakeClock clock;
    FreshnessTable feeds;
    for (const std::string_view project :
         {testing::kProject, testing::kOtherProject, testing::kLinkedProject}) {
      feeds.Add(project).Confirm(clock.SinceBoot() - (project == c.stale
                                                          ? absl::Minutes(6)
                                                          : absl::Seconds(1)));
    }
    const FeedCheck check(
        lookup, feeds,
        {.max_staleness = absl::Minutes(5), .unremarkable = absl::Seconds(30)});
    policy::RequestContext context;
    if (*c.on_behalf_of != '\0') context.on_behalf_of = c.on_behalf_of;
    const policy::Subject subject{c.subject, ""};
    absl::Duration age = check.OldestAge(clock.SinceBoot());
    const CallOutcome outcome =
        check.Check({}, {}, {subject, context}, clock.SinceBoot(), age);
    EXPECT_EQ(absl::IsUnavailable(outcome.status), c.refused) << outcome.status;
  }
}

TEST(FeedCheckLoadingTest, AProjectThatWasNotConfirmedYetIsStale) {
  const FakeClock clock;
  FreshnessTable feeds;
  feeds.Add(testing::kProject).Confirm(clock.SinceBoot());
  feeds.Add(testing::kOtherProject);
  const PendingLookup lookup(TwoProjects());
  const FeedCheck check(
      lookup, feeds,
      {.max_staleness = absl::Minutes(5), .unremarkable = absl::Seconds(30)});
  for (const char* const member : {kNorthMember, kSouthMember}) {
    SCOPED_TRACE(member);
    absl::Duration age = check.OldestAge(clock.SinceBoot());
    const CallOutcome outcome =
        check.Check({}, {}, {{member, ""}, {}}, clock.SinceBoot(), age);
    if (member == kNorthMember) {
      EXPECT_EQ(outcome.status, absl::OkStatus());
      EXPECT_EQ(age, absl::ZeroDuration());
    } else {
      EXPECT_EQ(outcome.refusal, Refusal::kStale);
      EXPECT_THAT(std::string(outcome.status.message()),
                  HasSubstr("is not loaded yet"));
    }
  }
}

TEST_F(FeedCheckTest, AgeIsThatOfTheSubjectsProject) {
  data_.SetAge(testing::kOtherProject, absl::Seconds(31));
  v1::CheckResponse response;
  ASSERT_EQ(Check(Member(kNorthMember), response).status, absl::OkStatus());
  EXPECT_EQ(response.decision().notes_size(), 0);
  ASSERT_EQ(Check(Member(kSouthMember), response).status, absl::OkStatus());
  ASSERT_EQ(response.decision().notes_size(), 1);
  EXPECT_EQ(response.decision().notes(0).code(), v1::NOTE_CODE_STALE);

  data_.SetAge(testing::kOtherProject, absl::Seconds(297));
  ASSERT_EQ(Check(Member(kSouthMember), response).status, absl::OkStatus());
  EXPECT_EQ(response.decision().valid_until().seconds(),
            absl::ToUnixSeconds(clock_.Now()) + 3);

  data_.SetAge(testing::kOtherProject, absl::Seconds(301));
  ASSERT_EQ(Check(Member(kNorthMember), response).status, absl::OkStatus());
  EXPECT_EQ(response.decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(Check(Member(kSouthMember), response).status,
            absl::UnavailableError(
                StrCat("STALE: the data of project `", testing::kOtherProject,
                       "` is 5m1s behind its source, more than 5m")));
}

// Who is not known may be a member in the project that is behind.
TEST_F(FeedCheckTest, AnUnknownSubjectNeedsEveryFeedOrThatOfItsProject) {
  constexpr char kNobody[] = "reference: 'ProjectMembership/nobody'";
  v1::CheckResponse response;
  ASSERT_EQ(Check(kNobody, response).status, absl::OkStatus());
  EXPECT_EQ(response.decision().reason(), v1::REASON_SUBJECT_UNKNOWN);

  south().Refuse(FeedState::kCredentialsRefused);
  EXPECT_THAT(std::string(StatusOf(kNobody).message()),
              StartsWith("CREDENTIALS_REFUSED: "));
  EXPECT_THAT(
      std::string(
          StatusOf(StrCat(kNobody, " project: '$OTHER_PROJECT'")).message()),
      StartsWith("CREDENTIALS_REFUSED: "));
  ASSERT_EQ(Check(StrCat(kNobody, " project: '$PROJECT'"), response).status,
            absl::OkStatus());
  EXPECT_EQ(response.decision().reason(), v1::REASON_SUBJECT_UNKNOWN);
}

TEST_F(FeedCheckTest, AResourceThatIsLookedUpCountsWithItsProject) {
  const auto check = [&](std::string_view id) {
    v1::CheckResponse response;
    return service_.Check(
        {},
        Proto<v1::CheckRequest>(
            StrCat("subject { reference: 'ProjectMembership/member' } "
                   "interaction: INTERACTION_READ "
                   "resource { type: 'Patient' id: '",
                   id, "' }")),
        response);
  };
  data_.SetAge(testing::kOtherProject, absl::Hours(1));
  EXPECT_TRUE(check("$PATIENT").status.ok());
  EXPECT_EQ(check("south").refusal, Refusal::kStale);
}

// Also while nothing else would be looked at.
TEST_F(FeedCheckTest, NothingIsDecidedOfAProjectWithoutAFeed) {
  for (const absl::Duration age : {absl::ZeroDuration(), absl::Seconds(31)}) {
    SCOPED_TRACE(absl::FormatDuration(age));
    data_.SetAge(testing::kOtherProject, age);
    for (const char* const subject :
         {"reference: 'ProjectMembership/nowhere'",
          "reference: 'ProjectMembership/nobody' project: 'left'"}) {
      SCOPED_TRACE(subject);
      EXPECT_EQ(StatusOf(subject),
                absl::UnavailableError("STALE: this server does not read "
                                       "project `left` from its source"));
    }
  }
  EXPECT_EQ(metrics_.refusals(Refusal::kStale), 4u);
}

TEST_F(FeedCheckTest, WhoIsActedForCountsWithItsProject) {
  south().Refuse(FeedState::kProjectGone);
  v1::CheckResponse response;
  const auto request = [&](std::string_view target) {
    return Proto<v1::CheckRequest>(
        StrCat("subject { reference: 'ProjectMembership/member' } context { "
               "on_behalf_of: '",
               target,
               "' } interaction: INTERACTION_READ resource { type: 'Patient' "
               "id: '$PATIENT' }"));
  };
  EXPECT_EQ(service_.Check({}, request(kSouthMember), response).refusal,
            Refusal::kProjectGone);
  EXPECT_TRUE(service_.Check({}, request(kNorthMember), response).status.ok());
}

TEST_F(FeedCheckTest, ABatchIsJudgedItemByItem) {
  south().Refuse(FeedState::kCredentialsRefused);
  v1::BatchCheckResponse response;
  const auto request = Proto<v1::BatchCheckRequest>(
      "items { subject { reference: 'ProjectMembership/south' } interaction: "
      "INTERACTION_READ resource { type: 'Patient' id: 'south' } } "
      "items { subject { reference: 'ProjectMembership/member' } interaction: "
      "INTERACTION_READ resource { type: 'Patient' id: '$PATIENT' } }");
  ASSERT_EQ(service_.BatchCheck({}, request, response).status,
            absl::OkStatus());
  EXPECT_EQ(response.results(0).error().code(), 14);
  EXPECT_THAT(response.results(0).error().message(),
              StartsWith("CREDENTIALS_REFUSED: "));
  EXPECT_EQ(response.results(1).decision().effect(), v1::EFFECT_PERMIT);
  EXPECT_EQ(metrics_.refusals(Refusal::kCredentialsRefused), 1u);
}

TEST_F(FeedCheckTest, FilterAndDescribeAreRefusedLikewise) {
  data_.SetAge(testing::kOtherProject, absl::Hours(1));
  for (const char* const member : {kNorthMember, kSouthMember}) {
    SCOPED_TRACE(member);
    const bool is_fresh = member == kNorthMember;
    const std::string subject = StrCat("subject { ", Member(member), " } ");
    v1::FilterResponse filter;
    EXPECT_EQ(service_
                  .Filter({},
                          Proto<v1::FilterRequest>(
                              StrCat(subject, "resource_type: 'Patient'")),
                          filter)
                  .status.ok(),
              is_fresh);
    v1::DescribeAccessResponse describe;
    EXPECT_EQ(service_
                  .DescribeAccess({}, Proto<v1::DescribeAccessRequest>(subject),
                                  describe)
                  .status.ok(),
              is_fresh);
  }
  EXPECT_EQ(metrics_.refusals(Refusal::kStale), 2u);
}

TEST_F(FeedCheckTest, ARefreshIsOfTheSubjectsProject) {
  const CallAttempt may = {.may_refresh = true};
  data_.SetAge(testing::kProject, absl::Seconds(10));
  data_.SetAge(testing::kOtherProject, absl::Hours(1));
  struct Case {
    const char* name;
    const char* subject;
    const char* consistency;
    std::vector<std::string> needs_refresh;
  };
  const std::string north_id(testing::kProject);
  const std::string south_id(testing::kOtherProject);
  const Case kCases[] = {
      {"Fresh enough", "member", "max_staleness { seconds: 11 }", {}},
      {"Not fresh enough",
       "member",
       "max_staleness { seconds: 9 }",
       {north_id}},
      {"Fully fresh", "member", "fully_fresh: true", {north_id}},
      // Nobody waits for what is known to be away, unless it asks to.
      {"Past the bound", "south", "", {}},
      {"Past the bound, fully fresh", "south", "fully_fresh: true", {south_id}},
      {"Unknown", "nobody", "max_staleness { seconds: 9 }", {""}},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    v1::CheckResponse response;
    EXPECT_EQ(Check(Member(StrCat("ProjectMembership/", c.subject)), response,
                    c.consistency, may)
                  .needs_refresh,
              c.needs_refresh);
  }
  v1::CheckResponse response;
  const CallAttempt refreshed = {.may_refresh = true, .refreshed = {north_id}};
  EXPECT_TRUE(
      Check(Member(kNorthMember), response, "fully_fresh: true", refreshed)
          .status.ok());
  EXPECT_TRUE(
      Check(Member(kSouthMember), response, "fully_fresh: true", refreshed)
          .pending());
}

TEST_F(FeedCheckTest, TheTimeOfDayMakesNothingFreshOrStale) {
  for (const absl::Duration jump : {absl::Hours(-48), absl::Hours(96)}) {
    SCOPED_TRACE(absl::FormatDuration(jump));
    clock_.Jump(jump);
    v1::CheckResponse response;
    ASSERT_EQ(Check(Member(kNorthMember), response).status, absl::OkStatus());
    EXPECT_EQ(response.decision().notes_size(), 0);
  }
  clock_.Advance(absl::Minutes(6));
  clock_.Jump(absl::Hours(-1));
  EXPECT_EQ(StatusOf(Member(kNorthMember)).code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(FeedCheckTest, AMembershipThatCannotBeLookedUpIsNoPermit) {
  data_.SetAge(testing::kOtherProject, absl::Seconds(31));
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  lookup_.Hold(member);
  v1::CheckResponse response;
  EXPECT_EQ(
      Check(Member(kNorthMember), response, "", {.may_fetch = true}).needed,
      std::vector<fhir::ResourceKey>{member});
  EXPECT_EQ(StatusOf(Member(kNorthMember)).code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace pdp::service
