#include "clients/pdpctl/suite.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "clients/pdpctl/fhir_files.h"
#include "clients/pdpctl/yaml_node.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::ctl {
namespace {

using fhir::Interaction;
using fhir::ResourceKey;
using fhir::ResourcePtr;

bool IsWrite(Interaction interaction) {
  return interaction == Interaction::kCreate ||
         interaction == Interaction::kUpdate ||
         interaction == Interaction::kPatch;
}

// `resource` with something changed that no policy is about: what changes
// nothing is not judged as a change (semantics S-16).
absl::StatusOr<ResourcePtr> Changed(const fhir::Resource& resource) {
  const bool is_english =
      fhir::StringMember(resource.root(), "language") == "en";
  return fhir::Resource::Parse(fhir::EditObject(
      resource.root(),
      {{.name = "language", .json = is_english ? "\"de\"" : "\"en\""}}));
}

// Reads one suite.  Confined.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(path) {
    suite_.path = path;
    suite_.title = path;
  }

  absl::StatusOr<Suite> Read(const YAML::Node& root) {
    PDP_RETURN_IF_ERROR(file_.CheckMap(
        root, {"title", "mode", "parameter-semantics", "fixtures", "resources",
               "names", "subjects", "tests", "matrices"}));
    PDP_RETURN_IF_ERROR(ReadHead(root));
    PDP_RETURN_IF_ERROR(ReadResources(root));
    PDP_RETURN_IF_ERROR(ReadNames(root["names"]));
    PDP_RETURN_IF_ERROR(ReadSubjects(root["subjects"]));
    for (const YAML::Node& test : root["tests"]) {
      PDP_RETURN_IF_ERROR(ReadTest(test));
    }
    for (const YAML::Node& matrix : root["matrices"]) {
      PDP_RETURN_IF_ERROR(ReadMatrix(matrix));
    }
    if (suite_.expectations.empty()) {
      return file_.Error(root, "holds no tests");
    }
    return std::move(suite_);
  }

 private:
  // A resource, or a type alone.
  struct Target {
    std::string name;
    std::string type;
    ResourcePtr resource;  // Null for a type.
  };

  absl::Status ReadHead(const YAML::Node& root);
  absl::Status ReadResources(const YAML::Node& root);
  absl::Status AddResource(const YAML::Node& node, const ResourcePtr& resource);
  absl::Status ReadNames(const YAML::Node& names);
  absl::Status ReadSubjects(const YAML::Node& subjects);
  absl::StatusOr<SuiteSubject> ReadSubject(const YAML::Node& node) const;
  absl::Status ReadTest(const YAML::Node& test);
  absl::Status ReadCheck(const YAML::Node& test, const Expectation& pattern);
  absl::Status ReadFilter(const YAML::Node& test, Expectation pattern);
  absl::Status ReadOutcome(const YAML::Node& test, Expectation& expectation);
  absl::Status ReadMatrix(const YAML::Node& matrix);
  absl::Status ReadCell(const YAML::Node& cell,
                        const std::vector<Interaction>& interactions,
                        const Target& target, const Expectation& pattern);

  absl::StatusOr<std::vector<SuiteSubject>> Subjects(
      const YAML::Node& node) const;
  absl::StatusOr<SuiteSubject> Subject(const YAML::Node& node,
                                       const std::string& name) const;
  absl::StatusOr<std::vector<Interaction>> Interactions(
      const YAML::Node& node) const;
  absl::StatusOr<Target> FindTarget(const YAML::Node& node,
                                    const std::string& name) const;
  absl::StatusOr<ResourcePtr> Proposed(const YAML::Node& test,
                                       const Target& target) const;

  // Asks `pattern` for `interaction` on `target`, with `proposed` for a write;
  // null: what is stored, with a change for an update.
  absl::Status Add(const YAML::Node& node, Expectation pattern,
                   Interaction interaction, const Target& target,
                   ResourcePtr proposed);

  const YamlFile file_;
  Suite suite_;
  std::map<ResourceKey, ResourcePtr> resources_;
  std::map<std::string, std::string> names_;
  std::map<std::string, SuiteSubject> subjects_;
};

