// What of a resource's text is stored.
//
// The decision needs no secret, so none reaches the disk: they are taken out by
// name.  So are the addresses of attachments, which a server signs anew for
// each answer: one version would have another text each time.

#ifndef PDP_SYNC_STORED_FORM_H_
#define PDP_SYNC_STORED_FORM_H_

#include <string>
#include <string_view>

namespace pdp::sync {

// `json` without these members, every other byte as it was.
// REQUIRES: `json` is a resource of the type `type` that
// fhir::Resource::Parse takes.
std::string StoredForm(std::string_view type, std::string_view json);

// A Project as its own login read it.  Medplum does not show that login
// `strictMode` (semantics S-2): it is taken for true, under which less is
// permitted.
// REQUIRES: as above.
std::string WithAssumedStrictMode(std::string_view project_json);

}  // namespace pdp::sync

#endif  // PDP_SYNC_STORED_FORM_H_
