// A small clinic in memory, for tests of decisions: one Project, a
// Practitioner, a Patient, and one membership whose AccessPolicy the test
// writes.

#ifndef PDP_TESTS_SUPPORT_WORLD_H_
#define PDP_TESTS_SUPPORT_WORLD_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/fhir/resource.h"
#include "pdp/policy/decision_point.h"

namespace pdp::testing {

inline constexpr std::string_view kProject =
    "10000000-0000-4000-8000-000000000001";
inline constexpr std::string_view kOtherProject =
    "10000000-0000-4000-8000-000000000002";
inline constexpr std::string_view kLinkedProject =
    "10000000-0000-4000-8000-000000000003";
inline constexpr std::string_view kPractitioner =
    "20000000-0000-4000-8000-000000000001";
inline constexpr std::string_view kPatient =
    "30000000-0000-4000-8000-000000000001";
inline constexpr std::string_view kOtherPatient =
    "30000000-0000-4000-8000-000000000002";
inline constexpr std::string_view kNorth =
    "40000000-0000-4000-8000-000000000001";
inline constexpr std::string_view kSouth =
    "40000000-0000-4000-8000-000000000002";

// A resource from JSON with single quotes in place of double ones, and $NAMES
// of the constants above ($PROJECT, $PATIENT, $NORTH, ...).
inline std::string Expand(std::string_view text) {
  static const std::pair<std::string_view, std::string_view> kNames[] = {
      {"$PROJECT", kProject},
      {"$OTHER_PROJECT", kOtherProject},
      {"$LINKED_PROJECT", kLinkedProject},
      {"$PRACTITIONER", kPractitioner},
      {"$PATIENT", kPatient},
      {"$OTHER_PATIENT", kOtherPatient},
      {"$NORTH", kNorth},
      {"$SOUTH", kSouth}};
  std::string out(text);
  for (char& c : out) {
    if (c == '\'') c = '"';
  }
  for (const auto& [name, value] : kNames) {
    for (size_t at = out.find(name); at != std::string::npos;
         at = out.find(name, at + value.size())) {
      out.replace(at, name.size(), value);
    }
  }
  return out;
}

inline fhir::ResourcePtr Json(std::string_view text) {
  auto resource = fhir::Resource::Parse(Expand(text));
  EXPECT_TRUE(resource.ok()) << resource.status() << "\n" << text;
  return resource.ok() ? *resource : nullptr;
}

// What every world has; `policy` is the list in AccessPolicy.resource.
inline std::vector<fhir::ResourcePtr> Clinic(
    std::string_view policy_entries, std::string_view policy_more = "",
    std::string_view membership_more = "") {
  return {
      Json("{'resourceType':'Project','id':'$PROJECT','meta':{'project':"
           "'$PROJECT'},'link':[{'project':{'reference':"
           "'Project/$LINKED_PROJECT'}}]}"),
      Json("{'resourceType':'Project','id':'$OTHER_PROJECT','meta':"
           "{'project':'$OTHER_PROJECT'}}"),
      Json("{'resourceType':'Project','id':'$LINKED_PROJECT','meta':"
           "{'project':'$LINKED_PROJECT'},'exportedResourceType':"
           "['Patient']}"),
      Json("{'resourceType':'Practitioner','id':'$PRACTITIONER','meta':"
           "{'project':'$PROJECT'}}"),
      Json("{'resourceType':'Patient','id':'$PATIENT','active':true,"
           "'gender':'female','meta':{'project':'$PROJECT','versionId':'v1',"
           "'compartment':[{'reference':'Project/$PROJECT'},"
           "{'reference':'Patient/$PATIENT'}]}}"),
      Json("{'resourceType':'Patient','id':'$OTHER_PATIENT','gender':'male',"
           "'meta':{'project':'$PROJECT','compartment':[{'reference':"
           "'Project/$PROJECT'},{'reference':'Patient/$OTHER_PATIENT'}]}}"),
      Json(StrCat("{'resourceType':'AccessPolicy','id':'policy','name':'P',"
                  "'meta':{'project':'$PROJECT','versionId':'p1'},'resource':",
                  policy_entries, policy_more, "}")),
      Json(StrCat("{'resourceType':'ProjectMembership','id':'member',"
                  "'meta':{'project':'$PROJECT'},'project':{'reference':"
                  "'Project/$PROJECT'},'user':{'reference':'User/u'},"
                  "'profile':{'reference':'Practitioner/$PRACTITIONER'}",
                  membership_more.empty()
                      ? std::string_view(",'accessPolicy':{'reference':"
                                         "'AccessPolicy/policy'}")
                      : membership_more,
                  "}"))};
}

// A world and a decision point over it.
class World {
 public:
  World(std::vector<fhir::ResourcePtr> live, policy::Mode mode,
        policy::ParameterSemantics semantics =
            policy::ParameterSemantics::kDocumented)
      : lookup_(std::move(live), {}),
        decision_point_(lookup_,
                        {.mode = mode, .parameter_semantics = semantics}) {}

  policy::DecisionPoint& decision_point() { return decision_point_; }

  // Decides for `ProjectMembership/member` unless the request says otherwise.
  policy::Decision Decide(policy::AccessRequest request) {
    if (request.subject.reference.empty()) {
      request.subject.reference = "ProjectMembership/member";
    }
    policy::Decision decision;
    const policy::Outcome outcome = decision_point_.Decide(request, decision);
    EXPECT_TRUE(outcome.decided()) << outcome.status;
    return decision;
  }

 private:
  fhir::MemoryLookup lookup_;
  policy::DecisionPoint decision_point_;
};

}  // namespace pdp::testing

#endif  // PDP_TESTS_SUPPORT_WORLD_H_
