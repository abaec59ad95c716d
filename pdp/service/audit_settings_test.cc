#include "pdp/service/audit_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/service/settings.h"
#include "tests/support/temp_file.h"

namespace pdp::service {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Flags = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<Settings> Load(Flags more) {
  Flags flags = {{"source", "directory:policies"},
                 {"data-dir", "data"},
                 {"callers", "name=a,from=loopback,permissions=admin"}};
  flags.insert(flags.end(), more.begin(), more.end());
  return LoadSettings({.flags = flags});
}

constexpr char kKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";

TEST(AuditSettingsTest, HaveDefaults) {
  const auto settings = Load({});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const audit::JournalOptions& journal = settings->audit.journal;
  EXPECT_EQ(journal.directory, "data/audit");
  EXPECT_THAT(journal.product, StartsWith("medplum-pdp "));
  EXPECT_NE(journal.server, "");
  EXPECT_EQ(journal.sync_interval, absl::Seconds(1));
  EXPECT_FALSE(journal.sync_each_write);
  EXPECT_EQ(journal.signing_key, nullptr);
  const audit::ArchiveOptions& archive = settings->audit.archive;
  EXPECT_FALSE(archive.has_archive());
  EXPECT_GE(archive.retention, absl::Hours(24 * 365 * 6));
  EXPECT_EQ(archive.local_retention, absl::Hours(24 * 30));
  EXPECT_EQ(archive.max_volume_use, 0.8);
}

TEST(AuditSettingsTest, EveryKeyIsRead) {
  const TempFile key(kKey);
  const TempFile file(
      StrCat("source: directory:p\n"
             "data-dir: data\n"
             "callers: [{name: a, from: loopback, permissions: [admin]}]\n"
             "audit:\n"
             "  directory: /var/log/pdp\n"
             "  fsync: batch\n"
             "  max-segment-bytes: 1000000\n"
             "  max-segment-age: 10m\n"
             "  checkpoint-interval: 5s\n"
             "  checkpoint-records: 7\n"
             "  signing-key-file: ",
             key.path(),
             "\n"
             "  archive-command: [upload, --to, bucket]\n"
             "  archive-digest-command: [digest]\n"
             "  archive-timeout: 30s\n"
             "  retention-days: 3000\n"
             "  local-retention-days: 3\n"
             "  max-volume-percent: 50\n"));
  const auto settings = LoadSettings({.config_file = file.path()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const audit::JournalOptions& journal = settings->audit.journal;
  EXPECT_EQ(journal.directory, "/var/log/pdp");
  EXPECT_TRUE(journal.sync_each_write);
  EXPECT_EQ(journal.max_segment_bytes, 1'000'000u);
  EXPECT_EQ(journal.max_segment_age, absl::Minutes(10));
  EXPECT_EQ(journal.checkpoint_interval, absl::Seconds(5));
  EXPECT_EQ(journal.checkpoint_records, 7u);
  ASSERT_NE(journal.signing_key, nullptr);
  EXPECT_EQ(journal.signing_key->id().size(), 16u);
  const audit::ArchiveOptions& archive = settings->audit.archive;
  EXPECT_THAT(archive.command, ElementsAre("upload", "--to", "bucket"));
  EXPECT_THAT(archive.digest_command, ElementsAre("digest"));
  EXPECT_EQ(archive.command_timeout, absl::Seconds(30));
  EXPECT_EQ(archive.retention, absl::Hours(24 * 3000));
  EXPECT_EQ(archive.local_retention, absl::Hours(24 * 3));
  EXPECT_EQ(archive.max_volume_use, 0.5);
}

TEST(AuditSettingsTest, FsyncIsAnIntervalToo) {
  const auto settings = Load({{"audit.fsync", "200ms"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->audit.journal.sync_interval, absl::Milliseconds(200));
}

TEST(AuditSettingsTest, WhatCannotBeUsedIsRefusedByItsKey) {
  const TempFile no_key("hello");
  struct Case {
    Flags flags;
    std::string message;
  };
  for (const Case& c : std::vector<Case>{
           {{{"audit.fsync", "never"}}, "audit.fsync: `never`"},
           {{{"audit.fsync", "1h"}}, "audit.fsync: `1h`"},
           {{{"audit.max-segment-bytes", "10"}}, "audit.max-segment-bytes"},
           {{{"audit.max-segment-age", "1s"}}, "audit.max-segment-age"},
           {{{"audit.checkpoint-records", "0"}}, "audit.checkpoint-records"},
           {{{"audit.signing-key-file", "/none"}}, "audit.signing-key-file"},
           {{{"audit.signing-key-file", no_key.path()}}, "no Ed25519 key"},
           {{{"audit.archive-directory", "a"}, {"audit.archive-command", "b"}},
            "audit.archive-command: write one"},
           {{{"audit.archive-command", "b"}}, "audit.archive-digest-command"},
           {{{"audit.archive-digest-command", "b"}},
            "audit.archive-digest-command"},
           {{{"audit.archive-directory", "data/x/../audit"}},
            "audit.archive-directory: must be another"},
           {{{"audit.retention-days", "3000"}},
            "audit.archive-directory: missing"},
           {{{"audit.archive-directory", "a"}, {"audit.retention-days", "0"}},
            "audit.retention-days"},
           {{{"audit.archive-directory", "a"},
             {"audit.max-volume-percent", "101"}},
            "audit.max-volume-percent"}}) {
    SCOPED_TRACE(c.message);
    const auto settings = Load(c.flags);
    ASSERT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(c.message));
  }
}

class AuditEventSettingsTest : public testing::Test {
 protected:
  absl::StatusOr<Settings> LoadMedplum(Flags more) {
    Flags flags = {
        {"source", "medplum"},
        {"data-dir", "data"},
        {"callers", "name=a,from=loopback,permissions=admin"},
        {"medplum.base-url", "https://medplum.example/"},
        {"medplum.login", StrCat("project=p1,client-id=c1,client-secret-file=",
                                 secret_.path())}};
    flags.insert(flags.end(), more.begin(), more.end());
    return LoadSettings({.flags = flags});
  }

  const TempFile secret_{"secret"};
};

TEST_F(AuditEventSettingsTest, NoneArePostedUnlessItIsAskedFor) {
  const auto settings = LoadMedplum({{"audit.medplum.reads", "every"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE(settings->audit.medplum);
}

TEST_F(AuditEventSettingsTest, HaveDefaultsAndKeys) {
  auto settings = LoadMedplum({{"audit.medplum.enabled", "true"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_TRUE(settings->audit.medplum);
  EXPECT_EQ(settings->audit.medplum->reads, audit_sink::Reads::kFolded);
  EXPECT_EQ(settings->audit.medplum->fold_window, absl::Minutes(5));
  EXPECT_EQ(settings->audit.medplum->batch_size, 50u);
  EXPECT_EQ(settings->audit.medplum->interval, absl::Seconds(1));
  settings = LoadMedplum({{"audit.medplum.enabled", "true"},
                          {"audit.medplum.reads", "none"},
                          {"audit.medplum.fold-window", "1m"},
                          {"audit.medplum.batch-size", "7"},
                          {"audit.medplum.interval", "2s"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->audit.medplum->reads, audit_sink::Reads::kNone);
  EXPECT_EQ(settings->audit.medplum->fold_window, absl::Minutes(1));
  EXPECT_EQ(settings->audit.medplum->batch_size, 7u);
  EXPECT_EQ(settings->audit.medplum->interval, absl::Seconds(2));
}

TEST_F(AuditEventSettingsTest, WhatCannotBeUsedIsNamed) {
  const struct {
    const char* name;
    Flags flags;
    const char* message;
  } kCases[] = {{"window",
                 {{"audit.medplum.fold-window", "2h"}},
                 "audit.medplum.fold-window: must be from 1s to 1h"},
                {"batch",
                 {{"audit.medplum.batch-size", "0"}},
                 "audit.medplum.batch-size: must be from 1 to 500"},
                {"interval",
                 {{"audit.medplum.interval", "1ms"}},
                 "audit.medplum.interval: must be from 100ms to 1m"},
                {"no log",
                 {{"audit.medplum.enabled", "true"}, {"audit-mode", "off"}},
                 "audit.medplum.enabled: needs an audit log"}};
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_THAT(std::string(LoadMedplum(test.flags).status().message()),
                StartsWith(test.message));
  }
  EXPECT_THAT(
      std::string(Load({{"audit.medplum.enabled", "true"}}).status().message()),
      StartsWith("audit.medplum.enabled: goes with source medplum only"));
}

}  // namespace
}  // namespace pdp::service
