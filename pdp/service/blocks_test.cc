// Blocks, from the request of an administrator to the answers of everybody.

#include <gmock/gmock.h>

#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include "pdp/service/convert_block.h"
#include "pdp/service/server_test_support.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

using ::testing::HasSubstr;

constexpr char kTarget[] = "ProjectMembership/member";

v1::BlockRequest RequestFor(std::string_view target, absl::Time until,
                            std::string_view reason = "lost laptop") {
  v1::BlockRequest request;
  request.mutable_block()->set_target(std::string(target));
  WriteTimestamp(until, *request.mutable_block()->mutable_until());
  request.mutable_block()->set_reason(std::string(reason));
  return request;
}

TEST(ConvertBlockTest, RefusesWhatIsNoBlock) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  const absl::Time later = now + absl::Hours(1);
  v1::BlockRequest no_until = RequestFor(kTarget, later);
  no_until.mutable_block()->clear_until();
  v1::BlockRequest no_time = RequestFor(kTarget, later);
  no_time.mutable_block()->mutable_until()->set_nanos(-1);
  v1::BlockRequest far_off = RequestFor(kTarget, later);
  far_off.mutable_block()->mutable_until()->set_seconds(INT64_MAX);
  const struct {
    const char* name;
    v1::BlockRequest request;
    const char* message;
  } kCases[] = {
      {"NoTarget", RequestFor("", later),
       "block.target: `` is not `Type/id`; send a membership, profile, user, "
       "project or tenant, such as ProjectMembership/123"},
      {"NotAReference", RequestFor("ann@example.com", later),
       "block.target: `ann@example.com` is not `Type/id`; send a membership, "
       "profile, user, project or tenant, such as ProjectMembership/123"},
      {"LongTarget", RequestFor(std::string(101, 'x'), later),
       "block.target: what was sent is not `Type/id`; send a membership, "
       "profile, user, project or tenant, such as ProjectMembership/123"},
      {"VersionedTarget", RequestFor("User/1/_history/2", later),
       "block.target: `User/1/_history/2` is not `Type/id`; send a membership, "
       "profile, user, project or tenant, such as ProjectMembership/123"},
      {"Policy", RequestFor("AccessPolicy/a", later),
       "block.target: nobody is an AccessPolicy; block who is bound to it, or "
       "their project"},
      {"NoUntil", no_until, "block.until: missing; send when the block ends"},
      {"NotATime", no_time, "block.until: not a time"},
      {"Now", RequestFor(kTarget, now),
       "block.until: in the past; send when the block ends"},
      {"TooFar",
       RequestFor(kTarget, now + absl::Hours(24 * 366) + absl::Seconds(1)),
       "block.until: more than a year ahead; what is to last is for the "
       "ProjectMembership or AccessPolicy to say"},
      {"FarOff", far_off,
       "block.until: more than a year ahead; what is to last is for the "
       "ProjectMembership or AccessPolicy to say"},
      {"NoReason", RequestFor(kTarget, later, ""),
       "block.reason: missing; send why, for those who read it"},
      {"LongReason", RequestFor(kTarget, later, std::string(201, 'r')),
       "block.reason: 201 bytes; at most 200 are taken"},
      {"TwoLines", RequestFor(kTarget, later, "a\nb"),
       "block.reason: has control characters; send one line"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(ReadBlock(c.request.block(), now).status(),
              absl::InvalidArgumentError(c.message));
  }
  const auto longest =
      ReadBlock(RequestFor("Organization/1", now + absl::Hours(24 * 366),
                           std::string(200, 'r'))
                    .block(),
                now);
  ASSERT_TRUE(longest.ok()) << longest.status();
  EXPECT_EQ(longest->target, "Organization/1");
  EXPECT_EQ(longest->until, now + absl::Hours(24 * 366));
}

class BlocksServerTest : public ServerTest {
 protected:
  grpc::Status Block(const v1::BlockRequest& request,
                     v1::BlockResponse& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return admin_stub_->Block(&context, request, &response);
  }
  grpc::Status Unblock(std::string_view target) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::UnblockRequest request;
    request.set_target(std::string(target));
    v1::UnblockResponse response;
    return admin_stub_->Unblock(&context, request, &response);
  }
  v1::GetStatusResponse Status() {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetStatusResponse response;
    EXPECT_TRUE(admin_stub_->GetStatus(&context, {}, &response).ok());
    return response;
  }
};

