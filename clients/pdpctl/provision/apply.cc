#include "clients/pdpctl/provision/apply.h"

#include <openssl/rand.h>

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "clients/pdpctl/provision/write_json.h"
#include "clients/pdpctl/setup_create.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::provision {
namespace {

using fhir::ResourcePtr;

constexpr size_t kSecretBytes = 32;

absl::StatusOr<std::string> NewSecret() {
  std::string bytes(kSecretBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size())) != 1) {
    return absl::InternalError("no random numbers can be had");
  }
  return absl::BytesToHexString(bytes);
}

// The secret in the file, which is made where there is none: whoever is killed
// before the client is made finds it again.
absl::StatusOr<std::string> SecretIn(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return medplum::ReadSecretFile(path);
  }
  PDP_ASSIGN_OR_RETURN(std::string secret, NewSecret());
  PDP_RETURN_IF_ERROR(ctl::WriteSecret(path, secret));
  return secret;
}

// Confined.
class Applier {
 public:
  Applier(const ApplyTarget& target, Server& server, Observed& observed)
      : target_(target), server_(server), observed_(observed) {}

  // What was made; null where something was deleted.
  absl::StatusOr<ResourcePtr> Do(const Step& step) {
    if (step.action == Action::kDelete) return Delete(step);
    if (step.kind == "AccessPolicy") return WritePolicy(step);
    if (step.kind == "Organization") return WriteOrganization(step);
    if (step.kind == "invite") return Invite(step);
    if (step.kind == "accounts") return SetAccounts(step);
    if (step.kind == "ProjectMembership") return WriteMembership(step);
    return WriteProfile(step);
  }

 private:
  // What a super admin makes is of the project only where that is said.
  std::string project() const {
    return target_.super_admin ? target_.project : "";
  }

  absl::StatusOr<ResourcePtr> Update(const Step& step,
                                     const std::string& json) {
    return server_.Update(step.before->key(), json, step.version);
  }

  absl::StatusOr<ResourcePtr> WritePolicy(const Step& step) {
    PDP_ASSIGN_OR_RETURN(const std::string json,
                         PolicyJson(step, observed_.system(), project()));
    if (step.before != nullptr) return Update(step, json);
    return server_.Create("AccessPolicy", json,
                          TagCondition(observed_.system(), step.key));
  }

  absl::StatusOr<ResourcePtr> WriteOrganization(const Step& step) {
    const std::string json = OrganizationJson(step, project());
    if (step.before != nullptr) return Update(step, json);
    const Organization& one = step.organization;
    return server_.Create(
        "Organization", json,
        IdentifierCondition(one.identifier_system, one.identifier_value));
  }

  absl::StatusOr<ResourcePtr> WriteProfile(const Step& step) {
    if (step.before != nullptr) {
      return Update(step, ProfileJson(step, observed_.system(), project(), ""));
    }
    if (step.kind == "Bot") {
      return server_.Create(
          "Bot", ProfileJson(step, observed_.system(), project(), ""),
          IdentifierCondition(observed_.system(), step.key));
    }
    const Person& person = step.member.person;
    const std::string& directory = target_.environment->secrets_directory;
    if (directory.empty()) {
      return absl::FailedPreconditionError(
          StrCat(target_.environment->where,
                 ": `secrets-directory` is missing: name the directory that "
                 "the secret of `",
                 person.name, "` is to be written to"));
    }
    PDP_ASSIGN_OR_RETURN(
        const std::string secret,
        SecretIn((std::filesystem::path(directory) /
                  StrCat(target_.environment->name, ".", person.name))
                     .string()));
    return server_.Create(
        step.kind, ProfileJson(step, observed_.system(), project(), secret),
        TagCondition(observed_.system(), step.key));
  }

  absl::StatusOr<ResourcePtr> Invite(const Step& step) {
    PDP_ASSIGN_OR_RETURN(
        const std::string json,
        InviteJson(step, observed_, target_.environment->send_email));
    auto made = server_.Invite(target_.project, json);
    if (absl::IsAlreadyExists(made.status())) {
      return absl::AlreadyExistsError(StrCat(
          ToStd(made.status().message()),
          ": the user has a membership that provisioning did not make: write "
          "`adopt: true`, or `memberships: per_organization` for one more"));
    }
    if (!made.ok()) return made;
    return Checked(step, *std::move(made));
  }

