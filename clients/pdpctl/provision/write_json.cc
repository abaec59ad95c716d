#include "clients/pdpctl/provision/write_json.h"

#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/medplum/url.h"

namespace pdp::provision {
namespace {

using fhir::MemberEdit;
using fhir::QuoteJson;

std::string Identifier(std::string_view system, std::string_view value) {
  return StrCat(R"({"system":)", QuoteJson(system), R"(,"value":)",
                QuoteJson(value), "}");
}

std::string Tag(std::string_view system, std::string_view code) {
  return StrCat(R"({"system":)", QuoteJson(system), R"(,"code":)",
                QuoteJson(code), "}");
}

// The list `name` of `parent` with `item` in place of what has its system.
std::string ListWith(fhir::JsonElement parent, std::string_view name,
                     std::string_view system, const std::string& item) {
  std::string list = "[";
  fhir::ForEachItem(parent, name, [&](fhir::JsonElement one) {
    if (fhir::StringMember(one, "system") != system) {
      list += StrCat(fhir::ToJson(one), ",");
    }
  });
  return StrCat(list, item, "]");
}

// The meta of what is there, with the tag; of what is new, only that.
std::string TaggedMeta(const Step& step, std::string_view system,
                       std::string_view project) {
  const std::string tag = Tag(system, step.key);
  if (step.before == nullptr) {
    return StrCat(R"({"tag":[)", tag, "]",
                  project.empty()
                      ? std::string()
                      : StrCat(R"(,"project":)", QuoteJson(project)),
                  "}");
  }
  const auto meta = fhir::Member(step.before->root(), "meta");
  return fhir::EditObject(*meta,
                          {{"tag", ListWith(*meta, "tag", system, tag)}});
}

std::string NewMeta(std::string_view project) {
  return project.empty()
             ? ""
             : StrCat(R"(,"meta":{"project":)", QuoteJson(project), "}");
}

absl::StatusOr<std::string> Resolve(const Observed& observed,
                                    std::string_view name) {
  std::string reference = observed.ToReference(name);
  if (!reference.empty()) return reference;
  return absl::FailedPreconditionError(StrCat("there is no ", name));
}

absl::StatusOr<std::string> ItemJson(const policy::AccessItem& item,
                                     const Observed& observed) {
  PDP_ASSIGN_OR_RETURN(const std::string reference,
                       Resolve(observed, item.policy.reference));
  std::string json =
      StrCat(R"({"policy":{"reference":)", QuoteJson(reference), "}");
  std::string_view separator = R"(,"parameter":[)";
  for (const policy::Parameter& parameter : item.parameters) {
    json += StrCat(separator, R"({"name":)", QuoteJson(parameter.name));
    if (parameter.is_reference) {
      PDP_ASSIGN_OR_RETURN(const std::string value,
                           Resolve(observed, parameter.value));
      json +=
          StrCat(R"(,"valueReference":{"reference":)", QuoteJson(value), "}}");
    } else {
      json += StrCat(R"(,"valueString":)", QuoteJson(parameter.value), "}");
    }
    separator = ",";
  }
  return json + (item.parameters.empty() ? "}" : "]}");
}

absl::StatusOr<std::string> AccessJson(const MembershipContent& content,
                                       const Observed& observed) {
  if (content.access.empty() && content.access_policy.empty()) {
    return absl::FailedPreconditionError(
        "a membership without access has all of it at Medplum");
  }
  std::string json = "[";
  for (const policy::AccessItem& item : content.access) {
    PDP_ASSIGN_OR_RETURN(const std::string one, ItemJson(item, observed));
    json += StrCat(json.size() > 1 ? "," : "", one);
  }
  return json + "]";
}

}  // namespace

std::string TagCondition(std::string_view system, std::string_view key) {
  return StrCat("_tag=", medplum::PercentEncode(StrCat(system, "|", key)));
}

std::string IdentifierCondition(std::string_view system, std::string_view key) {
  return StrCat("identifier=",
                medplum::PercentEncode(StrCat(system, "|", key)));
}

absl::StatusOr<std::string> PolicyJson(const Step& step,
                                       std::string_view system,
                                       std::string_view project) {
  PDP_ASSIGN_OR_RETURN(const fhir::ResourcePtr policy,
                       fhir::Resource::Parse(step.policy));
  std::vector<MemberEdit> edits;
  if (step.before != nullptr) {
    edits.push_back({"id", QuoteJson(step.before->id())});
  }
  edits.push_back({"meta", TaggedMeta(step, system, project)});
  return fhir::EditObject(policy->root(), edits);
}

std::string OrganizationJson(const Step& step, std::string_view project) {
  const Organization& one = step.organization;
  const bool is_active = one.state != OrganizationState::kOffboarded;
  const std::string identifier =
      Identifier(one.identifier_system, one.identifier_value);
  if (step.before == nullptr) {
    return StrCat(R"({"resourceType":"Organization")", NewMeta(project),
                  R"(,"identifier":[)", identifier, R"(],"active":true,)",
                  R"("name":)", QuoteJson(one.title), "}");
  }
  return fhir::EditObject(
      step.before->root(),
      {{"identifier", ListWith(step.before->root(), "identifier",
                               one.identifier_system, identifier)},
       {"active", is_active ? "true" : "false"},
       {"name", QuoteJson(one.title)}});
}

std::string ProfileJson(const Step& step, std::string_view system,
                        std::string_view project, std::string_view secret) {
  const bool is_bot = step.kind == "Bot";
  std::vector<MemberEdit> edits = {
      {"name", QuoteJson(step.member.person.title)}};
  const std::string identifier = Identifier(system, step.key);
  if (step.before != nullptr) {
    edits.push_back(
        is_bot ? MemberEdit{"identifier",
                            ListWith(step.before->root(), "identifier", system,
                                     identifier)}
               : MemberEdit{"meta", TaggedMeta(step, system, project)});
    return fhir::EditObject(step.before->root(), edits);
  }
  std::string json = StrCat(R"({"resourceType":)", QuoteJson(step.kind),
                            R"(,"name":)", edits.front().json);
  if (is_bot) {
    json += StrCat(NewMeta(project), R"(,"identifier":[)", identifier, "]");
  } else {
    json += StrCat(R"(,"meta":)", TaggedMeta(step, system, project),
                   R"(,"secret":)", QuoteJson(secret));
  }
  return json + "}";
}

absl::StatusOr<std::string> MembershipJson(const Step& step,
                                           const Observed& observed,
                                           std::string_view project) {
  const MembershipContent& content = step.member.content;
  PDP_ASSIGN_OR_RETURN(const std::string access, AccessJson(content, observed));
  const std::string identifier = Identifier(observed.system(), step.key);
  if (step.before == nullptr) {
    PDP_ASSIGN_OR_RETURN(
        const std::string profile,
        Resolve(observed, StrCat("@", ProfileKey(step.member.person.name))));
    // Without meta: Medplum refuses a new one that has its project there.
    const std::string reference =
        StrCat(R"({"reference":)", QuoteJson(profile), "}");
    return StrCat(R"({"resourceType":"ProjectMembership",)",
                  R"("project":{"reference":"Project/)", project,
                  R"("},"user":)", reference, R"(,"profile":)", reference,
                  R"(,"identifier":[)", identifier, "]",
                  content.admin ? R"(,"admin":true)" : "", R"(,"access":)",
                  access, "}");
  }
  std::vector<MemberEdit> edits = {{"access", access == "[]" ? "" : access},
                                   {"active", content.active ? "" : "false"}};
  const fhir::JsonElement before = step.before->root();
  // `false` and nothing are the same.
  if (content.admin || fhir::BoolMember(before, "admin").value_or(false)) {
    edits.push_back({"admin", content.admin ? "true" : "false"});
  }
  if (content.access_policy.empty()) edits.push_back({"accessPolicy", ""});
  if (!step.key.empty()) {
    edits.push_back({"identifier", ListWith(before, "identifier",
                                            observed.system(), identifier)});
  }
  return fhir::EditObject(before, edits);
}

