// ext_authz over the wire: requests that may go on, and what cannot be decided.

#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "envoy/service/auth/v3/external_auth.grpc.pb.h"
#include "pdp/service/ext_authz.h"
#include "pdp/service/gateway.h"
#include "pdp/service/server_test_support.h"
#include "pdp/service/token_test_support.h"

namespace pdp::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ServerGatewayTest : public ServerTest {
 protected:
  ServerGatewayTest() {
    policy::TokenBinding binding;
    binding.membership = "ProjectMembership/member";
    binding.project = testing::Expand("$PROJECT");
    binding.expires = f_.clock.Now() + absl::Hours(1);
    tokens_.answers["good"] = {
        .state = policy::TokenAnswer::State::kBound,
        .binding = std::make_shared<policy::TokenBinding>(binding)};
    tokens_.answers["away"] = {
        .state = policy::TokenAnswer::State::kUnavailable,
        .message = "the server does not answer"};
    audit_ = {.mode = AuditMode::kRequired, .journal = &journal_};
  }

  void Serve(GatewayRules rules = {}) {
    gateway_rules_ = std::make_unique<Gateway>(decisions_, std::move(rules));
    gateway_ = gateway_rules_.get();
    Start();
    authorization_ = ext_authz::Authorization::NewStub(channel_);
  }

  static ext_authz::CheckRequest Request(std::string_view path,
                                         std::string_view token = "good") {
    ext_authz::CheckRequest request;
    auto& http =
        *request.mutable_attributes()->mutable_request()->mutable_http();
    http.set_method("GET");
    http.set_path(testing::Expand(path));
    (*http.mutable_headers())["authorization"] = StrCat("Bearer ", token);
    return request;
  }

