// Proof that an organization's members lost their access, or have it: a running
// decision point is asked before and after, as any enforcement point would ask.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_PROOF_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_PROOF_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "clients/pdpctl/provision/observed.h"
#include "clients/pdpctl/rpc_client.h"

namespace pdp::provision {

// May the member search the type, with the tenant active?
struct Question {
  std::string membership;  // `ProjectMembership/id`.
  std::string name;        // As people know it; may be empty.
  std::string type;
  std::string tenant;  // `Organization/id`; empty: none is made active.
};

// A type that some access of the membership to the tenant grants searches of.
// `tenant`: as the file names it, or empty for any.
Question QuestionOf(const Observed& observed, const fhir::Resource& membership,
                    std::string_view tenant);

struct Answer {
  enum class Kind : uint8_t { kNone, kPermitted, kDenied };
  Kind kind = Kind::kNone;
  std::string text;  // "permitted", "denied (SUBJECT_INACTIVE)", "no decision".
};

std::vector<Answer> AskAll(const ctl::RpcClient& client,
                           const std::vector<Question>& questions);

// Asks again until every answer is `wanted`, at most for so long; the last
// answers.
std::vector<Answer> AskUntil(const ctl::RpcClient& client,
                             const std::vector<Question>& questions,
                             Answer::Kind wanted, absl::Duration limit);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_PROOF_H_
