// A suite of policy tests: resources, and what somebody may do to them.
//
// docs/testing-policies.md has the format.

#ifndef PDP_CLIENTS_PDPCTL_SUITE_H_
#define PDP_CLIENTS_PDPCTL_SUITE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/mode.h"

namespace pdp::ctl {

struct SuiteSubject {
  std::string name;  // As the suite calls it.
  std::string reference;
  std::string project;
  std::optional<std::string> smart_scope;
  std::optional<std::string> launch_patient;
  std::optional<std::string> remote_address;
  std::optional<std::string> on_behalf_of;
  std::vector<std::string> active_tenants;
  bool extended_mode = false;
};

// What a suite says of one question.
struct Expectation {
  // What is asked and who, in the suite's own names: "nurse: read own-patient".
  std::string name;
  std::string group;  // The title of the test or matrix.
  int line = 0;       // From 1.
  int column = 0;

  SuiteSubject subject;

  // A check.
  fhir::Interaction interaction = fhir::Interaction::kUnspecified;
  std::string type;
  std::string id;
  std::string version_id;
  fhir::ResourcePtr proposed;
  bool permitted = false;
  // Permitted, with whatever obligations.
  bool ignores_fields = false;
  std::vector<std::string> hidden_fields;
  std::vector<std::string> readonly_fields;
  std::string reason;              // Empty: any.
  std::optional<int> http_status;  // Medplum's.

  // A filter, where `filter_type` is not empty.
  std::string filter_type;
  std::string query;
  policy::FilterKind filter_kind = policy::FilterKind::kUnspecified;  // Any.
  // What its searches find among the suite's resources, `Type/id`.
  std::optional<std::vector<std::string>> finds;
};

struct Suite {
  std::string path;
  std::string title;
  policy::Mode mode = policy::Mode::kStrict;
  policy::ParameterSemantics parameter_semantics =
      policy::ParameterSemantics::kDocumented;
  std::vector<fhir::ResourcePtr> resources;
  std::vector<Expectation> expectations;
};

// Reads the YAML `text` of the file `path`, and the fixtures that it names.
//
// InvalidArgument, beginning with `path:line:column: `: not YAML, an unknown
// key, one that is given twice, a value that is none, a name that is not
// defined, a fixture that is not FHIR.
absl::StatusOr<Suite> ParseSuite(const std::string& text,
                                 const std::string& path);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_SUITE_H_
