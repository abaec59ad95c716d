// Explanations over random worlds: the verdict is Check's, one entry matched
// where one is named, and no text tells what the resource holds.
//
// The worlds are the same in every run.  PDP_LONG=1: many more of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/json.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/explain.h"
#include "tests/support/random_world.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using testing::Generator;

size_t Worlds() { return std::getenv("PDP_LONG") != nullptr ? 10'000 : 400; }

std::string Say(const std::vector<std::string_view>& fields) {
  std::string out;
  for (const std::string_view field : fields) out += StrCat(" ", field);
  return out;
}

// All that a caller is told of a decision.
std::string Say(const Decision& decision) {
  std::string out = StrCat(
      static_cast<int>(decision.effect), " ", ReasonName(decision.reason), " ",
      decision.medplum_http_status, " ", decision.message, "\nhide",
      Say(decision.hidden_fields), "\nkeep", Say(decision.readonly_fields),
      "\nmatches ", static_cast<int>(decision.memory_match), " ",
      static_cast<int>(decision.durable_match), " revision ",
      decision.revision);
  if (decision.entry != nullptr) {
    out +=
        StrCat("\nentry ", decision.entry->source.policy, " ",
               decision.entry->source.index, " ", decision.entry->source.source,
               " ", decision.entry - decision.policy->entries().data());
  }
  for (const Note& note : decision.notes) {
    out += StrCat("\nnote ", static_cast<int>(note.code), " ",
                  StrictRuleName(note.strict_rule), " ", note.text);
  }
  if (decision.write) {
    out += StrCat("\nwrite ", decision.write->accounts.size(), " ",
                  decision.write->compartments.size());
    for (const auto& field : decision.write->restored_fields) {
      out += StrCat(" ", field);
    }
  }
  for (const VersionFields& version : decision.versions) {
    out += StrCat("\nversion ", version.version_id, " ",
                  version.hidden_fields.size());
  }
  return out;
}

// The stage at which a decision names its entry.
DecisionStage DecidingStage(const AccessRequest& request,
                            const Decision& decision) {
  const bool unchanged = std::any_of(
      decision.notes.begin(), decision.notes.end(),
      [](const Note& note) { return note.code == NoteCode::kNoChange; });
  switch (request.interaction) {
    case Interaction::kRead:
      return DecisionStage::kRead;
    case Interaction::kSearch:
      return request.resource.current != nullptr ? DecisionStage::kRead
                                                 : DecisionStage::kType;
    case Interaction::kCreate:
      return DecisionStage::kResult;
    case Interaction::kUpdate:
    case Interaction::kPatch:
      return unchanged ? DecisionStage::kStored : DecisionStage::kResult;
    default:
      return DecisionStage::kStored;
  }
}

// "" where the explanation is what it must be.
std::string FaultOf(const AccessRequest& request, const Decision& checked,
                    const Explanation& explanation) {
  const Decision& decision = explanation.decision;
  if (Say(decision) != Say(checked)) return "another decision";
  if (explanation.summary.empty()) return "no summary";
  for (const ExplainedEntry& entry : explanation.entries) {
    if (entry.matched != entry.failed_test.empty()) return "no failed test";
    if (entry.matched != (entry.test == EntryTest::kUnspecified)) {
      return "a match and a failed test";
    }
  }
  if (decision.permitted()) {
    if (explanation.nearest) return "a nearest entry of a permit";
    if (!explanation.missing.empty()) return "something missing of a permit";
  } else if (explanation.nearest &&
             explanation.entries[*explanation.nearest].matched) {
    return "the nearest entry matched";
  }
  if (decision.entry == nullptr) return "";
  const DecisionStage stage = DecidingStage(request, decision);
  size_t matched = 0;
  bool is_entry = false;
  for (const ExplainedEntry& entry : explanation.entries) {
    if (entry.stage != stage || !entry.matched) continue;
    ++matched;
    is_entry = entry.source.policy == decision.entry->source.policy &&
               entry.source.index == decision.entry->source.index &&
               entry.source.built_in == decision.entry->source.built_in;
  }
  if (matched != 1) return StrCat(matched, " entries matched");
  return is_entry ? "" : "another entry matched than the one named";
}

TEST(ExplainPropertyTest, VerdictIsThatOfCheckAndItsEntryTheOneThatMatched) {
  size_t permits = 0;
  size_t nearest = 0;
  size_t faults = 0;
  for (uint32_t seed = 0; seed < Worlds(); ++seed) {
    Generator generator(seed);
    const fhir::MemoryLookup lookup(generator.World(), {});
    const DecisionPoint decision_point(
        lookup, {.mode = seed % 3 == 0 ? Mode::kParity : Mode::kStrict});
    for (int i = 0; i < 20; ++i) {
      const AccessRequest request = generator.Request();
      Decision decision;
      Explanation explanation;
      ASSERT_TRUE(decision_point.Decide(request, decision).decided());
      ASSERT_TRUE(decision_point.Explain(request, explanation).decided());
      permits += decision.permitted();
      nearest += explanation.nearest.has_value();
      const std::string fault = FaultOf(request, decision, explanation);
      if (fault.empty()) continue;
      ASSERT_LT(++faults, 5u) << "and so on";
      std::string entries;
      for (const ExplainedEntry& entry : explanation.entries) {
        entries += StrCat("\n  stage ", static_cast<int>(entry.stage),
                          entry.durable ? " durable " : " ",
                          entry.source.built_in, entry.source.index,
                          entry.matched ? " matched" : " ", entry.failed_test);
      }
      ADD_FAILURE() << fault << ": seed " << seed << ", request " << i << ", "
                    << fhir::InteractionName(request.interaction) << " "
                    << request.resource.type << "\n"
                    << Say(decision) << "\n"
                    << Say(explanation.decision) << "\n"
                    << explanation.summary << entries;
    }
  }
  EXPECT_GT(permits, Worlds());
  EXPECT_GT(nearest, Worlds());
}

// Every text in `element`, whose names are not content.
void CollectTexts(fhir::JsonElement element, std::set<std::string>& texts) {
  if (const auto text = fhir::AsString(element)) {
    texts.emplace(*text);
  } else if (fhir::JsonObject object;
             element.get(object) == simdjson::SUCCESS) {
    for (const auto member : object) CollectTexts(member.value, texts);
  } else if (fhir::JsonArray array; element.get(array) == simdjson::SUCCESS) {
    for (const fhir::JsonElement item : array) CollectTexts(item, texts);
  }
}

std::string AllTexts(const Explanation& explanation) {
  std::string out = StrCat(explanation.summary, "\n", explanation.missing);
  for (const ExplainedEntry& entry : explanation.entries) {
    out += StrCat("\n", entry.failed_test, "\n", entry.search_parameter);
    for (const std::string& path : entry.paths) out += StrCat("\n", path);
  }
  return out;
}

TEST(ExplainPropertyTest, NoTextTellsWhatTheResourceHolds) {
  // Resources full of texts that stand nowhere else.
  constexpr std::string_view kSecrets[] = {"secret-status", "secret-text",
                                           "secret-code", "1913-07-05"};
  constexpr std::string_view kObservation =
      "{'resourceType':'Observation','id':"
      "'50000000-0000-4000-8000-00000000abcd','status':'secret-status',"
      "'code':{'text':'secret-text','coding':[{'system':'urn:secret-code',"
      "'code':'secret-code'}]},'subject':{'reference':'Patient/secret-text',"
      "'display':'secret-text'},'effectiveDateTime':'1913-07-05',"
      "'valueString':'secret-text','meta':{'project':'$PROJECT','versionId':"
      "'secret-code','lastUpdated':'1913-07-05','accounts':[{'reference':"
      "'Organization/secret-code'}]}}";
  constexpr const char* kQueries[] = {"subject=Patient/$PATIENT",
                                      "status=final",
                                      "status:not=secret",
                                      "code=urn:x|y",
                                      "code:text=nothing",
                                      "date=gt2000-01-01",
                                      "value-string=nothing",
                                      "value-quantity=gt1",
                                      "_id=$PATIENT",
                                      "_compartment=%patient",
                                      "_lastUpdated=gt2020",
                                      "date=yesterday",
                                      "subject:missing=true",
                                      "patient.name=x",
                                      "nonsense=1"};
  constexpr const char* kConstraints[] = {
      "false", "%after.status.toInteger() > 3", "%nothing", "status + 1 = 2"};
  const fhir::ResourcePtr resource = testing::Json(kObservation);
  std::set<std::string> contents;
  CollectTexts(resource->root(), contents);
  ASSERT_TRUE(contents.contains("secret-text"));

  size_t denials = 0;
  for (const char* query : kQueries) {
    for (const char* constraint : kConstraints) {
      const std::string entries = StrCat(
          "[{'resourceType':'Observation','interaction':['read','search'],"
          "'criteria':'Observation?",
          query, "'},{'resourceType':'Observation','criteria':'Observation?",
          query,
          "&status=draft'},{'resourceType':'Observation','interaction':"
          "['create','update','history'],'writeConstraint':[{'expression':'",
          constraint, "'}]}]");
      for (const Mode mode : {Mode::kParity, Mode::kStrict}) {
        const fhir::MemoryLookup lookup(testing::Clinic(entries), {});
        const DecisionPoint decision_point(lookup, {.mode = mode});
        for (int i = 1; i <= 8; ++i) {
          AccessRequest request;
          request.subject.reference = "ProjectMembership/member";
          request.interaction = static_cast<Interaction>(i);
          request.resource.type = "Observation";
          request.resource.proposed = resource;
          if (request.interaction != Interaction::kCreate) {
            request.resource.current = resource;
          }
          Explanation explanation;
          ASSERT_TRUE(decision_point.Explain(request, explanation).decided());
          denials += !explanation.decision.permitted();
          const std::string texts = AllTexts(explanation);
          for (const std::string_view secret : kSecrets) {
            ASSERT_EQ(texts.find(secret), std::string::npos)
                << query << " " << constraint << "\n"
                << texts;
          }
          ASSERT_EQ(texts.find(resource->id()), std::string::npos) << texts;
        }
      }
    }
  }
  EXPECT_GT(denials, 100u);
}

}  // namespace
}  // namespace pdp::policy
