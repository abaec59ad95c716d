#include "pdp/service/audit_settings.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/timestamp.h"
#include "pdp/service/version.h"

namespace pdp::service {
namespace {

namespace config = ::medplum::pdp::config::v1;

constexpr uint64_t kMinSegmentBytes = uint64_t{64} << 10;
constexpr uint64_t kMaxSegmentBytes = uint64_t{4} << 30;
constexpr uint32_t kMaxBatchSize = 500;
constexpr uint32_t kMaxRetentionDays = 36'500;
constexpr absl::Duration kDay = absl::Hours(24);

absl::Status Wrong(std::string_view key, std::string_view message) {
  return absl::InvalidArgumentError(StrCat("audit.", key, ": ", message));
}

absl::Status ReadWithin(std::string_view key, bool given,
                        const google::protobuf::Duration& duration,
                        absl::Duration least, absl::Duration most,
                        absl::Duration& value) {
  if (!given) return absl::OkStatus();
  value = ReadDuration(duration);
  if (value >= least && value <= most) return absl::OkStatus();
  return Wrong(key, StrCat("must be from ", absl::FormatDuration(least), " to ",
                           absl::FormatDuration(most)));
}

absl::Status ReadFsync(const std::string& text,
                       audit::JournalOptions& options) {
  if (text.empty()) return absl::OkStatus();
  if (text == "batch") {
    options.sync_each_write = true;
    return absl::OkStatus();
  }
  if (!absl::ParseDuration(text, &options.sync_interval) ||
      options.sync_interval < absl::Milliseconds(10) ||
      options.sync_interval > absl::Minutes(1)) {
    return Wrong(
        "fsync",
        StrCat("`", text, "` is neither batch nor a duration from 10ms to 1m"));
  }
  return absl::OkStatus();
}

absl::Status ReadJournal(const config::Audit& config,
                         const std::string& data_dir,
                         audit::JournalOptions& options) {
  options.directory =
      config.directory().empty() ? data_dir + "/audit" : config.directory();
  char host[256] = "";
  if (gethostname(host, sizeof host - 1) == 0) options.server = host;
  options.product = StrCat("medplum-pdp ", kVersion);
  PDP_RETURN_IF_ERROR(ReadFsync(config.fsync(), options));
  if (config.has_max_segment_bytes()) {
    options.max_segment_bytes = config.max_segment_bytes();
    if (options.max_segment_bytes < kMinSegmentBytes ||
        options.max_segment_bytes > kMaxSegmentBytes) {
      return Wrong(
          "max-segment-bytes",
          StrCat("must be from ", kMinSegmentBytes, " to ", kMaxSegmentBytes));
    }
  }
  PDP_RETURN_IF_ERROR(ReadWithin(
      "max-segment-age", config.has_max_segment_age(), config.max_segment_age(),
      absl::Minutes(1), kDay, options.max_segment_age));
  PDP_RETURN_IF_ERROR(ReadWithin("checkpoint-interval",
                                 config.has_checkpoint_interval(),
                                 config.checkpoint_interval(), absl::Seconds(1),
                                 absl::Hours(1), options.checkpoint_interval));
  if (config.has_checkpoint_records()) {
    options.checkpoint_records = config.checkpoint_records();
    if (options.checkpoint_records == 0) {
      return Wrong("checkpoint-records", "must be at least 1");
    }
  }
  if (config.signing_key_file().empty()) return absl::OkStatus();
  auto key = audit::SigningKey::FromPrivateFile(config.signing_key_file());
  if (!key.ok()) {
    return Wrong("signing-key-file", ToStd(key.status().message()));
  }
  options.signing_key =
      std::make_shared<const audit::SigningKey>(*std::move(key));
  return absl::OkStatus();
}

// Whether segments that are copied from one would be copied to the same place.
bool AreSame(const std::string& a, const std::string& b) {
  std::error_code error;
  return std::filesystem::weakly_canonical(a, error) ==
         std::filesystem::weakly_canonical(b, error);
}

absl::Status ReadArchive(const config::Audit& config,
                         const std::string& directory,
                         audit::ArchiveOptions& options) {
  options.directory = config.archive_directory();
  options.command = {config.archive_command().begin(),
                     config.archive_command().end()};
  options.digest_command = {config.archive_digest_command().begin(),
                            config.archive_digest_command().end()};
  if (!options.directory.empty() && !options.command.empty()) {
    return Wrong("archive-command",
                 "write one of archive-directory and archive-command");
  }
  if (options.command.empty() != options.digest_command.empty()) {
    return Wrong("archive-digest-command",
                 "archive-command and archive-digest-command go together: what "
                 "was archived is compared before anything is deleted");
  }
  if (!options.directory.empty() && AreSame(options.directory, directory)) {
    return Wrong("archive-directory", "must be another than audit.directory");
  }
  PDP_RETURN_IF_ERROR(ReadWithin(
      "archive-timeout", config.has_archive_timeout(), config.archive_timeout(),
      absl::Seconds(1), absl::Hours(1), options.command_timeout));
  if (config.has_retention_days()) {
    if (config.retention_days() == 0 ||
        config.retention_days() > kMaxRetentionDays) {
      return Wrong("retention-days",
                   StrCat("must be from 1 to ", kMaxRetentionDays));
    }
    options.retention = kDay * config.retention_days();
  }
  if (config.has_local_retention_days()) {
    if (config.local_retention_days() > kMaxRetentionDays) {
      return Wrong("local-retention-days",
                   StrCat("must be at most ", kMaxRetentionDays));
    }
    options.local_retention = kDay * config.local_retention_days();
  }
  if (config.has_max_volume_percent()) {
    if (config.max_volume_percent() == 0 || config.max_volume_percent() > 100) {
      return Wrong("max-volume-percent", "must be from 1 to 100");
    }
    options.max_volume_use = config.max_volume_percent() / 100.0;
  }
  if (!options.has_archive() &&
      (config.has_retention_days() || config.has_local_retention_days() ||
       config.has_max_volume_percent() || config.has_archive_timeout())) {
    return Wrong(
        "archive-directory",
        "missing; without an archive nothing is ever deleted, so there "
        "is nothing to retain");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<audit_sink::SinkSettings>> ReadMedplum(
    const config::AuditMedplum& config) {
  audit_sink::SinkSettings settings;
  if (config.reads() == config::AUDIT_READS_EVERY) {
    settings.reads = audit_sink::Reads::kEvery;
  } else if (config.reads() == config::AUDIT_READS_NONE) {
    settings.reads = audit_sink::Reads::kNone;
  }
  PDP_RETURN_IF_ERROR(ReadWithin(
      "medplum.fold-window", config.has_fold_window(), config.fold_window(),
      absl::Seconds(1), absl::Hours(1), settings.fold_window));
  if (config.has_batch_size()) {
    settings.batch_size = config.batch_size();
    if (settings.batch_size < 1 || settings.batch_size > kMaxBatchSize) {
      return Wrong("medplum.batch-size",
                   StrCat("must be from 1 to ", kMaxBatchSize));
    }
  }
  PDP_RETURN_IF_ERROR(ReadWithin("medplum.interval", config.has_interval(),
                                 config.interval(), absl::Milliseconds(100),
                                 absl::Minutes(1), settings.interval));
  if (!config.enabled()) return std::nullopt;
  return settings;
}

}  // namespace

absl::StatusOr<AuditSettings> ReadAuditSettings(const config::Audit& config,
                                                const std::string& data_dir) {
  AuditSettings settings;
  PDP_RETURN_IF_ERROR(ReadJournal(config, data_dir, settings.journal));
  PDP_RETURN_IF_ERROR(
      ReadArchive(config, settings.journal.directory, settings.archive));
  PDP_ASSIGN_OR_RETURN(settings.medplum, ReadMedplum(config.medplum()));
  return settings;
}

}  // namespace pdp::service
