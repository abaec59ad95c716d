// How long does a first load take, and what does it cost to compare?
//   mirror_load [MEMBERSHIPS]
// Applies pages of 1,000 memberships as a feed of a Medplum server does, then
// the same pages once more, reads what is elsewhere and the heads, and prints
// the time of each and the resident memory.  Ends with 1 where memory or the
// processor time of the first load is past its bound.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "pdp/base/strings.h"
#include "pdp/sync/mirror.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

constexpr uint64_t kMaxResidentMiB = 256;
constexpr double kMaxProcessorSeconds = 120;
constexpr uint64_t kPage = 1000;
constexpr uint64_t kPolicies = 10'000;
constexpr std::string_view kProject = "10000000-0000-4000-8000-000000000001";

uint64_t ResidentMiB() {
  std::ifstream status("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  status >> size >> resident;
  return resident * 4096 >> 20u;
}

// Of all threads.
double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

std::string Id(std::string_view prefix, uint64_t number) {
  char id[64];
  std::snprintf(id, sizeof id, "-0000-4000-8000-%012llu",
                static_cast<unsigned long long>(number));
  return StrCat(prefix, id);
}

std::string Head(std::string_view type, std::string_view id) {
  return StrCat(
      R"({"resourceType":")", type, R"(","id":")", id,
      R"(","meta":{"versionId":"50000000-0000-4000-8000-)", id.substr(24),
      R"(","lastUpdated":"2026-11-21T01:35:47.436Z","author":)",
      R"({"reference":"ClientApplication/)", kProject, R"("},"project":")",
      kProject, R"(","compartment":[{"reference":"Project/)", kProject,
      R"("}]})");
}

std::string MemberJson(uint64_t number) {
  const std::string id = Id("30000000", number);
  return StrCat(Head("ProjectMembership", id),
                R"(,"project":{"reference":"Project/)", kProject,
                R"("},"user":{"reference":"User/)", id,
                R"("},"profile":{"reference":"Practitioner/)", id,
                R"("},"access":[{"policy":{"reference":"AccessPolicy/)",
                Id("20000000", number % kPolicies),
                R"("},"parameter":[{"name":"organization","valueReference":)",
                R"({"reference":"Organization/)", number % 1000, R"("}}]}]})");
}

std::string PolicyJson(uint64_t number) {
  return StrCat(Head("AccessPolicy", Id("20000000", number)),
                R"(,"resource":[{"resourceType":"Task","criteria":)",
                R"("Task?_compartment=%organization"}]})");
}

class Load {
 public:
  explicit Load(sync::Mirror& mirror) : mirror_(mirror) {}

  template <typename Json>
  void Pages(uint64_t count, Json json) {
    for (uint64_t begin = 0; begin < count; begin += kPage) {
      const sync::ReadTicket ticket = mirror_.order().Begin();
      std::vector<sync::Observation> page;
      for (uint64_t i = begin; i < std::min(count, begin + kPage); ++i) {
        page.push_back({.ticket = ticket, .json = json(i)});
      }
      const std::vector<store::Cursor> cursors = {
          {.source = "bench",
           .project = std::string(kProject),
           .position = StrCat(begin)}};
      const auto result = mirror_.Apply(kProject, std::move(page), cursors);
      if (!result.ok() || !result->unsure.empty()) {
        std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
        std::exit(2);
      }
    }
  }

 private:
  sync::Mirror& mirror_;
};

// Runs and reports `work`; returns its processor time.
template <typename Work>
double Report(const char* what, Work work) {
  const absl::Time began = absl::Now();
  const double processor = ProcessorSeconds();
  work();
  const double used = ProcessorSeconds() - processor;
  std::printf("%-22s %6.1f s of processor, %6.1f s, %llu MiB resident\n", what,
              used, absl::ToDoubleSeconds(absl::Now() - began),
              static_cast<unsigned long long>(ResidentMiB()));
  std::fflush(stdout);
  return used;
}

int Run(uint64_t memberships) {
  const TempDirectory directory;
  auto store = store::Store::Open({.directory = directory / "store"});
  if (!store.ok()) return 2;
  auto mirror = sync::Mirror::Open(
      **store, {.source = "bench", .projects = {std::string(kProject)}},
      nullptr);
  if (!mirror.ok()) return 2;
  Load load(**mirror);
  const double first = Report("first load", [&] {
    load.Pages(1,
               [](uint64_t) { return StrCat(Head("Project", kProject), "}"); });
    load.Pages(kPolicies, PolicyJson);
    load.Pages(memberships, MemberJson);
  });
  Report("the same once more", [&] { load.Pages(memberships, MemberJson); });
  Report("what is elsewhere", [&] {
    const auto elsewhere = (*mirror)->Elsewhere(kProject);
    if (!elsewhere.ok() || !elsewhere->empty()) std::exit(2);
  });
  Report("heads", [&] {
    uint64_t heads = 0;
    const absl::Status status = (*mirror)->VisitHeads(
        kProject, "ProjectMembership",
        [&heads](std::string_view, std::string_view) { return ++heads > 0; });
    if (!status.ok() || heads != memberships) std::exit(2);
  });
  std::printf("%llu MiB on disk\n",
              static_cast<unsigned long long>(
                  (*store)->statistics().disk_bytes >> 20u));
  return ResidentMiB() > kMaxResidentMiB || first > kMaxProcessorSeconds ? 1
                                                                         : 0;
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  return pdp::Run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
}