absl::Status Reader::ReadHead(const YAML::Node& root) {
  if (const YAML::Node title = root["title"]) {
    PDP_ASSIGN_OR_RETURN(suite_.title, file_.Text(title));
  }
  if (const YAML::Node mode = root["mode"]) {
    PDP_ASSIGN_OR_RETURN(const std::string name, file_.Text(mode));
    if (name != "strict" && name != "parity") {
      return file_.Error(mode, "expected strict or parity");
    }
    suite_.mode =
        name == "strict" ? policy::Mode::kStrict : policy::Mode::kParity;
  }
  if (const YAML::Node semantics = root["parameter-semantics"]) {
    PDP_ASSIGN_OR_RETURN(const std::string name, file_.Text(semantics));
    if (name != "documented" && name != "server") {
      return file_.Error(semantics, "expected documented or server");
    }
    suite_.parameter_semantics = name == "server"
                                     ? policy::ParameterSemantics::kServer
                                     : policy::ParameterSemantics::kDocumented;
  }
  return absl::OkStatus();
}

absl::Status Reader::AddResource(const YAML::Node& node,
                                 const ResourcePtr& resource) {
  const auto key = ResourceKey::Parse(resource->key().ToString());
  if (!key) return file_.Error(node, "a resource without a FHIR id");
  if (!resources_.emplace(*key, resource).second) {
    return file_.Error(node, StrCat(key->ToString(), " is there twice"));
  }
  suite_.resources.push_back(resource);
  return absl::OkStatus();
}

