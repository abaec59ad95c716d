// The commands against a server of its own, which answers as it is told.

#include "clients/pdpctl/commands.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "clients/pdpctl/command_line.h"
#include "clients/pdpctl/remote_judge.h"
#include "clients/pdpctl/run_conformance.h"
#include "clients/pdpctl/run_simulate.h"
#include "clients/pdpctl/run_tests.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using testing::HasSubstr;

// Permits what is asked of `Patient/<mine...>`; needs a subject.
class FakeDecisionPoint : public v1::PolicyDecisionPoint::Service {
 public:
  grpc::Status Check(grpc::ServerContext*, const v1::CheckRequest* request,
                     v1::CheckResponse* response) override {
    if (request->subject().reference() == "Patient/twice") {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              "AMBIGUOUS_SUBJECT: give --project"};
    }
    const bool permitted = request->resource().id().starts_with("mine");
    v1::Decision& decision = *response->mutable_decision();
    decision.set_effect(permitted ? v1::EFFECT_PERMIT : v1::EFFECT_DENY);
    decision.set_reason(permitted ? v1::REASON_PERMITTED
                                  : v1::REASON_RESOURCE_NOT_GRANTED);
    decision.set_message(request->resource().id());
    decision.set_enforcement_http_status(permitted ? 200 : 403);
    decision.set_medplum_http_status(permitted ? 200 : 404);
    return grpc::Status::OK;
  }

  grpc::Status Explain(grpc::ServerContext* context,
                       const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    if (!request->decision_id().empty()) {
      return {grpc::StatusCode::NOT_FOUND, request->decision_id()};
    }
    v1::CheckResponse check;
    const grpc::Status status = Check(context, &request->check(), &check);
    *response->mutable_decision() = check.decision();
    response->set_summary("because");
    return status;
  }

  grpc::Status Filter(grpc::ServerContext*, const v1::FilterRequest* request,
                      v1::FilterResponse* response) override {
    const bool permitted = request->resource_type() == "Patient";
    response->set_kind(permitted ? v1::FILTER_KIND_CONDITIONAL
                                 : v1::FILTER_KIND_ALWAYS_DENIED);
    if (permitted) response->add_queries("Patient?_id=mine");
    return grpc::Status::OK;
  }

  // What is asked of `lost...` would be denied, `unknown...` cannot be told.
  grpc::Status Simulate(grpc::ServerContext*,
                        const v1::SimulateRequest* request,
                        v1::SimulateResponse* response) override {
    ++simulations;
    proposed = request->proposed_size();
    deleted = request->deleted_size();
    for (const v1::CheckRequest& check : request->checks()) {
      v1::SimulatedCheck& simulated = *response->add_checks();
      simulated.set_outcome(v1::SIMULATED_OUTCOME_UNCHANGED);
      simulated.mutable_before()->set_effect(v1::EFFECT_PERMIT);
      if (check.resource().id().starts_with("lost")) {
        simulated.set_outcome(v1::SIMULATED_OUTCOME_LOST);
        simulated.mutable_after()->set_effect(v1::EFFECT_DENY);
        simulated.mutable_after()->set_reason(v1::REASON_RESOURCE_NOT_GRANTED);
        simulated.mutable_after()->set_message("no entry matches");
      }
      if (check.resource().id().starts_with("unknown")) {
        simulated.set_outcome(v1::SIMULATED_OUTCOME_UNKNOWN);
        simulated.mutable_error()->set_code(14);
        simulated.mutable_error()->set_message("STALE: too old");
      }
    }
    response->set_revision(7);
    return grpc::Status::OK;
  }

  int simulations = 0;
  int proposed = 0;
  int deleted = 0;
};

class FakeAdmin : public v1::PdpAdmin::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                         v1::GetStatusResponse* response) override {
    response->set_mode(v1::MODE_STRICT);
    response->set_parameter_semantics(semantics);
    response->set_ready(ready);
    return grpc::Status::OK;
  }

  bool ready = true;
  v1::ParameterSemantics semantics = v1::PARAMETER_SEMANTICS_SERVER;
};

