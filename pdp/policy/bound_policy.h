// BoundPolicy: what a membership may do; all its AccessPolicies in order, with
// the membership's parameters in place and Medplum's own rules added
// (semantics S-2, S-3, S-5).
//
// Immutable; shared by decisions and by members whose inputs are equal.

#ifndef PDP_POLICY_BOUND_POLICY_H_
#define PDP_POLICY_BOUND_POLICY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/element_set.h"
#include "pdp/policy/access_policy.h"
#include "pdp/policy/compile.h"
#include "pdp/policy/decision.h"

namespace pdp::policy {

// Where an entry comes from.
struct EntrySource {
  std::string policy;  // `AccessPolicy/id`; empty for built-in ones.
  std::string policy_version_id;
  std::string policy_name;
  uint32_t index = 0;         // In AccessPolicy.resource.
  uint32_t source = 0;        // 0: accessPolicy; 1 + i: access[i].
  std::string_view built_in;  // The rule of Medplum's that added it.
};

struct BoundEntry {
  std::shared_ptr<const CompiledEntry> compiled;
  EntrySource source;
  // The active tenants that the entry's reach is narrowed to on the types of
  // the patient compartment; empty for no narrowing.
  std::vector<std::string> tenants;
  // In strict mode the entry grants only these interactions, by this rule.
  fhir::InteractionSet in_force = fhir::kAllInteractions;
  StrictRule narrowed_by = StrictRule::kUnspecified;
};

class BoundPolicy {
 public:
  BoundPolicy(std::vector<BoundEntry> entries, std::string compartment,
              std::string compartment_json,
              std::vector<IpAccessRule> ip_access_rules,
              std::vector<std::string> based_on, std::vector<Note> notes);
  BoundPolicy(const BoundPolicy&) = delete;
  BoundPolicy& operator=(const BoundPolicy&) = delete;

  const std::vector<BoundEntry>& entries() const { return entries_; }

  // The entries that can apply to `type`, in order: those that name it and the
  // wildcard ones, which never cover project-admin types (semantics S-6).
  std::span<const BoundEntry* const> EntriesFor(std::string_view type) const;

  // What telling which entries match reads of a resource of `type`.
  const fhir::ElementSet& ElementsFor(std::string_view type) const;

  // AccessPolicy.compartment: an account of what the member creates.
  const std::string& compartment() const { return compartment_; }
  const std::vector<IpAccessRule>& ip_access_rules() const {
    return ip_access_rules_;
  }
  // What every decision under this policy says.
  const std::vector<Note>& notes() const { return notes_; }

  // An entry that grants less in strict mode than in Medplum; null: none does.
  const BoundEntry* narrowed_entry() const { return narrowed_entry_; }

  // The effective AccessPolicy as Medplum's `/auth/me` shows it.
  std::string ToJson() const;

  // Every entry with its tests, for `pdpctl` and golden tests.
  std::string Print() const;

 private:
  std::vector<BoundEntry> entries_;
  struct Entries {
    std::vector<const BoundEntry*> list;
    fhir::ElementSet elements;

    void Add(const BoundEntry& entry);
  };

  // Names of types are short and few, and differ at their ends.
  struct TypeHash {
    using is_transparent = void;
    size_t operator()(std::string_view type) const;
  };

  absl::flat_hash_map<std::string, Entries, TypeHash, StringEqual> by_type_;
  Entries wildcards_;
  const BoundEntry* narrowed_entry_ = nullptr;
  std::string compartment_;
  std::string compartment_json_;
  std::vector<IpAccessRule> ip_access_rules_;
  std::vector<std::string> based_on_;  // References, as JSON.
  std::vector<Note> notes_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_BOUND_POLICY_H_
