// Names that mean more than they say, over the wire: cut by a NUL, leading out
// of a path, or breaking a line.

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <string>

#include "pdp/service/server_test_support.h"

namespace pdp::service {
namespace {

class ServerNamesTest : public ServerTest {
 protected:
  grpc::Status CheckWith(const std::function<void(v1::CheckRequest&)>& change) {
    auto request = Proto<v1::CheckRequest>(kReadPatient);
    change(request);
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CheckResponse response;
    return stub_->Check(&context, request, &response);
  }
};

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

TEST_F(ServerNamesTest, AreRefusedWhereTheyAreNotPlain) {
  Start();
  const std::string nul(1, '\0');
  const std::string kBad[] = {
      ".",
      "..",
      "../x",
      "x/../y",
      "%2e%2e",
      "x" + nul,
      nul + "x",
      "a" + nul + "b",
      "a\nb",
      "a\rb",
      "a\tb",
      "a\x1b[2J",
      "a\x7f",
      "a b",
      "a?b=c",
      "a#b",
      "a\\b",
      "a;b",
      "\xc3\xa9",
      "a|b",
      "a\xe2\x80\xae",
      std::string(65, 'a'),
  };
  const struct {
    const char* name;
    std::function<void(v1::CheckRequest&, const std::string&)> set;
  } kFields[] = {
      {"resource.id",
       [](auto& r, const auto& t) { r.mutable_resource()->set_id(t); }},
      {"resource.version_id",
       [](auto& r, const auto& t) {
         r.set_interaction(v1::INTERACTION_VREAD);
         r.mutable_resource()->set_version_id(t);
       }},
      {"resource.type",
       [](auto& r, const auto& t) { r.mutable_resource()->set_type(t); }},
      {"resource.project",
       [](auto& r, const auto& t) { r.mutable_resource()->set_project(t); }},
      {"subject.reference",
       [](auto& r, const auto& t) {
         r.mutable_subject()->set_reference("ProjectMembership/" + t);
       }},
      {"subject.project",
       [](auto& r, const auto& t) { r.mutable_subject()->set_project(t); }},
      {"context.on_behalf_of",
       [](auto& r, const auto& t) {
         r.mutable_context()->set_on_behalf_of("Practitioner/" + t);
       }},
      {"context.launch_patient",
       [](auto& r, const auto& t) {
         r.mutable_context()->set_launch_patient("Patient/" + t);
       }},
      {"context.active_tenants[0]",
       [](auto& r, const auto& t) {
         r.mutable_context()->add_active_tenants("Organization/" + t);
       }},
  };
  for (const auto& field : kFields) {
    for (const std::string& bad : kBad) {
      SCOPED_TRACE(::testing::Message() << field.name << ": " << bad);
      const grpc::Status status =
          CheckWith([&](v1::CheckRequest& r) { field.set(r, bad); });
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_TRUE(status.error_message().starts_with(field.name))
          << status.error_message();
      EXPECT_TRUE(IsPrintable(status.error_message()));
    }
  }
}

TEST_F(ServerNamesTest, OfCheckpointsAndBlocksLeadNowhereElse) {
  Start();
  const std::string kBad[] = {
      "..", "../store", "/tmp/x", std::string("a\0b", 3), "a\nb", ""};
  for (const std::string& bad : kBad) {
    SCOPED_TRACE(bad);
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CheckpointRequest request;
    request.set_name(bad);
    v1::CheckpointResponse response;
    EXPECT_EQ(
        admin_stub_->Checkpoint(&context, request, &response).error_code(),
        grpc::StatusCode::INVALID_ARGUMENT);
    grpc::ClientContext other;
    SetDeadline(other);
    v1::UnblockRequest unblock;
    unblock.set_target("Practitioner/" + bad);
    v1::UnblockResponse unblocked;
    EXPECT_EQ(admin_stub_->Unblock(&other, unblock, &unblocked).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

}  // namespace
}  // namespace pdp::service
