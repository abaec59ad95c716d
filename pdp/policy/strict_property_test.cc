// Strict mode over random worlds: it never permits what Medplum denies, hides
// at least what Medplum hides, and names one rule wherever it departs.
//
// The worlds are the same in every run.  PDP_LONG=1: many more of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/departure.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Json;

constexpr const char* kTypes[] = {"Patient", "Observation",      "Task", "*",
                                  "Binary",  "ProjectMembership"};
constexpr const char* kQueries[] = {"status=preliminary",
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
constexpr const char* kInteractions[] = {
    "read", "vread", "update", "delete", "history", "create", "search"};
constexpr const char* kValues[] = {
    "preliminary", "x&active=true", "a\\\"b", "%profile", "$$", "final"};
constexpr const char* kScopes[] = {"user/*.cruds",
                                   "user/*.s",
                                   "user/Patient.r user/Observation.cu",
                                   "patient/*.rs",
                                   "user/*.",
                                   "",
                                   "openid",
                                   "user/Observation.rs?status=final"};
constexpr const char* kResources[] = {
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
    const std::string_view type = Pick(kTypes);
    std::string entry = StrCat("{'resourceType':'", type, "'");
    if (!OneIn(3)) {
      entry += StrCat(",'criteria':'", OneIn(8) ? "Patient" : type,
                      OneIn(12) ? "" : "?", Pick(kQueries), "'");
    }
    if (OneIn(6)) entry += ",'readonly':true";
    if (OneIn(3)) {
      std::string names;
      for (const char* name : kInteractions) {
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
        Item(StrCat("{'name':'state','valueString':'", Pick(kValues),
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

  AccessRequest Request() {
    AccessRequest request;
    request.subject.reference = "ProjectMembership/member";
    if (OneIn(3)) request.context.smart_scope = Pick(kScopes);
    if (OneIn(2)) {
      request.context.remote_address = OneIn(2) ? "10.1.2.7" : "10.1.2.70";
    }
    if (OneIn(5)) {
      request.context.on_behalf_of =
          "ProjectMembership/70000000-0000-4000-8000-000000000001";
    }
    request.interaction = static_cast<Interaction>(1 + Below(8));
    const fhir::ResourcePtr resource = Json(Pick(kResources));
    const bool is_create = request.interaction == Interaction::kCreate;
    request.resource.type = resource->type();
    if (!is_create) {
      request.resource.current = resource;
      request.resource.deleted = OneIn(5);
    }
    if (request.interaction == Interaction::kVread) {
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

size_t RulesIn(const Decision& decision) {
  return static_cast<size_t>(std::count_if(
      decision.notes.begin(), decision.notes.end(),
      [](const Note& note) { return note.code == NoteCode::kStrictRule; }));
}

std::string Say(const Decision& decision) {
  std::string out =
      StrCat(decision.permitted() ? "PERMIT " : "DENY ",
             ReasonName(decision.reason), " ", decision.medplum_http_status);
  for (const std::string_view field : decision.hidden_fields) {
    out += StrCat(" -", field);
  }
  return out;
}

// "" where the answer is what it must be.
std::string FaultOf(const Decision& medplum, const Decision& strict) {
  const size_t rules = RulesIn(strict);
  if (strict.medplum_http_status != medplum.medplum_http_status) {
    return "another status than Medplum's";
  }
  if (!medplum.permitted()) {
    if (strict.permitted()) return "a wrong permit";
    return rules == 0 ? "" : "a rule where Medplum denies too";
  }
  if (!strict.permitted()) {
    return rules == 1 && DepartureOf(strict.notes) != StrictRule::kUnspecified
               ? ""
               : "an unexplained denial";
  }
  for (const std::string_view field : medplum.hidden_fields) {
    if (std::find(strict.hidden_fields.begin(), strict.hidden_fields.end(),
                  field) == strict.hidden_fields.end()) {
      return "a field is shown that Medplum hides";
    }
  }
  const bool hides_more =
      strict.hidden_fields.size() > medplum.hidden_fields.size();
  return !hides_more || rules == 1 ? "" : "hides more by no rule";
}

size_t Worlds() { return std::getenv("PDP_LONG") != nullptr ? 20'000 : 500; }

TEST(StrictPropertyTest, NeverPermitsWhatMedplumDeniesAndNamesOneRule) {
  size_t departures = 0;
  size_t permits = 0;
  size_t faults = 0;
  for (uint32_t seed = 0; seed < Worlds(); ++seed) {
    Generator generator(seed);
    const fhir::MemoryLookup lookup(generator.World(), {});
    const ParameterSemantics semantics = seed % 2 == 0
                                             ? ParameterSemantics::kServer
                                             : ParameterSemantics::kDocumented;
    const DecisionPoint decision_point(lookup,
                                       {.parameter_semantics = semantics});
    for (int i = 0; i < 20; ++i) {
      const AccessRequest request = generator.Request();
      Decision medplum;
      Decision strict;
      ASSERT_TRUE(
          decision_point.DecideIn(Mode::kParity, request, medplum).decided());
      ASSERT_TRUE(decision_point.Decide(request, strict).decided());
      permits += strict.permitted();
      departures += RulesIn(strict);
      const std::string fault = FaultOf(medplum, strict);
      if (fault.empty()) continue;
      ASSERT_LT(++faults, 10u) << "and so on";
      ADD_FAILURE() << fault << ": seed " << seed << ", request " << i << ", "
                    << fhir::InteractionName(request.interaction) << " "
                    << request.resource.type << "\nMedplum " << Say(medplum)
                    << ": " << medplum.message << "\nstrict  " << Say(strict)
                    << ": " << strict.message << " "
                    << StrictRuleName(DepartureOf(strict.notes));
    }
  }
  EXPECT_GT(permits, Worlds());
  EXPECT_GT(departures, Worlds());
}

bool Permits(const FilterAnswer& answer) {
  return answer.kind == FilterKind::kAlwaysPermitted ||
         answer.kind == FilterKind::kConditional;
}

TEST(StrictPropertyTest, AFilterThatDepartsNamesItsRules) {
  size_t departures = 0;
  for (uint32_t seed = 0; seed < Worlds(); ++seed) {
    Generator generator(seed);
    const fhir::MemoryLookup lookup(generator.World(), {});
    const DecisionPoint decision_point(lookup, {});
    for (const char* type : {"Patient", "Observation", "Task", "ValueSet"}) {
      SCOPED_TRACE(StrCat("seed ", seed, ", ", type));
      const AccessRequest request = generator.Request();
      const FilterRequest filter{.subject = request.subject,
                                 .context = request.context,
                                 .resource_type = type};
      FilterAnswer medplum;
      FilterAnswer strict;
      ASSERT_TRUE(
          decision_point.FilterIn(Mode::kParity, filter, medplum).decided());
      ASSERT_TRUE(decision_point.Filter(filter, strict).decided());
      const bool departs =
          DepartureOf(strict.notes) != StrictRule::kUnspecified;
      departures += departs;
      ASSERT_EQ(strict.medplum_http_status, medplum.medplum_http_status);
      ASSERT_FALSE(Permits(strict) && !Permits(medplum));
      ASSERT_EQ(departs,
                Permits(medplum) &&
                    (!Permits(strict) || strict.queries != medplum.queries));
    }
  }
  EXPECT_GT(departures, Worlds() / 4);
}

TEST(StrictPropertyTest, DocumentedRepetitionIsOneAccessItemAValue) {
  constexpr const char* kItem =
      "{'policy':{'reference':'AccessPolicy/policy'},'parameter':[";
  constexpr const char* kFirst = "{'name':'state','valueString':'preliminary'}";
  constexpr const char* kSecond = "{'name':'state','valueString':'draft'}";
  const std::string repeated =
      StrCat(",'access':[", kItem, kFirst, ",", kSecond, "]}]");
  const std::string rewritten =
      StrCat(",'access':[", kItem, kFirst, "]},", kItem, kSecond, "]}]");
  size_t permits = 0;
  for (uint32_t seed = 0; seed < Worlds(); ++seed) {
    Generator generator(seed);
    const std::string entries = StrCat(
        "[{'resourceType':'Observation','criteria':'Observation?status=%state'"
        "},{'resourceType':'Task','criteria':'Task?status=%state'},",
        generator.Entry(), "]");
    const fhir::MemoryLookup one(Clinic(entries, "", repeated), {});
    const fhir::MemoryLookup two(Clinic(entries, "", rewritten), {});
    const DecisionPoint documented(one, {});
    const DecisionPoint reference(two, {});
    for (int i = 0; i < 10; ++i) {
      const AccessRequest request = generator.Request();
      Decision decision;
      Decision expected;
      ASSERT_TRUE(documented.Decide(request, decision).decided());
      ASSERT_TRUE(reference.Decide(request, expected).decided());
      ASSERT_EQ(Say(decision), Say(expected)) << "seed " << seed;
      permits += decision.permitted();
    }
  }
  EXPECT_GT(permits, Worlds());
}

}  // namespace
}  // namespace pdp::policy
