#include "pdp/sync/named_resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pdp::sync {
namespace {

using ::testing::ElementsAreArray;

struct NamedCase {
  const char* name;
  const char* json;
  std::vector<std::string> named;
};

TEST(NamedResourcesTest, FindsEveryReferenceThatADecisionFollows) {
  const NamedCase cases[] = {
      {"None", R"({"profile":{"reference":"Patient/x"}})", {}},
      {"Several",
       R"({"accessPolicy":{"reference":"AccessPolicy/a"},)"
       R"("access":[{"policy":{"reference":"AccessPolicy/b"}}],)"
       R"("userConfiguration":{"reference":"UserConfiguration/c"},)"
       R"("project":{"reference":"Project/p"}})",
       {"AccessPolicy/a", "AccessPolicy/b", "Project/p",
        "UserConfiguration/c"}},
      {"Once",
       R"({"a":"AccessPolicy/a","b":"AccessPolicy/a"})",
       {"AccessPolicy/a"}},
      {"OfAVersion",
       R"({"a":"AccessPolicy/a/_history/1"})",
       {"AccessPolicy/a"}},
      {"AtTheEndOfAnAddress",
       R"({"a":"https://x/fhir/R4/AccessPolicy/a"})",
       {"AccessPolicy/a"}},
      {"Escaped",
       R"({"a":["AccessPolicy\/a",{"b":"\u0050roject/p"}]})",
       {"AccessPolicy/a", "Project/p"}},
      {"Malformed", R"({"a":"AccessPolicy/","b":"AccessPolicy/a b"})", {}},
  };
  for (const NamedCase& test_case : cases) {
    SCOPED_TRACE(test_case.name);
    std::vector<std::string> named;
    for (const fhir::ResourceKey& key : NamedResources(test_case.json)) {
      named.push_back(key.ToString());
    }
    EXPECT_THAT(named, ElementsAreArray(test_case.named));
  }
}

}  // namespace
}  // namespace pdp::sync
