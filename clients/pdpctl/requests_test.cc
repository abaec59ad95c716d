#include "clients/pdpctl/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "pdp/base/strings.h"
#include "tests/support/temp_file.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

CheckCommand Command(const std::string& interaction) {
  CheckCommand command;
  command.subject.reference = "ProjectMembership/1";
  command.interaction = interaction;
  command.resource = "Patient/2";
  return command;
}

struct RefusedCase {
  const char* name;
  CheckCommand command;
  const char* message;
};

TEST(CheckRequestTest, RefusesWhatCannotBeMeant) {
  CheckCommand no_resource = Command("read");
  no_resource.resource = "Patient";
  CheckCommand read_proposed = Command("read");
  read_proposed.proposed_file = "p.json";
  CheckCommand search = Command("search");
  search.resource = "";
  CheckCommand twice = Command("update");
  twice.body_file = "-";
  twice.proposed_file = "-";
  const RefusedCase cases[] = {
      {"ReadOfNothing", no_resource,
       "--interaction read needs --resource TYPE/ID or --body FILE"},
      {"UpdateToNothing", Command("update"),
       "--interaction update needs --proposed FILE: what is to be written"},
      {"ReadProposes", read_proposed,
       "--proposed is for create, update and patch, not for read"},
      {"VreadOfNoVersion", Command("vread"),
       "--interaction vread needs --version ID"},
      {"SearchOfNoType", search,
       "--interaction search needs --resource TYPE, or --body FILE to ask "
       "whether a search may return that resource"},
      {"OneInputTwice", twice,
       "--body and --proposed cannot both be the standard input"},
  };
  for (const RefusedCase& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ToRequest(c.command).status(),
              absl::InvalidArgumentError(c.message));
  }
}

TEST(CheckRequestTest, AFileThatIsNotThereIsNamed) {
  CheckCommand command = Command("update");
  command.proposed_file = "/nonexistent/p.json";
  EXPECT_EQ(ToRequest(command).status(),
            absl::NotFoundError("/nonexistent/p.json cannot be read"));
}

TEST(CheckRequestTest, CarriesAllArguments) {
  const std::string path = testing::TempDir() + "requests_test_proposed.json";
  std::ofstream(path) << R"({"resourceType":"Patient"})";
  CheckCommand command = Command("patch");
  command.subject.project = "p";
  command.subject.scope = "";
  command.subject.basic_authentication = true;
  command.subject.active_tenants = {"Organization/1"};
  command.version = "v";
  command.proposed_file = path;
  command.durable_only = true;
  const auto request = ToRequest(command);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->subject().reference(), "ProjectMembership/1");
  EXPECT_EQ(request->subject().project(), "p");
  EXPECT_TRUE(request->context().has_smart_scope());
  EXPECT_FALSE(request->context().has_remote_address());
  EXPECT_EQ(request->context().authentication(), v1::AUTHENTICATION_BASIC);
  EXPECT_EQ(request->context().active_tenants(0), "Organization/1");
  EXPECT_EQ(request->context().read_path(), v1::READ_PATH_DURABLE_ONLY);
  EXPECT_EQ(request->interaction(), v1::INTERACTION_PATCH);
  EXPECT_EQ(request->resource().type(), "Patient");
  EXPECT_EQ(request->resource().id(), "2");
  EXPECT_EQ(request->resource().version_id(), "v");
  EXPECT_EQ(request->resource().proposed(), R"({"resourceType":"Patient"})");
}

TEST(FilterRequestTest, IsRunByAPrivilegedTokenUnlessTold) {
  FilterCommand command;
  command.type = "Patient";
  command.subject.reference = "User/u";
  EXPECT_EQ(ToRequest(command)->runner(), v1::QUERY_RUNNER_PRIVILEGED);
  command.same_project_runner = true;
  EXPECT_EQ(ToRequest(command)->runner(), v1::QUERY_RUNNER_SAME_PROJECT);
}

TEST(SubjectTest, IsAReferenceOrAToken) {
  DescribeCommand command;
  EXPECT_EQ(ToRequest(command).status(),
            absl::InvalidArgumentError(
                "who asks is said by --subject or --access-token-file"));
  const TempFile token("a.b.c\n");
  command.subject.access_token_file = token.path();
  EXPECT_EQ(ToRequest(command)->subject().access_token(), "a.b.c");
  EXPECT_FALSE(ToRequest(command)->context().has_session());
}

TEST(SubjectTest, CarriesTheFactsOfTheSession) {
  DescribeCommand command;
  command.subject.reference = "User/u";
  SessionArguments& session = command.subject.session;
  session.last_activity_at = "2026-01-02T03:04:05Z";
  session.failed_attempts = 0;
  session.locked = false;
  const auto request = ToRequest(command);
  ASSERT_TRUE(request.ok()) << request.status();
  const v1::Session& sent = request->context().session();
  EXPECT_EQ(sent.last_activity_at().seconds(), 1'767'323'045);
  EXPECT_FALSE(sent.has_authenticated_at());
  EXPECT_TRUE(sent.has_failed_attempts());
  EXPECT_TRUE(sent.has_locked());
  EXPECT_FALSE(sent.has_mfa_satisfied());
  session.authenticated_at = "yesterday";
  EXPECT_THAT(ToRequest(command).status().message(),
              ::testing::HasSubstr("--authenticated-at: `yesterday` is no"));
}

TEST(BlockRequestTest, EndsAfterADurationOrAtATime) {
  const absl::Time now = absl::FromUnixMillis(1'700'000'000'250);
  const struct {
    const char* until;
    int64_t seconds;
    int32_t nanos;
  } cases[] = {{"2h", 1'700'007'200, 250'000'000},
               {"1h30m", 1'700'005'400, 250'000'000},
               {"-1s", 1'699'999'999, 250'000'000},
               {"2026-01-02T03:04:05Z", 1'767'323'045, 0},
               {"2026-01-02T05:04:05+02:00", 1'767'323'045, 0}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.until);
    const auto request = ToRequest(
        BlockCommand{.target = "User/u", .until = test.until, .reason = "r"},
        now);
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(request->block().target(), "User/u");
    EXPECT_EQ(request->block().reason(), "r");
    EXPECT_EQ(request->block().until().seconds(), test.seconds);
    EXPECT_EQ(request->block().until().nanos(), test.nanos);
  }
  for (const char* until : {"", "2", "tomorrow", "2026-01-02", "2h ago"}) {
    SCOPED_TRACE(until);
    EXPECT_EQ(ToRequest(BlockCommand{.target = "User/u", .until = until}, now)
                  .status(),
              absl::InvalidArgumentError(
                  StrCat("--until `", until,
                         "` is neither a duration, such as 30m or 2h, nor a "
                         "time, such as 2026-01-02T03:04:05Z")));
  }
}

}  // namespace
}  // namespace pdp::ctl
