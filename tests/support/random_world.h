// Random clinics, and requests in them, for properties that hold in all.

#ifndef PDP_TESTS_SUPPORT_RANDOM_WORLD_H_
#define PDP_TESTS_SUPPORT_RANDOM_WORLD_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/request.h"
#include "tests/support/world.h"

namespace pdp::testing {

inline constexpr const char* kRandomTypes[] = {
    "Patient", "Observation", "Task", "*", "Binary", "ProjectMembership"};
inline constexpr const char* kRandomQueries[] = {
    "status=preliminary",
    "status=PRELIMINARY",
    "status:not=final",
    "_compartment=Patient/$PATIENT",
    "_compartment=%patient",
    "_compartment=%organization",
    "subject=Patient/$PATIENT",
    "active=true",
    "name=A",
    "birthdate=gt2000-01-01",
    "birthdate=yesterday",
    "nonsense=1",
    "_count=1",
    "value-quantity=7",
    "_id=$PATIENT",
    "_lastUpdated:missing=true",
    "subject:Patient.active=true",
    "status=%state&active=true",
    "_project=$PROJECT"};
inline constexpr const char* kRandomInteractions[] = {
    "read", "vread", "update", "delete", "history", "create", "search"};
inline constexpr const char* kRandomValues[] = {
    "preliminary", "x&active=true", "a\\\"b", "%profile", "$$", "final"};
inline constexpr const char* kRandomScopes[] = {
    "user/*.cruds",
    "user/*.s",
    "user/Patient.r user/Observation.cu",
    "patient/*.rs",
    "user/*.",
    "",
    "openid",
    "user/Observation.rs?status=final"};
inline constexpr const char* kRandomResources[] = {
    "{'resourceType':'Patient','id':'$PATIENT','active':true,'name':[{'family':"
    "'Alda'}],'birthDate':'2001-02-03','meta':{'project':'$PROJECT',"
    "'versionId':'v1'}}",
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000001',"
    "'status':'preliminary','subject':{'reference':'Patient/$PATIENT'},"
    "'valueQuantity':{'value':7},'meta':{'project':'$PROJECT','versionId':'o1',"
    "'accounts':[{'reference':'Organization/$NORTH'}]}}",
    "{'resourceType':'Observation','id':'50000000-0000-4000-8000-000000000002',"
    "'status':'final','subject':{'reference':'Patient/$OTHER_PATIENT'},"
    "'meta':{'project':'$LINKED_PROJECT','versionId':'o2'}}",
    "{'resourceType':'Task','id':'50000000-0000-4000-8000-000000000003',"
    "'status':'draft','meta':{'project':'$PROJECT','versionId':'t1'}}",
    "{'resourceType':'Binary','id':'50000000-0000-4000-8000-000000000004',"
    "'contentType':'text/plain','securityContext':{'reference':"
    "'Patient/$OTHER_PATIENT'},'meta':{'project':'$PROJECT'}}"};

// The same worlds and requests for the same seed.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_() % bound; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <typename Item, size_t size>
  const Item& Pick(const Item (&items)[size]) {
    return items[Below(size)];
  }

  std::string Entry() {
    const std::string_view type = Pick(kRandomTypes);
    std::string entry = StrCat("{'resourceType':'", type, "'");
    if (!OneIn(3)) {
      entry += StrCat(",'criteria':'", OneIn(8) ? "Patient" : type,
                      OneIn(12) ? "" : "?", Pick(kRandomQueries), "'");
    }
    if (OneIn(6)) entry += ",'readonly':true";
    if (OneIn(3)) {
      std::string names;
      for (const char* name : kRandomInteractions) {
        if (OneIn(4)) continue;
        names += StrCat(names.empty() ? "'" : ",'", name, "'");
      }
      entry += StrCat(",'interaction':[", OneIn(5) ? "" : names, "]");
    }
    if (OneIn(3)) {
      entry += StrCat(",'hiddenFields':['", OneIn(2) ? "status" : "name", "']");
    }
    if (OneIn(6)) entry += ",'readonlyFields':['status']";
    if (OneIn(8)) {
      entry += StrCat(",'writeConstraint':[{'expression':'",
                      OneIn(2) ? "status.exists()" : "%nothing", "'}]");
    }
    return entry + "}";
  }

