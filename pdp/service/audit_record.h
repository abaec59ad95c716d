// What the audit log says of the answers of the API: references and codes of
// the request and the answer, never content.

#ifndef PDP_SERVICE_AUDIT_RECORD_H_
#define PDP_SERVICE_AUDIT_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/time/time.h"
#include "pdp/audit/record.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/findings.h"
#include "pdp/policy/request.h"
#include "pdp/service/call_outcome.h"
#include "pdp/service/metrics.h"

namespace medplum::pdp::v1 {
class Context;
class Decision;
class FilterResponse;
class Resource;
class Subject;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// "Type/id" or "Type", held in place.
class ReferenceText {
 public:
  // What is no type or no id is left out, so that nothing else gets in.
  void Assign(std::string_view type, std::string_view id);
  // Of a reference that is not `Type/id` nothing is left.
  void Assign(std::string_view reference);
  std::string_view view() const { return {text_, size_}; }

 private:
  static constexpr size_t kMaxPart = 64;
  char text_[2 * kMaxPart + 1];
  uint8_t size_ = 0;
};

// Whom and what an answer is about, kept until it is recorded.
struct AnswerFacts {
  std::shared_ptr<const policy::SubjectAccess> subject;
  std::shared_ptr<const policy::SubjectAccess> on_behalf_of;
  std::shared_ptr<const policy::TokenBinding> token;
  ReferenceText resource;
  ReferenceText patient;

  // As it was asked about; `facts` may be empty.
  void SetResource(const v1::Resource& message,
                   const policy::ResourceFacts& facts);
  void SetResource(std::string_view type, std::string_view id);
  // As it was found.
  void SetFindings(policy::Findings found, const policy::ResourceFacts& facts,
                   const policy::Decision& decision);
  void SetFindings(policy::Findings found);
  // The patient of `resource`, which may be null.
  void SetPatient(const fhir::Resource* resource);
};

// What all the records of one question say.
struct RecordedQuestion {
  audit::RecordKind kind = audit::RecordKind::kDecision;
  Method method = Method::kCheck;
  const CallAttempt& attempt;  // Its ledger is where the record goes.
  absl::Time time;
  const v1::Subject& subject;
  const v1::Context& context;
  int interaction = 0;  // A v1::Interaction, or another number.
  std::string_view version_id;
  std::string_view event;
};

void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const v1::Decision& answer);
void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const v1::FilterResponse& answer);
void RecordAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                  const policy::Decision& answer, std::string_view decision_id);

// A question that has no answer: with the effect NO_DECISION, and why as the
// reason.  What is malformed is not recorded.
void RecordNoAnswer(const RecordedQuestion& question, const AnswerFacts& facts,
                    const CallOutcome& outcome);

}  // namespace pdp::service

#endif  // PDP_SERVICE_AUDIT_RECORD_H_