absl::StatusOr<std::string> InviteJson(const Step& step,
                                       const Observed& observed,
                                       bool send_email) {
  const DesiredMember& member = step.member;
  const Person& person = member.person;
  PDP_ASSIGN_OR_RETURN(const std::string access,
                       AccessJson(member.content, observed));
  std::string json = StrCat(R"({"resourceType":)", QuoteJson(person.type),
                            R"(,"firstName":)", QuoteJson(person.given),
                            R"(,"lastName":)", QuoteJson(person.family));
  if (!person.email.empty()) {
    json += StrCat(R"(,"email":)", QuoteJson(person.email), R"(,"sendEmail":)",
                   send_email ? "true" : "false");
  }
  if (!person.external_id.empty()) {
    json += StrCat(R"(,"externalId":)", QuoteJson(person.external_id));
  }
  if (person.type == "RelatedPerson") {
    const std::string name = StrCat("@", ProfileKey(person.patient));
    const std::string known = observed.ToReference(name);
    json += StrCat(R"(,"patient":{"reference":)",
                   QuoteJson(known.empty() ? person.patient : known), "}");
  }
  if (member.is_one_of_several) json += R"(,"forceNewMembership":true)";
  if (member.content.admin) json += R"(,"admin":true)";
  return StrCat(json, R"(,"access":)", access,
                R"(,"membership":{"identifier":[)",
                Identifier(observed.system(), step.key), "]}}");
}

}  // namespace pdp::provision
