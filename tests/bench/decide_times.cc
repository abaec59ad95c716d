// Makes one decision again and again, for programs that count instructions:
//   decide_times reference|resource|filter COUNT

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "pdp/fhir/resource.h"
#include "tests/bench/bench_world.h"

namespace pdp {
namespace {

// What is counted.
[[gnu::noinline]] void Once(BenchWorld& world, std::string_view what) {
  if (what == "filter") {
    policy::FilterAnswer answer;
    world.decision_point().Filter(world.SearchPatients(), answer);
    return;
  }
  policy::AccessRequest request = world.ReadPatient();
  if (what == "resource") {
    request.resource.current = *fhir::Resource::Parse(world.patient_json());
  }
  policy::Decision decision;
  world.Decide(request, decision);
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: decide_times reference|resource|filter N\n");
    return 2;
  }
  pdp::BenchWorld world({});
  for (int i = 0; i < std::atoi(argv[2]); ++i) pdp::Once(world, argv[1]);
  return 0;
}
