// What Filter says in three ways is one thing, and is what the subject's own
// search finds: over random policies and callers' queries, the union of
// `queries`, `single_query`, `condition` and the policy's own predicate agree
// on every resource.
//
// The cases are the same in every run.  PDP_LONG=1: many more of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/pdpctl/search_executor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/policy/access_finder.h"
#include "pdp/policy/compiled_policies.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/match_entry.h"
#include "tests/support/condition_evaluator.h"
#include "tests/support/world.h"

namespace pdp::ctl {
namespace {

using fhir::search::DurableMatch;
using policy::FilterAnswer;
using policy::FilterKind;
using policy::Mode;
using testing::Clinic;
using testing::ConditionEvaluator;
using testing::Expand;
using testing::Json;

struct TypeCases {
  std::string_view type;
  // Searches that criteria and callers make.
  std::vector<std::string_view> filters;
  std::vector<std::string_view> resources;
};

// `$META` is meta, of the own project and North; `$THERE` of the linked one,
// `$ELSEWHERE` of one that the subject does not reach.
const std::vector<TypeCases>& Types() {
  static const auto* const types = new std::vector<TypeCases>{
      {"Patient",
       {"gender=male",
        "gender:not=male",
        "gender:not=male,female",
        "gender:missing=true",
        "gender:missing=false",
        "gender=male,female",
        "active=true",
        "active=false",
        "active:not=true",
        "deceased=false",
        "name=al",
        "family=lee",
        "name:exact=Al",
        "identifier=http://mrn|A1",
        "identifier=A1",
        "identifier=|A1",
        "identifier=http://mrn|",
        "identifier:not=http://mrn|A1",
        "identifier:missing=true",
        "telecom=AL@x.org",
        "email=al@X.org",
        "phone:missing=true",
        "birthdate=1990-02-28",
        "birthdate=lt2000-01-01",
        "birthdate=ge1990-02-28",
        "birthdate=ne1990-02-28",
        "birthdate:missing=true",
        "organization=Organization/$NORTH",
        "organization=$NORTH",
        "organization:not=Organization/$NORTH",
        "organization:missing=true",
        "general-practitioner=Practitioner/$PRACTITIONER",
        "general-practitioner:not=Practitioner/$PRACTITIONER",
        "language=en",
        "_id=$PATIENT",
        "_id:not=$PATIENT,$OTHER_PATIENT",
        "_id=nonsense",
        "_project=$PROJECT",
        "_project:not=$PROJECT",
        "_compartment=Organization/$NORTH",
        "_compartment=$SOUTH,$NORTH",
        "_compartment:not=Organization/$NORTH",
        "_lastUpdated=gt2024-03-01T00:00:00Z",
        "_lastUpdated=le2024-03-01T12:00:00%2B02:00",
        "_tag=http://t|a",
        "_tag:not=a",
        "_filter=gender eq male or active eq true",
        "_filter=not (gender eq male)",
        "_filter=not ((birthdate lt 2000-01-01) and (gender pr true))",
        "_filter=not (organization eq Organization/$NORTH)",
        "organization.name=Nor",
        "_filter=organization.name sw Nor",
        "_has:Observation:subject:status=final"},
       {"{'gender':'male','active':true,'birthDate':'1990-02-28','name':[{"
        "'family':'Lee','given':['Al']}],$META,'managingOrganization':{"
        "'reference':'Organization/$NORTH'},'identifier':[{'system':"
        "'http://mrn','value':'A1'}],'generalPractitioner':[{'reference':"
        "'Practitioner/$PRACTITIONER'}]}",
        "{'gender':'female','active':false,'birthDate':'2001','name':[{"
        "'text':'Alba'}],$META,'identifier':[{'value':'A1'}],'telecom':[{"
        "'system':'email','value':'Al@x.org'},{'system':'phone','value':'1'}],"
        "'deceasedBoolean':true}",
        "{$META,'birthDate':'1990-02','managingOrganization':{'reference':"
        "'Organization/$SOUTH'},'deceasedBoolean':false,'communication':[{"
        "'language':{'text':'en'}}]}",
        "{$THERE,'gender':'male','active':true,'communication':[{'language':{"
        "'coding':[{'system':'urn:ietf:bcp:47','code':'en'}]}}]}",
        "{$ELSEWHERE,'gender':'male','active':true,'birthDate':'1980-01-01'}",
        "{$META,'gender':'unknown','managingOrganization':{'identifier':{"
        "'system':'s','value':'v'}},'identifier':[{'system':'http://mrn',"
        "'value':'B2'},{'system':'http://mrn','value':'A1'}]}"}},
      {"Observation",
       {"status=final",
        "status:not=final",
        "status=final,amended",
        "status:not=final,amended",
        "code=http://loinc.org|1-8",
        "code=1-8",
        "code=weight",
        "code:not=http://loinc.org|1-8",
        "category:missing=true",
        "subject=Patient/$PATIENT",
        "subject=$PATIENT",
        "patient=$PATIENT",
        "subject:not=Patient/$PATIENT",
        "subject:missing=true",
        "performer=Practitioner/$PRACTITIONER",
        "performer:not=Practitioner/$PRACTITIONER",
        "date=2024-05-01",
        "date=gt2024-05-01T10:00:00Z",
        "date=lt2024-05-01",
        "date:missing=false",
        "date=ne2024-05-01T12:00:00Z",
        "value-quantity=gt7",
        "value-quantity=7.5|http://unitsofmeasure.org|kg",
        "value-quantity=ne7.5",
        "value-string=tall",
        "value-string:contains=AL",
        "value-string:exact=Tall",
        "_compartment=Patient/$PATIENT",
        "_compartment=Organization/$NORTH",
        "subject:Patient.gender=male",
        "patient.organization.name=Nor",
        "_filter=(status eq final) and (not (code eq 1-8))",
        "_filter=patient.birthdate lt 2000-01-01",
        "_id:missing=true"},
       {"{'status':'final','code':{'coding':[{'system':'http://loinc.org',"
        "'code':'1-8','display':'weight'}]},'subject':{'reference':"
        "'Patient/$PATIENT'},'effectiveDateTime':'2024-05-01T12:00:00Z',"
        "'valueQuantity':{'value':7.5,'unit':'kg'},$META,'performer':[{"
        "'reference':'Practitioner/$PRACTITIONER'}]}",
        "{'status':'amended','code':{'text':'weight'},'subject':{'reference':"
        "'Patient/$OTHER_PATIENT'},'effectivePeriod':{'end':'2024-05-01'},"
        "'valueString':'Tall',$META}",
        "{'status':'preliminary','code':{'coding':[{'code':'1-8'}]},"
        "'effectivePeriod':{'start':'2024-05-01','end':'2024-05-03'},$META}",
        "{'status':'final','code':{'text':'1-8'},'subject':{'identifier':{"
        "'value':'x'}},'effectiveDateTime':'2024','valueQuantity':{'value':3},"
        "$META}",
        "{'status':'final','code':{'text':'1-8'},$ELSEWHERE,'subject':{"
        "'reference':'Patient/$PATIENT'}}"}},
      {"Task",
       {"status=draft", "status:not=draft", "priority:missing=true",
        "priority:not=urgent", "owner=Practitioner/$PRACTITIONER",
        "owner:not=Practitioner/$PRACTITIONER", "code=c",
        "business-status:missing=true", "due-date=lt2024-01-01",
        "_filter=not (priority eq urgent)",
        "_filter=not ((priority ne urgent) or (status eq draft))",
        "identifier=a\\,b", "identifier=\"q\"", "identifier=a b'c"},
       {"{'status':'draft','intent':'order',$META,'owner':{'reference':"
        "'Practitioner/$PRACTITIONER'},'priority':'urgent'}",
        "{'status':'ready','intent':'order',$META,'identifier':[{'value':"
        "'a,b'}],'restriction':{'period':{'end':'2023-01-01'}}}",
        "{'status':'ready','intent':'order',$META,'priority':'routine',"
        "'identifier':[{'value':'\\'q\\''},{'value':'a b`c'}]}",
        "{'status':'draft','intent':'order',$ELSEWHERE}"}},
      {"Organization",
       {"name=Nor", "name:contains=or", "name:exact=North", "active=true",
        "active:not=true", "type:missing=true", "_id=$NORTH"},
       {}},
  };
  return *types;
}

constexpr std::string_view kOrganizations[] = {
    "{'resourceType':'Organization','id':'$NORTH','name':'North','active':true,"
    "'meta':{'project':'$PROJECT'}}",
    "{'resourceType':'Organization','id':'$SOUTH','name':'South','meta':{"
    "'project':'$PROJECT'}}",
    "{'resourceType':'Organization','id':'40000000-0000-4000-8000-000000000003'"
    ",'name':'Norton','meta':{'project':'$OTHER_PROJECT'}}"};

std::string Replace(std::string text, std::string_view from,
                    std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::vector<fhir::ResourcePtr> Resources() {
  std::vector<fhir::ResourcePtr> resources;
  for (const std::string_view organization : kOrganizations) {
    resources.push_back(Json(organization));
  }
  int number = 0;
  for (const TypeCases& cases : Types()) {
    for (const std::string_view body : cases.resources) {
      ++number;
      std::string text(body);
      text =
          Replace(text, "$META",
                  StrCat("'meta':{'project':'$PROJECT','lastUpdated':'2024-0",
                         1 + number % 5,
                         "-01T10:00:00.000Z','compartment':[{'reference':"
                         "'Project/$PROJECT'},{'reference':'Organization/",
                         number % 2 == 0 ? "$NORTH" : "$SOUTH",
                         "'}],'tag':[{'system':", "'http://t','code':'",
                         number % 3 == 0 ? "a" : "b", "'}]}"));
      text = Replace(text, "$THERE", "'meta':{'project':'$LINKED_PROJECT'}");
      text = Replace(text, "$ELSEWHERE", "'meta':{'project':'$OTHER_PROJECT'}");
      resources.push_back(
          Json(StrCat("{'resourceType':'", cases.type,
                      "','id':'60000000-0000-4000-8000-0000000000",
                      number < 10 ? "0" : "", number, "',", text.substr(1))));
    }
  }
  return resources;
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_() % bound; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <typename Items>
  const auto& Pick(const Items& items) {
    return items[Below(items.size())];
  }

  std::string Query(const TypeCases& cases, size_t most) {
    std::string query;
    for (size_t i = 0; i < 1 + Below(most); ++i) {
      query += StrCat(i == 0 ? "" : "&", Pick(cases.filters));
    }
    return query;
  }

  // Of `open` entries one narrows nothing.
  std::string Entries(size_t open = 5) {
    std::string entries;
    for (const TypeCases& cases : Types()) {
      for (size_t i = 0; i < 1 + Below(3); ++i) {
        entries += StrCat(entries.empty() ? "" : ",", "{'resourceType':'",
                          cases.type, "'");
        if (!OneIn(open)) {
          entries += StrCat(
              ",'criteria':'", cases.type, "?",
              Replace(Replace(Query(cases, 3), "\"", "%22"), "'", "%27"), "'");
        }
        entries += "}";
      }
    }
    return StrCat("[", Replace(entries, "\\,", "\\\\,"), "]");
  }

 private:
  std::mt19937 random_;
};

using Ids = std::set<std::string>;

struct Seen {
  size_t cases = 0;
  size_t several = 0;  // With more than one query.
  size_t singles = 0;  // Of these, said as one.
  size_t conditions = 0;
  size_t unknown = 0;  // Not to be told here.
  size_t found = 0;
};

// The subject's own searches and reads.
class OwnReach : public SearchReach {
 public:
  OwnReach(const fhir::ResourceLookup& lookup,
           const policy::DecisionPoint& point,
           const policy::SubjectAccess& access, Mode mode)
      : lookup_(lookup), point_(point), access_(access), mode_(mode) {}

  const SearchAnswer& Filter(std::string_view type) override {
    SearchAnswer& answer = answers_[std::string(type)];
    FilterAnswer filter;
    const policy::FilterRequest request{
        .subject = {.reference = "ProjectMembership/member", .project = ""},
        .context = {},
        .resource_type = type,
        .query = ""};
    EXPECT_TRUE(point_.FilterIn(mode_, request, filter).decided());
    answer.permitted = filter.kind != FilterKind::kAlwaysDenied;
    answer.http_status = filter.medplum_http_status;
    answer.reason = policy::ReasonName(filter.reason);
    answer.queries = filter.queries;
    return answer;
  }

  absl::StatusOr<bool> MayRead(const fhir::ResourceKey& key) override {
    const auto found = lookup_.Read(key);
    const auto meta = fhir::Member(found.resource->root(), "meta");
    fhir::fhirpath::Scratch scratch;
    return access_.MayReadProject(fhir::StringMember(*meta, "project"),
                                  key.type) &&
           policy::MatchDurably(access_, *found.resource,
                                fhir::Interaction::kRead, lookup_,
                                mode_ == Mode::kStrict, scratch)
                   .match == policy::Match::kYes;
  }

 private:
  const fhir::ResourceLookup& lookup_;
  const policy::DecisionPoint& point_;
  const policy::SubjectAccess& access_;
  const Mode mode_;
  std::map<std::string, SearchAnswer> answers_;
};

class Agreement {
 public:
  Agreement(const fhir::ResourceLookup& lookup,
            const std::vector<fhir::ResourcePtr>& resources, Mode mode)
      : lookup_(lookup),
        resources_(resources),
        mode_(mode),
        decision_point_(lookup, {.mode = mode}),
        finder_({.mode = mode}, 10, lookup, policies_, blocks_) {
    policy::Denial denial;
    absl::Time session_ends;
    policy::Findings found;
    const auto failure =
        finder_.Find({.reference = "ProjectMembership/member", .project = ""},
                     {}, access_, denial, session_ends, found);
    EXPECT_FALSE(failure.has_value());
    EXPECT_NE(access_, nullptr) << denial.message;
  }

  // What a runner that is confined to the subject's projects, whose resources
  // `confined` has, is shown by a query with includes.
  void CheckIncludes(const fhir::ResourceLookup& confined,
                     std::string_view type, std::string_view query,
                     Seen& seen) {
    SCOPED_TRACE(StrCat(type, "?", query));
    const policy::FilterRequest request{
        .subject = {.reference = "ProjectMembership/member", .project = ""},
        .context = {},
        .resource_type = type,
        .query = query,
        .runner_is_privileged = false};
    FilterAnswer answer;
    ASSERT_TRUE(decision_point_.FilterIn(mode_, request, answer).decided());
    if (answer.kind == FilterKind::kAlwaysDenied) return;
    const auto found = ExecuteSearches(confined, answer.queries);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->http_status, 200) << found->why;
    OwnReach reach(lookup_, decision_point_, *access_, mode_);
    const auto own = SearchAsSubject(lookup_, reach, type, query);
    if (!own.ok()) {
      ++seen.unknown;
      return;
    }
    ++seen.cases;
    EXPECT_EQ(found->ids, own->ids) << answer.queries.front();
    for (const std::string& id : own->ids) {
      seen.found += !id.starts_with(StrCat(type, "/"));
    }
  }

  void Check(std::string_view type, const std::string& query, Seen& seen) {
    const std::string expanded = Replace(Expand(query), "\"", "%22");
    SCOPED_TRACE(StrCat(type, "?", expanded));
    const policy::FilterRequest request{
        .subject = {.reference = "ProjectMembership/member", .project = ""},
        .context = {},
        .resource_type = type,
        .query = expanded};
    FilterAnswer answer;
    ASSERT_TRUE(decision_point_.FilterIn(mode_, request, answer).decided());
    if (answer.kind == FilterKind::kAlwaysDenied) return;
    ++seen.cases;
    ASSERT_TRUE(answer.inexact.empty()) << answer.inexact.front();

    Ids own;
    Ids doubtful;
    FindOwn(type, expanded, own, doubtful);
    seen.found += own.size();
    // Strict mode narrows chains to what the subject may find.
    const auto criteria = fhir::search::ParseCallersQuery(type, expanded);
    const bool may_be_less =
        mode_ == Mode::kStrict &&
        std::ranges::any_of(criteria->filters, [](const auto& filter) {
          return filter.is_chained;
        });

    Compare("queries", answer.queries, own, doubtful, may_be_less, seen);
    if (answer.queries.size() > 1) {
      ++seen.several;
      if (!answer.single_query.empty()) {
        ++seen.singles;
        Compare("single", {answer.single_query}, own, doubtful, may_be_less,
                seen);
      }
    } else {
      EXPECT_EQ(answer.single_query, answer.queries.front());
    }
    if (answer.condition) {
      ++seen.conditions;
      Ids holds;
      for (const fhir::ResourcePtr& resource : resources_) {
        if (resource->type() == type &&
            ConditionEvaluator(*resource).Holds(*answer.condition)) {
          holds.insert(resource->key().ToString());
        }
      }
      ExpectSame("condition", holds, own, doubtful, false);
    }
  }

 private:
  // Those that the policy, the projects and the query let through.
  void FindOwn(std::string_view type, const std::string& query, Ids& own,
               Ids& doubtful) {
    const auto criteria = fhir::search::ParseCallersQuery(type, query);
    ASSERT_TRUE(criteria.ok()) << criteria.status();
    const fhir::search::DurableEnvironment environment{.lookup = &lookup_,
                                                       .may_search = nullptr};
    for (const fhir::ResourcePtr& resource : resources_) {
      if (resource->type() != type) continue;
      const auto meta = fhir::Member(resource->root(), "meta");
      if (!access_->MayReadProject(fhir::StringMember(*meta, "project"),
                                   type)) {
        continue;
      }
      fhir::fhirpath::Scratch scratch;
      const auto policys =
          policy::MatchDurably(*access_, *resource, fhir::Interaction::kSearch,
                               lookup_, mode_ == Mode::kStrict, scratch);
      scratch.Reset();
      const auto callers = fhir::search::MatchesDurably(*criteria, *resource,
                                                        environment, scratch);
      if (policys.match == policy::Match::kNo ||
          callers.match == DurableMatch::kNo) {
        continue;
      }
      const bool matches = policys.match == policy::Match::kYes &&
                           callers.match == DurableMatch::kYes;
      (matches ? own : doubtful).insert(resource->key().ToString());
    }
  }

  void Compare(std::string_view what, const std::vector<std::string>& queries,
               const Ids& own, const Ids& doubtful, bool may_be_less,
               Seen& seen) {
    const auto found = ExecuteSearches(lookup_, queries);
    if (!found.ok()) {
      ++seen.unknown;
      return;
    }
    ASSERT_EQ(found->http_status, 200) << found->why << "\n" << queries.front();
    SCOPED_TRACE(queries.front());
    ExpectSame(what, {found->ids.begin(), found->ids.end()}, own, doubtful,
               may_be_less);
  }

  static void ExpectSame(std::string_view what, const Ids& found,
                         const Ids& own, const Ids& doubtful,
                         bool may_be_less) {
    for (const std::string& id : found) {
      EXPECT_TRUE(own.contains(id) || doubtful.contains(id))
          << what << " finds " << id << " too many";
    }
    if (may_be_less) return;
    for (const std::string& id : own) {
      EXPECT_TRUE(found.contains(id)) << what << " misses " << id;
    }
  }

  const fhir::ResourceLookup& lookup_;
  const std::vector<fhir::ResourcePtr>& resources_;
  const Mode mode_;
  const policy::DecisionPoint decision_point_;
  policy::CompiledPolicies policies_;
  policy::PublishedBlocks blocks_;
  policy::AccessFinder finder_;
  std::shared_ptr<const policy::SubjectAccess> access_;
};

TEST(FilterAgreementTest, AllThatItSaysIsWhatTheSubjectsOwnSearchFinds) {
  const std::vector<fhir::ResourcePtr> resources = Resources();
  const size_t worlds = std::getenv("PDP_LONG") != nullptr ? 10'000 : 200;
  Seen seen;
  for (uint32_t seed = 0; seed < worlds; ++seed) {
    Generator generator(seed);
    const std::string entries = generator.Entries();
    std::vector<fhir::ResourcePtr> live = Clinic(entries);
    // The clinic's own patients come without what is searched here.
    std::vector<fhir::ResourcePtr> all = resources;
    for (const fhir::ResourcePtr& resource : live) {
      if (resource->type() == "Patient") all.push_back(resource);
    }
    live.insert(live.end(), resources.begin(), resources.end());
    const fhir::MemoryLookup lookup(std::move(live), {});
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(StrCat("seed ", seed,
                          mode == Mode::kParity ? " parity " : " strict ",
                          Expand(entries)));
      Agreement agreement(lookup, all, mode);
      for (const TypeCases& cases : Types()) {
        agreement.Check(cases.type, "", seen);
        agreement.Check(cases.type, generator.Query(cases, 2), seen);
        agreement.Check(cases.type, generator.Query(cases, 1), seen);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(seen.cases, worlds * 10);
  EXPECT_GT(seen.several, worlds);
  EXPECT_GT(seen.singles, seen.several / 2);
  EXPECT_GT(seen.conditions, seen.cases / 3);
  EXPECT_GT(seen.found, seen.cases / 2);
  EXPECT_LT(seen.unknown, seen.cases / 10);
}

TEST(FilterAgreementTest, IncludesThatAreKeptBringWhatTheSubjectMayRead) {
  constexpr std::pair<std::string_view, std::string_view> kQueries[] = {
      {"Patient", "_include=Patient:organization"},
      {"Patient", "gender=male&_revinclude=Observation:subject"},
      {"Observation",
       "_include=Observation:patient&_include:iterate=Patient:organization"},
      {"Organization",
       "_revinclude=Patient:organization&_revinclude:iterate=Observation:"
       "patient"},
      {"Organization", "name=Nor&_revinclude=Patient:organization"},
  };
  const std::vector<fhir::ResourcePtr> resources = Resources();
  std::vector<fhir::ResourcePtr> reached;
  for (const fhir::ResourcePtr& resource : resources) {
    const auto meta = fhir::Member(resource->root(), "meta");
    const std::string_view project = fhir::StringMember(*meta, "project");
    const bool is_linked =
        project == testing::kLinkedProject && resource->type() == "Patient";
    if (project == testing::kProject || is_linked) reached.push_back(resource);
  }
  const fhir::MemoryLookup confined(reached, {});
  Seen seen;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    Generator generator(seed);
    const std::string entries = generator.Entries(/*open=*/2);
    std::vector<fhir::ResourcePtr> live = Clinic(entries);
    std::erase_if(live, [](const fhir::ResourcePtr& resource) {
      return resource->type() == "Patient";
    });
    live.insert(live.end(), resources.begin(), resources.end());
    const fhir::MemoryLookup lookup(std::move(live), {});
    for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
      SCOPED_TRACE(StrCat("seed ", seed, " ", Expand(entries)));
      Agreement agreement(lookup, resources, mode);
      for (const auto& [type, query] : kQueries) {
        agreement.CheckIncludes(confined, type, query, seen);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(seen.cases, 50u);
  EXPECT_GT(seen.found, 50u);
}

}  // namespace
}  // namespace pdp::ctl
