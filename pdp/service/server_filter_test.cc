// FilterResources over the wire.

#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;
using Stream = grpc::ClientReaderWriter<v1::FilterResourcesRequest,
                                        v1::FilterResourcesResponse>;

v1::FilterResourcesRequest Header() {
  return Proto<v1::FilterResourcesRequest>(
      "header { subject { reference: 'ProjectMembership/member' } "
      "interaction: INTERACTION_READ }");
}

std::string PatientJson(int id) {
  return testing::Expand(StrCat("{'resourceType':'Patient','id':'p", id,
                                "','meta':{'project':'$PROJECT'}}"));
}

v1::FilterResourcesRequest PatientRequest(int id) {
  v1::FilterResourcesRequest request;
  request.set_resource(PatientJson(id));
  return request;
}

TEST_F(ServerTest, ManyResourcesAreFilteredInOrder) {
  constexpr int kBundles = 20;
  constexpr int kEntries = 200;
  Start();
  grpc::ClientContext context;
  SetDeadline(context);
  const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
  // More than the server buffers: it is written while the answers are read.
  std::thread writer([&] {
    stream->Write(Header());
    for (int i = 0; i < kBundles; ++i) {
      std::string bundle = "{\"resourceType\":\"Bundle\",\"entry\":[";
      for (int k = 0; k < kEntries; ++k) {
        bundle += StrCat(k == 0 ? "" : ",",
                         "{\"resource\":", PatientJson(i * kEntries + k), "}");
      }
      v1::FilterResourcesRequest request;
      request.set_bundle(bundle + "]}");
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  v1::FilterResourcesResponse response;
  for (int i = 0; i < kBundles * kEntries; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.resource().index(), static_cast<uint64_t>(i));
    ASSERT_EQ(response.resource().resource(), PatientJson(i));
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.summary().permitted(),
            static_cast<uint64_t>(kBundles * kEntries));
  EXPECT_FALSE(stream->Read(&response));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServerTest, WhatWasPermittedBeforeAFaultIsStillSent) {
  Start();
  grpc::ClientContext context;
  SetDeadline(context);
  const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
  stream->Write(Header());
  stream->Write(PatientRequest(0));
  v1::FilterResourcesRequest malformed;
  malformed.set_resource("{");
  stream->Write(malformed);
  v1::FilterResourcesResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.resource().resource(), PatientJson(0));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("resource 1: JSON: "));
}

TEST_F(ServerTest, AFilterWaitsForItsFacts) {
  const fhir::ResourceKey member{"ProjectMembership", "member"};
  f_.lookup.Hold(member);
  Start();
  std::thread fetching([&] {
    fetcher_.WaitFor(1);
    f_.lookup.Release(member);
    fetcher_.Finish(absl::OkStatus());
  });
  grpc::ClientContext context;
  SetDeadline(context);
  const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
  stream->Write(Header());
  stream->Write(PatientRequest(0));
  stream->WritesDone();
  v1::FilterResourcesResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_resource());
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_summary());
  EXPECT_TRUE(stream->Finish().ok());
  fetching.join();
}

TEST_F(ServerTest, AFilterWithoutItsFactsEndsWithoutADecision) {
  f_.lookup.Hold({"ProjectMembership", "member"});
  Start();
  std::thread failing([&] {
    fetcher_.WaitFor(1);
    fetcher_.Finish(absl::DeadlineExceededError("too slow"));
  });
  grpc::ClientContext context;
  SetDeadline(context);
  const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
  stream->Write(Header());
  v1::FilterResourcesResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  failing.join();
}

TEST_F(ServerTest, DrainingEndsAFilter) {
  Start();
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
  stream->Write(Header());
  stream->Write(PatientRequest(0));
  v1::FilterResourcesResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server_->Drain(absl::Now() + absl::Seconds(30));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, AClientThatLeavesItsFilterIsNoMatter) {
  Start();
  for (int i = 0; i < 4; ++i) {
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream = stub_->FilterResources(&context);
    stream->Write(Header());
    for (int k = 0; k < 20; ++k) stream->Write(PatientRequest(k));
    context.TryCancel();
    stream->Finish();
  }
  v1::CheckResponse response;
  EXPECT_TRUE(Check(kReadPatient, response).ok());
}

}  // namespace
}  // namespace pdp::service
