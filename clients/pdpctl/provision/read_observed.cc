#include "clients/pdpctl/provision/read_observed.h"

#include <set>
#include <string>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/url.h"

namespace pdp::provision {
namespace {

using fhir::ResourcePtr;
using medplum::PercentEncode;

constexpr std::string_view kPage = "&_sort=_lastUpdated&_count=1000";

std::string Token(std::string_view system, std::string_view value) {
  return PercentEncode(StrCat(system, "|", value));
}

// Confined.
class Reader {
 public:
  Reader(Server& server, const ProvisionFile& file,
         const DesiredProject& desired)
      : server_(server),
        desired_(desired),
        project_(desired.login.project),
        observed_(std::make_unique<Observed>(file.system)) {
    for (const DesiredMember& member : desired.members) {
      users_.insert(member.person.email);
      users_.insert(member.person.external_id);
    }
    users_.erase("");
  }

  absl::StatusOr<std::unique_ptr<Observed>> Read() {
    PDP_RETURN_IF_ERROR(CheckLogin());
    PDP_RETURN_IF_ERROR(server_.Search(
        StrCat("AccessPolicy?_project=", project_, kPage),
        [this](ResourcePtr policy) { return Add(std::move(policy)); }));
    for (const Organization& one : desired_.organizations) {
      PDP_RETURN_IF_ERROR(ReadOrganization(one));
    }
    std::set<std::string> done;
    for (const DesiredMember& member : desired_.members) {
      const Person& person = member.person;
      if (person.is_invited() || !done.insert(person.name).second) continue;
      PDP_RETURN_IF_ERROR(ReadProfile(person));
    }
    PDP_RETURN_IF_ERROR(
        server_.Search(StrCat("ProjectMembership?_project=", project_, kPage),
                       [this](ResourcePtr membership) {
                         if (Matters(*membership))
                           observed_->Add(std::move(membership));
                         return absl::OkStatus();
                       }));
    return std::move(observed_);
  }

 private:
  absl::Status CheckLogin() {
    PDP_ASSIGN_OR_RETURN(const medplum::LoginInfo login, server_.WhoAmI());
    if (login.super_admin ||
        (login.project_admin && login.project == project_)) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(
        StrCat("the login ", login.profile, " is no admin of Project/",
               project_, ": set `admin: true` in ", login.membership,
               ", or name another login"));
  }

  // What a super admin's search finds may be another project's.
  absl::Status Add(ResourcePtr resource) {
    if (resource->project() == project_) observed_->Add(std::move(resource));
    return absl::OkStatus();
  }

  absl::Status ReadOrganization(const Organization& one) {
    return server_.Search(
        StrCat("Organization?_project=", project_, "&identifier=",
               Token(one.identifier_system, one.identifier_value)),
        [&](ResourcePtr found) {
          if (found->project() == project_ &&
              IdentifierOf(*found, one.identifier_system) ==
                  one.identifier_value) {
            organizations_.insert(found->key().ToString());
            observed_->AddAs(OrganizationKey(one.name), std::move(found));
          }
          return absl::OkStatus();
        });
  }

  absl::Status ReadProfile(const Person& person) {
    const std::string key = ProfileKey(person.name);
    const std::string mark =
        StrCat(person.is_client() ? "_tag=" : "identifier=",
               Token(observed_->system(), key));
    for (const std::string& condition :
         {mark, StrCat("name=", PercentEncode(person.title))}) {
      if (!observed_->Find(key).empty()) break;
      PDP_RETURN_IF_ERROR(server_.Search(
          StrCat(person.type, "?_project=", project_, "&", condition),
          [this](ResourcePtr found) { return Add(std::move(found)); }));
    }
    // The membership of one that is to be adopted is found by its profile.
    for (const ResourcePtr& other : observed_->others()) {
      if (other->type() == person.type &&
          fhir::StringMember(other->root(), "name") == person.title) {
        observed_->Name(key, other->key().ToString());
      }
    }
    return absl::OkStatus();
  }

  bool Matters(const fhir::Resource& membership) const {
    if (membership.project() != project_) return false;
    if (desired_.organization.size() > 0 ||
        !IdentifierOf(membership, observed_->system()).empty()) {
      return true;
    }
    const auto user = fhir::Member(membership.root(), "user");
    if (users_.contains(
            std::string(fhir::StringMember(membership.root(), "externalId"))) ||
        (user &&
         users_.contains(std::string(fhir::StringMember(*user, "display"))))) {
      return true;
    }
    const auto parsed = policy::ParseMembership(membership);
    if (!parsed.ok()) return true;
    if (observed_->ToName(parsed->profile) != parsed->profile) return true;
    for (const policy::AccessItem& item : parsed->access) {
      for (const policy::Parameter& parameter : item.parameters) {
        if (organizations_.contains(parameter.value)) return true;
      }
    }
    return false;
  }

  Server& server_;
  const DesiredProject& desired_;
  const std::string project_;
  std::unique_ptr<Observed> observed_;
  std::set<std::string, std::less<>> users_;
  std::set<std::string, std::less<>> organizations_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Observed>> ReadObserved(
    Server& server, const ProvisionFile& file, const DesiredProject& desired) {
  return Reader(server, file, desired).Read();
}

}  // namespace pdp::provision
