// Findings: whom and what a question turned out to be about, for the audit
// log.

#ifndef PDP_POLICY_FINDINGS_H_
#define PDP_POLICY_FINDINGS_H_

#include <memory>

#include "pdp/fhir/resource.h"

namespace pdp::policy {

struct SubjectAccess;

// Null: the decision did not come that far.  What is there may be denied.
struct Findings {
  // Who the subject is; under on-behalf-of, who acts.
  std::shared_ptr<const SubjectAccess> subject;
  // The member on whose behalf; null without on-behalf-of.
  std::shared_ptr<const SubjectAccess> on_behalf_of;
  // What was judged, with its compartments; perhaps only a part of it.
  fhir::ResourcePtr resource;

  // Whose policy decided.
  const SubjectAccess* decisive() const {
    return on_behalf_of != nullptr ? on_behalf_of.get() : subject.get();
  }
};

}  // namespace pdp::policy

#endif  // PDP_POLICY_FINDINGS_H_
