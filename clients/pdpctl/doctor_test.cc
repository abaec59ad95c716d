#include "clients/pdpctl/doctor.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using Level = Finding::Level;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

constexpr std::string_view kWell = R"(
  version: "1" mode: MODE_STRICT ready: true medplum_version: "5.1.29"
  now { seconds: 1700000000 }
  stale_after { seconds: 30 } max_staleness { seconds: 300 }
  store { memberships: 2 policies: 1 }
  sources {
    name: "medplum" ready: true resources: 9
    server_version: "5.1.29" server_version_checked: true
    feeds {
      project: "p" state: FEED_STATE_CURRENT bound { seconds: 4 }
      sweep_interval { seconds: 15 } notifications: NOTIFICATION_STATE_CONNECTED
      server_clock_ahead { seconds: 1 }
    }
  })";

// What is said of a status that differs from a good one by `more`, which is
// merged into it, or into its feed: `ok` lines are left out.
std::string Said(std::string_view more, std::string_view feed) {
  v1::GetStatusResponse status;
  google::protobuf::TextFormat::Parser parser;
  EXPECT_TRUE(parser.ParseFromString(std::string(kWell), &status));
  EXPECT_TRUE(parser.MergeFromString(std::string(more), &status)) << more;
  EXPECT_TRUE(parser.MergeFromString(
      std::string(feed), status.mutable_sources(0)->mutable_feeds(0)));
  std::string said;
  for (const Finding& finding : ExamineStatus(status, kNow)) {
    if (finding.level == Level::kOk) continue;
    said += StrCat(finding.level == Level::kProblem ? "PROBLEM " : "warning ",
                   finding.text, "\n");
  }
  return said;
}

TEST(DoctorTest, SaysWhatIsNotWellWithAServer) {
  struct Case {
    const char* name;
    std::string_view status;
    std::string_view feed;
    std::string_view said;
  };
  const Case cases[] = {
      {"AllWell", "", "", ""},
      {"NotReady", "ready: false", "",
       "PROBLEM it is not ready: the first load is not complete\n"},
      {"Parity", "mode: MODE_PARITY", "",
       "warning it runs in parity mode, which reproduces Medplum's defects; "
       "`mode: strict` closes them\n"},
      {"ClocksApart", "now { seconds: 1700000010 }", "",
       "warning the server's clock is 10s ahead of this machine's; synchronize "
       "them\n"},
      {"ClocksFarApart", "now { seconds: 1699999000 }", "",
       "PROBLEM the server's clock is 16m40s behind this machine's; "
       "synchronize them\n"},
      {"MedplumsClock", "", "server_clock_ahead { seconds: -90 }",
       "PROBLEM Medplum's clock is 1m30s behind the server's; synchronize "
       "them\n"},
      {"Stale", "", "bound { seconds: 31 }",
       "warning Project/p is stale, 31s old\n"},
      {"TooOld", "", "bound { seconds: 301 }",
       "PROBLEM Project/p is 5m1s old: there are no decisions of it until a "
       "sweep succeeds\n"},
      {"Refused", "",
       "state: FEED_STATE_CREDENTIALS_REFUSED message: 'invalid_client'",
       "PROBLEM Project/p: Medplum refuses the credentials: invalid_client\n"},
      {"Gone", "", "state: FEED_STATE_PROJECT_GONE",
       "PROBLEM Project/p: Medplum has no such project any more\n"},
      {"MayNotRead", "", "state: FEED_STATE_ACCESS_MISSING message: 'grant it'",
       "PROBLEM Project/p: the login may not read what decisions need: grant "
       "it\n"},
      {"Loading", "", "state: FEED_STATE_LOADING loaded: 7",
       "PROBLEM Project/p is being loaded (7 resources so far)\n"},
      {"NotNotified", "",
       "notifications: NOTIFICATION_STATE_DISCONNECTED "
       "notifications_message: 'the socket was closed'",
       "warning Project/p is not notified of changes, which sweeps alone find "
       "now: the socket was closed\n"},
      {"SweptRarely", "", "sweep_interval { seconds: 45 }",
       "warning Project/p is swept every 45s only, by the limit of searches; "
       "raise sweep.max-searches-per-second or stale-after\n"},
      {"Failed", "",
       "failures: 2 last_failure_at { seconds: 1699999990 } message: '503'",
       "warning Project/p: 2 attempts failed since the start, the last at "
       "2023-11-14T22:13:10Z: 503\n"},
      {"Blocked",
       "blocks { target: 'Project/p' until { seconds: 1700000060 } "
       "reason: 'incident 7' }",
       "",
       "warning Project/p is blocked until 2023-11-14T22:14:20Z: incident 7\n"},
      {"PoliciesRefused", "store { refused_policies: 2 }", "",
       "PROBLEM 2 policies cannot be used, and deny their members: see pdpctl "
       "lint\n"},
      {"MembersWithoutPolicy", "store { memberships_without_policy: 3 }", "",
       "warning 3 memberships name no policy: strict mode denies them, and "
       "Medplum gives them full access\n"},
      {"NoRuleExplains", "shadow { differences { count: 3 } }", "",
       "PROBLEM 3 answers differ between the modes and no rule explains it: "
       "see "
       "pdpctl status --differences\n"},
      {"ARuleExplains",
       "shadow { differences { count: 3 "
       "strict_rule: STRICT_RULE_POLICY_REQUIRED } }",
       "", ""},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(Said(test.status, test.feed), test.said);
  }
}

TEST(DoctorTest, AServerThatTellsNothingIsNotWell) {
  int problems = 0;
  for (const Finding& finding : ExamineStatus({}, kNow)) {
    if (finding.level == Level::kProblem) ++problems;
  }
  EXPECT_GT(problems, 0);
}

TEST(DoctorTest, CountsWhatLintFinds) {
  v1::LintPoliciesResponse lint;
  EXPECT_EQ(ExamineLint(lint).level, Level::kOk);
  lint.add_findings()->set_severity(v1::SEVERITY_WARNING);
  EXPECT_EQ(ExamineLint(lint).level, Level::kWarning);
  lint.add_findings()->set_severity(v1::SEVERITY_ERROR);
  EXPECT_EQ(ExamineLint(lint).level, Level::kProblem);
  EXPECT_EQ(ExamineLint(lint).text,
            "lint finds 1 errors and 1 warnings in the policies: see pdpctl "
            "lint");
}

}  // namespace
}  // namespace pdp::ctl