  absl::StatusOr<ResourcePtr> WriteMembership(const Step& step) {
    PDP_ASSIGN_OR_RETURN(const std::string json,
                         MembershipJson(step, observed_, target_.project));
    auto made =
        step.before != nullptr
            ? Update(step, json)
            : server_.Create("ProjectMembership", json,
                             IdentifierCondition(observed_.system(), step.key));
    if (!made.ok()) return made;
    return Checked(step, *std::move(made));
  }

  // Medplum gives a member without a policy everything: what came out is
  // looked at.
  absl::StatusOr<ResourcePtr> Checked(const Step& step, ResourcePtr made) {
    if (!step.key.empty() && observed_.Find(step.key).empty()) {
      observed_.AddAs(step.key, made);
    }
    PDP_ASSIGN_OR_RETURN(const MembershipContent content,
                         observed_.ContentOf(*made));
    const Lines difference = Difference(MembershipLines(step.member.content),
                                        MembershipLines(content));
    if (difference.empty()) return made;
    return absl::InternalError(
        StrCat(made->key().ToString(), " is not as it was asked for: ",
               difference.front(), "; look at it, and plan again"));
  }

  // What takes no If-Match.
  absl::Status CheckVersion(const Step& step) {
    PDP_ASSIGN_OR_RETURN(const ResourcePtr now,
                         server_.Read(step.before->key()));
    if (now->version_id() == step.version) return absl::OkStatus();
    return absl::AbortedError(StrCat(step.reference, " was changed meanwhile"));
  }

  absl::StatusOr<ResourcePtr> SetAccounts(const Step& step) {
    const fhir::ResourceKey key = step.before->key();
    PDP_RETURN_IF_ERROR(CheckVersion(step));
    PDP_RETURN_IF_ERROR(
        server_.SetAccounts(key, step.accounts, step.propagate));
    PDP_ASSIGN_OR_RETURN(ResourcePtr now, server_.Read(key));
    const auto accounts = fhir::search::CompartmentAccountsOf(*now);
    if (std::set<std::string>(accounts.begin(), accounts.end()) ==
        std::set<std::string>(step.accounts.begin(), step.accounts.end())) {
      return now;
    }
    return absl::InternalError(
        StrCat(step.reference, " has other accounts than it was given"));
  }

  absl::StatusOr<ResourcePtr> Delete(const Step& step) {
    PDP_RETURN_IF_ERROR(CheckVersion(step));
    PDP_RETURN_IF_ERROR(
        server_.DeleteMember(target_.project, step.before->id()));
    return ResourcePtr();
  }

  const ApplyTarget& target_;
  Server& server_;
  Observed& observed_;
};

absl::Status Explained(const Step& step, const absl::Status& status) {
  std::string text = StrCat(TargetOf(step), ": ", ToStd(status.message()));
  if (absl::IsAborted(status)) {
    text += ": somebody changed it after it was read; plan again";
  } else if (absl::IsUnavailable(status)) {
    text += "; apply again: what was done is found again, and not done twice";
  }
  return {status.code(), text};
}

}  // namespace

absl::Status Apply(const std::vector<Step>& plan, const ApplyTarget& target,
                   Server& server, Observed& observed, Record& record,
                   const std::function<void(const Step&)>& done) {
  Applier applier(target, server, observed);
  for (const Step& step : plan) {
    if (!step.is_to_be_done()) continue;
    PDP_RETURN_IF_ERROR(record.Write("begun", step, "", "", ""));
    const auto made = applier.Do(step);
    if (!made.ok()) {
      const absl::Status status = Explained(step, made.status());
      PDP_RETURN_IF_ERROR(
          record.Write("failed", step, "", "", ToStd(status.message())));
      return status;
    }
    const ResourcePtr& resource = *made;
    PDP_RETURN_IF_ERROR(
        record.Write("done", step, resource ? resource->key().ToString() : "",
                     resource ? resource->version_id() : "", ""));
    if (resource && !step.key.empty() && observed.Find(step.key).empty()) {
      observed.AddAs(step.key, resource);
    }
    done(step);
  }
  return absl::OkStatus();
}

}  // namespace pdp::provision
