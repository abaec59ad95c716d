#include "pdp/policy/session_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_test_support.h"
#include "tests/support/fake_clock.h"

namespace pdp::policy {
namespace {

using testing::Clinic;
using ::testing::HasSubstr;
using testing::Json;

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

constexpr absl::Duration kSecond = absl::Seconds(1);

// All that can be said, and good under every rule below.
SessionFacts Good() {
  SessionFacts facts;
  facts.authenticated_at = kNow - absl::Hours(1);
  facts.last_activity_at = kNow - absl::Minutes(1);
  facts.failed_attempts = 0;
  facts.locked = false;
  facts.mfa_satisfied = true;
  return facts;
}

SessionRules All() {
  SessionRules rules;
  rules.idle_timeout = absl::Minutes(30);
  rules.absolute_lifetime = absl::Hours(12);
  rules.failed_attempts = 5;
  rules.administrative_lock = true;
  rules.mfa = true;
  return rules;
}

std::string Judge(const SessionRules& rules, const SessionFacts& facts) {
  const SessionJudgment judgment = JudgeSession(rules, facts, kNow);
  if (!judgment.denial) return "";
  EXPECT_EQ(judgment.denial->medplum_http_status, 0);
  return StrCat(ReasonName(judgment.denial->reason), " ",
                judgment.denial->message);
}

TEST(SessionRulesTest, WhatNoRuleAsksForDecidesNothing) {
  SessionFacts bad;
  bad.authenticated_at = kNow - absl::Hours(10'000);
  bad.last_activity_at = kNow + absl::Hours(10'000);
  bad.failed_attempts = 100;
  bad.locked = true;
  bad.mfa_satisfied = false;
  EXPECT_EQ(Judge({}, bad), "");
  EXPECT_EQ(Judge({}, {}), "");
  EXPECT_EQ(JudgeSession({}, bad, kNow).ends, absl::InfiniteFuture());
}

TEST(SessionRulesTest, EachRuleHasItsReasonAndItsBoundary) {
  struct Case {
    const char* name;
    void (*change)(SessionFacts&);
    const char* denial;  // The beginning; empty: none.
  };
  const Case kCases[] = {
      {"Good", [](SessionFacts&) {}, ""},
      {"JustNotIdle",
       [](SessionFacts& f) {
         f.last_activity_at = kNow - absl::Minutes(30) + kSecond;
       },
       ""},
      {"Idle",
       [](SessionFacts& f) { f.last_activity_at = kNow - absl::Minutes(30); },
       "SESSION_EXPIRED the session was idle for 30m or longer"},
      {"JustNotTooOld",
       [](SessionFacts& f) {
         f.authenticated_at = kNow - absl::Hours(12) + kSecond;
       },
       ""},
      {"TooOld",
       [](SessionFacts& f) { f.authenticated_at = kNow - absl::Hours(12); },
       "SESSION_EXPIRED the session began 12h ago or longer"},
      {"FewFailures", [](SessionFacts& f) { f.failed_attempts = 4; }, ""},
      {"ManyFailures",
       [](SessionFacts& f) {
         f.failed_attempts = 5;
         f.last_failed_attempt_at = kNow - absl::Minutes(30) + kSecond;
       },
       "ACCOUNT_LOCKED the account is locked after 5 logins that failed"},
      {"TheLockIsOver",
       [](SessionFacts& f) {
         f.failed_attempts = 50;
         f.last_failed_attempt_at = kNow - absl::Minutes(30);
       },
       ""},
      {"LockedByAnAdministrator", [](SessionFacts& f) { f.locked = true; },
       "ACCOUNT_LOCKED an administrator"},
      {"NoSecondFactor", [](SessionFacts& f) { f.mfa_satisfied = false; },
       "MFA_REQUIRED "},
      {"NoActivity", [](SessionFacts& f) { f.last_activity_at.reset(); },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.last_activity_at`"},
      {"NoLogin", [](SessionFacts& f) { f.authenticated_at.reset(); },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.authenticated_at`"},
      {"NoCount", [](SessionFacts& f) { f.failed_attempts.reset(); },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.failed_attempts`"},
      {"NoTimeOfTheLastFailure", [](SessionFacts& f) { f.failed_attempts = 5; },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.last_failed_attempt_at`"},
      {"NoLockFlag", [](SessionFacts& f) { f.locked.reset(); },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.locked`"},
      {"NoFactorFlag", [](SessionFacts& f) { f.mfa_satisfied.reset(); },
       "SESSION_FACT_MISSING a session rule of the project asks for "
       "`context.session.mfa_satisfied`"},
      {"ClocksDiffer",
       [](SessionFacts& f) {
         f.last_activity_at = kNow + absl::Minutes(1);
         f.authenticated_at = kNow + absl::Minutes(1);
       },
       ""},
      {"ActivityInTheFuture",
       [](SessionFacts& f) {
         f.last_activity_at = kNow + absl::Minutes(1) + kSecond;
       },
       "SESSION_FACT_MISSING "},
      {"LoginInTheFuture",
       [](SessionFacts& f) { f.authenticated_at = absl::InfiniteFuture(); },
       "SESSION_FACT_MISSING "},
      {"FailureInTheFuture",
       [](SessionFacts& f) {
         f.failed_attempts = 9;
         f.last_failed_attempt_at = kNow + absl::Hours(1);
       },
       "SESSION_FACT_MISSING "},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    SessionFacts facts = Good();
    c.change(facts);
    const std::string denial = Judge(All(), facts);
    EXPECT_EQ(denial.empty(), std::string_view(c.denial).empty()) << denial;
    EXPECT_THAT(denial, ::testing::StartsWith(c.denial));
  }
}

TEST(SessionRulesTest, TheFirstEndCounts) {
  EXPECT_EQ(JudgeSession(All(), Good(), kNow).ends, kNow + absl::Minutes(29));
  SessionFacts facts = Good();
  facts.authenticated_at = kNow - absl::Hours(12) + kSecond;
  EXPECT_EQ(JudgeSession(All(), facts, kNow).ends, kNow + kSecond);
  // What is in the future begins now.
  facts.authenticated_at = kNow;
  facts.last_activity_at = kNow + absl::Minutes(1);
  EXPECT_EQ(JudgeSession(All(), facts, kNow).ends, kNow + absl::Minutes(30));
}

TEST(SessionRulesTest, TheStricterOfTwoDeniesWhatEitherDenies) {
  SessionRules a;
  a.idle_timeout = absl::Minutes(10);
  a.failed_attempts = 5;
  a.lock = absl::Minutes(5);
  SessionRules b;
  b.idle_timeout = absl::Minutes(20);
  b.absolute_lifetime = absl::Hours(1);
  b.failed_attempts = 3;
  b.lock = absl::Minutes(2);
  b.mfa = true;
  for (const SessionRules& rules : {Stricter(a, b), Stricter(b, a)}) {
    EXPECT_EQ(rules.idle_timeout, absl::Minutes(10));
    EXPECT_EQ(rules.absolute_lifetime, absl::Hours(1));
    EXPECT_EQ(rules.failed_attempts, 3u);
    EXPECT_EQ(rules.lock, absl::Minutes(5));
    EXPECT_TRUE(rules.mfa);
    EXPECT_FALSE(rules.administrative_lock);
  }
  EXPECT_EQ(Stricter(a, {}).lock, absl::Minutes(5));
  EXPECT_FALSE(Stricter({}, {}).any());
}

TEST(SessionRulesTest, TheSettingOfAProjectIsReadWhole) {
  const auto rules = ParseSessionRules(
      R"({"idle-timeout":"30m","absolute-lifetime":"12h","failed-attempts":5,)"
      R"("lock":"1h","administrative-lock":true,"mfa":false})");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ(rules->idle_timeout, absl::Minutes(30));
  EXPECT_EQ(rules->absolute_lifetime, absl::Hours(12));
  EXPECT_EQ(rules->failed_attempts, 5u);
  EXPECT_EQ(rules->lock, absl::Hours(1));
  EXPECT_TRUE(rules->administrative_lock);
  EXPECT_FALSE(rules->mfa);
  EXPECT_FALSE(ParseSessionRules("{}")->any());
}

TEST(SessionRulesTest, WhatIsMalformedIsRefused) {
  for (const char* text : {"",
                           "[]",
                           "{",
                           "null",
                           "\"30m\"",
                           R"({"idle-timeout":30})",
                           R"({"idle-timeout":"30"})",
                           R"({"idle-timeout":"0s"})",
                           R"({"idle-timeout":"-1m"})",
                           R"({"idle-timeout":"inf"})",
                           R"({"absolute-lifetime":null})",
                           R"({"failed-attempts":0})",
                           R"({"failed-attempts":"5"})",
                           R"({"failed-attempts":4294967296})",
                           R"({"failed-attempts":5,"lock":"0s"})",
                           R"({"lock":"30m"})",
                           R"({"mfa":"true"})",
                           R"({"administrative-lock":1})",
                           R"({"mfa":true,"mfa":false})",
                           R"({"idle":"30m"})"}) {
    EXPECT_FALSE(ParseSessionRules(text).ok()) << text;
  }
}

// A clinic with one member, judged at kNow.
class SessionClinic {
 public:
  explicit SessionClinic(ConfiguredSessionRules configured,
                         std::string_view setting = "",
                         std::string_view option = "",
                         std::string_view user = "User/u")
      : lookup_(Resources(setting, option, user), {}),
        decision_point_(lookup_, {.session_rules = std::move(configured),
                                  .clock = &clock_}) {
    clock_.SetNow(kNow);
  }

  std::string Check(const SessionFacts& session) {
    AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    request.interaction = fhir::Interaction::kRead;
    request.resource.current = Json(
        "{'resourceType':'Patient','id':'p','meta':{'project':'$PROJECT'}}");
    request.context.session = session;
    Decision decision;
    const Outcome outcome = decision_point_.Decide(request, decision);
    EXPECT_TRUE(outcome.decided()) << outcome.status;
    ends_ = outcome.session_ends;
    message_ = decision.message;
    return std::string(ReasonName(decision.reason));
  }
  absl::Time ends() const { return ends_; }
  const std::string& message() const { return message_; }

 private:
  static std::vector<fhir::ResourcePtr> Resources(std::string_view setting,
                                                  std::string_view option,
                                                  std::string_view user) {
    return {
        Json(StrCat("{'resourceType':'Project','id':'$PROJECT'", setting, "}")),
        Json("{'resourceType':'Practitioner','id':'$PRACTITIONER'}"),
        Json("{'resourceType':'AccessPolicy','id':'policy','meta':{'project':"
             "'$PROJECT'},'resource':[{'resourceType':'Patient'}]}"),
        Json(StrCat("{'resourceType':'UserConfiguration','id':'config',"
                    "'option':[",
                    option, "]}")),
        Json(StrCat(
            "{'resourceType':'ProjectMembership','id':'member','meta':{"
            "'project':'$PROJECT'},'project':{'reference':'Project/$PROJECT'},"
            "'user':{'reference':'",
            user,
            "'},'profile':{'reference':'Practitioner/$PRACTITIONER'},"
            "'userConfiguration':{'reference':'UserConfiguration/config'},"
            "'accessPolicy':{'reference':'AccessPolicy/policy'}}"))};
  }

  FakeClock clock_;
  fhir::MemoryLookup lookup_;
  DecisionPoint decision_point_;
  absl::Time ends_;
  std::string message_;
};

SessionRules Idle(absl::Duration timeout) {
  SessionRules rules;
  rules.idle_timeout = timeout;
  return rules;
}

SessionFacts IdleFor(absl::Duration duration) {
  SessionFacts facts;
  facts.last_activity_at = kNow - duration;
  return facts;
}

constexpr std::string_view kSetting20 =
    ",'setting':[{'name':'other','valueString':'x'},{'name':'pdpSessionRules',"
    "'valueString':'{\\'idle-timeout\\':\\'20m\\'}'}]";

TEST(SessionRulesTest, TheStricterOfConfigurationAndProjectCounts) {
  struct Case {
    const char* name;
    ConfiguredSessionRules configured;
    std::string_view setting;
    std::optional<absl::Duration> timeout;  // Of a session; none: no rule.
  };
  const std::string own(testing::kProject);
  const Case kCases[] = {
      {"None", {}, "", std::nullopt},
      {"OfEveryProject",
       {{"", Idle(absl::Minutes(30))}},
       "",
       absl::Minutes(30)},
      {"OfAnotherProject", {{"p", Idle(absl::Minutes(30))}}, "", std::nullopt},
      {"ItsOwnInPlaceOfThoseOfEveryProject",
       {{"", Idle(absl::Minutes(5))}, {own, Idle(absl::Minutes(40))}},
       "",
       absl::Minutes(40)},
      {"OfTheSetting", {}, kSetting20, absl::Minutes(20)},
      {"TheSettingIsStricter",
       {{"", Idle(absl::Minutes(30))}},
       kSetting20,
       absl::Minutes(20)},
      {"TheConfigurationIsStricter",
       {{own, Idle(absl::Minutes(10))}},
       kSetting20,
       absl::Minutes(10)},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    SessionClinic clinic(c.configured, c.setting);
    if (!c.timeout) {
      EXPECT_EQ(clinic.Check({}), "PERMITTED");
      EXPECT_EQ(clinic.ends(), absl::InfiniteFuture());
      continue;
    }
    EXPECT_EQ(clinic.Check(IdleFor(*c.timeout - kSecond)), "PERMITTED");
    EXPECT_EQ(clinic.ends(), kNow + kSecond);
    EXPECT_EQ(clinic.Check(IdleFor(*c.timeout)), "SESSION_EXPIRED");
    EXPECT_EQ(clinic.Check({}), "SESSION_FACT_MISSING");
  }
}

TEST(SessionRulesTest, ASettingThatIsMalformedDeniesEverybody) {
  for (const char* setting :
       {",'setting':[{'name':'pdpSessionRules','valueString':'30m'}]",
        ",'setting':[{'name':'pdpSessionRules','valueBoolean':true}]",
        ",'setting':[{'name':'pdpSessionRules','valueString':'{}'},"
        "{'name':'pdpSessionRules','valueString':'{}'}]"}) {
    for (const char* user : {"User/u", "Bot/b"}) {
      SessionClinic clinic({}, setting, "", user);
      EXPECT_EQ(clinic.Check({}), "POLICY_INVALID") << setting;
      EXPECT_THAT(clinic.message(), HasSubstr("`pdpSessionRules`"));
    }
  }
}

TEST(SessionRulesTest, AMemberCanOnlyShortenTheTimeout) {
  struct Case {
    const char* option;
    absl::Duration timeout;
  };
  const Case kCases[] = {
      {"{'id':'sessionTimeoutMinutes','valueInteger':5}", absl::Minutes(5)},
      {"{'id':'sessionTimeoutMinutes','valueString':'5'}", absl::Minutes(5)},
      {"{'id':'sessionTimeoutMinutes','valueDecimal':0.5}", absl::Seconds(30)},
      {"{'id':'sessionTimeoutMinutes','valueInteger':500}", absl::Minutes(30)},
      {"{'id':'sessionTimeoutMinutes','valueInteger':20},"
       "{'id':'sessionTimeoutMinutes','valueInteger':7}",
       absl::Minutes(7)},
      {"{'id':'other','valueInteger':5}", absl::Minutes(30)},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.option);
    SessionClinic clinic({{"", Idle(absl::Minutes(30))}}, "", c.option);
    EXPECT_EQ(clinic.Check(IdleFor(c.timeout - kSecond)), "PERMITTED");
    EXPECT_EQ(clinic.Check(IdleFor(c.timeout)), "SESSION_EXPIRED");
    // It turns no rule on.
    EXPECT_EQ(SessionClinic({}, "", c.option).Check({}), "PERMITTED");
  }
  for (const char* option : {"{'id':'sessionTimeoutMinutes','valueInteger':0}",
                             "{'id':'sessionTimeoutMinutes','valueString':'x'}",
                             "{'id':'sessionTimeoutMinutes'}"}) {
    SessionClinic clinic({{"", Idle(absl::Minutes(30))}}, "", option);
    EXPECT_EQ(clinic.Check(IdleFor(kSecond)), "SUBJECT_INCOMPLETE") << option;
    EXPECT_EQ(SessionClinic({}, "", option).Check({}), "PERMITTED") << option;
  }
}

TEST(SessionRulesTest, ClientsAndBotsHaveNoSession) {
  for (const char* user : {"ClientApplication/c", "Bot/b"}) {
    EXPECT_EQ(SessionClinic({{"", All()}}, "", "", user).Check({}),
              "PERMITTED");
  }
}

}  // namespace
}  // namespace pdp::policy
