// Does deciding cost the same with many memberships as with few, and does
// memory stay bounded?
//   million_memberships [MEMBERSHIPS]
// Fills a store, decides for members at random and for one member again and
// again, and prints microseconds of processor time a decision and the resident
// memory.  Ends with 1 where memory is past its bound; time is printed and
// decides nothing.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/policy/decision_point.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

constexpr uint64_t kMaxResidentMiB = 512;
constexpr int kPolicies = 100;
constexpr std::string_view kProject = "10000000-0000-4000-8000-000000000001";
constexpr std::string_view kPatient = "20000000-0000-4000-8000-000000000001";

uint64_t ResidentMiB() {
  std::ifstream status("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  status >> size >> resident;
  return resident * 4096 >> 20u;
}

std::string MemberId(uint64_t number) {
  char id[64];
  std::snprintf(id, sizeof id, "30000000-0000-4000-8000-%012llu",
                static_cast<unsigned long long>(number));
  return id;
}

store::Change Put(std::string_view type, std::string id, std::string json,
                  std::vector<std::string> subjects = {}) {
  store::Record record;
  record.version_id = "v";
  record.last_updated = "2024-05-01T12:00:00.000Z";
  record.project = kProject;
  record.subjects = std::move(subjects);
  record.bytes = std::move(json);
  return {.key = {std::string(type), std::move(id)},
          .record = std::move(record)};
}

std::string Head(std::string_view type, std::string_view id) {
  return StrCat(R"({"resourceType":")", type, R"(","id":")", id,
                R"(","meta":{"versionId":"v","project":")", kProject, "\"}");
}

store::Change MakeMember(uint64_t number) {
  const std::string id = MemberId(number);
  const std::string profile = StrCat("Practitioner/", id);
  return Put(
      "ProjectMembership", id,
      StrCat(Head("ProjectMembership", id),
             R"(,"project":{"reference":"Project/)", kProject,
             R"("},"user":{"reference":"User/)", id,
             R"("},"profile":{"reference":")", profile,
             R"("},"access":[{"policy":{"reference":"AccessPolicy/)",
             number % kPolicies,
             R"("},"parameter":[{"name":"organization","valueReference":)",
             R"({"reference":"Organization/)", number % 1000, R"("}}]}]})"),
      {profile, StrCat("User/", id)});
}

void Apply(store::Store& store, std::vector<store::Change> changes) {
  const auto revision = store.Apply(changes, {});
  if (revision.ok()) return;
  std::fprintf(stderr, "%s\n", revision.status().ToString().c_str());
  std::exit(2);
}

void Fill(store::Store& store, uint64_t memberships) {
  std::vector<store::Change> changes;
  changes.push_back(Put("Project", std::string(kProject),
                        StrCat(Head("Project", kProject), "}")));
  changes.push_back(Put("Patient", std::string(kPatient),
                        StrCat(Head("Patient", kPatient), "}")));
  for (int i = 0; i < kPolicies; ++i) {
    changes.push_back(Put("AccessPolicy", std::to_string(i),
                          StrCat(Head("AccessPolicy", std::to_string(i)),
                                 R"(,"resource":[{"resourceType":"Patient"},)",
                                 R"({"resourceType":"Task","criteria":)",
                                 R"("Task?_compartment=%organization"}]})")));
  }
  for (uint64_t number = 0; number < memberships; ++number) {
    changes.push_back(MakeMember(number));
    if (changes.size() >= 10'000) {
      Apply(store, std::move(changes));
      changes.clear();
    }
  }
  Apply(store, std::move(changes));
}

// Of this thread; the machine may have other work.
double ProcessorMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 +
         static_cast<double>(now.tv_nsec) / 1e3;
}

// Microseconds a decision.
double Decide(const policy::DecisionPoint& decision_point,
              const std::vector<std::string>& members) {
  const double start = ProcessorMicroseconds();
  for (const std::string& member : members) {
    policy::AccessRequest request;
    request.subject.reference = member;
    request.interaction = fhir::Interaction::kRead;
    request.resource.type = "Patient";
    request.resource.id = kPatient;
    policy::Decision decision;
    const policy::Outcome outcome = decision_point.Decide(request, decision);
    if (!outcome.decided() || !decision.permitted()) {
      std::fprintf(stderr, "%s is not permitted: %s %s\n", member.c_str(),
                   outcome.status.ToString().c_str(), decision.message.c_str());
      std::exit(2);
    }
  }
  return (ProcessorMicroseconds() - start) /
         static_cast<double>(members.size());
}

struct Costs {
  double same = 0;    // One member, warm.
  double random = 0;  // Any member, mostly cold.
  uint64_t resident_mib = 0;
};

Costs Measure(uint64_t memberships) {
  const TempDirectory directory;
  auto store = store::Store::Open({.directory = directory / "store"});
  if (!store.ok()) std::exit(2);
  Fill(**store, memberships);
  sync::StoreLookup lookup(**store);
  policy::DecisionPoint decision_point(lookup, {});

  std::mt19937_64 random(1);
  std::vector<std::string> any;
  for (int i = 0; i < 50'000; ++i) {
    any.push_back(
        StrCat("ProjectMembership/", MemberId(random() % memberships)));
  }
  const std::vector<std::string> same(200'000, any.front());
  Costs costs;
  costs.random = Decide(decision_point, any);
  costs.same = Decide(decision_point, same);
  for (int i = 0; i < 4; ++i) {
    costs.same = std::min(costs.same, Decide(decision_point, same));
  }
  costs.resident_mib = ResidentMiB();
  return costs;
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  const uint64_t memberships =
      argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const pdp::Costs few = pdp::Measure(1'000);
  const pdp::Costs many = pdp::Measure(memberships);
  std::printf(
      "%llu memberships: a warm decision %.2f us (1,000: %.2f; ratio %.2f), "
      "any member's %.1f us (1,000: %.1f), %llu MiB resident (bound %llu)\n",
      static_cast<unsigned long long>(memberships), many.same, few.same,
      many.same / few.same, many.random, few.random,
      static_cast<unsigned long long>(many.resident_mib),
      static_cast<unsigned long long>(pdp::kMaxResidentMiB));
  return many.resident_mib <= pdp::kMaxResidentMiB ? 0 : 1;
}
