// Judge: whoever answers the questions of recorded decisions, the decision
// point in this process or a running server.

#ifndef PDP_CLIENTS_PDPCTL_JUDGE_H_
#define PDP_CLIENTS_PDPCTL_JUDGE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "clients/pdpctl/vector_file.h"

namespace pdp::ctl {

struct CheckQuestion {
  const RecordedCheck* check = nullptr;
  bool durable_only = false;
};

struct VersionAnswer {
  std::string version_id;
  std::vector<std::string> hidden_fields;
};

struct CheckAnswer {
  // Not OK: there is no decision.
  absl::Status status;
  bool permitted = false;
  int http_status = 0;  // Medplum's.
  std::string reason;   // "RESOURCE_NOT_GRANTED".
  std::string message;
  // Of reads: what each of Medplum's matchers says.
  bool matches_in_memory = false;
  bool durable_match_unknown = false;
  std::vector<std::string> hidden_fields;
  std::vector<VersionAnswer> versions;
  // What would be stored, as JSON; empty where the answer does not tell.
  std::string completed;
  // The strict rules that changed the answer: "DURABLE_READ".
  std::vector<std::string> strict_rules;
};

struct SearchAnswer {
  absl::Status status;
  bool permitted = false;
  int http_status = 0;
  std::string reason;
  std::string message;
  // What to search for; empty where nothing may be found.
  std::vector<std::string> queries;
  // The same as one search; empty where there is none.
  std::string single_query;
  std::vector<std::string> inexact;
  // The strict rules that changed the answer: "DURABLE_READ".
  std::vector<std::string> strict_rules;
};

struct EffectiveAnswer {
  absl::Status status;
  int http_status = 0;
  std::string reason;
  std::string message;
  std::string access_policy;  // JSON; empty where there is none.
  std::string project;
  std::string profile;
  // The strict rules that changed the answer: "DURABLE_READ".
  std::vector<std::string> strict_rules;
};

class Judge {
 public:
  virtual ~Judge() = default;

  // The scenario that the next questions are about.  `file` outlives them.
  virtual void Enter(const VectorFile& file) = 0;

  // One answer for each question, in their order.
  virtual std::vector<CheckAnswer> Check(
      std::span<const CheckQuestion> questions) = 0;
  virtual SearchAnswer Search(const RecordedSearch& search) = 0;
  virtual EffectiveAnswer Describe(
      const RecordedEffectivePolicy& effective) = 0;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_JUDGE_H_
