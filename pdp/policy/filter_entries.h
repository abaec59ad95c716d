// What the entries of a policy let a subject find of a resource type, as FHIR
// search parameters (semantics S-14, S-21).

#ifndef PDP_POLICY_FILTER_ENTRIES_H_
#define PDP_POLICY_FILTER_ENTRIES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/decision.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

// Appends a parameter to `query`, percent-encoded.
void AppendParameter(std::string_view key, std::string_view value,
                     std::string& query);

// Appends what is no part of `query` yet, itself a query.
void AppendQuery(std::string_view more, std::string& query);

// What one entry lets through.
struct EntryFilter {
  std::string query;                          // `a=b&c=d`, never empty.
  std::vector<fhir::search::Filter> filters;  // The same, parsed.
};

// What all entries for a type let through.
struct EntriesReach {
  // Every search of the type ends with this error, of the policy's making.
  struct Error {
    uint16_t medplum_http_status = 400;
    std::string message;
  };
  std::optional<Error> error;
  // Everything within the projects that may be read; `any_of` means nothing.
  bool is_unrestricted = false;
  // What some of these lets through; nothing where there are none.
  std::vector<EntryFilter> any_of;
  // Of every entry for the type, whatever it grants; each once.
  std::vector<std::string> hidden_fields;
};

// For `interaction`, search or read, on `type`.  The gate (S-6) is not part of
// it.
EntriesReach ReachOf(const SubjectAccess& access, std::string_view type,
                     fhir::Interaction interaction, Mode mode);

// `_project=...`, which confines a search of `type` to the projects whose
// resources the subject may read; empty for a super admin, who reads all.
std::string ProjectQuery(const SubjectAccess& access, std::string_view type);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_ENTRIES_H_
