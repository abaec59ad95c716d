// Decisions in several threads while the directory they are made from changes.
// Runs under ThreadSanitizer.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/policy/decision_point.h"
#include "pdp/sync/directory_source.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

using fhir::Interaction;

constexpr uint64_t kReloads = 60;
constexpr std::string_view kId = "10000000-0000-4000-8000-000000000001";

// In an even state the member may read Patients, in an odd one Tasks.
std::string PolicyOf(uint64_t state) {
  return StrCat(R"({"resourceType":"AccessPolicy","id":"a","name":")", state,
                R"(","resource":[{"resourceType":")",
                state % 2 == 0 ? "Patient" : "Task", R"("}]})");
}

class DecideConcurrencyTest : public ::testing::Test {
 protected:
  DecideConcurrencyTest() {
    Write("project.json", R"({"resourceType":"Project","id":"p"})");
    Write("patient.json",
          StrCat(R"({"resourceType":"Patient","id":")", kId, "\"}"));
    Write("task.json", StrCat(R"({"resourceType":"Task","id":")", kId, "\"}"));
    Write("member.json",
          R"({"resourceType":"ProjectMembership","id":"m",
            "project":{"reference":"Project/p"},"user":{"reference":"User/u"},
            "profile":{"reference":"Practitioner/y"},
            "accessPolicy":{"reference":"AccessPolicy/a"}})");
    Write("policy.json", PolicyOf(0));

    auto store = store::Store::Open(
        {.directory = directory_ / "store", .write_buffer_bytes = 64 << 10});
    if (!store.ok()) std::abort();
    store_ = *std::move(store);
    lookup_ = std::make_unique<sync::StoreLookup>(*store_);
    decision_point_ = std::make_unique<policy::DecisionPoint>(
        *lookup_, policy::DecisionPointOptions{.max_bound_policies = 8});
    sync::DirectorySource::Options options{.path = directory_ / "files"};
    options.rescan_interval = absl::Hours(1);
    options.debounce = absl::Milliseconds(5);
    source_ = std::make_unique<sync::DirectorySource>(
        options, *store_,
        [this](uint64_t revision, std::span<const fhir::ResourceKey> changed) {
          decision_point_->Invalidate(revision, changed);
        });
  }
  ~DecideConcurrencyTest() override { source_->Stop(); }

  void Write(std::string_view name, std::string_view text) {
    WriteFile(directory_ / StrCat("files/", name), text);
  }

  bool Permits(std::string_view type) {
    policy::AccessRequest request;
    request.subject.reference = "ProjectMembership/m";
    request.interaction = Interaction::kRead;
    request.resource.type = type;
    request.resource.id = kId;
    policy::Decision decision;
    const policy::Outcome outcome = decision_point_->Decide(request, decision);
    EXPECT_TRUE(outcome.decided()) << outcome.status;
    return decision.permitted();
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sync::StoreLookup> lookup_;
  std::unique_ptr<policy::DecisionPoint> decision_point_;
  std::unique_ptr<sync::DirectorySource> source_;
};

TEST_F(DecideConcurrencyTest, NoDecisionIsMadeFromBeforeAReloadThatHadEnded) {
  ASSERT_TRUE(source_->Start().ok());
  // 2n: state n is in force; 2n + 1: it is on its way.
  std::atomic<uint64_t> clock{0};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> compared{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const uint64_t before = clock;
        const bool patient = Permits("Patient");
        const bool task = Permits("Task");
        if (before % 2 != 0 || clock != before) continue;
        const bool is_even = before / 2 % 2 == 0;
        ASSERT_EQ(patient, is_even);
        ASSERT_EQ(task, !is_even);
        ++compared;
      }
    });
  }
  for (uint64_t state = 1; state <= kReloads; ++state) {
    clock = 2 * state - 1;
    Write("policy.json", PolicyOf(state));
    EXPECT_TRUE(source_->Resync().ok());
    clock = 2 * state;
    const uint64_t until = compared + 3;
    while (compared < until && !HasFailure()) std::this_thread::yield();
    if (HasFailure()) break;
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(compared, kReloads);
}

}  // namespace
}  // namespace pdp
