// Who is let in, over the wire.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "pdp/service/server_test_support.h"
#include "tests/support/temp_file.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "gateway-gateway-gateway-gateway-1";

class ServerCallersTest : public ServerTest {
 protected:
  // A caller that may do everything, known by kToken alone.
  CallerSettings Gateway() {
    CallerSettings settings;
    settings.caller.name = "gateway";
    settings.caller.permissions = kAllPermissions;
    settings.caller.subjects_rule = SubjectsRule::kAny;
    settings.token_file = tokens_.path();
    return settings;
  }

  void Serve(std::vector<CallerSettings> settings) {
    callers_ = *Callers::Open(std::move(settings));
    Start();
  }

  static std::unique_ptr<grpc::ClientContext> Context(
      const std::vector<std::string>& authorizations) {
    auto context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*context);
    for (const std::string& text : authorizations) {
      context->AddMetadata("authorization", text);
    }
    return context;
  }

  // How a Check ends.
  grpc::Status CheckWith(const std::vector<std::string>& authorizations) {
    const auto context = Context(authorizations);
    v1::CheckResponse response;
    return stub_->Check(context.get(), Proto<v1::CheckRequest>(kReadPatient),
                        &response);
  }

  // Every method that is not open to all, and how a call of it ends.
  std::vector<std::pair<std::string, grpc::Status>> CallAll(
      const std::vector<std::string>& authorizations) {
    std::vector<std::pair<std::string, grpc::Status>> ends;
    const auto unary = [&](std::string name, const auto& stub, auto method,
                           auto request, auto response) {
      const auto context = Context(authorizations);
      ends.emplace_back(std::move(name),
                        ((*stub).*method)(context.get(), request, &response));
    };
    using Decisions = v1::PolicyDecisionPoint::Stub;
    using Admin = v1::PdpAdmin::Stub;
    unary("Check", stub_, &Decisions::Check, v1::CheckRequest(),
          v1::CheckResponse());
    unary("BatchCheck", stub_, &Decisions::BatchCheck, v1::BatchCheckRequest(),
          v1::BatchCheckResponse());
    unary("Filter", stub_, &Decisions::Filter, v1::FilterRequest(),
          v1::FilterResponse());
    unary("Explain", stub_, &Decisions::Explain, v1::ExplainRequest(),
          v1::ExplainResponse());
    unary("DescribeAccess", stub_, &Decisions::DescribeAccess,
          v1::DescribeAccessRequest(), v1::DescribeAccessResponse());
    unary("Simulate", stub_, &Decisions::Simulate, v1::SimulateRequest(),
          v1::SimulateResponse());
    unary("RecordAccess", stub_, &Decisions::RecordAccess,
          v1::RecordAccessRequest(), v1::RecordAccessResponse());
    unary("GetStatus", admin_stub_, &Admin::GetStatus, v1::GetStatusRequest(),
          v1::GetStatusResponse());
    unary("Resync", admin_stub_, &Admin::Resync, v1::ResyncRequest(),
          v1::ResyncResponse());
    unary("Checkpoint", admin_stub_, &Admin::Checkpoint,
          v1::CheckpointRequest(), v1::CheckpointResponse());
    unary("Block", admin_stub_, &Admin::Block, v1::BlockRequest(),
          v1::BlockResponse());
    unary("Unblock", admin_stub_, &Admin::Unblock, v1::UnblockRequest(),
          v1::UnblockResponse());
    unary("LintPolicies", admin_stub_, &Admin::LintPolicies,
          v1::LintPoliciesRequest(), v1::LintPoliciesResponse());
    unary("ListMemberships", admin_stub_, &Admin::ListMemberships,
          v1::ListMembershipsRequest(), v1::ListMembershipsResponse());
    // Their clients say nothing at first: it is not asked what they would.
    const auto checks = Context(authorizations);
    ends.emplace_back("CheckStream",
                      stub_->CheckStream(checks.get())->Finish());
    const auto resources = Context(authorizations);
    ends.emplace_back("FilterResources",
                      stub_->FilterResources(resources.get())->Finish());
    const auto watch = Context(authorizations);
    const auto watched =
        stub_->WatchRevisions(watch.get(), v1::WatchRevisionsRequest());
    ends.emplace_back("WatchRevisions", watched->Finish());
    const auto reflection =
        grpc::reflection::v1alpha::ServerReflection::NewStub(channel_);
    const auto reflected = Context(authorizations);
    ends.emplace_back(
        "ServerReflection",
        reflection->ServerReflectionInfo(reflected.get())->Finish());
    return ends;
  }

  const TempFile tokens_{kToken};
};

TEST_F(ServerCallersTest, WhoShowsNothingIsLetInNowhereButToHealth) {
  Serve({Gateway()});
  server_->SetServing(true);
  EXPECT_EQ(Health(""), 1);
  const auto ends = CallAll({});
  // All methods but the two of health, and the two of gateways, which are not
  // served here.
  EXPECT_EQ(ends.size(), kMethods - 4);
  for (const auto& [name, status] : ends) {
    SCOPED_TRACE(name);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_THAT(status.error_message(), HasSubstr("did not say who it is"));
  }
  EXPECT_EQ(f_.metrics.rejections(Rejection::kNoCredentials), ends.size());
}

TEST_F(ServerCallersTest, WhoMayDoNothingIsTurnedAwayBeforeItIsHeard) {
  CallerSettings nobody = Gateway();
  nobody.caller.permissions = 0;
  Serve({nobody});
  for (const auto& [name, status] : CallAll({StrCat("Bearer ", kToken)})) {
    if (name == "ServerReflection") continue;  // For any caller; waits.
    SCOPED_TRACE(name);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_THAT(status.error_message(), HasSubstr("has no permission"));
  }
}

TEST_F(ServerCallersTest, ATokenLetsInAndAnythingElseDoesNot) {
  Serve({Gateway()});
  const std::string good = StrCat("Bearer ", kToken);
  EXPECT_TRUE(CheckWith({good}).ok());
  const std::vector<std::vector<std::string>> wrong = {
      {"Bearer x"},
      {"Bearer "},
      {kToken},
      {good + "x"},
      // Readers differ in which of two they take.
      {good, good},
      {"Bearer x", good}};
  for (const auto& shown : wrong) {
    SCOPED_TRACE(shown.front());
    const grpc::Status status = CheckWith(shown);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_THAT(status.error_message(), Not(HasSubstr(kToken)));
  }
  EXPECT_EQ(f_.metrics.rejections(Rejection::kUnknownCredentials),
            wrong.size());
}

TEST_F(ServerCallersTest, AWrongTokenIsNotTakenForWhoeverIsOnThisHost) {
  CallerSettings local;
  local.caller.name = "local";
  local.caller.permissions = kAllPermissions;
  local.caller.subjects_rule = SubjectsRule::kAny;
  local.from_loopback = true;
  Serve({Gateway(), local});
  EXPECT_TRUE(CheckWith({}).ok());
  EXPECT_EQ(CheckWith({"Bearer x"}).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServerCallersTest, TheRulesOfTheCallerReachTheService) {
  CallerSettings own = Gateway();
  own.caller.subjects_rule = SubjectsRule::kOwn;
  own.caller.subjects = {"Bot/another"};
  Serve({own});
  const grpc::Status status = CheckWith({StrCat("Bearer ", kToken)});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("SUBJECT_NOT_ALLOWED"));
  const auto context = Context({StrCat("Bearer ", kToken)});
  const auto watch =
      stub_->WatchRevisions(context.get(), v1::WatchRevisionsRequest());
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace pdp::service
