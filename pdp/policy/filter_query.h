// The caller's own query of a Filter: which of its parameters may stand beside
// the policy's.
//
// A search brings resources of its type, which the policy's parameters narrow.
// An include brings others, a chain looks at others, and nothing of the policy
// for the searched type narrows these.  So:
//
// An include is kept where the subject may search and read every resource of
// each type that it leads to or comes from, within its projects: entries that
// narrow by nothing, and nothing before them that errs.  Nothing in a search
// confines what it brings to projects; so the runner must be confined to the
// subject's project, or the subject be a super admin.  A reference of a type
// that the parameter does not have leads where nobody looked: the answer says
// which types to keep.
//
// A chain or `_has` asks for the right to search each type on its way, as in
// Medplum, whose chains then look at every row.  Mode parity keeps it so.  In
// strict mode it looks at what the subject may find alone.  Of one link that is
// exact: where the subject may search every resource of the other type,
// `link._project=...` is added to a link that leads to one resource; elsewhere
// the parameter becomes `link._filter=(parameter) and ((policy) and
// (_project))`.  What `_filter` cannot say, and several links, are refused.
//
// In strict mode nothing may look at a hidden field, of any type.

#ifndef PDP_POLICY_FILTER_QUERY_H_
#define PDP_POLICY_FILTER_QUERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pdp/fhir/search/criteria.h"
#include "pdp/policy/filter_entries.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/policy/subject_access.h"

namespace pdp::policy {

struct CallersQuery {
  struct Refusal {
    std::string message;
    // What Medplum answers; 0: it may run the query.
    uint16_t medplum_http_status = 0;
  };
  std::optional<Refusal> refusal;

  std::string text;                           // Encoded anew: `a=b&c=d`.
  std::vector<fhir::search::Filter> filters;  // What narrows it.
  // A chain was narrowed to what the subject may find.
  bool is_narrowed = false;
  // Parameters whose meaning several searches would change: `_count`.
  std::vector<std::string> bound_to_one_search;
  // Of included types.
  std::vector<std::string> hidden_fields;
  bool has_includes = false;
  std::vector<std::string> inexact;
};

// `own`: what the subject may find of the searched type.
CallersQuery ReadCallersQuery(const SubjectAccess& access,
                              const FilterRequest& request,
                              const EntriesReach& own, Mode mode);

}  // namespace pdp::policy

#endif  // PDP_POLICY_FILTER_QUERY_H_