class CommandsTest : public testing::Test {
 protected:
  void SetUp() override {
    connection_.target =
        "unix:" + testing::TempDir() + "pdpctl_commands_test.sock";
    connection_.timeout_seconds = 5;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(connection_.target,
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&decision_point_);
    builder.RegisterService(&admin_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  CheckCommand Read(const std::string& resource) const {
    CheckCommand command;
    command.connection = connection_;
    command.subject.reference = "ProjectMembership/1";
    command.interaction = "read";
    command.resource = resource;
    return command;
  }

  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + name;
    std::ofstream(path) << text;
    return path;
  }

  Connection connection_;
  FakeDecisionPoint decision_point_;
  FakeAdmin admin_;
  std::unique_ptr<grpc::Server> server_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandsTest, CheckEndsWithTheEffect) {
  EXPECT_EQ(RunCheck(Read("Patient/mine"), OutputFormat::kText, out_, err_), 0);
  EXPECT_THAT(out_.str(), HasSubstr("effect        PERMIT\n"));
  EXPECT_EQ(RunCheck(Read("Patient/other"), OutputFormat::kText, out_, err_),
            3);
  EXPECT_THAT(out_.str(), HasSubstr("reason        RESOURCE_NOT_GRANTED\n"));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CommandsTest, ExplainEndsWithTheEffectAsCheckDoes) {
  ExplainCommand command{.check = Read("Patient/mine")};
  EXPECT_EQ(RunExplain(command, OutputFormat::kText, out_, err_), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\n\nbecause\n"));
  command.check = Read("Patient/other");
  EXPECT_EQ(RunExplain(command, OutputFormat::kJson, out_, err_), 3);
  EXPECT_THAT(out_.str(), HasSubstr("\"summary\":\"because\""));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CommandsTest, ExplainTakesAQuestionOrADecision) {
  ExplainCommand both{.check = Read("Patient/mine"), .decision = "d"};
  EXPECT_EQ(RunExplain(both, OutputFormat::kText, out_, err_), 2);
  ExplainCommand neither;
  EXPECT_EQ(RunExplain(neither, OutputFormat::kText, out_, err_), 2);
  ExplainCommand no_time{.check = Read("Patient/mine"), .as_of = "yesterday"};
  EXPECT_EQ(RunExplain(no_time, OutputFormat::kText, out_, err_), 2);
  EXPECT_THAT(err_.str(), HasSubstr("--as-of: `yesterday` is no time"));
  ExplainCommand decision{.decision = "unknown-decision"};
  decision.check.connection = connection_;
  EXPECT_EQ(RunExplain(decision, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(err_.str(), HasSubstr("unknown-decision"));
}

TEST_F(CommandsTest, CheckSaysWhatIsWrong) {
  EXPECT_EQ(RunCheck(Read("Patient"), OutputFormat::kText, out_, err_), 2);
  CheckCommand ambiguous = Read("Patient/mine");
  ambiguous.subject.reference = "Patient/twice";
  EXPECT_EQ(RunCheck(ambiguous, OutputFormat::kText, out_, err_), 1);
  EXPECT_EQ(err_.str(),
            "pdpctl: --interaction read needs --resource TYPE/ID or --body "
            "FILE\n"
            "pdpctl: " +
                connection_.target + ": AMBIGUOUS_SUBJECT: give --project\n");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandsTest, NobodyThereIsAnError) {
  CheckCommand command = Read("Patient/mine");
  command.connection.target = "unix:/nonexistent/pdp.sock";
  EXPECT_EQ(RunCheck(command, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(err_.str(),
              HasSubstr("the server at unix:/nonexistent/pdp.sock is not "
                        "available: "));
  EXPECT_THAT(err_.str(), HasSubstr("(is pdpd running there? see --target)"));
}

TEST_F(CommandsTest, FilterEndsWithTheKind) {
  FilterCommand command;
  command.connection = connection_;
  command.subject.reference = "User/u";
  command.type = "Patient";
  EXPECT_EQ(RunFilter(command, OutputFormat::kText, out_, err_), 0);
  EXPECT_THAT(out_.str(), HasSubstr("query         Patient?_id=mine\n"));
  command.type = "Task";
  EXPECT_EQ(RunFilter(command, OutputFormat::kJson, out_, err_), 3);
  EXPECT_THAT(out_.str(), HasSubstr("\"kind\":\"FILTER_KIND_ALWAYS_DENIED\""));
}

TEST_F(CommandsTest, WhatTheServerLacksIsNamed) {
  DescribeCommand command;
  command.connection = connection_;
  command.subject.reference = "User/u";
  EXPECT_EQ(RunDescribe(command, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(err_.str(), HasSubstr("does not have this method"));
}

TEST_F(CommandsTest, StatusEndsWithReadiness) {
  EXPECT_EQ(RunStatus({connection_}, OutputFormat::kText, out_, err_), 0);
  admin_.ready = false;
  EXPECT_EQ(RunStatus({connection_}, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(out_.str(), HasSubstr("ready         no\n"));
}

TEST_F(CommandsTest, TestPrintsAMatrix) {
  const std::string path = WriteFile("pdpctl_table.json", R"({"title": "T",
      "groups": [{"title": "G", "cases": [
        {"id": "a", "who": "Ada", "subject": {"membership": "M/1"},
         "interaction": "read", "resource": "Patient/mine",
         "expect": {"effect": "PERMIT", "medplum_http_status": 200}},
        {"id": "b", "who": "Bea", "subject": {"membership": "M/1"},
         "interaction": "delete", "resource": "Patient/other",
         "expect": {"effect": "PERMIT"}}]}],
      "filters": [
        {"id": "f", "who": "Ada", "subject": {"membership": "M/1"},
         "resource_type": "Task", "expect": {"kind": "ALWAYS_DENIED"}}]})");
  EXPECT_EQ(RunTest({connection_, {path}}, OutputFormat::kText, out_, err_), 1);
  EXPECT_EQ(out_.str(),
            "T\n"
            "(statuses: what an enforcement point answers / what Medplum "
            "itself answers)\n"
            "\n"
            "G\n"
            "  ok    Ada  read Patient/mine     200/200  PERMIT\n"
            "  FAIL  Bea  delete Patient/other  403/404  DENY "
            "RESOURCE_NOT_GRANTED\n"
            "        b: effect: expected PERMIT, got DENY (other)\n"
            "\n"
            "Filters: which searches may be run\n"
            "  ok    Ada  search Task  0/-      ALWAYS_DENIED\n"
            "\n"
            "2 passed, 1 failed\n");
}

TEST_F(CommandsTest, TestNeedsATableAndAServer) {
  EXPECT_EQ(RunTest({connection_, {"/nonexistent.json"}}, OutputFormat::kText,
                    out_, err_),
            2);
  const std::string path = WriteFile("pdpctl_no_table.json", "{}");
  EXPECT_EQ(RunTest({connection_, {path}}, OutputFormat::kText, out_, err_), 2);
  EXPECT_EQ(err_.str(), "pdpctl: /nonexistent.json cannot be read\npdpctl: " +
                            path + ": has neither `groups` nor `filters`\n");
}

// A scenario of 200 checks, so that answers could be mixed up.
std::string Scenario() {
  std::string json = R"({"scenario":"many","resources":[],"checks":[)";
  for (int i = 0; i < 200; ++i) {
    if (i > 0) json += ',';
    const bool permitted = i % 3 == 0;
    json += R"({"id":"c)" + std::to_string(i) +
            R"(","subject":{"membership":"M/1"},"interaction":"read",)" +
            R"("resource":"Patient/)" + (permitted ? "mine" : "other") +
            std::to_string(i) + R"(","expect":{"decision":")" +
            (permitted ? "ALLOW" : "DENY") + R"(","http_status":)" +
            (permitted ? "200" : "404") + "}}";
  }
  return json + "]}";
}

// One line of a file of checks.
std::string Line(const std::string& id) {
  return "{\"subject\":{\"reference\":\"User/1\"},\"interaction\":1,"
         "\"resource\":{\"type\":\"Task\",\"id\":\"" +
         id + "\"}}\n";
}

TEST_F(CommandsTest, SimulatePrintsWhatChangesAndEndsSo) {
  struct Case {
    std::string lines;
    int exit_code;
  };
  const Case kCases[] = {
      {Line("same"), 0},
      {Line("same") + Line("lost-1") + Line("unknown-1"), 3},
      {Line("same") + Line("unknown-1"), 1},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.lines);
    SimulateCommand command;
    command.connection = connection_;
    command.proposed = {WriteFile(
        "proposed.json", "{\"resourceType\":\"AccessPolicy\",\"id\":\"1\"}")};
    command.deleted = {"AccessPolicy/2"};
    command.checks = WriteFile("checks.jsonl", c.lines);
    out_.str("");
    EXPECT_EQ(RunSimulate(command, OutputFormat::kText, out_, err_),
              c.exit_code);
    EXPECT_EQ(decision_point_.proposed, 1);
    EXPECT_EQ(decision_point_.deleted, 1);
    EXPECT_THAT(out_.str(), testing::Not(HasSubstr("Task/same")));
    EXPECT_THAT(out_.str(), HasSubstr("at revision 7"));
    if (c.exit_code != 3) continue;
    EXPECT_THAT(
        out_.str(),
        HasSubstr("LOST     User/1  read Task/lost-1     PERMIT -> DENY "
                  "RESOURCE_NOT_GRANTED\n         line 2: no entry matches\n"
                  "UNKNOWN  User/1  read Task/unknown-1  STALE: too old\n"));
    EXPECT_THAT(out_.str(), HasSubstr("3 checks: 1 would change (0 gained, 1 "
                                      "lost, 0 with other obligations), 1 "
                                      "cannot be told"));
  }
}

TEST_F(CommandsTest, SimulateSendsManyChecksInSeveralCalls) {
  std::string lines;
  for (int i = 0; i < 2'001; ++i) lines += Line("lost-" + std::to_string(i));
  SimulateCommand command;
  command.connection = connection_;
  command.checks = WriteFile("checks.jsonl", lines);
  command.by_current_attributes = true;
  EXPECT_EQ(RunSimulate(command, OutputFormat::kJson, out_, err_), 3);
  EXPECT_EQ(decision_point_.simulations, 3);
  const std::string out = out_.str();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2'001);
  EXPECT_THAT(out,
              HasSubstr("{\"id\":\"line 2001\",\"who\":\"User/1\",\"what\":"
                        "\"read Task/lost-2000\",\"simulated\":{"));
  EXPECT_THAT(err_.str(), HasSubstr("2001 checks: 2001 would change"));
  EXPECT_THAT(err_.str(), HasSubstr("by their attributes of now"));
}

TEST_F(CommandsTest, SimulateNeedsWhatItReads) {
  SimulateCommand command;
  command.connection = connection_;
  command.checks = "/nonexistent.jsonl";
  EXPECT_EQ(RunSimulate(command, OutputFormat::kText, out_, err_), 2);
  command.checks = WriteFile("checks.jsonl", Line("same"));
  command.proposed = {"/nonexistent.json"};
  EXPECT_EQ(RunSimulate(command, OutputFormat::kText, out_, err_), 2);
  command.proposed = {};
  command.connection.target = "unix:/nonexistent.sock";
  EXPECT_EQ(RunSimulate(command, OutputFormat::kText, out_, err_), 1);
}

TEST_F(CommandsTest, ManyChecksInFlightKeepTheirOrder) {
  const auto file = VectorFile::Parse("many.json", Scenario());
  ASSERT_TRUE(file.ok()) << file.status();
  const auto judge = RemoteJudge::Connect(connection_);
  ASSERT_TRUE(judge.ok()) << judge.status();
  std::vector<CheckQuestion> questions;
  for (const RecordedCheck& check : (*file)->checks()) {
    questions.push_back({&check, false});
  }
  const std::vector<CheckAnswer> answers = (*judge)->Check(questions);
  ASSERT_EQ(answers.size(), questions.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].message, questions[i].check->resource_id);
  }
}

TEST_F(CommandsTest, ConformanceNeedsTheModeOfTheServer) {
  const std::string directory = testing::TempDir() + "pdpctl_vectors";
  std::filesystem::create_directories(directory);
  WriteFile("pdpctl_vectors/many.json", Scenario());
  ConformanceCommand command;
  command.directory = directory;
  command.connection = connection_;
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 2);
  EXPECT_EQ(err_.str(), "pdpctl: the server at " + connection_.target +
                            " is in strict mode; ask for --mode strict, or "
                            "start it with --mode parity\n");
  command.mode = "strict";
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 0);
  EXPECT_THAT(out_.str(), HasSubstr("\n200 passed, 0 failed, 0 skipped\n"));

  admin_.semantics = v1::PARAMETER_SEMANTICS_DOCUMENTED;
  err_.str("");
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 2);
  EXPECT_THAT(err_.str(),
              HasSubstr("started with --parameter-semantics server"));
  command.parameter_semantics = "documented";
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 0);

  command.only = {"few"};
  err_.str("");
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 2);
  EXPECT_EQ(err_.str(), "pdpctl: --only few: there is no such scenario in " +
                            directory + "\n");

  admin_.ready = false;
  command.only.clear();
  EXPECT_EQ(RunConformanceCommand(command, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(err_.str(), HasSubstr("is not ready yet"));
}

}  // namespace
}  // namespace pdp::ctl
