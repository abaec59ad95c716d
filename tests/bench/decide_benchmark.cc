// What the parts of a decision cost in this process, without a transport.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "pdp/fhir/resource.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/compile.h"
#include "tests/bench/bench_world.h"

namespace pdp {
namespace {

void Measure(benchmark::State& state, const BenchWorld& world) {
  const policy::AccessRequest request = world.ReadPatient();
  policy::Decision decision;
  world.Decide(request, decision);
  for (auto _ : state) world.Decide(request, decision);
}

void EvaluateByReference(benchmark::State& state) {
  Measure(state, BenchWorld({.entries = static_cast<int>(state.range(0))}));
}
BENCHMARK(EvaluateByReference)->Arg(1)->Arg(5)->Arg(50)->Arg(500);

void EvaluateByAccessItems(benchmark::State& state) {
  Measure(state,
          BenchWorld({.entries = 1,
                      .access_items = static_cast<int>(state.range(0))}));
}
BENCHMARK(EvaluateByAccessItems)->Arg(1)->Arg(5)->Arg(50)->Arg(500);

void EvaluateAmongPolicies(benchmark::State& state) {
  Measure(state,
          BenchWorld({.other_policies = static_cast<int>(state.range(0))}));
}
BENCHMARK(EvaluateAmongPolicies)->Arg(10)->Arg(1'000)->Arg(10'000);

// The request brings the resource: it is parsed, too.
void EvaluateResource(benchmark::State& state) {
  const BenchWorld world(
      {.patient_bytes = static_cast<size_t>(state.range(0))});
  policy::AccessRequest request = world.ReadPatient();
  policy::Decision decision;
  for (auto _ : state) {
    request.resource.current = *fhir::Resource::Parse(world.patient_json());
    world.Decide(request, decision);
  }
}
BENCHMARK(EvaluateResource)->Arg(1'000)->Arg(3'000)->Arg(30'000)->Arg(100'000);

void Parse(benchmark::State& state) {
  const BenchWorld world(
      {.patient_bytes = static_cast<size_t>(state.range(0))});
  for (auto _ : state) {
    benchmark::DoNotOptimize(fhir::Resource::Parse(world.patient_json()));
  }
}
BENCHMARK(Parse)->Arg(1'000)->Arg(3'000)->Arg(30'000);

// A decision for a member of whom nothing is known yet: so many entries by one
// policy, or so many access items of one entry each.
void BindEntries(benchmark::State& state) {
  BenchWorld world({.entries = static_cast<int>(state.range(0))});
  policy::Decision decision;
  for (auto _ : state) {
    state.PauseTiming();
    world.Forget(/*with_policy=*/true);
    state.ResumeTiming();
    world.Decide(world.ReadPatient(), decision);
  }
}
BENCHMARK(BindEntries)->Arg(5)->Arg(500);

void BindAccessItems(benchmark::State& state) {
  BenchWorld world(
      {.entries = 1, .access_items = static_cast<int>(state.range(0))});
  policy::Decision decision;
  for (auto _ : state) {
    state.PauseTiming();
    world.Forget(/*with_policy=*/false);
    state.ResumeTiming();
    world.Decide(world.ReadPatient(), decision);
  }
}
BENCHMARK(BindAccessItems)->Arg(5)->Arg(500);

// The entries of a policy.
void Compile(benchmark::State& state) {
  const BenchWorld world({.entries = static_cast<int>(state.range(0))});
  const auto json = fhir::Resource::Parse(world.policy_json());
  const auto policy = policy::ParseAccessPolicy((*json)->root());
  for (auto _ : state) {
    for (const policy::PolicyEntry& entry : policy->entries) {
      benchmark::DoNotOptimize(policy::Compile(entry));
    }
  }
}
BENCHMARK(Compile)->Arg(5);

void Filter(benchmark::State& state) {
  BenchWorld world({.entries = static_cast<int>(state.range(0))});
  const policy::FilterRequest request = world.SearchPatients();
  policy::FilterAnswer answer;
  for (auto _ : state) {
    const auto outcome = world.decision_point().Filter(request, answer);
    if (!outcome.decided() || answer.kind != policy::FilterKind::kConditional) {
      std::fprintf(stderr, "filter: %s\n", outcome.status.ToString().c_str());
      std::exit(2);
    }
  }
}
BENCHMARK(Filter)->Arg(1)->Arg(5)->Arg(50)->Arg(500);

}  // namespace
}  // namespace pdp

BENCHMARK_MAIN();