absl::Status Reader::ReadResources(const YAML::Node& root) {
  const std::filesystem::path directory =
      std::filesystem::path(file_.path()).parent_path();
  if (root["fixtures"] && !root["fixtures"].IsSequence()) {
    return file_.Error(root["fixtures"], "expected a list of paths");
  }
  for (const YAML::Node& fixture : root["fixtures"]) {
    PDP_ASSIGN_OR_RETURN(const std::string path, file_.Text(fixture));
    const auto resources = ReadFhirFiles((directory / path).string());
    if (!resources.ok()) {
      return file_.Error(fixture, ToStd(resources.status().message()));
    }
    for (const ResourcePtr& resource : *resources) {
      PDP_RETURN_IF_ERROR(AddResource(fixture, resource));
    }
  }
  for (const YAML::Node& node : root["resources"]) {
    PDP_ASSIGN_OR_RETURN(const std::string json, file_.Json(node));
    const auto resource = fhir::Resource::Parse(json);
    if (!resource.ok()) {
      return file_.Error(node, ToStd(resource.status().message()));
    }
    PDP_RETURN_IF_ERROR(AddResource(node, *resource));
  }
  const absl::Status status = AssignProjects(suite_.resources);
  if (!status.ok()) return file_.Error(root, ToStd(status.message()));
  for (const ResourcePtr& resource : suite_.resources) {
    resources_[resource->key()] = resource;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadNames(const YAML::Node& names) {
  if (!names) return absl::OkStatus();
  PDP_RETURN_IF_ERROR(file_.CheckMap(names));
  for (const auto& pair : names) {
    PDP_ASSIGN_OR_RETURN(std::string reference, file_.Text(pair.second));
    const auto key = ResourceKey::Parse(reference);
    if (!key || !resources_.contains(*key)) {
      return file_.Error(pair.second,
                         StrCat("no resource `", reference, "` is there"));
    }
    names_.emplace(pair.first.Scalar(), std::move(reference));
  }
  return absl::OkStatus();
}

absl::StatusOr<SuiteSubject> Reader::ReadSubject(const YAML::Node& node) const {
  SuiteSubject subject;
  if (node.IsScalar()) {
    subject.reference = node.Scalar();
    return subject;
  }
  PDP_RETURN_IF_ERROR(file_.CheckMap(
      node,
      {"reference", "project", "smart-scope", "launch-patient",
       "remote-address", "on-behalf-of", "active-tenants", "extended-mode"}));
  if (!node["reference"]) return file_.Error(node, "has no `reference`");
  PDP_ASSIGN_OR_RETURN(subject.reference, file_.Text(node["reference"]));
  if (node["project"]) {
    PDP_ASSIGN_OR_RETURN(subject.project, file_.Text(node["project"]));
  }
  const std::pair<const char*, std::optional<std::string>*> kTexts[] = {
      {"smart-scope", &subject.smart_scope},
      {"launch-patient", &subject.launch_patient},
      {"remote-address", &subject.remote_address},
      {"on-behalf-of", &subject.on_behalf_of}};
  for (const auto& [key, text] : kTexts) {
    if (!node[key]) continue;
    PDP_ASSIGN_OR_RETURN(*text, file_.Text(node[key]));
  }
  if (node["active-tenants"]) {
    PDP_ASSIGN_OR_RETURN(subject.active_tenants,
                         file_.Texts(node["active-tenants"]));
    for (std::string& tenant : subject.active_tenants) {
      const auto named = names_.find(tenant);
      if (named != names_.end()) tenant = named->second;
    }
  }
  if (node["extended-mode"]) {
    PDP_ASSIGN_OR_RETURN(subject.extended_mode,
                         file_.Flag(node["extended-mode"]));
  }
  return subject;
}

absl::Status Reader::ReadSubjects(const YAML::Node& subjects) {
  if (!subjects) return absl::OkStatus();
  PDP_RETURN_IF_ERROR(file_.CheckMap(subjects));
  for (const auto& pair : subjects) {
    PDP_ASSIGN_OR_RETURN(SuiteSubject subject, ReadSubject(pair.second));
    subject.name = pair.first.Scalar();
    subjects_.emplace(pair.first.Scalar(), std::move(subject));
  }
  return absl::OkStatus();
}

absl::StatusOr<SuiteSubject> Reader::Subject(const YAML::Node& node,
                                             const std::string& name) const {
  if (const auto found = subjects_.find(name); found != subjects_.end()) {
    return found->second;
  }
  if (!ResourceKey::Parse(name)) {
    return file_.Error(node, StrCat("no subject is called `", name, "`"));
  }
  SuiteSubject subject;
  subject.name = name;
  subject.reference = name;
  return subject;
}

absl::StatusOr<std::vector<SuiteSubject>> Reader::Subjects(
    const YAML::Node& node) const {
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> names, file_.Texts(node));
  std::vector<SuiteSubject> subjects;
  for (const std::string& name : names) {
    PDP_ASSIGN_OR_RETURN(SuiteSubject subject, Subject(node, name));
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

absl::StatusOr<std::vector<Interaction>> Reader::Interactions(
    const YAML::Node& node) const {
  std::vector<Interaction> interactions;
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> texts, file_.Texts(node));
  for (const std::string& text : texts) {
    // In a cell: `read, update`.
    for (absl::string_view part : absl::StrSplit(text, ',')) {
      const std::string_view name = ToStd(absl::StripAsciiWhitespace(part));
      const auto interaction = name == "patch"
                                   ? std::optional(Interaction::kPatch)
                                   : fhir::ParseInteraction(name);
      if (!interaction) {
        return file_.Error(node,
                           StrCat("no interaction is called `", name, "`"));
      }
      interactions.push_back(*interaction);
    }
  }
  return interactions;
}

absl::StatusOr<Reader::Target> Reader::FindTarget(
    const YAML::Node& node, const std::string& name) const {
  Target target;
  target.name = name;
  const auto named = names_.find(name);
  const auto key =
      ResourceKey::Parse(named == names_.end() ? name : named->second);
  if (!key) {  // A type: a letter is enough to tell it from a misspelt name.
    if (name.empty() || !absl::ascii_isupper(name.front())) {
      return file_.Error(node, StrCat("no resource is called `", name, "`"));
    }
    target.type = name;
    return target;
  }
  const auto found = resources_.find(*key);
  if (found == resources_.end()) {
    return file_.Error(node,
                       StrCat("no resource `", key->ToString(), "` is there"));
  }
  target.type = key->type;
  target.resource = found->second;
  return target;
}

absl::StatusOr<ResourcePtr> Reader::Proposed(const YAML::Node& test,
                                             const Target& target) const {
  if (const YAML::Node proposed = test["proposed"]) {
    PDP_ASSIGN_OR_RETURN(const std::string json, file_.Json(proposed));
    auto parsed = fhir::Resource::Parse(json);
    if (parsed.ok()) return parsed;
    return file_.Error(proposed, ToStd(parsed.status().message()));
  }
  const YAML::Node change = test["change"];
  if (!change) return ResourcePtr();
  if (target.resource == nullptr) {
    return file_.Error(change, "needs a `resource` that it is a change of");
  }
  PDP_RETURN_IF_ERROR(file_.CheckMap(change));
  std::vector<fhir::MemberEdit> edits;
  for (const auto& pair : change) {
    fhir::MemberEdit edit{.name = pair.first.Scalar(), .json = {}};
    if (!pair.second.IsNull()) {
      PDP_ASSIGN_OR_RETURN(edit.json, file_.Json(pair.second));
    }
    edits.push_back(std::move(edit));
  }
  auto parsed =
      fhir::Resource::Parse(fhir::EditObject(target.resource->root(), edits));
  if (parsed.ok()) return parsed;
  return file_.Error(change, ToStd(parsed.status().message()));
}

absl::Status Reader::Add(const YAML::Node& node, Expectation pattern,
                         Interaction interaction, const Target& target,
                         ResourcePtr proposed) {
  const bool is_of_type = interaction == Interaction::kCreate ||
                          interaction == Interaction::kSearch;
  const std::string_view name = fhir::InteractionName(interaction);
  if (!is_of_type && target.resource == nullptr) {
    return file_.Error(node, StrCat("`", name, "` needs a resource, not the ",
                                    "type ", target.type));
  }
  pattern.interaction = interaction;
  pattern.type = target.type;
  if (!is_of_type) pattern.id = target.resource->id();
  if (interaction == Interaction::kVread) {
    pattern.version_id = target.resource->version_id();
  }
  if (IsWrite(interaction)) {
    if (proposed == nullptr && target.resource == nullptr) {
      return file_.Error(node, StrCat("`", name, "` needs `proposed`: what is ",
                                      "to be written"));
    }
    if (proposed == nullptr) {
      PDP_ASSIGN_OR_RETURN(proposed, Changed(*target.resource));
    }
    if (interaction == Interaction::kCreate) {
      // What somebody sends who has no such resource yet.
      PDP_ASSIGN_OR_RETURN(
          proposed, fhir::Resource::Parse(fhir::EditObject(
                        proposed->root(), {{.name = "id", .json = {}},
                                           {.name = "meta", .json = {}}})));
    }
    pattern.proposed = std::move(proposed);
  }
  pattern.line = node.Mark().line + 1;
  pattern.column = node.Mark().column + 1;
  pattern.name = StrCat(pattern.subject.name, ": ", name, " ", target.name);
  suite_.expectations.push_back(std::move(pattern));
  return absl::OkStatus();
}

absl::Status Reader::ReadOutcome(const YAML::Node& test,
                                 Expectation& expectation) {
  const YAML::Node expect = test["expect"];
  if (!expect) return file_.Error(test, "has no `expect`");
  PDP_ASSIGN_OR_RETURN(const std::string outcome, file_.Text(expect));
  if (outcome != "permit" && outcome != "deny") {
    return file_.Error(expect, "expected permit or deny");
  }
  expectation.permitted = outcome == "permit";
  const std::pair<const char*, std::vector<std::string>*> kLists[] = {
      {"hidden", &expectation.hidden_fields},
      {"readonly", &expectation.readonly_fields}};
  for (const auto& [key, fields] : kLists) {
    if (!test[key]) continue;
    if (!expectation.permitted) {
      return file_.Error(test[key], "only what is permitted has such fields");
    }
    PDP_ASSIGN_OR_RETURN(*fields, file_.Texts(test[key]));
    std::sort(fields->begin(), fields->end());
  }
  if (test["reason"]) {
    PDP_ASSIGN_OR_RETURN(expectation.reason, file_.Text(test["reason"]));
    bool is_known = false;
    for (int number = 0; number < 256; ++number) {
      is_known |= policy::ReasonName(static_cast<policy::Reason>(number)) ==
                  expectation.reason;
    }
    if (!is_known || expectation.reason.empty()) {
      return file_.Error(test["reason"], StrCat("no reason is called `",
                                                expectation.reason, "`"));
    }
  }
  if (test["status"]) {
    PDP_ASSIGN_OR_RETURN(const std::string text, file_.Text(test["status"]));
    int status = 0;
    if (!absl::SimpleAtoi(text, &status)) {
      return file_.Error(test["status"], "expected an HTTP status");
    }
    expectation.http_status = status;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadTest(const YAML::Node& test) {
  PDP_RETURN_IF_ERROR(
      file_.CheckMap(test, {"name", "subject", "interaction", "resource",
                            "change", "proposed", "expect", "reason", "hidden",
                            "readonly", "status", "filter", "query", "finds"}));
  Expectation pattern;
  pattern.group = suite_.title;
  if (test["name"]) {
    PDP_ASSIGN_OR_RETURN(pattern.group, file_.Text(test["name"]));
  }
  if (!test["subject"]) return file_.Error(test, "has no `subject`");
  PDP_ASSIGN_OR_RETURN(const std::vector<SuiteSubject> subjects,
                       Subjects(test["subject"]));
  for (const SuiteSubject& subject : subjects) {
    pattern.subject = subject;
    PDP_RETURN_IF_ERROR(test["filter"] ? ReadFilter(test, pattern)
                                       : ReadCheck(test, pattern));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadCheck(const YAML::Node& test,
                               const Expectation& pattern) {
  for (const char* key : {"query", "finds"}) {
    if (test[key]) return file_.Error(test[key], "is for a `filter`");
  }
  for (const char* key : {"interaction", "resource"}) {
    if (!test[key]) return file_.Error(test, StrCat("has no `", key, "`"));
  }
  Expectation expectation = pattern;
  PDP_RETURN_IF_ERROR(ReadOutcome(test, expectation));
  PDP_ASSIGN_OR_RETURN(const std::vector<Interaction> interactions,
                       Interactions(test["interaction"]));
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       file_.Texts(test["resource"]));
  for (const std::string& name : names) {
    PDP_ASSIGN_OR_RETURN(const Target target,
                         FindTarget(test["resource"], name));
    PDP_ASSIGN_OR_RETURN(const ResourcePtr proposed, Proposed(test, target));
    for (const Interaction interaction : interactions) {
      if (proposed != nullptr && !IsWrite(interaction)) {
        return file_.Error(test, StrCat("`proposed` and `change` are not for ",
                                        fhir::InteractionName(interaction)));
      }
      PDP_RETURN_IF_ERROR(
          Add(test, expectation, interaction, target, proposed));
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadFilter(const YAML::Node& test, Expectation pattern) {
  for (const char* key : {"interaction", "resource", "change", "proposed",
                          "hidden", "readonly", "status"}) {
    if (test[key]) return file_.Error(test[key], "is not for a `filter`");
  }
  PDP_ASSIGN_OR_RETURN(pattern.filter_type, file_.Text(test["filter"]));
  if (test["query"]) {
    PDP_ASSIGN_OR_RETURN(pattern.query, file_.Text(test["query"]));
  }
  if (!test["expect"] && !test["finds"]) {
    return file_.Error(test, "has neither `expect` nor `finds`");
  }
  if (const YAML::Node expect = test["expect"]) {
    using Kind = policy::FilterKind;
    static const std::map<std::string, Kind, std::less<>> kKinds = {
        {"nothing", Kind::kAlwaysDenied},
        {"everything", Kind::kAlwaysPermitted},
        {"some", Kind::kConditional}};
    PDP_ASSIGN_OR_RETURN(const std::string name, file_.Text(expect));
    const auto kind = kKinds.find(name);
    if (kind == kKinds.end()) {
      return file_.Error(expect, "expected nothing, some or everything");
    }
    pattern.filter_kind = kind->second;
  }
  if (test["reason"]) {
    PDP_ASSIGN_OR_RETURN(pattern.reason, file_.Text(test["reason"]));
  }
  if (const YAML::Node finds = test["finds"]) {
    PDP_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         file_.Texts(finds));
    std::vector<std::string>& found = pattern.finds.emplace();
    for (const std::string& name : names) {
      PDP_ASSIGN_OR_RETURN(const Target target, FindTarget(finds, name));
      if (target.resource == nullptr) {
        return file_.Error(finds, StrCat("`", name, "` is no resource"));
      }
      found.push_back(target.resource->key().ToString());
    }
    std::sort(found.begin(), found.end());
  }
  pattern.line = test.Mark().line + 1;
  pattern.column = test.Mark().column + 1;
  pattern.name = StrCat(pattern.subject.name, ": filter ", pattern.filter_type,
                        pattern.query.empty() ? "" : "?", pattern.query);
  suite_.expectations.push_back(std::move(pattern));
  return absl::OkStatus();
}

absl::Status Reader::ReadMatrix(const YAML::Node& matrix) {
  PDP_RETURN_IF_ERROR(
      file_.CheckMap(matrix, {"name", "interactions", "expect"}));
  Expectation pattern;
  pattern.group = suite_.title;
  pattern.ignores_fields = true;
  if (matrix["name"]) {
    PDP_ASSIGN_OR_RETURN(pattern.group, file_.Text(matrix["name"]));
  }
  for (const char* key : {"interactions", "expect"}) {
    if (!matrix[key]) return file_.Error(matrix, StrCat("has no `", key, "`"));
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<Interaction> interactions,
                       Interactions(matrix["interactions"]));
  const YAML::Node rows = matrix["expect"];
  PDP_RETURN_IF_ERROR(file_.CheckMap(rows));
  for (const auto& row : rows) {
    PDP_ASSIGN_OR_RETURN(pattern.subject,
                         Subject(row.first, row.first.Scalar()));
    PDP_RETURN_IF_ERROR(file_.CheckMap(row.second));
    for (const auto& cell : row.second) {
      PDP_ASSIGN_OR_RETURN(const Target target,
                           FindTarget(cell.first, cell.first.Scalar()));
      PDP_RETURN_IF_ERROR(ReadCell(cell.second, interactions, target, pattern));
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadCell(const YAML::Node& cell,
                              const std::vector<Interaction>& interactions,
                              const Target& target,
                              const Expectation& pattern) {
  std::vector<Interaction> permitted;
  const bool is_word = cell.IsScalar();
  if (is_word && cell.Scalar() == "all") {
    permitted = interactions;
  } else if (!is_word || cell.Scalar() != "none") {
    PDP_ASSIGN_OR_RETURN(permitted, Interactions(cell));
  }
  for (const Interaction interaction : permitted) {
    if (std::find(interactions.begin(), interactions.end(), interaction) ==
        interactions.end()) {
      return file_.Error(cell, StrCat("`", fhir::InteractionName(interaction),
                                      "` is not among the `interactions`"));
    }
  }
  for (const Interaction interaction : interactions) {
    Expectation expectation = pattern;
    expectation.permitted = std::find(permitted.begin(), permitted.end(),
                                      interaction) != permitted.end();
    PDP_RETURN_IF_ERROR(
        Add(cell, std::move(expectation), interaction, target, nullptr));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Suite> ParseSuite(const std::string& text,
                                 const std::string& path) {
  try {
    return Reader(path).Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return YamlFile(path).Error(error.mark, error.msg);
  }
}

}  // namespace pdp::ctl
