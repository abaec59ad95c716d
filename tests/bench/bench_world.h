// BenchWorld: a store of as many policies, entries, memberships and bytes as is
// wanted, and a decision point over it, for programs that measure decisions.

#ifndef PDP_TESTS_BENCH_BENCH_WORLD_H_
#define PDP_TESTS_BENCH_BENCH_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/policy/decision_point.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"
#include "tests/support/temp_directory.h"

namespace pdp {

struct BenchWorldSize {
  // Of the policy; the last of them grants to read the patient.
  int entries = 5;
  // Of the membership, each by a policy of `entries` with an organization for
  // its parameter, the last of which is the patient's; 0: the policy itself.
  int access_items = 0;
  size_t patient_bytes = 3'000;
  int other_policies = 0;
  int other_memberships = 0;
};

class BenchWorld {
 public:
  static constexpr std::string_view kPatient =
      "20000000-0000-4000-8000-000000000001";

  // Ends the process where the store cannot be filled.
  explicit BenchWorld(const BenchWorldSize& size);
  ~BenchWorld();

  // The member reads the patient, or so: a request to be changed.
  policy::AccessRequest ReadPatient() const;
  policy::FilterRequest SearchPatients() const;

  // Ends the process unless the answer is a permit.
  void Decide(const policy::AccessRequest& request,
              policy::Decision& decision) const;

  // Nothing is known of the member any more, nor of their policy where it is
  // to be compiled anew.
  void Forget(bool with_policy);
  // Writes `count` of the other memberships anew.
  void ChangeMemberships(int first, int count);

  // Of the store's files.
  uint64_t DiskBytes() const;

  const std::string& patient_json() const { return patient_json_; }
  policy::DecisionPoint& decision_point() { return decision_point_; }
  const std::string& policy_json() const { return policy_json_; }

 private:
  void Fill(const BenchWorldSize& size);
  void Apply(std::vector<store::Change> changes);

  const std::string patient_json_;
  const std::string policy_json_;
  const TempDirectory directory_;
  const std::unique_ptr<store::Store> store_;
  const sync::StoreLookup lookup_;
  policy::DecisionPoint decision_point_;
  int observer_ = 0;
  int changes_ = 0;
};

}  // namespace pdp

#endif  // PDP_TESTS_BENCH_BENCH_WORLD_H_
