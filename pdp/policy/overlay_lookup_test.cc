#include "pdp/policy/overlay_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pdp/fhir/memory_lookup.h"
#include "tests/support/world.h"

namespace pdp::policy {
namespace {

using fhir::LookupState;
using pdp::testing::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

fhir::ResourcePtr Member(std::string_view id, std::string_view profile,
                         std::string_view project = "p") {
  return Json(StrCat("{'resourceType':'ProjectMembership','id':'", id,
                     "','meta':{'project':'", project, "','versionId':'", id,
                     "-1'},'profile':{'reference':'", profile, "'}}"));
}

std::vector<std::string> Memberships(const fhir::ResourceLookup& lookup,
                                     std::string_view reference) {
  std::vector<std::string> ids;
  EXPECT_EQ(lookup.FindMemberships(reference,
                                   [&](const fhir::ResourcePtr& member) {
                                     ids.emplace_back(member->id());
                                   }),
            LookupState::kFound);
  return ids;
}

std::vector<std::string> Scan(const fhir::ResourceLookup& lookup,
                              std::string_view project, size_t at_most = 99) {
  std::vector<std::string> ids;
  EXPECT_EQ(lookup.Scan("ProjectMembership", project,
                        [&](const fhir::ResourcePtr& member) {
                          ids.emplace_back(member->id());
                          return ids.size() < at_most;
                        }),
            LookupState::kFound);
  return ids;
}

struct Fixture {
  fhir::MemoryLookup base{
      {Member("b", "Practitioner/1"), Member("d", "Practitioner/1"),
       Member("f", "Practitioner/2"), Member("g", "Practitioner/2", "q")},
      {}};
  // `a` and `e` are new, `d` has another profile, `f` is deleted.
  OverlayLookup overlay{
      base,
      {Member("e", "Practitioner/1"), Member("a", "Practitioner/1"),
       Member("d", "Practitioner/2")},
      {{"ProjectMembership", "f"}}};
};

TEST(OverlayLookupTest, WhatWasPutTakesThePlaceOfWhatIsThere) {
  const Fixture f;
  const auto read = f.overlay.Read({"ProjectMembership", "d"});
  ASSERT_EQ(read.state, LookupState::kFound);
  EXPECT_NE(read.resource->json().find("Practitioner/2"), std::string::npos);
  EXPECT_EQ(f.overlay.Read({"ProjectMembership", "a"}).state,
            LookupState::kFound);
  EXPECT_EQ(f.overlay.Read({"ProjectMembership", "b"}).state,
            LookupState::kFound);
  EXPECT_EQ(f.overlay.Read({"ProjectMembership", "x"}).state,
            LookupState::kAbsent);
}

TEST(OverlayLookupTest, WhatIsDeletedHasItsLastVersionLeft) {
  const Fixture f;
  const auto read = f.overlay.Read({"ProjectMembership", "f"});
  EXPECT_EQ(read.state, LookupState::kDeleted);
  EXPECT_NE(read.resource, nullptr);
  EXPECT_EQ(f.overlay.FindDeletion({"ProjectMembership", "f"}),
            LookupState::kDeleted);
  EXPECT_EQ(f.overlay.FindDeletion({"ProjectMembership", "a"}),
            LookupState::kFound);
}

TEST(OverlayLookupTest, MembershipsAreThoseOfTheOverlayInTheOrderOfTheirIds) {
  const Fixture f;
  EXPECT_THAT(Memberships(f.overlay, "Practitioner/1"),
              ElementsAre("a", "b", "e"));
  EXPECT_THAT(Memberships(f.overlay, "Practitioner/2"), ElementsAre("d", "g"));
  EXPECT_THAT(Memberships(f.overlay, "Practitioner/3"), IsEmpty());
}

TEST(OverlayLookupTest, AScanMergesInTheOrderOfIdsAndEndsWhenTold) {
  const Fixture f;
  EXPECT_THAT(Scan(f.overlay, ""), ElementsAre("a", "b", "d", "e", "g"));
  EXPECT_THAT(Scan(f.overlay, "p"), ElementsAre("a", "b", "d", "e"));
  EXPECT_THAT(Scan(f.overlay, "", 1), ElementsAre("a"));
  EXPECT_THAT(Scan(f.overlay, "", 3), ElementsAre("a", "b", "d"));
}

TEST(OverlayLookupTest, OlderVersionsStayAndTheProposedOneIsAmongThem) {
  const fhir::MemoryLookup base({Json("{'resourceType':'AccessPolicy','id':'p',"
                                      "'meta':{'versionId':'2'}}")},
                                {Json("{'resourceType':'AccessPolicy','id':'p',"
                                      "'meta':{'versionId':'1'}}")});
  const OverlayLookup overlay(
      base,
      {Json("{'resourceType':'AccessPolicy','id':'p','meta':{'versionId':"
            "'3'}}")},
      {});
  std::vector<std::string> versions;
  overlay.FindVersions({"AccessPolicy", "p"}, [&](const auto& version) {
    versions.emplace_back(version->version_id());
  });
  EXPECT_THAT(versions, ElementsAre("3", "1", "2"));
  EXPECT_EQ(overlay.ReadVersion({"AccessPolicy", "p"}, "1").state,
            LookupState::kFound);
  EXPECT_EQ(overlay.ReadVersion({"AccessPolicy", "p"}, "3").state,
            LookupState::kFound);
}

// What cannot be told below cannot be told above: never the same as absent.
TEST(OverlayLookupTest, WhatCannotBeToldStaysSo) {
  class Blind final : public fhir::ResourceLookup {
    fhir::LookupResult Read(const fhir::ResourceKey&) const override {
      return {};
    }
    fhir::LookupResult ReadVersion(const fhir::ResourceKey&,
                                   std::string_view) const override {
      return {};
    }
    LookupState FindVersions(
        const fhir::ResourceKey&,
        const std::function<void(const fhir::ResourcePtr&)>&) const override {
      return LookupState::kUnavailable;
    }
    LookupState FindMemberships(
        std::string_view,
        const std::function<void(const fhir::ResourcePtr&)>&) const override {
      return LookupState::kUnavailable;
    }
    LookupState Scan(
        std::string_view, std::string_view,
        const std::function<bool(const fhir::ResourcePtr&)>&) const override {
      return LookupState::kUnavailable;
    }
  };
  const Blind base;
  const OverlayLookup overlay(base, {Member("a", "Practitioner/1")}, {});
  int visited = 0;
  EXPECT_EQ(overlay.Read({"Patient", "1"}).state, LookupState::kUnavailable);
  EXPECT_EQ(
      overlay.FindMemberships("Practitioner/1", [&](auto&) { ++visited; }),
      LookupState::kUnavailable);
  EXPECT_EQ(overlay.Scan("ProjectMembership", "",
                         [&](auto&) {
                           ++visited;
                           return true;
                         }),
            LookupState::kUnavailable);
  EXPECT_EQ(visited, 0);
}

}  // namespace
}  // namespace pdp::policy
