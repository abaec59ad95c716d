#include "clients/cpp/batch.h"

#include <gtest/gtest.h>

#include <string>

#include "clients/cpp/scripted_pdp.h"

namespace medplum_pdp {
namespace {

// Items by resources 0, 1, 0, 2 and one of its own.
v1::BatchCheckRequest Five() {
  v1::BatchCheckRequest request;
  request.mutable_subject()->set_reference("Practitioner/1");
  request.mutable_context()->set_remote_address("10.0.0.1");
  for (const char* id : {"a", "b", "c"}) {
    request.add_resources()->set_id(id);
  }
  for (const uint32_t index : {0, 1, 0, 2}) {
    request.add_items()->set_resource_index(index);
  }
  request.add_items()->mutable_resource()->set_id("own");
  return request;
}

// The id of what an item is about.
std::string IdOf(const v1::BatchCheckRequest& part,
                 const v1::BatchCheckItem& item) {
  return item.has_resource()
             ? item.resource().id()
             : part.resources(static_cast<int>(item.resource_index())).id();
}

TEST(SplitBatchTest, AsOneWhereItFits) {
  const auto parts = SplitBatch(Five(), 5, 1'000'000);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].SerializeAsString(), Five().SerializeAsString());
}

TEST(SplitBatchTest, EveryPartHasTheSubjectAndTheResourcesOfItsItems) {
  const auto parts = SplitBatch(Five(), 2, 1'000'000);
  ASSERT_EQ(parts.size(), 3u);
  std::string ids;
  for (const v1::BatchCheckRequest& part : parts) {
    EXPECT_EQ(part.subject().reference(), "Practitioner/1");
    EXPECT_EQ(part.context().remote_address(), "10.0.0.1");
    EXPECT_FALSE(part.has_consistency());
    EXPECT_LE(part.resources_size(), 2);
    for (const v1::BatchCheckItem& item : part.items()) {
      ids += IdOf(part, item) + " ";
    }
  }
  EXPECT_EQ(ids, "a b a c own ");
}

TEST(SplitBatchTest, NoPartIsLargerThanTheServerTakes) {
  v1::BatchCheckRequest request;
  for (int i = 0; i < 40; ++i) {
    request.add_items()->mutable_resource()->set_body(std::string(900, 'x'));
  }
  request.mutable_items(7)->mutable_resource()->set_body(
      std::string(9'000, 'x'));
  int items = 0;
  for (const v1::BatchCheckRequest& part : SplitBatch(request, 1'000, 5'000)) {
    items += part.items_size();
    EXPECT_TRUE(part.ByteSizeLong() <= 5'000 || part.items_size() == 1);
  }
  EXPECT_EQ(items, 40);
}

TEST(SplitBatchTest, AReferenceToNoResourceStaysOne) {
  v1::BatchCheckRequest request = Five();
  request.mutable_items(4)->set_resource_index(3);
  for (const size_t max_items : {1, 5}) {
    const auto parts = SplitBatch(request, max_items, 1'000'000);
    const v1::BatchCheckRequest& last = parts.back();
    EXPECT_GE(last.items().rbegin()->resource_index(),
              static_cast<uint32_t>(last.resources_size()));
  }
}

TEST(SplitBatchTest, OfNothingIsNothing) {
  EXPECT_TRUE(SplitBatch({}, 1'000, 1'000).empty());
}

TEST(DecisionsOfTest, AnItemWithoutDecisionTouchesNoOther) {
  v1::BatchCheckResponse response;
  *response.add_results()->mutable_decision() = Permit();
  response.add_results()->mutable_error()->set_code(3);
  response.add_results();
  *response.add_results()->mutable_decision() = Denial();
  const auto decisions = DecisionsOf(absl::OkStatus(), response, 4);
  ASSERT_EQ(decisions.size(), 4u);
  EXPECT_TRUE(decisions[0].permitted());
  EXPECT_TRUE(absl::IsInvalidArgument(decisions[1].status()));
  EXPECT_TRUE(absl::IsInternal(decisions[2].status()));
  EXPECT_TRUE(decisions[3].denied());
}

TEST(DecisionsOfTest, ResultsThatAreNotAsManyAsTheItemsAreNone) {
  v1::BatchCheckResponse response;
  *response.add_results()->mutable_decision() = Permit();
  for (const size_t items : {2, 0}) {
    const auto decisions = DecisionsOf(absl::OkStatus(), response, items);
    EXPECT_EQ(decisions.size(), items);
    for (const Decision& decision : decisions) {
      EXPECT_TRUE(decision.no_decision());
    }
  }
  const auto failed = DecisionsOf(absl::UnavailableError("away"), response, 1);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(failed[0].status()));
}

}  // namespace
}  // namespace medplum_pdp