  std::string Entries() {
    std::string entries;
    for (size_t i = 0; i < 1 + Below(4); ++i) {
      entries += StrCat(i == 0 ? "" : ",", Entry());
    }
    return StrCat("[", entries, "]");
  }

  std::string PolicyMore() {
    std::string more;
    if (OneIn(6)) more += ",'compartment':{'reference':'Patient/$PATIENT'}";
    if (OneIn(6)) {
      more +=
          ",'ipAccessRule':[{'value':'10.1.2.7','action':'allow'},"
          "{'value':'*','action':'block'}]";
    }
    return more;
  }

  std::string Item(std::string_view parameters) {
    return StrCat("{'policy':{'reference':'AccessPolicy/",
                  OneIn(8) ? "foreign" : "policy", "'},'parameter':[",
                  parameters, "]}");
  }

  std::string MembershipMore() {
    std::string more = OneIn(4) ? ",'admin':true" : ",'admin':false";
    if (OneIn(8)) return more;
    if (OneIn(2)) {
      return more + ",'accessPolicy':{'reference':'AccessPolicy/policy'}";
    }
    return StrCat(
        more, ",'access':[",
        Item(StrCat("{'name':'state','valueString':'", Pick(kRandomValues),
                    "'},{'name':'organization','valueReference':{'reference':"
                    "'Organization/$NORTH'}}")),
        "]");
  }

  std::vector<fhir::ResourcePtr> World() {
    std::vector<fhir::ResourcePtr> live =
        Clinic(Entries(), PolicyMore(), MembershipMore());
    live.push_back(Json(StrCat(
        "{'resourceType':'AccessPolicy','id':'foreign','meta':{'project':"
        "'$OTHER_PROJECT'},'resource':",
        Entries(), "}")));
    live.push_back(Json(
        StrCat("{'resourceType':'ProjectMembership','id':"
               "'70000000-0000-4000-8000-000000000001','active':",
               OneIn(2) ? "true" : "false",
               ",'meta':{'project':'$PROJECT'},'project':{'reference':"
               "'Project/$PROJECT'},'user':{'reference':'User/u'},'profile':"
               "{'reference':'Practitioner/$PRACTITIONER'},'accessPolicy':"
               "{'reference':'AccessPolicy/policy'}}")));
    return live;
  }

  // Its text lives as long as the generator makes no other.
  policy::AccessRequest Request() {
    policy::AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    if (OneIn(3)) request.context.smart_scope = Pick(kRandomScopes);
    if (OneIn(2)) {
      request.context.remote_address = OneIn(2) ? "10.1.2.7" : "10.1.2.70";
    }
    if (OneIn(5)) {
      request.context.on_behalf_of =
          "ProjectMembership/70000000-0000-4000-8000-000000000001";
    }
    request.interaction = static_cast<fhir::Interaction>(1 + Below(8));
    const fhir::ResourcePtr resource = Json(Pick(kRandomResources));
    const bool is_create = request.interaction == fhir::Interaction::kCreate;
    request.resource.type = resource->type();
    if (!is_create) {
      request.resource.current = resource;
      request.resource.deleted = OneIn(5);
    }
    if (request.interaction == fhir::Interaction::kVread) {
      request.resource.version_id = resource->version_id();
    }
    std::string proposed(resource->json());
    if (OneIn(2)) {
      proposed.insert(proposed.rfind('}'), ",\"language\":\"en\"");
    }
    auto parsed = fhir::Resource::Parse(proposed);
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    request.resource.proposed = *parsed;
    kept_ = resource;  // The request's type is its text.
    return request;
  }

 private:
  std::mt19937 random_;
  fhir::ResourcePtr kept_;
};

}  // namespace pdp::testing

#endif  // PDP_TESTS_SUPPORT_RANDOM_WORLD_H_
