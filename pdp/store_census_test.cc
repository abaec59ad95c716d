#include "pdp/store_census.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_directory.h"

namespace pdp {
namespace {

class StoreCensusTest : public ::testing::Test {
 protected:
  // A resource with `members` beside its type, id and project.
  void Put(const std::string& type, const std::string& id,
           std::string_view members) {
    std::string json = StrCat("{'resourceType':'", type, "','id':'", id, "'",
                              members.empty() ? "" : ",", members, "}");
    for (char& c : json) c = c == '\'' ? '"' : c;
    store::Record record;
    record.version_id = "v";
    record.project = "p";
    record.bytes = std::move(json);
    std::vector<store::Change> changes;
    changes.push_back({.key = {type, id}, .record = std::move(record)});
    ASSERT_TRUE(store_->Apply(changes, {}).ok());
  }

  TempDirectory directory_;
  std::unique_ptr<store::Store> store_ =
      *store::Store::Open({.directory = directory_.path()});
  FakeClock clock_;
  StoreCensus census_{*store_, clock_};
};

constexpr std::string_view kOfProject = "'project':{'reference':'Project/p'}";
constexpr std::string_view kOfSuperProject =
    "'project':{'reference':'Project/s'}";

TEST_F(StoreCensusTest, CountsWhoNeedsAPolicyAndWhichCannotBeUsed) {
  Put("Project", "p", "");
  Put("Project", "s", "'superAdmin':true");
  Put("AccessPolicy", "good", "'resource':[{'resourceType':'Patient'}]");
  Put("AccessPolicy", "bad", "'resource':'Patient'");
  struct Case {
    const char* name;
    std::string_view project;
    std::string_view members;
    uint64_t counted;
  };
  const Case cases[] = {
      {"without", kOfProject, "", 1},
      {"with", kOfProject, ",'accessPolicy':{'reference':'AccessPolicy/good'}",
       0},
      {"by-item", kOfProject,
       ",'access':[{'policy':{'reference':'AccessPolicy/good'}}]", 0},
      {"empty-items", kOfProject, ",'access':[]", 1},
      {"admin", kOfProject, ",'admin':true", 0},
      {"inactive", kOfProject, ",'active':false", 0},
      {"super-admin", kOfSuperProject, "", 0},
  };
  uint64_t without = 0;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Put("ProjectMembership", test.name, StrCat(test.project, test.members));
    without += test.counted;
    EXPECT_EQ(CountStore(*store_)->memberships_without_policy, without);
  }
  const Census census = *CountStore(*store_);
  EXPECT_EQ(census.memberships, std::size(cases));
  EXPECT_EQ(census.policies, 2u);
  EXPECT_EQ(census.refused_policies, 1u);
}

TEST_F(StoreCensusTest, CountsAgainWhenTheStoreHasChanged) {
  Put("AccessPolicy", "a", "");
  EXPECT_EQ(census_.counts().policies, 0u);
  census_.Take();
  EXPECT_EQ(census_.counts().policies, 1u);
  Put("AccessPolicy", "b", "");
  EXPECT_EQ(census_.counts().policies, 1u);
  census_.Take();
  EXPECT_EQ(census_.counts().policies, 2u);
}

// Each look at this clock takes a second.
class SlowClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch(); }
  absl::Duration SinceBoot() const override { return absl::Seconds(++seconds); }
  mutable int seconds = 0;
};

TEST_F(StoreCensusTest, CountingTakesASmallPartOfTheTime) {
  SlowClock clock;
  StoreCensus census(*store_, clock);
  Put("AccessPolicy", "a", "");
  census.Take();  // In one second.
  ASSERT_EQ(census.counts().policies, 1u);
  Put("AccessPolicy", "b", "");
  clock.seconds += 40;
  census.Take();
  EXPECT_EQ(census.counts().policies, 1u);
  clock.seconds += 10;
  census.Take();
  EXPECT_EQ(census.counts().policies, 2u);
}

}  // namespace
}  // namespace pdp
