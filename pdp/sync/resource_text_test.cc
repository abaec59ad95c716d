#include "pdp/sync/resource_text.h"

#include <gtest/gtest.h>

#include <vector>

#include "pdp/fhir/resource_key.h"

namespace pdp::sync {
namespace {

TEST(ResourceTextTest, MembersAreAddedToMetaAndNothingElseChanges) {
  struct Case {
    std::string_view before;
    std::string_view after;
  };
  const Case cases[] = {
      {"{\"a\":1.10}", "{\"meta\":{\"p\":\"x\",\"q\":\"\\\"\"},\"a\":1.10}"},
      {"{}", "{\"meta\":{\"p\":\"x\",\"q\":\"\\\"\"}}"},
      {"{ }", "{\"meta\":{\"p\":\"x\",\"q\":\"\\\"\"} }"},
      {"{\"meta\":{}}", "{\"meta\":{\"p\":\"x\",\"q\":\"\\\"\"}}"},
      {"{\"meta\":{ }}", "{\"meta\":{\"p\":\"x\",\"q\":\"\\\"\" }}"},
      {"{\"b\":{\"meta\":{}}, \"meta\" : {\"v\":1}}",
       "{\"b\":{\"meta\":{}}, \"meta\" : "
       "{\"p\":\"x\",\"q\":\"\\\"\",\"v\":1}}"},
      {"{\"\\u006deta\":{}}", "{\"\\u006deta\":{\"p\":\"x\",\"q\":\"\\\"\"}}"},
  };
  const std::vector<TextMember> members = {{"p", "x"}, {"q", "\""}};
  for (const Case& test : cases) {
    SCOPED_TRACE(test.before);
    // Wherever it stands in its file.
    const std::string file = std::string("  ") + std::string(test.before);
    const std::string after = AddToMeta(fhir::RootOf(file), members);
    EXPECT_EQ(after, test.after);
    EXPECT_FALSE(fhir::FindJsonFault(after, 10).has_value());
    EXPECT_EQ(AddToMeta(fhir::RootOf(file), {}), test.before);
  }
}

TEST(ResourceTextTest, AVersionIdIsAUuidThatDependsOnTheText) {
  const std::string id = VersionIdOf("{\"a\":1}");
  EXPECT_TRUE(fhir::IsUuid(id)) << id;
  EXPECT_EQ(id, VersionIdOf("{\"a\":1}"));
  EXPECT_NE(id, VersionIdOf("{\"a\":2}"));
  EXPECT_EQ(VersionIdOf(""), "6c62272e-07bb-8142-a2b8-21756295c58d");
}

}  // namespace
}  // namespace pdp::sync
