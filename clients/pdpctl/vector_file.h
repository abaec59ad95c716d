// A file of decisions recorded from a Medplum server: the resources of one
// scenario, and what the server answered to the requests of its members.

#ifndef PDP_CLIENTS_PDPCTL_VECTOR_FILE_H_
#define PDP_CLIENTS_PDPCTL_VECTOR_FILE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::ctl {

// Who asked, and how.
struct RecordedSubject {
  std::string_view membership;
  std::optional<std::string_view> scope;
  // The patient of the SmartAppLaunch: `Patient/id`.
  std::optional<std::string> launch_patient;
  std::optional<std::string_view> remote_address;
  std::optional<std::string_view> on_behalf_of;
  bool extended = false;
  bool basic_authentication = false;
  // A token was asked for after the membership or its policy had changed.
  bool new_token = false;
};

// What the server answered to a check.
struct RecordedDecision {
  bool allowed = false;
  int http_status = 0;
  std::string_view outcome_text;
  std::optional<fhir::JsonElement> body;
  std::optional<fhir::JsonElement> stored;
  // Of a history, newest first; null for the version that is a deletion.
  std::vector<fhir::JsonElement> bodies;
};

struct RecordedCheck {
  std::string_view id;
  RecordedSubject subject;
  fhir::Interaction interaction = fhir::Interaction::kUnspecified;
  std::string_view type;
  std::string_view resource_id;  // Empty for create.
  std::string_view version_id;
  std::string proposed;  // JSON; empty where the check has none.
  RecordedDecision expected;
  std::optional<RecordedDecision> cold;
};

struct RecordedSearch {
  std::string_view id;
  RecordedSubject subject;
  std::string_view type;
  std::string_view query;  // Without the type and the question mark.
  int http_status = 0;
  std::string_view outcome_text;
  // Absent: not kept.
  std::optional<std::vector<std::string>> ids;
};

struct RecordedEffectivePolicy {
  std::string_view id;
  RecordedSubject subject;
  int http_status = 0;
  std::string_view outcome_text;
  std::optional<fhir::JsonElement> access_policy;
  std::string_view project;
  std::string_view profile;
};

// Immutable; owns all text that the other structs refer to.
class VectorFile {
 public:
  // InvalidArgument, NotFound: the message names the file and what is wrong
  // with it.
  static absl::StatusOr<std::unique_ptr<const VectorFile>> Load(
      const std::string& path);
  // `name` stands for the path in messages.
  static absl::StatusOr<std::unique_ptr<const VectorFile>> Parse(
      const std::string& name, const std::string& json);

  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  std::string_view scenario() const { return scenario_; }
  const std::vector<fhir::ResourcePtr>& resources() const { return resources_; }
  const std::vector<fhir::ResourcePtr>& versions() const { return versions_; }
  const std::vector<RecordedCheck>& checks() const { return checks_; }
  const std::vector<RecordedSearch>& searches() const { return searches_; }
  const std::vector<RecordedEffectivePolicy>& effective() const {
    return effective_;
  }

 private:
  friend class VectorFileReader;
  VectorFile() = default;

  simdjson::dom::parser parser_;
  std::string_view scenario_;
  std::vector<fhir::ResourcePtr> resources_;
  std::vector<fhir::ResourcePtr> versions_;
  std::vector<RecordedCheck> checks_;
  std::vector<RecordedSearch> searches_;
  std::vector<RecordedEffectivePolicy> effective_;
};

// The paths of the `*.json` files of a directory, sorted.
//
// NotFound: no such directory, or no such file in it.
absl::StatusOr<std::vector<std::string>> ListVectorFiles(
    const std::string& directory);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_VECTOR_FILE_H_
