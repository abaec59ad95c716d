// Shadow: what the other mode would have answered, counted by strict rule.
//
// In parity mode every decision is made again as strict mode would, in strict
// mode as Medplum would, after the answer is determined and without changing
// it.  So an administrator sees what adopting a mode would change before it
// does.
//
// Thread-safe.  Only a difference takes a lock.

#ifndef PDP_SERVICE_SHADOW_H_
#define PDP_SERVICE_SHADOW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "pdp/base/cell.h"
#include "pdp/base/mutex.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"

namespace medplum::pdp::v1 {
class ShadowStatus;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// What of an answer is compared.
struct ShadowedAnswer {
  policy::Effect effect = policy::Effect::kUnspecified;
  policy::StrictRule departure = policy::StrictRule::kUnspecified;
  size_t hidden_fields = 0;
  uint64_t revision = 0;
};
ShadowedAnswer Shadowed(const policy::Decision& decision);
ShadowedAnswer Shadowed(const policy::FilterAnswer& answer);

class Shadow {
 public:
  // `decision_point` must outlive the Shadow.
  explicit Shadow(const policy::DecisionPoint& decision_point);

  // `answer` is what the server's own mode decided.
  void Compare(const policy::AccessRequest& request,
               const ShadowedAnswer& answer);
  void Compare(const policy::FilterRequest& request,
               const ShadowedAnswer& answer);

  // The mode compared with.
  policy::Mode mode() const { return mode_; }

  // How the comparisons ended.
  enum class Result : uint8_t {
    kSame,
    kDifferent,
    kUndecided,  // A fact is missing, or the data changed in between.
  };
  static constexpr size_t kResults = 3;
  uint64_t decisions(Result result) const {
    return results_.Get(static_cast<size_t>(result));
  }

  // Differences by rule; kUnspecified: no rule explains it.
  static constexpr size_t kEffects = 4;
  uint64_t differences(policy::StrictRule rule, policy::Effect effect,
                       policy::Effect shadow_effect) const {
    return differences_.Get(Cell(rule, effect, shadow_effect));
  }

  void Describe(v1::ShadowStatus& status) const;

 private:
  // The last difference by a rule.  Nothing of the resource itself.
  struct Example {
    fhir::Interaction interaction = fhir::Interaction::kUnspecified;
    std::string resource_type;
    std::string membership;
    absl::Time at = absl::InfinitePast();
    policy::Effect effect = policy::Effect::kUnspecified;
    policy::Effect shadow_effect = policy::Effect::kUnspecified;
  };

  static size_t Cell(policy::StrictRule rule, policy::Effect effect,
                     policy::Effect shadow_effect) {
    return (static_cast<size_t>(rule) * kEffects +
            static_cast<size_t>(effect)) *
               kEffects +
           static_cast<size_t>(shadow_effect);
  }

  void Count(Result result) { results_.Add(static_cast<size_t>(result)); }
  void Count(const ShadowedAnswer& answer, const ShadowedAnswer& shadow,
             const policy::Subject& subject, fhir::Interaction interaction,
             std::string_view resource_type);

  const policy::DecisionPoint& decision_point_;
  const policy::Mode mode_;
  CounterTable results_{kResults};
  CounterTable differences_{policy::kStrictRules * kEffects * kEffects};
  mutable Mutex mutex_;
  std::array<Example, policy::kStrictRules> examples_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_SHADOW_H_
