#include "clients/pdpctl/setup_create.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "clients/pdpctl/setup_plan.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/medplum/required_access.h"
#include "pdp/medplum/secret_file.h"
#include "pdp/medplum/url.h"

namespace pdp::ctl {
namespace {

class Creator {
 public:
  Creator(const SetupCommand& command, MedplumAdmin& admin, std::ostream& out)
      : command_(command), admin_(admin), out_(out) {}

  absl::StatusOr<std::string> Run() {
    PDP_ASSIGN_OR_RETURN(login_, admin_.WhoAmI());
    if (!login_.super_admin &&
        (!login_.project_admin || login_.project != command_.project)) {
      return absl::PermissionDeniedError(
          StrCat("the administrator's login is no admin of Project/",
                 command_.project));
    }
    PDP_RETURN_IF_ERROR(MakePolicy());
    PDP_RETURN_IF_ERROR(MakeClient());
    PDP_RETURN_IF_ERROR(MakeMembership());
    PDP_RETURN_IF_ERROR(MakeFeature());
    return client_.id;
  }

 private:
  void Tell(std::string_view what, const fhir::ResourceKey& key) {
    out_ << what << "  " << key.ToString() << "\n";
  }

  // The parameters by which the decision point's own `type` is found.
  std::string ByName(std::string_view type) const {
    return StrCat(type, "?_project=", command_.project,
                  "&name=", medplum::PercentEncode(command_.client_name));
  }

  absl::Status MakePolicy() {
    PDP_ASSIGN_OR_RETURN(
        const fhir::ResourcePtr found,
        admin_.FindOne(ByName("AccessPolicy"), "name", command_.client_name));
    if (found == nullptr) {
      // Of a super admin it would be in no project.
      PDP_ASSIGN_OR_RETURN(
          const fhir::ResourcePtr made,
          admin_.Create(
              "AccessPolicy",
              PolicyResource(command_,
                             login_.super_admin ? command_.project : "")));
      policy_ = made->key();
      Tell("made    ", policy_);
      return absl::OkStatus();
    }
    policy_ = found->key();
    const auto entries = fhir::Member(found->root(), "resource");
    if (entries && fhir::ToJson(*entries) == PolicyEntries(command_)) {
      Tell("is there", policy_);
      return absl::OkStatus();
    }
    PDP_RETURN_IF_ERROR(admin_.Patch(
        policy_, StrCat(R"([{"op":"add","path":"/resource","value":)",
                        PolicyEntries(command_), "}]")));
    Tell("changed ", policy_);
    return absl::OkStatus();
  }

  absl::Status MakeClient() {
    PDP_ASSIGN_OR_RETURN(fhir::ResourcePtr client,
                         admin_.FindOne(ByName("ClientApplication"), "name",
                                        command_.client_name));
    const bool is_new = client == nullptr;
    if (is_new) {
      PDP_ASSIGN_OR_RETURN(
          client, admin_.CreateClient(command_.project, command_.client_name,
                                      policy_.ToString()));
    }
    client_ = client->key();
    Tell(is_new ? "made    " : "is there", client_);
    const std::string secret(fhir::StringMember(client->root(), "secret"));
    if (secret.empty()) {
      return absl::FailedPreconditionError(StrCat(
          "the server does not show the secret of ", client_.ToString(),
          ": write it to ", command_.secret_file, " by hand and use --verify"));
    }
    return WriteSecret(command_.secret_file, secret);
  }

  absl::Status MakeMembership() {
    PDP_ASSIGN_OR_RETURN(
        const fhir::ResourcePtr membership,
        admin_.FindOne(StrCat("ProjectMembership?_project=", command_.project,
                              "&profile=", client_.ToString()),
                       "", ""));
    if (membership == nullptr) {
      return absl::FailedPreconditionError(
          StrCat(client_.ToString(),
                 " has no ProjectMembership: delete it, and let it be made "
                 "anew"));
    }
    const fhir::JsonElement root = membership->root();
    const auto policy = fhir::Member(root, "accessPolicy");
    if (fhir::BoolMember(root, "admin").value_or(false) && policy &&
        fhir::StringMember(*policy, "reference") == policy_.ToString()) {
      Tell("is there", membership->key());
      return absl::OkStatus();
    }
    PDP_RETURN_IF_ERROR(admin_.Patch(
        membership->key(),
        StrCat(R"([{"op":"add","path":"/admin","value":true},)",
               R"({"op":"add","path":"/accessPolicy","value":{"reference":)",
               fhir::QuoteJson(policy_.ToString()), "}}]")));
    Tell("changed ", membership->key());
    return absl::OkStatus();
  }

  absl::Status MakeFeature() {
    if (command_.rest_hook || !login_.super_admin) return absl::OkStatus();
    const fhir::ResourceKey key = {"Project", command_.project};
    PDP_ASSIGN_OR_RETURN(const fhir::ResourcePtr project, admin_.Read(key));
    const auto features = fhir::Member(project->root(), "features");
    bool is_there = false;
    fhir::ForEachItem(
        project->root(), "features", [&](fhir::JsonElement feature) {
          is_there =
              is_there || fhir::AsString(feature) == medplum::kWebSocketFeature;
        });
    if (is_there) return absl::OkStatus();
    const std::string feature = fhir::QuoteJson(medplum::kWebSocketFeature);
    PDP_RETURN_IF_ERROR(admin_.Patch(
        key, features ? StrCat(R"([{"op":"add","path":"/features/-","value":)",
                               feature, "}]")
                      : StrCat(R"([{"op":"add","path":"/features","value":[)",
                               feature, "]}]")));
    Tell("changed ", key);
    return absl::OkStatus();
  }

  const SetupCommand& command_;
  MedplumAdmin& admin_;
  std::ostream& out_;
  medplum::LoginInfo login_;
  fhir::ResourceKey policy_;
  fhir::ResourceKey client_;
};

}  // namespace

absl::StatusOr<std::string> CreateSetup(const SetupCommand& command,
                                        MedplumAdmin& admin,
                                        std::ostream& out) {
  return Creator(command, admin, out).Run();
}

absl::Status WriteSecret(const std::string& path, const std::string& secret) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) {
    const auto present = medplum::ReadSecretFile(path);
    if (present.ok() && *present == secret) return absl::OkStatus();
    return absl::FailedPreconditionError(
        StrCat(path,
               " is there and has another secret: remove it, or name "
               "another file"));
  }
  if (file < 0) {
    return absl::FailedPreconditionError(
        StrCat(path, " cannot be made: ", std::strerror(errno)));
  }
  const std::string line = secret + "\n";
  const bool is_written = write(file, line.data(), line.size()) ==
                              static_cast<ssize_t>(line.size()) &&
                          fsync(file) == 0;
  if (close(file) != 0 || !is_written) {
    unlink(path.c_str());
    return absl::FailedPreconditionError(
        StrCat(path, " cannot be written: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace pdp::ctl
