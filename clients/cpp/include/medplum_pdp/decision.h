// What a decision point answered, or that it did not.

#ifndef MEDPLUM_PDP_DECISION_H_
#define MEDPLUM_PDP_DECISION_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "medplum/pdp/v1/decision.pb.h"

namespace medplum_pdp {

namespace v1 = ::medplum::pdp::v1;

enum class Effect : uint8_t {
  // The decision point was not reached, refused the call, or answered what this
  // client does not understand.  Treat as a denial; answer 503.
  kNoDecision = 0,
  kDeny,
  kPermit,
  // Permitted to whoever honors `Decision::obligations()`.
  kPermitWithObligations,
};

// `NO_DECISION`, `DENY`, `PERMIT`, `PERMIT_WITH_OBLIGATIONS`.
std::string_view EffectText(Effect effect);

// What a permit asks of the enforcement point.
enum class Obligation : uint8_t {
  // Remove `message().hidden_fields()` before anything is shown, the answer to
  // a
  // write included: RemoveHiddenFields.
  kHiddenFields = 1,
  // Store `message().write().resource()`, not what was sent.  Ask for it:
  // CheckRequest.return_completed_resource.
  kReadonlyFields = 2,
  // Of a history: remove of each version what `message().versions()` names, or
  // hidden_fields where it does not name the version.
  kVersionFields = 4,
};

// A set of obligations: `{Obligation::kHiddenFields}`.
class Obligations {
 public:
  constexpr Obligations() = default;
  constexpr Obligations(std::initializer_list<Obligation> list) {
    for (const Obligation obligation : list) Add(obligation);
  }

  constexpr void Add(Obligation obligation) {
    bits_ |= static_cast<unsigned>(obligation);
  }
  constexpr bool Has(Obligation obligation) const {
    return (bits_ & static_cast<unsigned>(obligation)) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  // Whether all of `other` are among these.
  constexpr bool Cover(Obligations other) const {
    return (other.bits_ & ~bits_) == 0;
  }

 private:
  unsigned bits_ = 0;
};

// One decision.  A value: copy and move it as you like.
class Decision {
 public:
  // No decision, as nothing was asked.
  Decision();
  // No decision, and why.
  // REQUIRES: !status.ok()
  explicit Decision(absl::Status status);
  // What `message` says; no decision where it is malformed or says what this
  // client does not know.
  static Decision From(v1::Decision message);

  Effect effect() const { return effect_; }

  // Permitted, and nothing is left to do.  False for a permit with obligations.
  bool permitted() const { return effect_ == Effect::kPermit; }
  bool permitted_with_obligations() const {
    return effect_ == Effect::kPermitWithObligations;
  }
  // Permitted to a caller who honors `honored`: what he does not name he would
  // not do, and then it is not permitted.
  bool permitted_if(Obligations honored) const;
  bool denied() const { return effect_ == Effect::kDeny; }
  bool no_decision() const { return effect_ == Effect::kNoDecision; }

  Obligations obligations() const;

  // What to answer to the one who asked: 200; 403; 401 where the subject is
  // unknown or its session over; 503 without a decision.  With obligations that
  // are not all among `honored`: 403.
  int http_status(Obligations honored = {}) const;

  // OK: permitted, as by permitted_if(honored).  PermissionDenied,
  // Unauthenticated: http_status is 403, 401.  Unavailable: 503.  The message
  // has the reason and the id of the decision, for logs; tell the one who asked
  // neither.
  absl::Status Require(Obligations honored = {}) const;

  // Why there is no decision; OK where there is one.  Never PermissionDenied or
  // Unauthenticated (see client.h).
  const absl::Status& status() const { return status_; }

  // `DENY: RESOURCE_NOT_GRANTED (decision 019a...)`, for logs: nothing of the
  // resource is in it, as may be in `message()`.
  std::string ToString() const;

  // `RESOURCE_NOT_GRANTED`; empty without a decision.
  std::string reason() const;
  // As in the audit record; empty without a decision.
  const std::string& decision_id() const { return message_.decision_id(); }
  // The whole answer: its effect is not to be looked at, `effect()` is.  Empty
  // without a decision.
  const v1::Decision& message() const { return message_; }

 private:
  Effect effect_ = Effect::kNoDecision;
  absl::Status status_;
  v1::Decision message_;
};

// What Require says of a Decision, of a Filter: OK where something may be
// found. A caller who does not remove hidden fields checks
// `strip_fields_required` too.
absl::Status Require(const v1::FilterResponse& answer);

// 200, 401, 403 or 503 for a status of Require.
int HttpStatusOf(const absl::Status& required);

// The body for whatever is not permitted, "no such resource" included:
// `{"decisionId":"019a..."}`, with null where there was no decision.
std::string DenialBody(const Decision& decision);

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_DECISION_H_
