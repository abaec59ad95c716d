// Against a server of its own, which answers as it is told.

#include "clients/pdpctl/operate.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using testing::HasSubstr;

class FakeDecisionPoint : public v1::PolicyDecisionPoint::Service {
 public:
  grpc::Status RecordAccess(grpc::ServerContext*,
                            const v1::RecordAccessRequest* request,
                            v1::RecordAccessResponse*) override {
    recorded = *request;
    if (request->event() != "viewed") {
      return {grpc::StatusCode::INVALID_ARGUMENT, "event: is not one"};
    }
    return grpc::Status::OK;
  }

  v1::RecordAccessRequest recorded;

  grpc::Status WatchRevisions(
      grpc::ServerContext*, const v1::WatchRevisionsRequest* request,
      grpc::ServerWriter<v1::WatchRevisionsResponse>* writer) override {
    v1::WatchRevisionsResponse response;
    response.set_revision(7);
    writer->Write(response);
    response.set_revision(8);
    *response.mutable_changed() = request->memberships();
    writer->Write(response);
    response.Clear();
    response.set_revision(9);
    response.set_all_changed(true);
    writer->Write(response);
    return {grpc::StatusCode::UNAVAILABLE, "the server is stopping"};
  }
};

class FakeAdmin : public v1::PdpAdmin::Service {
 public:
  grpc::Status Resync(grpc::ServerContext*, const v1::ResyncRequest*,
                      v1::ResyncResponse* response) override {
    response->set_revision(8);
    response->set_changed(3);
    return grpc::Status::OK;
  }
  grpc::Status Checkpoint(grpc::ServerContext*,
                          const v1::CheckpointRequest* request,
                          v1::CheckpointResponse* response) override {
    if (request->name() == "taken") {
      return {grpc::StatusCode::ALREADY_EXISTS, "choose another name"};
    }
    response->set_path("checkpoints/" + request->name());
    response->set_revision(8);
    return grpc::Status::OK;
  }
};

class FakeHealth : public grpc::health::v1::Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext*,
                     const grpc::health::v1::HealthCheckRequest*,
                     grpc::health::v1::HealthCheckResponse* response) override {
    response->set_status(status);
    return grpc::Status::OK;
  }

  grpc::health::v1::HealthCheckResponse::ServingStatus status =
      grpc::health::v1::HealthCheckResponse::SERVING;
};

class OperateTest : public testing::Test {
 protected:
  void SetUp() override {
    connection_.target = "unix:" + testing::TempDir() + "pdpctl_operate.sock";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(connection_.target,
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&decision_point_);
    builder.RegisterService(&admin_);
    builder.RegisterService(&health_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  Connection connection_;
  FakeDecisionPoint decision_point_;
  FakeAdmin admin_;
  FakeHealth health_;
  std::unique_ptr<grpc::Server> server_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(OperateTest, HealthIsGoodOnlyWhereTheServerSaysThatItServes) {
  using grpc::health::v1::HealthCheckResponse;
  EXPECT_EQ(RunHealth({connection_}, OutputFormat::kText, out_, err_), 0);
  for (const auto status :
       {HealthCheckResponse::NOT_SERVING, HealthCheckResponse::UNKNOWN}) {
    health_.status = status;
    EXPECT_EQ(RunHealth({connection_}, OutputFormat::kText, out_, err_), 1);
  }
  EXPECT_EQ(out_.str(), "serving\nnot serving\nnot serving\n");
  EXPECT_EQ(err_.str(), "");
  connection_.target = "unix:/nonexistent/pdp.sock";
  EXPECT_EQ(RunHealth({connection_}, OutputFormat::kText, out_, err_), 1);
  EXPECT_THAT(err_.str(), HasSubstr("is not available"));
}

TEST_F(OperateTest, ResyncSaysWhatChanged) {
  EXPECT_EQ(RunResync({connection_}, OutputFormat::kText, out_, err_), 0);
  EXPECT_EQ(out_.str(), "revision 8, 3 resources changed\n");
}

TEST_F(OperateTest, RecordAccessSendsWhatWasDone) {
  EXPECT_EQ(RunRecordAccess({connection_, "id", "viewed"}, OutputFormat::kText,
                            out_, err_),
            0);
  EXPECT_EQ(out_.str(), "recorded\n");
  EXPECT_EQ(decision_point_.recorded.decision_id(), "id");
  EXPECT_TRUE(decision_point_.recorded.success());
  EXPECT_NE(RunRecordAccess({connection_, "id", "eaten", true},
                            OutputFormat::kText, out_, err_),
            0);
  EXPECT_FALSE(decision_point_.recorded.success());
  EXPECT_THAT(err_.str(), HasSubstr("event: is not one"));
}

TEST_F(OperateTest, CheckpointSaysWhereItIs) {
  EXPECT_EQ(
      RunCheckpoint({connection_, "now"}, OutputFormat::kText, out_, err_), 0);
  EXPECT_EQ(out_.str(), "checkpoints/now, revision 8\n");
  EXPECT_EQ(
      RunCheckpoint({connection_, "taken"}, OutputFormat::kText, out_, err_),
      1);
  EXPECT_THAT(err_.str(), HasSubstr("choose another name"));
}

TEST_F(OperateTest, WatchPrintsEveryMessageUntilTheServerEnds) {
  EXPECT_EQ(
      RunWatch({connection_, {"ProjectMembership/a", "ProjectMembership/b"}},
               OutputFormat::kText, out_, err_),
      1);
  EXPECT_EQ(out_.str(),
            "revision 7\n"
            "revision 8: ProjectMembership/a, ProjectMembership/b\n"
            "revision 9: all changed\n");
  EXPECT_THAT(err_.str(), HasSubstr("the server is stopping"));
}

TEST_F(OperateTest, WatchEndsAfterTheMessagesThatWereAskedFor) {
  EXPECT_EQ(RunWatch({connection_, {}, 1}, OutputFormat::kJson, out_, err_), 0);
  EXPECT_EQ(out_.str(),
            "{\"revision\":\"7\",\"changed\":[],\"all_changed\":false}\n");
}

}  // namespace
}  // namespace pdp::ctl
