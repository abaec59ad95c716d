#include "pdp/service/admin_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "medplum/pdp/v1/admin.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/service/convert_block.h"
#include "pdp/service/timestamp.h"
#include "pdp/service/version.h"

namespace pdp::service {
namespace {

static_assert(static_cast<int>(policy::Mode::kParity) == v1::MODE_PARITY);
static_assert(static_cast<int>(policy::Mode::kStrict) == v1::MODE_STRICT);
static_assert(static_cast<int>(policy::ParameterSemantics::kDocumented) ==
              v1::PARAMETER_SEMANTICS_DOCUMENTED);
static_assert(static_cast<int>(policy::ParameterSemantics::kServer) ==
              v1::PARAMETER_SEMANTICS_SERVER);

static_assert(static_cast<int>(FeedState::kAccessMissing) + 1 ==
              v1::FEED_STATE_ACCESS_MISSING);
static_assert(static_cast<int>(NotificationState::kDisconnected) + 1 ==
              v1::NOTIFICATION_STATE_DISCONNECTED);

// A time that has not been yet is left out.
template <typename Message>
void WriteIfPast(absl::Time time, Message& message,
                 google::protobuf::Timestamp* (Message::*field)()) {
  if (time > absl::UnixEpoch()) WriteTimestamp(time, *(message.*field)());
}

void ConvertFeed(const FeedStatus& feed, v1::FeedStatus& message) {
  message.set_project(feed.project);
  message.set_state(
      static_cast<v1::FeedState>(static_cast<int>(feed.state) + 1));
  message.set_message(feed.message);
  WriteIfPast(feed.fresh_as_of, message, &v1::FeedStatus::mutable_fresh_as_of);
  if (feed.bound != absl::InfiniteDuration()) {
    WriteDuration(feed.bound, *message.mutable_bound());
  }
  message.set_notifications(static_cast<v1::NotificationState>(
      static_cast<int>(feed.notifications) + 1));
  message.set_notifications_message(feed.notifications_message);
  WriteIfPast(feed.last_notification, message,
              &v1::FeedStatus::mutable_last_notification_at);
  WriteIfPast(feed.last_sweep, message, &v1::FeedStatus::mutable_last_sweep_at);
  WriteIfPast(feed.last_full_sweep, message,
              &v1::FeedStatus::mutable_last_full_sweep_at);
  WriteDuration(feed.sweep_interval, *message.mutable_sweep_interval());
  message.set_resources(feed.resources);
  message.set_loaded(feed.loaded);
  message.set_notifications_received(feed.notifications_received);
  message.set_changes_applied(feed.changes_applied);
  message.set_failures(feed.failures);
  WriteIfPast(feed.last_failure, message,
              &v1::FeedStatus::mutable_last_failure_at);
  if (feed.server_clock_ahead) {
    WriteDuration(*feed.server_clock_ahead,
                  *message.mutable_server_clock_ahead());
  }
}

void ConvertSource(const SourceStatus& source, v1::SourceStatus& message) {
  message.set_name(source.name);
  message.set_ready(source.ready);
  if (source.fresh_as_of > absl::UnixEpoch()) {
    WriteTimestamp(source.fresh_as_of, *message.mutable_fresh_as_of());
  }
  if (!source.last_error.empty()) {
    message.set_last_error(source.last_error);
    WriteTimestamp(source.last_error_at, *message.mutable_last_error_at());
  }
  message.set_resources(source.resources);
  for (const FeedStatus& feed : source.feeds) {
    ConvertFeed(feed, *message.add_feeds());
  }
  message.set_server_version(source.server_version);
  message.set_server_version_checked(source.server_version_checked);
}

absl::Status NoBlocks() {
  return absl::UnimplementedError("this server keeps no blocks");
}

absl::Status CheckCheckpointName(std::string_view name) {
  const bool is_fine =
      !name.empty() && name.size() <= 64 &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
               c == '_';
      });
  if (is_fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "name: send 1 to 64 letters, digits, `-` or `_`");
}

}  // namespace

void AdminService::GetStatus(v1::GetStatusResponse& response) const {
  const policy::DecisionPointOptions& options = decision_point_.options();
  response.set_version(kVersion);
  response.set_medplum_version(kMedplumVersion);
  response.set_mode(static_cast<v1::Mode>(options.mode));
  response.set_parameter_semantics(
      static_cast<v1::ParameterSemantics>(options.parameter_semantics));
  response.set_ready(data_.IsReady());
  response.set_revision(decision_point_.revision());
  WriteTimestamp(started_at_, *response.mutable_started_at());
  WriteTimestamp(absl::Now(), *response.mutable_now());
  WriteDuration(bounds_.stale_after, *response.mutable_stale_after());
  WriteDuration(bounds_.max_staleness, *response.mutable_max_staleness());
  for (const SourceStatus& source : backend_.Sources()) {
    ConvertSource(source, *response.add_sources());
  }
  if (shadow_ != nullptr) shadow_->Describe(*response.mutable_shadow());
  if (blocks_ != nullptr) {
    for (const policy::Block& block : blocks_->InForce()) {
      ConvertBlock(block, *response.add_blocks());
    }
  }
  const StoreStatus store = backend_.Store();
  response.mutable_store()->set_format_version(store.format_version);
  response.mutable_store()->set_bytes_on_disk(store.bytes_on_disk);
  response.mutable_store()->set_memberships(store.memberships);
  response.mutable_store()->set_policies(store.policies);
  response.mutable_store()->set_history_versions(store.history_versions);
  response.mutable_store()->set_history_bytes(store.history_bytes);
  if (store.history_begins != absl::InfiniteFuture()) {
    WriteTimestamp(store.history_begins,
                   *response.mutable_store()->mutable_history_begins());
  }
  response.mutable_store()->set_memberships_without_policy(
      store.memberships_without_policy);
  response.mutable_store()->set_refused_policies(store.refused_policies);
}

absl::Status AdminService::Resync(v1::ResyncResponse& response) {
  const absl::StatusOr<ResyncResult> result = backend_.Resync();
  if (!result.ok()) return result.status();
  response.set_revision(result->revision);
  response.set_changed(result->changed);
  return absl::OkStatus();
}

absl::Status AdminService::Checkpoint(const v1::CheckpointRequest& request,
                                      v1::CheckpointResponse& response) {
  absl::Status status = CheckCheckpointName(request.name());
  if (!status.ok()) return status;
  const absl::StatusOr<CheckpointResult> result =
      backend_.Checkpoint(request.name());
  if (!result.ok()) return result.status();
  response.set_path(result->path);
  response.set_revision(result->revision);
  return absl::OkStatus();
}

absl::Status AdminService::Block(const v1::BlockRequest& request,
                                 v1::BlockResponse& response) {
  if (blocks_ == nullptr) return NoBlocks();
  PDP_ASSIGN_OR_RETURN(policy::Block block,
                       ReadBlock(request.block(), absl::Now()));
  PDP_ASSIGN_OR_RETURN(block, blocks_->Set(std::move(block)));
  ConvertBlock(block, *response.mutable_block());
  return absl::OkStatus();
}

absl::Status AdminService::Unblock(const v1::UnblockRequest& request,
                                   v1::UnblockResponse& /*response*/) {
  if (blocks_ == nullptr) return NoBlocks();
  PDP_RETURN_IF_ERROR(CheckBlockTarget("target", request.target()));
  return blocks_->End(request.target());
}

}  // namespace pdp::service
