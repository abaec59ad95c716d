#include "pdp/source_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pdp {
namespace {

// Answers when it is told to.
class SlowSource final : public sync::Source {
 public:
  absl::Status Start() override { return absl::OkStatus(); }
  void Stop() override {}
  absl::Status Resync() override { return absl::OkStatus(); }
  void Reread(std::vector<fhir::ResourceKey> keys, std::string_view project,
              Done done) override {
    keys_ = std::move(keys);
    asked_.push_back({std::string(project), std::move(done)});
  }
  void Refresh(std::string_view project, Done done) override {
    asked_.push_back({std::string(project), std::move(done)});
  }
  sync::SourceStatus Status() const override { return {}; }

  std::vector<fhir::ResourceKey> keys_;
  std::vector<std::pair<std::string, Done>> asked_;
};

TEST(SourceReaderTest, PassesOnWhatIsAskedAndAnswered) {
  SlowSource source;
  SourceReader reader(source);
  std::vector<absl::Status> answers;
  const auto done = [&](const absl::Status& status) {
    answers.push_back(status);
  };
  reader.Fetch({{"AccessPolicy", "a"}}, "north", done);
  reader.Refresh("south", done);
  ASSERT_EQ(source.asked_.size(), 2u);
  EXPECT_EQ(source.keys_.front().ToString(), "AccessPolicy/a");
  EXPECT_EQ(source.asked_[0].first, "north");
  EXPECT_EQ(source.asked_[1].first, "south");
  source.asked_[1].second(absl::UnavailableError("away"));
  source.asked_[0].second(absl::OkStatus());
  EXPECT_EQ(answers, (std::vector<absl::Status>{absl::UnavailableError("away"),
                                                absl::OkStatus()}));
}

TEST(SourceReaderTest, OnlySoManyWaitForOneProject) {
  SlowSource source;
  SourceReader reader(source);
  size_t refused = 0;
  const auto done = [&](const absl::Status& status) {
    if (absl::IsResourceExhausted(status)) ++refused;
  };
  const size_t limit = SourceReader::kMaxWaitingOfOneProject;
  for (size_t i = 0; i < limit; ++i) reader.Refresh("north", done);
  EXPECT_EQ(refused, 0u);
  reader.Refresh("north", done);
  EXPECT_EQ(refused, 1u);
  reader.Refresh("south", done);
  EXPECT_EQ(refused, 1u);
  source.asked_.front().second(absl::OkStatus());
  reader.Refresh("north", done);
  EXPECT_EQ(refused, 1u);
}

}  // namespace
}  // namespace pdp