TEST_F(BlocksServerTest, ABlockDeniesAtOnceUntilItIsEnded) {
  Start();
  v1::CheckResponse before;
  ASSERT_TRUE(Check(kReadPatient, before).ok());
  EXPECT_EQ(before.decision().reason(), v1::REASON_PERMITTED);

  v1::BlockResponse blocked;
  const grpc::Status status =
      Block(RequestFor(kTarget, absl::Now() + absl::Hours(1)), blocked);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(blocked.block().target(), kTarget);
  EXPECT_TRUE(blocked.block().has_since());

  v1::CheckResponse denied;
  ASSERT_TRUE(Check(kReadPatient, denied).ok());
  EXPECT_EQ(denied.decision().effect(), v1::EFFECT_DENY);
  EXPECT_EQ(denied.decision().reason(), v1::REASON_BLOCKED);
  EXPECT_EQ(denied.decision().enforcement_http_status(), 403u);
  EXPECT_EQ(denied.decision().medplum_http_status(), 0u);
  EXPECT_THAT(denied.decision().message(), HasSubstr("lost laptop"));
  EXPECT_GT(denied.decision().revision(), before.decision().revision());

  grpc::ClientContext contexts[3];
  v1::FilterResponse filter;
  ASSERT_TRUE(stub_
                  ->Filter(&contexts[0],
                           Proto<v1::FilterRequest>(
                               "subject { reference: 'ProjectMembership/member'"
                               " } resource_type: 'Patient'"),
                           &filter)
                  .ok());
  EXPECT_EQ(filter.kind(), v1::FILTER_KIND_ALWAYS_DENIED);
  EXPECT_EQ(filter.reason(), v1::REASON_BLOCKED);

  v1::BatchCheckResponse batch;
  ASSERT_TRUE(stub_
                  ->BatchCheck(&contexts[1],
                               Proto<v1::BatchCheckRequest>(
                                   "subject { reference: "
                                   "'ProjectMembership/member' } items { "
                                   "interaction: INTERACTION_READ resource { "
                                   "type: 'Patient' id: '$PATIENT' } }"),
                               &batch)
                  .ok());
  EXPECT_EQ(batch.results(0).decision().reason(), v1::REASON_BLOCKED);

  auto stream = stub_->CheckStream(&contexts[2]);
  v1::CheckStreamRequest item;
  *item.mutable_check() = Proto<v1::CheckRequest>(kReadPatient);
  ASSERT_TRUE(stream->Write(item));
  v1::CheckStreamResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.decision().reason(), v1::REASON_BLOCKED);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());

  const v1::GetStatusResponse listed = Status();
  ASSERT_EQ(listed.blocks_size(), 1);
  EXPECT_EQ(listed.blocks(0).target(), kTarget);
  EXPECT_EQ(listed.blocks(0).reason(), "lost laptop");

  ASSERT_TRUE(Unblock(kTarget).ok());
  v1::CheckResponse after;
  ASSERT_TRUE(Check(kReadPatient, after).ok());
  EXPECT_EQ(after.decision().reason(), v1::REASON_PERMITTED);
  EXPECT_EQ(Status().blocks_size(), 0);
}

TEST_F(BlocksServerTest, MistakesSayWhatIsWrong) {
  Start();
  v1::BlockResponse response;
  const grpc::Status past =
      Block(RequestFor(kTarget, absl::Now() - absl::Hours(1)), response);
  EXPECT_EQ(past.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(past.error_message(),
            "block.until: in the past; send when the block ends");
  const grpc::Status malformed = Unblock("nobody");
  EXPECT_EQ(malformed.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(malformed.error_message(), HasSubstr("target: `nobody`"));
  EXPECT_EQ(Unblock("User/x").error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(BlocksServerTest, ABlockDoesNotWaitForAResync) {
  std::promise<void> begun;
  std::promise<void> may_end;
  f_.admin.while_resyncing = [&] {
    begun.set_value();
    may_end.get_future().wait();
  };
  Start();
  grpc::ClientContext context;
  v1::ResyncResponse resync;
  grpc::Status resynced;
  std::thread waiting(
      [&] { resynced = admin_stub_->Resync(&context, {}, &resync); });
  begun.get_future().wait();
  v1::BlockResponse response;
  EXPECT_TRUE(
      Block(RequestFor(kTarget, absl::Now() + absl::Hours(1)), response).ok());
  may_end.set_value();
  waiting.join();
  EXPECT_TRUE(resynced.ok());
}

}  // namespace
}  // namespace pdp::service
