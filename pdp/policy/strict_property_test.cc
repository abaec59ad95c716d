// Strict mode over random worlds: it never permits what Medplum denies, hides
// at least what Medplum hides, and names one rule wherever it departs.
//
// The worlds are the same in every run.  PDP_LONG=1: many more of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/departure.h"
#include "tests/support/random_world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Clinic;
using testing::Generator;

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
