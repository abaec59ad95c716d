// What is kept takes how much room?
//   footprint BOUND MEMBERSHIPS
// Prints the bytes of memory of each of so many bound memberships, and the
// bytes on the disk of each of so many kept ones.

#include <malloc.h>

#include <cstdio>
#include <cstdlib>

#include "pdp/base/strings.h"
#include "tests/bench/bench_world.h"

namespace pdp {
namespace {

size_t InUse() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

int Run(int bound, int memberships) {
  BenchWorld world({.other_memberships = memberships});
  policy::AccessRequest request = world.ReadPatient();
  const auto bind = [&](int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const std::string member = StrCat("ProjectMembership/other-", i);
      request.subject.reference = member;
      policy::Decision decision;
      world.Decide(request, decision);
    }
  };
  bind(0, 100);
  const size_t before = InUse();
  bind(100, bound);
  const size_t after = InUse();
  std::printf("{\"bound_bytes\":%.0f,\"disk_bytes\":%.0f}\n",
              static_cast<double>(after - before) / bound,
              static_cast<double>(world.DiskBytes()) / memberships);
  return 0;
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: footprint BOUND MEMBERSHIPS\n");
    return 2;
  }
  return pdp::Run(std::atoi(argv[1]), std::atoi(argv[2]));
}
