// DraftEntry: an entry on its way from an AccessPolicy to a BoundPolicy.  The
// steps of binding edit it; what none of them touched keeps the compiled form
// that all members share.

#ifndef PDP_POLICY_DRAFT_H_
#define PDP_POLICY_DRAFT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/policy/bound_policy.h"
#include "pdp/policy/compile.h"

namespace pdp::policy {

class DraftEntry {
 public:
  DraftEntry(std::shared_ptr<const CompiledEntry> compiled, EntrySource source)
      : compiled_(std::move(compiled)), source_(std::move(source)) {}
  DraftEntry(PolicyEntry entry, EntrySource source)
      : edited_(std::move(entry)), source_(std::move(source)) {}

  const PolicyEntry& entry() const {
    return edited_ ? *edited_ : compiled_->source;
  }
  // For a change: the entry is compiled anew.
  PolicyEntry& Edit() {
    if (!edited_) edited_ = compiled_->source;
    compiled_ = nullptr;
    return *edited_;
  }
  const EntrySource& source() const { return source_; }

  std::vector<std::string> tenants;
  fhir::InteractionSet in_force = fhir::kAllInteractions;
  StrictRule narrowed_by = StrictRule::kUnspecified;

  // Strict mode grants no more than `interactions` through the entry, by
  // `rule`.
  void Narrow(fhir::InteractionSet interactions, StrictRule rule) {
    if ((in_force & ~interactions) == 0) return;
    in_force &= interactions;
    narrowed_by = rule;
  }

  BoundEntry Finish() && {
    if (compiled_ == nullptr) compiled_ = Compile(*std::move(edited_));
    return {std::move(compiled_), std::move(source_), std::move(tenants),
            in_force, narrowed_by};
  }

 private:
  std::shared_ptr<const CompiledEntry> compiled_;
  std::optional<PolicyEntry> edited_;
  EntrySource source_;
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_DRAFT_H_
