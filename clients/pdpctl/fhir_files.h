// FHIR resources from files: a resource, or a Bundle of them, in each.

#ifndef PDP_CLIENTS_PDPCTL_FHIR_FILES_H_
#define PDP_CLIENTS_PDPCTL_FHIR_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/fhir/resource.h"

namespace pdp::ctl {

// The resources in the file `path`, or in every `*.json` below the directory
// `path`, in the order of their paths.  Names that begin with a dot are left
// out.
//
// NotFound: it cannot be read.  InvalidArgument: it holds something else; the
// message begins with the file.
absl::StatusOr<std::vector<fhir::ResourcePtr>> ReadFhirFiles(
    const std::string& path);

// Whether `path` is a file that holds one resource, not a Bundle or directory.
bool IsOneResource(const std::string& path,
                   const std::vector<fhir::ResourcePtr>& resources);

// Gives those without meta.project one, as a directory source does: a Project
// itself, a ProjectMembership that in `project`, others the one Project there.
//
// InvalidArgument: one has none, and there is not exactly one Project.
absl::Status AssignProjects(std::vector<fhir::ResourcePtr>& resources);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_FHIR_FILES_H_
