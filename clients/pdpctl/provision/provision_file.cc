#include "clients/pdpctl/provision/provision_file.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "clients/pdpctl/provision/check_file.h"
#include "clients/pdpctl/provision/content.h"
#include "clients/pdpctl/requests.h"
#include "clients/pdpctl/yaml_node.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"

namespace pdp::provision {
namespace {

using ctl::YamlFile;

constexpr size_t kMaxNameBytes = 64;

template <typename T>
const T* Find(const std::vector<T>& all, std::string_view name) {
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// What may stand in an id, a tag and a path as it is.
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

// Whether `text` mentions `%name`, and not only a longer name.
bool MentionsVariable(std::string_view text, std::string_view name) {
  const std::string variable = StrCat("%", name);
  for (size_t at = text.find(variable); at != std::string_view::npos;
       at = text.find(variable, at + 1)) {
    const size_t end = at + variable.size();
    const char next = end < text.size() ? text[end] : '"';
    const bool goes_on = (next >= 'a' && next <= 'z') ||
                         (next >= 'A' && next <= 'Z') ||
                         (next >= '0' && next <= '9') || next == '_';
    if (!goes_on) return true;
  }
  return false;
}

// Reads one file; what is wrong is collected, so that all of it is told at
// once.  Confined.
class Reader {
 public:
  explicit Reader(const std::string& path) : yaml_(path) { file_.path = path; }

  absl::StatusOr<ProvisionFile> Read(const YAML::Node& root) {
    PDP_RETURN_IF_ERROR(yaml_.CheckMap(
        root, {"tenancy", "tenant-parameter", "identifier-system",
               "environments", "organizations", "roles", "people"}));
    Note(ReadHead(root));
    ReadNamed(root["organizations"], "organization", file_.organizations,
              &Reader::ReadOrganization);
    ReadNamed(root["roles"], "role", file_.roles, &Reader::ReadRole);
    ReadNamed(root["people"], "person", file_.people, &Reader::ReadPerson);
    ReadEnvironments(root);
    for (std::string& error : CheckFile(file_)) {
      errors_.push_back(std::move(error));
    }
    if (!errors_.empty()) {
      return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
    }
    return std::move(file_);
  }

 private:
  void Note(const absl::Status& status) {
    if (!status.ok()) errors_.emplace_back(ToStd(status.message()));
  }
  void Note(const std::string& where, std::string_view what) {
    errors_.push_back(StrCat(where, ": ", what));
  }
  std::string Where(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    return StrCat(yaml_.path(), ":", mark.line + 1, ":", mark.column + 1);
  }
  // A file that the file names.
  std::string Near(const std::string& path) const {
    return (std::filesystem::path(yaml_.path()).parent_path() / path).string();
  }

  absl::Status ReadText(const YAML::Node& node, std::string& text) const {
    if (!node) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(text, yaml_.Text(node));
    return absl::OkStatus();
  }
  absl::Status ReadFlag(const YAML::Node& node, bool& flag) const {
    if (!node) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(flag, yaml_.Flag(node));
    return absl::OkStatus();
  }
  absl::Status ReadTexts(const YAML::Node& node,
                         std::vector<std::string>& texts) const {
    if (!node) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(texts, yaml_.Texts(node));
    return absl::OkStatus();
  }
  absl::Status ReadPath(const YAML::Node& node, std::string& path) const {
    PDP_RETURN_IF_ERROR(ReadText(node, path));
    if (!path.empty()) path = Near(path);
    return absl::OkStatus();
  }

  // A list of maps, each with a `name` that no other has.
  template <typename T>
  void ReadNamed(const YAML::Node& list, std::string_view what,
                 std::vector<T>& all,
                 absl::Status (Reader::*read)(const YAML::Node&, T&)) {
    if (!list) return;
    if (!list.IsSequence()) {
      return Note(yaml_.Error(list, StrCat("expected a list, `- name: ...`")));
    }
    for (const YAML::Node& node : list) {
      T one;
      one.where = Where(node);
      const absl::Status status = (this->*read)(node, one);
      if (!status.ok()) {
        Note(status);
        if (one.name.empty()) continue;
      } else if (!IsName(one.name)) {
        Note(one.where,
             StrCat("a ", what, " needs a `name` of letters, digits, - and ."));
      } else if (const T* other = Find(all, one.name)) {
        Note(one.where, StrCat("there is another ", what, " `", one.name,
                               "` at ", other->where, ": rename one"));
        continue;
      }
      all.push_back(std::move(one));
    }
  }

  absl::Status ReadHead(const YAML::Node& root);
  absl::Status ReadOrganization(const YAML::Node& node, Organization& one);
  absl::Status ReadRole(const YAML::Node& node, Role& role);
  absl::Status ReadPolicy(const YAML::Node& node, Role& role);
  absl::Status ReadPerson(const YAML::Node& node, Person& person);
  absl::Status ReadGrant(const YAML::Node& node, Grant& grant);
  void ReadEnvironments(const YAML::Node& root);
  absl::Status ReadEnvironment(const YAML::Node& node, Environment& one);
  absl::Status ReadLogin(const YAML::Node& node, Login& login);

  const YamlFile yaml_;
  ProvisionFile file_;
  std::vector<std::string> errors_;
};

absl::Status Reader::ReadHead(const YAML::Node& root) {
  const YAML::Node tenancy = root["tenancy"];
  if (!tenancy) {
    return yaml_.Error(root,
                       "`tenancy` is missing: write organization_in_project "
                       "or project_per_organization");
  }
  PDP_ASSIGN_OR_RETURN(const std::string name, yaml_.Text(tenancy));
  if (name == "project_per_organization") {
    file_.tenancy = Tenancy::kProjectPerOrganization;
  } else if (name != "organization_in_project") {
    return yaml_.Error(tenancy,
                       StrCat("`", name,
                              "` is no tenancy: write organization_in_project "
                              "or project_per_organization"));
  }
  PDP_RETURN_IF_ERROR(
      ReadText(root["tenant-parameter"], file_.tenant_parameter));
  return ReadText(root["identifier-system"], file_.system);
}

absl::Status Reader::ReadOrganization(const YAML::Node& node,
                                      Organization& one) {
  PDP_RETURN_IF_ERROR(yaml_.CheckMap(
      node, {"name", "title", "state", "identifier", "environments"}));
  PDP_RETURN_IF_ERROR(ReadText(node["name"], one.name));
  one.title = one.name;
  PDP_RETURN_IF_ERROR(ReadText(node["title"], one.title));
  PDP_RETURN_IF_ERROR(ReadTexts(node["environments"], one.environments));
  one.identifier_system = file_.system;
  one.identifier_value = one.name;
  if (const YAML::Node identifier = node["identifier"]) {
    PDP_RETURN_IF_ERROR(yaml_.CheckMap(identifier, {"system", "value"}));
    PDP_RETURN_IF_ERROR(ReadText(identifier["system"], one.identifier_system));
    PDP_RETURN_IF_ERROR(ReadText(identifier["value"], one.identifier_value));
  }
  std::string state = "active";
  PDP_RETURN_IF_ERROR(ReadText(node["state"], state));
  if (state == "suspended") {
    one.state = OrganizationState::kSuspended;
  } else if (state == "offboarded") {
    one.state = OrganizationState::kOffboarded;
  } else if (state != "active") {
    return yaml_.Error(node["state"], StrCat("`", state,
                                             "` is no state: write active, "
                                             "suspended or offboarded"));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadRole(const YAML::Node& node, Role& role) {
  PDP_RETURN_IF_ERROR(
      yaml_.CheckMap(node, {"name", "policy", "profiles", "adopt"}));
  PDP_RETURN_IF_ERROR(ReadText(node["name"], role.name));
  PDP_RETURN_IF_ERROR(ReadFlag(node["adopt"], role.adopt));
  PDP_RETURN_IF_ERROR(ReadTexts(node["profiles"], role.profiles));
  for (const std::string& type : role.profiles) {
    if (std::find(std::begin(kMemberTypes), std::end(kMemberTypes), type) ==
        std::end(kMemberTypes)) {
      return yaml_.Error(node["profiles"],
                         StrCat("`", type, "` is no type of a member: ",
                                absl::StrJoin(kMemberTypes, ", ")));
    }
  }
  return ReadPolicy(node["policy"], role);
}

absl::Status Reader::ReadPolicy(const YAML::Node& node, Role& role) {
  if (!node) {
    return absl::InvalidArgumentError(
        StrCat(role.where, ": role `", role.name,
               "` has no `policy`: name a file with its AccessPolicy, or write "
               "`policy: {resource: [...]}`"));
  }
  std::string text;
  if (node.IsScalar()) {
    auto content = ctl::ReadInput(Near(node.Scalar()));
    if (!content.ok()) {
      return yaml_.Error(node, ToStd(content.status().message()));
    }
    text = *std::move(content);
  } else {
    PDP_ASSIGN_OR_RETURN(const std::string json, yaml_.Json(node));
    text = json;
    if (!node["resourceType"]) {
      const bool is_empty = text == "{}";
      text = StrCat(R"({"resourceType":"AccessPolicy")", is_empty ? "" : ",",
                    text.substr(1));
    }
  }
  const auto policy = fhir::Resource::Parse(text);
  if (!policy.ok() || (*policy)->type() != "AccessPolicy") {
    return yaml_.Error(
        node,
        StrCat("is no AccessPolicy",
               policy.ok() ? std::string()
                           : StrCat(": ", ToStd(policy.status().message()))));
  }
  const fhir::JsonElement root = (*policy)->root();
  role.policy_name = std::string(fhir::StringMember(root, "name"));
  if (role.policy_name.empty()) role.policy_name = role.name;
  role.policy = PolicyContent(root, role.policy_name);
  role.binds_tenant = MentionsVariable(role.policy, file_.tenant_parameter);
  role.uses_patient = MentionsVariable(role.policy, "patient");
  return absl::OkStatus();
}

absl::Status Reader::ReadPerson(const YAML::Node& node, Person& person) {
  PDP_RETURN_IF_ERROR(
      yaml_.CheckMap(node, {"name", "type", "title", "given", "family", "email",
                            "external-id", "patient", "admin", "active",
                            "memberships", "adopt", "environments", "access"}));
  PDP_RETURN_IF_ERROR(ReadText(node["name"], person.name));
  person.title = person.name;
  PDP_RETURN_IF_ERROR(ReadText(node["title"], person.title));
  PDP_RETURN_IF_ERROR(ReadText(node["type"], person.type));
  PDP_RETURN_IF_ERROR(ReadText(node["given"], person.given));
  PDP_RETURN_IF_ERROR(ReadText(node["family"], person.family));
  PDP_RETURN_IF_ERROR(ReadText(node["email"], person.email));
  absl::AsciiStrToLower(&person.email);  // As Medplum keeps it.
  PDP_RETURN_IF_ERROR(ReadText(node["external-id"], person.external_id));
  PDP_RETURN_IF_ERROR(ReadText(node["patient"], person.patient));
  PDP_RETURN_IF_ERROR(ReadFlag(node["admin"], person.admin));
  PDP_RETURN_IF_ERROR(ReadFlag(node["active"], person.active));
  PDP_RETURN_IF_ERROR(ReadFlag(node["adopt"], person.adopt));
  PDP_RETURN_IF_ERROR(ReadTexts(node["environments"], person.environments));
  std::string memberships = "one";
  PDP_RETURN_IF_ERROR(ReadText(node["memberships"], memberships));
  person.membership_per_organization = memberships == "per_organization";
  if (!person.membership_per_organization && memberships != "one") {
    return yaml_.Error(node["memberships"], "write one or per_organization");
  }
  const YAML::Node access = node["access"];
  if (access && !access.IsSequence()) {
    return yaml_.Error(access, "expected a list, `- role: ...`");
  }
  for (const YAML::Node& item : access) {
    Grant grant;
    grant.where = Where(item);
    PDP_RETURN_IF_ERROR(ReadGrant(item, grant));
    person.access.push_back(std::move(grant));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadGrant(const YAML::Node& node, Grant& grant) {
  PDP_RETURN_IF_ERROR(
      yaml_.CheckMap(node, {"role", "organization", "parameters"}));
  PDP_RETURN_IF_ERROR(ReadText(node["role"], grant.role));
  PDP_RETURN_IF_ERROR(ReadText(node["organization"], grant.organization));
  const YAML::Node parameters = node["parameters"];
  if (!parameters) return absl::OkStatus();
  PDP_RETURN_IF_ERROR(yaml_.CheckMap(parameters));
  for (const auto& pair : parameters) {
    policy::Parameter parameter;
    parameter.name = pair.first.Scalar();
    PDP_ASSIGN_OR_RETURN(parameter.value, yaml_.Text(pair.second));
    const auto key = fhir::ResourceKey::Parse(parameter.value);
    parameter.is_reference = key && fhir::IsResourceType(key->type);
    if (key && !parameter.is_reference) {
      return yaml_.Error(pair.second,
                         StrCat("`", key->type, "` is no resource type"));
    }
    if (parameter.value.empty()) {
      return yaml_.Error(pair.second,
                         StrCat("`", parameter.name, "` needs a value"));
    }
    grant.parameters.push_back(std::move(parameter));
  }
  return absl::OkStatus();
}

void Reader::ReadEnvironments(const YAML::Node& root) {
  const YAML::Node node = root["environments"];
  if (!node || !node.IsMap()) {
    return Note(Where(root),
                "`environments` is missing: write `environments: {dev: "
                "{base-url: ..., project: ..., client-id: ..., "
                "client-secret-file: ...}}`");
  }
  const absl::Status status = yaml_.CheckMap(node);
  if (!status.ok()) return Note(status);
  for (const auto& pair : node) {
    Environment one;
    one.name = pair.first.Scalar();
    one.where = Where(pair.first);
    if (!IsName(one.name)) {
      Note(one.where, "an environment's name has letters, digits, - and .");
    }
    Note(ReadEnvironment(pair.second, one));
    file_.environments.push_back(std::move(one));
  }
}

absl::Status Reader::ReadEnvironment(const YAML::Node& node, Environment& one) {
  const bool one_project = file_.tenancy == Tenancy::kOrganizationInProject;
  if (one_project) {
    PDP_RETURN_IF_ERROR(yaml_.CheckMap(
        node,
        {"base-url", "ca-file", "secrets-directory", "send-email", "project",
         "client-id", "client-secret-file", "private-key-file", "key-id"}));
    Login login;
    PDP_RETURN_IF_ERROR(ReadLogin(node, login));
    one.logins.emplace("", std::move(login));
  } else {
    PDP_RETURN_IF_ERROR(
        yaml_.CheckMap(node, {"base-url", "ca-file", "secrets-directory",
                              "send-email", "projects"}));
    const YAML::Node projects = node["projects"];
    if (!projects) {
      return yaml_.Error(node,
                         "`projects` is missing: write the project and the "
                         "login of each organization");
    }
    PDP_RETURN_IF_ERROR(yaml_.CheckMap(projects));
    for (const auto& pair : projects) {
      if (file_.FindOrganization(pair.first.Scalar()) == nullptr) {
        return yaml_.Error(pair.first, StrCat("there is no organization `",
                                              pair.first.Scalar(),
                                              "`: add it to `organizations`"));
      }
      PDP_RETURN_IF_ERROR(yaml_.CheckMap(
          pair.second, {"project", "client-id", "client-secret-file",
                        "private-key-file", "key-id"}));
      Login login;
      PDP_RETURN_IF_ERROR(ReadLogin(pair.second, login));
      one.logins.emplace(pair.first.Scalar(), std::move(login));
    }
  }
  PDP_RETURN_IF_ERROR(ReadText(node["base-url"], one.base_url));
  if (one.base_url.empty()) {
    return yaml_.Error(node,
                       "`base-url` is missing: write https://api.example.com/");
  }
  PDP_RETURN_IF_ERROR(ReadPath(node["ca-file"], one.ca_file));
  PDP_RETURN_IF_ERROR(
      ReadPath(node["secrets-directory"], one.secrets_directory));
  return ReadFlag(node["send-email"], one.send_email);
}

absl::Status Reader::ReadLogin(const YAML::Node& node, Login& login) {
  PDP_RETURN_IF_ERROR(ReadText(node["project"], login.project));
  PDP_RETURN_IF_ERROR(ReadText(node["client-id"], login.client_id));
  PDP_RETURN_IF_ERROR(
      ReadPath(node["client-secret-file"], login.client_secret_file));
  PDP_RETURN_IF_ERROR(
      ReadPath(node["private-key-file"], login.private_key_file));
  PDP_RETURN_IF_ERROR(ReadText(node["key-id"], login.key_id));
  if (!fhir::ResourceKey::Parse(StrCat("Project/", login.project))) {
    return yaml_.Error(node, "`project` needs the id of a Project");
  }
  if (login.client_id.empty() ||
      login.client_secret_file.empty() == login.private_key_file.empty()) {
    return yaml_.Error(node,
                       "a login needs `client-id`, and one of "
                       "`client-secret-file` and `private-key-file`");
  }
  return absl::OkStatus();
}

}  // namespace

const Environment* ProvisionFile::FindEnvironment(std::string_view name) const {
  return Find(environments, name);
}
const Organization* ProvisionFile::FindOrganization(
    std::string_view name) const {
  return Find(organizations, name);
}
const Role* ProvisionFile::FindRole(std::string_view name) const {
  return Find(roles, name);
}
const Person* ProvisionFile::FindPerson(std::string_view name) const {
  return Find(people, name);
}

absl::StatusOr<ProvisionFile> ParseProvisionFile(const std::string& text,
                                                 const std::string& path) {
  try {
    return Reader(path).Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return YamlFile(path).Error(error.mark, error.msg);
  }
}

}  // namespace pdp::provision
