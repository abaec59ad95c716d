#include "store/keys.h"

#include <gtest/gtest.h>

namespace pdp::store {
namespace {

using fhir::ResourceKey;

constexpr std::string_view kNul("\0", 1);

TEST(KeysTest, OneTypeIsNoPrefixOfAnother) {
  EXPECT_TRUE(
      ResourcesKey({"Patient", "1"}).starts_with(TypePrefix("Patient")));
  EXPECT_FALSE(
      ResourcesKey({"PatientLink", "1"}).starts_with(TypePrefix("Patient")));
}

TEST(KeysTest, OneProjectIsNoPrefixOfAnother) {
  const std::string prefix = ByProjectPrefix("Task", "a");
  EXPECT_TRUE(ByProjectKey("Task", "a", "1").starts_with(prefix));
  for (const std::string_view project : {"a-b", "ab", "a.", "aa"}) {
    EXPECT_FALSE(ByProjectKey("Task", project, "1").starts_with(prefix));
  }
}

TEST(KeysTest, OneSubjectIsNoPrefixOfAnother) {
  const std::string prefix = BySubjectPrefix("Patient/1");
  EXPECT_TRUE(BySubjectKey("Patient/1", "m").starts_with(prefix));
  for (const std::string_view subject :
       {"Patient/10", "Patient/1-", "Patient"}) {
    EXPECT_FALSE(BySubjectKey(subject, "m").starts_with(prefix));
  }
}

TEST(KeysTest, IdsStandInTheOrderOfTheirBytes) {
  const std::vector<std::string> ids = {"-", "-a", ".",   "0",  "A", "Z",
                                        "a", "a-", "a-b", "a.", "aa"};
  for (size_t i = 1; i < ids.size(); ++i) {
    EXPECT_LT(ResourcesKey({"A", ids[i - 1]}), ResourcesKey({"A", ids[i]}));
  }
}

TEST(KeysTest, WhatCouldEndAPartEarlyIsRefused) {
  for (const std::string& id :
       {std::string(""), std::string("a/b"), std::string("a\0b", 3),
        std::string("a b"), std::string("é"), std::string(65, 'a')}) {
    SCOPED_TRACE(id);
    EXPECT_FALSE(CheckKey({"Patient", id}).ok());
    EXPECT_FALSE(CheckKey({id + "/", "1"}).ok());
    EXPECT_FALSE(CheckVersionId(id).ok());
    EXPECT_EQ(CheckProject(id).ok(), id.empty());
  }
  EXPECT_FALSE(CheckSubject("").ok());
  EXPECT_FALSE(CheckSubject(std::string("Patient/1") += kNul).ok());
  EXPECT_FALSE(CheckSubject(std::string(kMaxSubjectBytes + 1, 'a')).ok());
  EXPECT_TRUE(CheckSubject(std::string(kMaxSubjectBytes, 'a')).ok());
  EXPECT_FALSE(CheckCursorPart(kNul).ok());
}

TEST(KeysTest, KeysAreReadBack) {
  const ResourceKey key{"Patient", "a-b.c"};
  EXPECT_EQ(ParseResourcesKey(ResourcesKey(key)), key);
  const auto version = ParseVersionsKey(VersionsKey(key, "v1"));
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->key, key);
  EXPECT_EQ(version->version_id, "v1");
  EXPECT_FALSE(ParseResourcesKey("Patient").has_value());
  EXPECT_FALSE(ParseResourcesKey(VersionsKey(key, "v1")).has_value());
  EXPECT_FALSE(ParseVersionsKey(ResourcesKey(key)).has_value());
}

}  // namespace
}  // namespace pdp::store
