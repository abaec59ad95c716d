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
  const struct {
    std::string_view compartment;
    std::string_view meta;
    Match want;
  } cases[] = {
      {"{'display':'x'}", "{}", Match::kNo},
      {"{'display':'x'}", "{'compartment':[{'reference':'Organization/1'}]}",
       Match::kNo},
      {"{'display':'x'}", "{'compartment':[{'reference':''}]}", Match::kNo},
      {"{'display':'x'}", "{'compartment':[{'reference':null}]}", Match::kNo},
      {"{'display':'x'}", "{'compartment':[{'display':'y'}]}", Match::kYes},
      {"{'reference':''}", "{'compartment':[{'display':'y'}]}", Match::kNo},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.compartment);
    SCOPED_TRACE(test.meta);
    const SubjectAccess access = AccessUnder(StrCat(
        "{'resourceType':'Patient','compartment':", test.compartment, "}"));
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
