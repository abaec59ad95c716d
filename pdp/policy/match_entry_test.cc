#include "pdp/policy/match_entry.h"

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using testing::Json;

// Access under one entry; the member's policy and no rules of Medplum's own.
SubjectAccess AccessUnder(std::string_view entry) {
  const auto policy = ParseAccessPolicy(
      Json(StrCat("{'resourceType':'AccessPolicy','resource':[", entry, "]}"))
          ->root());
  EXPECT_TRUE(policy.ok()) << policy.status();
  std::vector<BoundEntry> entries(1);
  entries[0].compiled = Compile(policy->entries[0]);
  SubjectAccess access;
  access.policy = std::make_shared<const BoundPolicy>(
      std::move(entries), "", "", std::vector<IpAccessRule>(),
      std::vector<std::string>(), std::vector<Note>());
  return access;
}

TEST(MatchEntryTest, ACompartmentWithoutAReferenceIsNotAll) {
  const SubjectAccess access = AccessUnder(
      "{'resourceType':'Patient','compartment':{'display':'Clinic'}}");
  const struct {
    std::string_view meta;
    Match want;
  } cases[] = {
      {"{}", Match::kNo},
      {"{'compartment':[{'reference':'Organization/1'}]}", Match::kNo},
      {"{'compartment':[{'reference':''}]}", Match::kNo},
      {"{'compartment':[{'reference':null}]}", Match::kNo},
      {"{'compartment':[{'display':'Other'}]}", Match::kYes},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.meta);
    fhir::fhirpath::Scratch scratch;
    const auto patient =
        Json(StrCat("{'resourceType':'Patient','meta':", test.meta, "}"));
    const EntryMatch match =
        MatchInMemory(access, *patient, fhir::Interaction::kRead, scratch);
    EXPECT_EQ(match.match == Match::kYes, test.want == Match::kYes);
  }
}

}  // namespace
}  // namespace pdp::policy
