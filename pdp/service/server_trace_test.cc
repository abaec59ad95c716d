// How a call is found again in the audit log and in the log.

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/service/server_test_support.h"
#include "tests/support/eventually.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTrace[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kOtherTrace[] =
    "00-11111111111111111111111111111111-2222222222222222-00";

using Metadata = std::vector<std::pair<std::string, std::string>>;

class ServerTraceTest : public ServerTest {
 protected:
  void SetUp() override {
    audit_ = {.mode = AuditMode::kRequired, .journal = &journal_};
    Start();
  }

  static void Prepare(const Metadata& metadata, grpc::ClientContext& context) {
    SetDeadline(context);
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
  }

  // The record of a Check.
  std::string RecordOf(const Metadata& metadata, v1::CheckRequest request) {
    grpc::ClientContext context;
    Prepare(metadata, context);
    v1::CheckResponse response;
    const grpc::Status status = stub_->Check(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return journal_.lines().back();
  }
};

TEST_F(ServerTraceTest, MetadataNameTheCallWhereTheRequestDoesNot) {
  const auto request = Proto<v1::CheckRequest>(kReadPatient);
  const std::string record =
      RecordOf({{"traceparent", kTrace}, {"x-request-id", "r-7"}}, request);
  EXPECT_THAT(record, HasSubstr(StrCat(R"("traceparent":")", kTrace, "\"")));
  EXPECT_THAT(record, HasSubstr(R"("request_id":"r-7")"));

  v1::CheckRequest own = request;
  own.mutable_context()->set_traceparent(kOtherTrace);
  own.mutable_context()->set_request_id("own");
  const std::string own_record =
      RecordOf({{"traceparent", kTrace}, {"x-request-id", "r-7"}}, own);
  EXPECT_THAT(own_record, HasSubstr(kOtherTrace));
  EXPECT_THAT(own_record, HasSubstr(R"("request_id":"own")"));
  EXPECT_THAT(own_record, Not(HasSubstr("r-7")));
}

TEST_F(ServerTraceTest, WhatIsMalformedOrSentTwiceIsIgnored) {
  const auto request = Proto<v1::CheckRequest>(kReadPatient);
  const Metadata kCases[] = {
      {},
      {{"traceparent", "planted"}, {"x-request-id", "planted by Jane"}},
      {{"traceparent", StrCat(kTrace, "-planted")}},
      {{"x-request-id", std::string(129, 'p')}},
      {{"traceparent", kTrace}, {"traceparent", kOtherTrace}},
      {{"x-request-id", "planted"}, {"x-request-id", "planted"}},
      {{"x-request-id", ""}, {"traceparent", ""}},
  };
  for (const Metadata& metadata : kCases) {
    const std::string record = RecordOf(metadata, request);
    EXPECT_THAT(record, Not(HasSubstr("traceparent")));
    EXPECT_THAT(record, Not(HasSubstr("request_id")));
    EXPECT_THAT(record, Not(HasSubstr("planted")));
  }
}

TEST_F(ServerTraceTest, EveryRecordOfAStreamAndOfAnAdministratorNamesItsCall) {
  {
    grpc::ClientContext context;
    Prepare({{"traceparent", kTrace}}, context);
    const auto stream = stub_->CheckStream(&context);
    v1::CheckStreamRequest request;
    *request.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
    for (int i = 0; i < 3; ++i) stream->Write(request);
    stream->WritesDone();
    v1::CheckStreamResponse response;
    while (stream->Read(&response)) {
    }
    ASSERT_TRUE(stream->Finish().ok());
    EXPECT_EQ(journal_.Count({kTrace}), 3u);
  }
  {
    grpc::ClientContext context;
    Prepare({{"traceparent", kOtherTrace}}, context);
    v1::RecordAccessRequest request;
    request.set_decision_id("018bcfe5-6800-7000-8000-000000000001");
    request.set_event("viewed");
    v1::RecordAccessResponse response;
    ASSERT_TRUE(stub_->RecordAccess(&context, request, &response).ok());
    EXPECT_EQ(journal_.Count({R"("kind":"access")", kOtherTrace}), 1u);
  }
  // On a worker, after the call was put aside.
  grpc::ClientContext context;
  Prepare({{"x-request-id", "resync-1"}}, context);
  v1::ResyncResponse response;
  (void)admin_stub_->Resync(&context, v1::ResyncRequest(), &response);
  EXPECT_EQ(journal_.Count({R"("kind":"admin")", "resync-1"}), 2u);
}

TEST_F(ServerTraceTest, ALineOfTheLogAboutACallNamesIt) {
  std::string log;
  // So many lines a second are written, and tests before this may have had
  // them.
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    Prepare({{"traceparent", kTrace},
             {"x-request-id", "r-8"},
             {"authorization", "Bearer unknown"}},
            context);
    v1::CheckResponse response;
    ::testing::internal::CaptureStderr();
    const grpc::Status status = stub_->Check(
        &context, Proto<v1::CheckRequest>(kReadPatient), &response);
    log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    return log.find("call_turned_away") != std::string::npos;
  }));
  EXPECT_THAT(log, HasSubstr(StrCat(R"("traceparent":")", kTrace, "\"")));
  EXPECT_THAT(log, HasSubstr(R"("request_id":"r-8")"));
}

}  // namespace
}  // namespace pdp::service