  // The call itself never fails.
  ext_authz::CheckResponse Ask(const ext_authz::CheckRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    ext_authz::CheckResponse response;
    const grpc::Status status =
        authorization_->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  FakeTokens tokens_;
  DecisionService decisions_{f_.decision_point,
                             f_.lookup,
                             f_.data,
                             f_.metrics,
                             {.tokens = &tokens_, .clock = &f_.clock}};
  std::unique_ptr<Gateway> gateway_rules_;
  std::unique_ptr<ext_authz::Authorization::Stub> authorization_;
};

TEST_F(ServerGatewayTest, WhatIsPermittedGoesOnAndIsRecorded) {
  Serve();
  ext_authz::CheckRequest request = Request("/fhir/R4/Patient/$PATIENT");
  // Of a newer Envoy.
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(99, 1);
  request.mutable_attributes()
      ->mutable_request()
      ->GetReflection()
      ->MutableUnknownFields(request.mutable_attributes()->mutable_request())
      ->AddLengthDelimited(98, "x");
  const ext_authz::CheckResponse response = Ask(request);
  EXPECT_EQ(response.status().code(), 0);
  ASSERT_TRUE(response.has_ok_response());
  const auto& header = response.ok_response().headers(0);
  EXPECT_EQ(header.header().key(), kDecisionIdHeader);
  EXPECT_EQ(header.append_action(),
            ext_authz::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
  EXPECT_EQ(journal_.Count({header.header().value(), "\"ExtAuthz\"",
                            "\"PERMIT\"", "\"local\""}),
            1u);
  EXPECT_EQ(f_.metrics.decisions(Method::kExtAuthz, policy::Effect::kPermit,
                                 fhir::Interaction::kRead,
                                 policy::Reason::kPermitted),
            1u);
}

TEST_F(ServerGatewayTest, WhatIsNotIsDeniedWithTheDecisionIdAlone) {
  Serve();
  const struct {
    const char* name;
    ext_authz::CheckRequest request;
    int http_status;
  } kCases[] = {
      {"NotGranted", Request("/fhir/R4/Observation/1"), 403},
      {"HostilePath", Request("/fhir/R4//Patient/$PATIENT"), 403},
      {"NoToken", Request("/fhir/R4/Patient/$PATIENT", ""), 401},
      {"WiderSearch", Request("/fhir/R4/Patient"), 403},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const ext_authz::CheckResponse response = Ask(c.request);
    EXPECT_NE(response.status().code(), 0);
    const ext_authz::DeniedHttpResponse& denied = response.denied_response();
    EXPECT_EQ(denied.status().code(), c.http_status);
    const std::string& id =
        response.dynamic_metadata().fields().at("decision_id").string_value();
    EXPECT_EQ(denied.body(), StrCat("{\"decisionId\":\"", id, "\"}"));
    EXPECT_GE(journal_.Count({id, "\"ExtAuthz\""}), 1u);
  }
  EXPECT_EQ(journal_.Count({"withheld"}), 1u);  // The search.
}

// Envoy may be told to let pass what ends with an error.
TEST_F(ServerGatewayTest, EveryFailureIsADenialInTheResponse) {
  Serve();
  const ext_authz::CheckRequest good = Request("/fhir/R4/Patient/$PATIENT");
  ext_authz::CheckRequest two_paths = good;
  auto& http =
      *two_paths.mutable_attributes()->mutable_request()->mutable_http();
  (*http.mutable_headers())[":path"] = "/fhir/R4/Patient/2";
  ext_authz::CheckRequest query = good;
  query.mutable_attributes()->mutable_request()->mutable_http()->set_query("a");
  const auto nothing = [] {};
  const struct {
    const char* name;
    ext_authz::CheckRequest request;
    std::function<void()> begin;
    std::function<void()> end;
    int http_status;
  } kCases[] = {
      {"NotReady", good, [&] { f_.data.ready = false; },
       [&] { f_.data.ready = true; }, 503},
      {"Stale", good, [&] { f_.data.SetAge(absl::Hours(1)); },
       [&] { f_.data.SetAge(absl::ZeroDuration()); }, 503},
      {"NotRecorded", good,
       [&] { journal_.Fail(absl::UnavailableError("disk")); },
       [&] { journal_.Fail(absl::OkStatus()); }, 503},
      {"TokenNotLookedUp", Request("/fhir/R4/Patient/$PATIENT", "away"),
       nothing, nothing, 503},
      {"TwoPaths", two_paths, nothing, nothing, 400},
      {"QueryBesideThePath", query, nothing, nothing, 400},
      {"NoRequest", ext_authz::CheckRequest(), nothing, nothing, 403},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    c.begin();
    const ext_authz::CheckResponse response = Ask(c.request);
    c.end();
    EXPECT_NE(response.status().code(), 0);
    EXPECT_FALSE(response.has_ok_response());
    EXPECT_EQ(response.denied_response().status().code(), c.http_status);
    if (c.http_status != 403) {
      EXPECT_EQ(response.denied_response().body(), "{}");
    }
    EXPECT_EQ(Ask(good).status().code(), 0);
  }
}

TEST_F(ServerGatewayTest, OnlyACallerThatIsAGatewayIsAnswered) {
  CallerSettings other;
  other.caller.name = "other";
  other.caller.permissions =
      kAllPermissions & ~static_cast<uint8_t>(Permission::kGateway);
  other.caller.subjects_rule = SubjectsRule::kAny;
  other.from_loopback = true;
  callers_ = *Callers::Open({other});
  Serve();
  const ext_authz::CheckResponse response =
      Ask(Request("/fhir/R4/Patient/$PATIENT"));
  EXPECT_EQ(response.status().code(),
            static_cast<int>(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(response.denied_response().status().code(), 503);
  EXPECT_THAT(journal_.lines(), IsEmpty());
  EXPECT_EQ(f_.metrics.rejections(Rejection::kNoPermission), 1u);
}

TEST_F(ServerGatewayTest, IsNotServedUnlessItIsConfigured) {
  Start();
  const auto stub = ext_authz::Authorization::NewStub(channel_);
  grpc::ClientContext context;
  SetDeadline(context);
  ext_authz::CheckResponse response;
  EXPECT_EQ(
      stub->Check(&context, Request("/fhir/R4/Patient/$PATIENT"), &response)
          .error_code(),
      grpc::StatusCode::UNIMPLEMENTED);
}

TEST(ExtAuthzTest, ReadsHeadersEitherWay) {
  ext_authz::CheckRequest message;
  auto& http = *message.mutable_attributes()->mutable_request()->mutable_http();
  auto& first = *http.mutable_header_map()->add_headers();
  first.set_key("authorization");
  first.set_raw_value("Bearer a");
  auto& second = *http.mutable_header_map()->add_headers();
  second.set_key("authorization");
  second.set_value("Bearer b");
  gateway::HttpRequest request;
  ASSERT_TRUE(ReadExtAuthz(message, request).ok());
  EXPECT_EQ(request.headers.size(), 2u);  // Not merged: refused later.

  second.set_raw_value("Bearer c");
  EXPECT_FALSE(ReadExtAuthz(message, request).ok());
  second.clear_raw_value();
  (*http.mutable_headers())["authorization"] = "Bearer a";
  EXPECT_FALSE(ReadExtAuthz(message, request).ok());
}

TEST(ExtAuthzTest, WhatIsSetIsNotRemoved) {
  GatewayAnswer answer;
  answer.is_permitted = true;
  answer.headers = {{"x-pdp-query", "Patient"}};
  answer.headers_to_remove = {"x-pdp-query", "x_pdp_query", "x-pdp-other"};
  answer.target = "/fhir/R4/Patient?a=b";
  ext_authz::CheckResponse message;
  WriteExtAuthz(answer, absl::OkStatus(), message);
  EXPECT_THAT(message.ok_response().headers_to_remove(),
              ElementsAre("x_pdp_query", "x-pdp-other"));
  EXPECT_EQ(message.ok_response().headers(1).header().key(), ":path");
  EXPECT_EQ(message.ok_response().headers(1).header().value(), answer.target);
}

// Whatever else an answer says.
TEST(ExtAuthzTest, AFailureIsNeverAPermit) {
  GatewayAnswer answer;
  answer.is_permitted = true;
  ext_authz::CheckResponse message;
  WriteExtAuthz(answer, absl::UnavailableError("STALE"), message);
  EXPECT_FALSE(message.has_ok_response());
  EXPECT_NE(message.status().code(), 0);
}

}  // namespace
}  // namespace pdp::service
