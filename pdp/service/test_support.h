// A service over the small clinic of tests/support/world.h, whose look-ups and
// freshness a test controls.

#ifndef PDP_SERVICE_TEST_SUPPORT_H_
#define PDP_SERVICE_TEST_SUPPORT_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pdp/base/clock.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "pdp/service/admin_backend.h"
#include "pdp/service/data_state.h"
#include "pdp/service/decision_service.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/service/metrics.h"
#include "tests/support/world.h"

namespace pdp::service {

// `text` is protobuf's text format; $NAMES stand for the clinic's ids, and '
// for ".
template <typename Message>
Message Proto(std::string_view text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      testing::Expand(text), &message))
      << text;
  return message;
}

// Stands still until it is set.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixNanos(now_.load()); }
  absl::Duration SinceBoot() const override {
    return absl::Nanoseconds(since_boot_.load());
  }

  void Advance(absl::Duration duration) {
    now_ += absl::ToInt64Nanoseconds(duration);
    since_boot_ += absl::ToInt64Nanoseconds(duration);
  }
  // Sets the time of day alone.
  void Jump(absl::Duration duration) {
    now_ += absl::ToInt64Nanoseconds(duration);
  }

 private:
  std::atomic<int64_t> now_{int64_t{1'700'000'000} * 1'000'000'000};
  std::atomic<int64_t> since_boot_{int64_t{360'000} * 1'000'000'000};
};

// One feed of all, in step with its source at first, and those that a test
// adds.
class FakeData final : public DataState {
 public:
  explicit FakeData(const Clock& clock,
                    const std::vector<std::string_view>& projects = {""})
      : clock_(clock) {
    for (const std::string_view project : projects) {
      feeds_.emplace(project, &table_.Add(project));
      SetAge(project, absl::ZeroDuration());
    }
  }

  bool IsReady() const override { return ready; }
  const FreshnessTable& Feeds() const override { return table_; }
  bool IsServerVersionChecked() const override { return version_checked; }

  FeedFreshness& Feed(std::string_view project) {
    return *feeds_.find(project)->second;
  }
  void SetAge(std::string_view project, absl::Duration age) {
    Feed(project).Refuse(FeedState::kProjectGone);  // Forgets what it was.
    Feed(project).Confirm(clock_.SinceBoot() - age);
  }
  void SetAge(absl::Duration age) { SetAge("", age); }

  uint64_t StoredRevision() const override { return stored_revision; }
  bool KeepsType(std::string_view type) const override {
    return type != "Observation";
  }

  std::atomic<bool> ready{true};
  std::atomic<bool> version_checked{true};
  std::atomic<uint64_t> stored_revision{7};

 private:
  const Clock& clock_;
  FreshnessTable table_;
  StringMap<FeedFreshness*> feeds_;
};

// A MemoryLookup that answers kPending for some resources until they are
// released.
class PendingLookup final : public fhir::ResourceLookup {
 public:
  explicit PendingLookup(std::vector<fhir::ResourcePtr> live)
      : lookup_(std::move(live), {}) {}

  void Hold(const fhir::ResourceKey& key) {
    MutexLock lock(mutex_);
    held_[key] = true;
  }
  void Release(const fhir::ResourceKey& key) {
    MutexLock lock(mutex_);
    held_[key] = false;
  }
  // What is there from now on.
  void Put(const fhir::ResourcePtr& resource) {
    MutexLock lock(mutex_);
    put_[resource->key()] = resource;
  }

  fhir::LookupResult Read(const fhir::ResourceKey& key) const override {
    if (while_reading) while_reading();
    {
      MutexLock lock(mutex_);
      const auto found = held_.find(key);
      if (found != held_.end() && found->second) {
        return {fhir::LookupState::kPending, nullptr};
      }
      const auto put = put_.find(key);
      if (put != put_.end()) return {fhir::LookupState::kFound, put->second};
    }
    return lookup_.Read(key);
  }
  fhir::LookupResult ReadVersion(const fhir::ResourceKey& key,
                                 std::string_view version_id) const override {
    return lookup_.ReadVersion(key, version_id);
  }
  fhir::LookupState FindVersions(
      const fhir::ResourceKey& key,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override {
    return lookup_.FindVersions(key, visit);
  }
  fhir::LookupState FindMemberships(
      std::string_view reference,
      const std::function<void(const fhir::ResourcePtr&)>& visit)
      const override {
    return lookup_.FindMemberships(reference, visit);
  }
  fhir::LookupState Scan(std::string_view type, std::string_view project,
                         const std::function<bool(const fhir::ResourcePtr&)>&
                             visit) const override {
    return lookup_.Scan(type, project, visit);
  }

  std::function<void()> while_reading;  // May be empty.

 private:
  const fhir::MemoryLookup lookup_;
  mutable Mutex mutex_;
  std::map<fhir::ResourceKey, bool> held_ ABSL_GUARDED_BY(mutex_);
  std::map<fhir::ResourceKey, fhir::ResourcePtr> put_ ABSL_GUARDED_BY(mutex_);
};

class FakeAdmin final : public AdminBackend {
 public:
  SourceStatus source = {.name = "directory:clinic",
                         .ready = true,
                         .fresh_as_of = absl::FromUnixSeconds(1'700'000'000),
                         .last_error = "clinic/a.json:3:1: not JSON",
                         .last_error_at = absl::FromUnixSeconds(1'700'000'001),
                         .errors = 2,
                         .resources = 8};

  std::vector<SourceStatus> Sources() const override { return {source}; }
  StoreStatus Store() const override {
    return {.format_version = 1,
            .bytes_on_disk = 4096,
            .memberships = 1,
            .policies = 1};
  }
  fhir::LookupState ScanMemberships(
      std::string_view project, std::string_view after,
      const std::function<bool(const fhir::ResourcePtr&)>& visit)
      const override {
    return lookup->Scan("ProjectMembership", project,
                        [&](const fhir::ResourcePtr& membership) {
                          return membership->id() <= after || visit(membership);
                        });
  }
  absl::StatusOr<ResyncResult> Resync() override {
    if (while_resyncing) while_resyncing();
    return ResyncResult{.revision = 8, .changed = 3};
  }
  absl::StatusOr<CheckpointResult> Checkpoint(std::string_view name) override {
    return CheckpointResult{.path = "checkpoints/" + std::string(name),
                            .revision = 8};
  }

  std::function<void()> while_resyncing;         // May be empty.
  const fhir::ResourceLookup* lookup = nullptr;  // Of memberships.
};

// The clinic, whose one member may read Patients and nothing else.
inline std::vector<fhir::ResourcePtr> ReadersClinic() {
  return testing::Clinic(
      "[{'resourceType':'Patient','interaction':['read','search']}]");
}

struct Fixture {
  explicit Fixture(policy::Mode mode = policy::Mode::kStrict,
                   DecisionServiceOptions options = {})
      : lookup(ReadersClinic()),
        decision_point(lookup, {.mode = mode}),
        service(decision_point, lookup, data, metrics, With(options, clock)) {
    decision_point.Invalidate(7, {});
    admin.lookup = &lookup;
  }

  static DecisionServiceOptions With(DecisionServiceOptions options,
                                     const Clock& clock) {
    options.clock = &clock;
    return options;
  }

  FakeClock clock;
  FakeData data{clock};
  FakeAdmin admin;
  Metrics metrics;
  PendingLookup lookup;
  policy::DecisionPoint decision_point;
  DecisionService service;
};

inline constexpr std::string_view kReadPatient =
    "subject { reference: 'ProjectMembership/member' } "
    "interaction: INTERACTION_READ "
    "resource { type: 'Patient' id: '$PATIENT' }";

}  // namespace pdp::service

#endif  // PDP_SERVICE_TEST_SUPPORT_H_
