// What a server has of what a file wants, found by the identifiers and tags
// that mark what provisioning made.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_OBSERVED_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_OBSERVED_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/content.h"
#include "pdp/fhir/resource.h"

namespace pdp::provision {

class Observed {
 public:
  // `system`: as ProvisionFile's.
  explicit Observed(std::string system) : system_(std::move(system)) {}

  // Takes an AccessPolicy, ProjectMembership, ClientApplication or Bot under
  // its mark, or else among `others`.
  void Add(fhir::ResourcePtr resource);
  // Takes whatever it is under `key`.
  void AddAs(const std::string& key, fhir::ResourcePtr resource);
  // The reference `@key` stands for.
  void Name(const std::string& key, const std::string& reference);

  const std::string& system() const { return system_; }

  // What has the key, none or more than one where something went wrong.
  std::vector<fhir::ResourcePtr> Find(std::string_view key) const;
  // All keys that begin so, in order.
  std::vector<std::string> Keys(std::string_view prefix) const;
  // What has no mark.
  const std::vector<fhir::ResourcePtr>& others() const { return others_; }

  // The name that stands for `reference`, or itself.
  std::string ToName(std::string_view reference) const;
  // The reference that `name` stands for, or itself; empty: not known yet.
  std::string ToReference(std::string_view name) const;

  // A membership's content in the names of the file.  InvalidArgument: it
  // cannot be read.
  absl::StatusOr<MembershipContent> ContentOf(
      const fhir::Resource& membership) const;

 private:
  std::string KeyOf(const fhir::Resource& resource) const;

  const std::string system_;
  std::map<std::string, std::vector<fhir::ResourcePtr>, std::less<>> found_;
  std::vector<fhir::ResourcePtr> others_;
  std::map<std::string, std::string, std::less<>> references_;  // By key.
  std::map<std::string, std::string, std::less<>> names_;       // By reference.
};

// The value of the identifier of `system`, of an `identifier` that is a list
// or one; empty: none.
std::string IdentifierOf(const fhir::Resource& resource,
                         std::string_view system);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_OBSERVED_H_
