#include "pdp/fhir/element_set.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace pdp::fhir {
namespace {

ElementSet Of(const std::vector<std::string_view>& names) {
  ElementSet set;
  for (const std::string_view name : names) set.Add(name);
  return set;
}

TEST(ElementSetTest, CoversWhatHasNoMoreElements) {
  const ElementSet some = Of({"subject", "code"});
  EXPECT_TRUE(some.Covers(some));
  EXPECT_TRUE(some.Covers(Of({"code"})));
  EXPECT_TRUE(some.Covers(ElementSet::Least()));
  EXPECT_TRUE(ElementSet::Whole().Covers(some));
  EXPECT_TRUE(ElementSet::Whole().Covers(ElementSet::Whole()));
  EXPECT_FALSE(some.Covers(Of({"code", "status"})));
  EXPECT_FALSE(some.Covers(ElementSet::Whole()));
  EXPECT_FALSE(ElementSet::Least().Covers(Of({"code"})));
}

TEST(ElementSetTest, EverySetHasIdTypeAndMeta) {
  EXPECT_EQ(Of({"id", "meta", "resourceType"}), ElementSet::Least());
  for (const std::string_view member : {"id", "_id", "meta", "resourceType"}) {
    EXPECT_TRUE(ElementSet::Least().HasMember(member)) << member;
  }
  EXPECT_FALSE(ElementSet::Least().HasMember("identifier"));
}

TEST(ElementSetTest, AnElementHasItsExtensionsAndItsChoices) {
  const ElementSet set = Of({"value", "birthDate"});
  for (const std::string_view member :
       {"value", "_value", "valueQuantity", "_valueString", "birthDate",
        "_birthDate"}) {
    EXPECT_TRUE(set.HasMember(member)) << member;
  }
  for (const std::string_view member :
       {"valueless", "_values", "birth", "name", "", "_"}) {
    EXPECT_FALSE(set.HasMember(member)) << member;
    EXPECT_TRUE(ElementSet::Whole().HasMember(member)) << member;
  }
}

TEST(ElementSetTest, AUnionHasEachElementOnceInOrder) {
  ElementSet set = Of({"subject", "code"});
  set.Add(Of({"status", "code", "category"}));
  EXPECT_EQ(set.names(), (std::vector<std::string>{"category", "code", "status",
                                                   "subject"}));
  set.Add(ElementSet::Whole());
  EXPECT_EQ(set, ElementSet::Whole());
  set.Add("code");
  EXPECT_EQ(set, ElementSet::Whole());
}

}  // namespace
}  // namespace pdp::fhir
