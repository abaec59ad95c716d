#include "clients/pdpctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <variant>
#include <vector>

namespace pdp::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Parsed {
  std::variant<CommandLine, int> result;
  std::string out;
  std::string err;
};

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pdpctl");
  std::ostringstream out;
  std::ostringstream err;
  auto result = ParseCommandLine(static_cast<int>(arguments.size()),
                                 arguments.data(), out, err);
  return {std::move(result), out.str(), err.str()};
}

struct ErrorCase {
  const char* name;
  std::vector<const char*> arguments;
  const char* message;
};

const ErrorCase kErrorCases[] = {
    {"NoCommand", {}, "A subcommand is required"},
    {"UnknownCommand", {"chekc"}, "there is no command `chekc`"},
    {"NoInteraction",
     {"check", "--subject", "Bot/1"},
     "--interaction is required"},
    {"TwoSubjects",
     {"describe", "--subject", "Bot/1", "--access-token-file", "f"},
     "--subject excludes --access-token-file"},
    {"UnknownInteraction",
     {"check", "--subject", "Bot/1", "--interaction", "write"},
     "--interaction: write not in {read"},
    {"UnknownOutput", {"status", "--output", "yaml"}, "--output"},
    {"TimeoutOfNothing", {"status", "--timeout", "0"}, "--timeout"},
    {"NoDirectory", {"conformance"}, "DIR is required"},
    {"UnknownMode",
     {"conformance", "d", "--mode", "lax"},
     "--mode: lax not in"},
    {"UnknownKind", {"conformance", "d", "--kinds", "check,warm"}, "warm"},
    {"NoFile", {"test"}, "FILE is required"},
    {"NothingToSetUp", {"setup"}, "A subcommand is required"},
    {"NoBaseUrl", {"setup", "medplum", "--project", "p"}, "--base-url"},
    {"NoPlainName",
     {"setup", "medplum", "--base-url", "u", "--project", "p&x"},
     "letters, digits"},
    {"NoAdministrator",
     {"setup", "medplum", "--base-url", "u", "--project", "p", "--create"},
     "--create requires --"},  // Which of them depends on addresses.
    {"CreateAndVerify",
     {"setup", "medplum", "--base-url", "u", "--project", "p", "--create",
      "--verify"},
     "--create"},
    {"NothingToProvision", {"provision"}, "A subcommand is required"},
    {"NoEnvironment", {"provision", "plan"}, "is required"},
    {"NoOrganization",
     {"provision", "suspend", "--env", "e", "/dev/null"},
     "ORGANIZATION is required"},
    {"QueryForNobody",
     {"provision", "tenants", "assign", "--env", "e", "--query", "Patient?a=b",
      "/dev/null"},
     "--query requires --organization"},
    {"NoClient",
     {"setup", "medplum", "--base-url", "u", "--project", "p", "--verify"},
     "--verify requires --client-id"},
};

TEST(CommandLineTest, ErrorsNameTheArgumentAndEndWithTwo) {
  for (const ErrorCase& c : kErrorCases) {
    SCOPED_TRACE(c.name);
    const Parsed parsed = Parse(c.arguments);
    ASSERT_TRUE(std::holds_alternative<int>(parsed.result));
    EXPECT_EQ(std::get<int>(parsed.result), 2);
    EXPECT_THAT(parsed.err, HasSubstr(c.message));
    EXPECT_THAT(parsed.err, HasSubstr("--help"));
  }
}

TEST(CommandLineTest, HelpIsNoError) {
  const Parsed parsed = Parse({"check", "--help"});
  ASSERT_TRUE(std::holds_alternative<int>(parsed.result));
  EXPECT_EQ(std::get<int>(parsed.result), 0);
  EXPECT_THAT(parsed.out, HasSubstr("--on-behalf-of"));
  EXPECT_THAT(parsed.out, HasSubstr("--output FORMAT:{text,json}"));
}

TEST(CommandLineTest, Check) {
  const Parsed parsed = Parse(
      {"check", "--subject", "ProjectMembership/1", "--interaction", "update",
       "--resource", "Patient/2", "--proposed", "p.json", "--scope", "",
       "--active-tenant", "Organization/1", "--active-tenant", "Organization/2",
       "--target", "unix:/run/pdp", "--output", "json"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(parsed.result)) << parsed.err;
  const CommandLine& line = std::get<CommandLine>(parsed.result);
  EXPECT_EQ(line.output, OutputFormat::kJson);
  const CheckCommand& check = std::get<CheckCommand>(line.command);
  EXPECT_EQ(check.connection.target, "unix:/run/pdp");
  EXPECT_EQ(check.subject.reference, "ProjectMembership/1");
  EXPECT_EQ(check.subject.scope, "");
  EXPECT_EQ(check.subject.remote_address, std::nullopt);
  EXPECT_THAT(check.subject.active_tenants,
              ElementsAre("Organization/1", "Organization/2"));
  EXPECT_EQ(check.interaction, "update");
  EXPECT_EQ(check.proposed_file, "p.json");
}

TEST(CommandLineTest, ConformanceIsInProcessWithoutATarget) {
  const Parsed local = Parse({"conformance", "vectors", "--kinds",
                              "check,search", "--only", "a", "--only", "b"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(local.result)) << local.err;
  const auto& command =
      std::get<ConformanceCommand>(std::get<CommandLine>(local.result).command);
  EXPECT_EQ(command.connection.has_value(), false);
  EXPECT_EQ(command.mode, "parity");
  EXPECT_THAT(command.kinds, ElementsAre("check", "search"));
  EXPECT_THAT(command.only, ElementsAre("a", "b"));

  const Parsed remote = Parse({"conformance", "vectors", "--target", "h:1"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(remote.result));
  EXPECT_EQ(
      std::get<ConformanceCommand>(std::get<CommandLine>(remote.result).command)
          .connection->target,
      "h:1");
}

TEST(CommandLineTest, ProvisioningIsDryAndUnprovedUnlessAsked) {
  const Parsed parsed =
      Parse({"provision", "suspend", "--env", "e", "/dev/null", "north"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(parsed.result)) << parsed.err;
  const auto& line =
      std::get<ProvisionLine>(std::get<CommandLine>(parsed.result).command);
  EXPECT_EQ(line.command.action, ProvisionCommand::Action::kSuspend);
  EXPECT_EQ(line.command.organization, "north");
  EXPECT_FALSE(line.command.yes);
  EXPECT_EQ(line.connection.target, "");
}

TEST(CommandLineTest, TheVersionNeedsNoCommand) {
  const Parsed parsed = Parse({"--version"});
  EXPECT_EQ(std::get<int>(parsed.result), 0);
  EXPECT_THAT(parsed.out, testing::MatchesRegex("pdpctl [0-9.]+\n"));
}

TEST(CommandLineTest, DefaultTarget) {
  const Parsed parsed = Parse({"status"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(parsed.result));
  EXPECT_EQ(
      std::get<StatusCommand>(std::get<CommandLine>(parsed.result).command)
          .connection.target,
      "127.0.0.1:8990");
}

}  // namespace
}  // namespace pdp::ctl
