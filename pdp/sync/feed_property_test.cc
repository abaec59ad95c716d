// Whatever changes at the server and whatever fails on the way: freshness is
// only confirmed of what is so, and once nothing fails any more, the store is
// in step.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "pdp/sync/feed_test_support.h"
#include "pdp/sync/hint_queue.h"
#include "pdp/sync/hint_reader.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;

constexpr char kNothing[] = "nothing";
constexpr char kDeleted[] = "deleted";

class World : public FeedFixture {
 public:
  // Whether what no sweep finds may happen: expunges, and rows that appear with
  // a time long past.
  enum class Faults : uint8_t { kFoundBySweeps, kAll };

  World(uint32_t seed, Faults faults) : random_(seed), faults_(faults) {
    for (const char* id : {"a", "b", "c"}) {
      for (const char* type : {"AccessPolicy", "Bot", "ProjectMembership"}) {
        keys_.push_back({type, id});
      }
      keys_.push_back({"Practitioner", id});
    }
    keys_.push_back({"UserConfiguration", "a"});
    server.SetPageSize(2 + Below(4));
    Note();
    for (int i = 0; i < 20; ++i) Change();
  }

  void Live(int steps) {
    NewProcess();
    for (int i = 0; i < steps; ++i) Step();
    failing_ = false;
    changing_ = false;
    clock.Advance(absl::Seconds(1 + Below(20)));
  }

 private:
  // The states that a resource had, and since when.
  using History = std::vector<std::pair<absl::Duration, std::string>>;

  uint32_t Below(uint32_t end) {
    return static_cast<uint32_t>(random_() % end);
  }
  bool Once(uint32_t in) { return Below(in) == 0; }

  void NewProcess() {
    knows_clock_ = false;
    queue_.reset();
    reader_.reset();
    Restart();
    queue_ = std::make_unique<HintQueue>(100, clock);
    reader_ = std::make_unique<HintReader>(*reads, *queue_, [] {});
    login->SetBefore([this](std::string_view) { return BeforeCall(); });
  }

  absl::Status BeforeCall() {
    if (changing_ && Once(6)) Change();
    clock.Advance(absl::Milliseconds(Below(50)));
    if (!failing_ || !Once(40)) return absl::OkStatus();
    switch (Below(6)) {
      case 0:
        return absl::UnauthenticatedError("401");
      case 1:
        return absl::PermissionDeniedError("403");
      case 2:
        return absl::InvalidArgumentError("400");
      case 3:
        return absl::DataLossError("cut");
      default:
        return absl::UnavailableError("no answer");
    }
  }

  void Change() {
    const ResourceKey key = keys_[Below(static_cast<uint32_t>(keys_.size()))];
    const bool far_back = faults_ == Faults::kAll && Once(10);
    const absl::Duration ago = far_back ? absl::Hours(1 + Below(5))
                                        : absl::Milliseconds(Below(20'000));
    if (faults_ == Faults::kAll && Once(8)) {
      server.Expunge(key);
    } else if (settled_ && knows_clock_ && Once(3)) {
      server.Delete(key, ago);
    } else {
      server.Put(key, "p", MembersOf(key), ago);
    }
    Note();
  }

  std::string MembersOf(const ResourceKey& key) {
    if (key.type != "ProjectMembership") return "";
    return StrCat(R"(,"project":{"reference":"Project/p"},)",
                  R"("profile":{"reference":"Practitioner/)", key.id, "\"}");
  }

  // What a decision can tell of a resource.
  static std::string StateOf(const ResourceKey& key,
                             const ModelServer::Row* row) {
    if (row == nullptr) return kNothing;
    if (row->deleted) return kDeleted;
    return key.type == "Practitioner" ? kNothing : row->version;
  }

  void Note() {
    const auto rows = server.rows();
    for (const ResourceKey& key : keys_) {
      const auto row = rows.find(key);
      std::string state =
          StateOf(key, row == rows.end() ? nullptr : &row->second);
      History& history = histories_[key];
      if (history.empty() || history.back().second != state) {
        history.push_back({clock.SinceBoot(), std::move(state)});
      }
    }
  }

  void Step() {
    clock.Advance(absl::Milliseconds(Below(20'000)));
    switch (Below(10)) {
      case 0:
        if (settled_) NewProcess();
        break;
      case 1:
        if (settled_ && knows_clock_ && Once(3)) {
          server.SetSkew(absl::Seconds(static_cast<int>(Below(2000)) - 1000));
          settled_ = false;
        }
        break;
      case 2:
      case 3:
        Change();
        break;
      case 4:
        reader_->Handle(
            {.key = keys_[Below(static_cast<uint32_t>(keys_.size()))],
             .deleted = Once(2)});
        break;
      case 5:
        while (const auto hint = queue_->Poll()) reader_->Handle(*hint);
        break;
      case 6:
        for (int i = 0; i < 3 && rounds->HasStep(); ++i) {
          rounds->Step().IgnoreError();
        }
        break;
      default:
        Round();
    }
  }

  void Round() {
    if (!rounds->Run().ok()) return;
    settled_ = knows_clock_ = true;
    if (faults_ == Faults::kFoundBySweeps) ExpectKnownSince(freshness->as_of());
  }

  // What is held of each resource was so at that moment, or later.
  void ExpectKnownSince(absl::Duration moment) {
    for (const auto& [key, history] : histories_) {
      const auto record = store->Get(key);
      ASSERT_TRUE(record.ok());
      std::string held = kNothing;
      if (record->has_value()) {
        held = (*record)->deleted ? kDeleted : (*record)->version_id;
      }
      // A profile's tombstone that no membership names is not kept up.
      if (key.type == "Practitioner" && held == kDeleted) continue;
      bool was_so = false;
      for (size_t i = 0; i < history.size(); ++i) {
        const bool ended =
            i + 1 < history.size() && history[i + 1].first < moment;
        was_so |= !ended && history[i].second == held;
      }
      EXPECT_TRUE(was_so) << key.ToString() << " is held as " << held;
    }
  }

  std::mt19937 random_;
  const Faults faults_;
  std::vector<ResourceKey> keys_;
  std::map<ResourceKey, History> histories_;
  std::unique_ptr<HintQueue> queue_;
  std::unique_ptr<HintReader> reader_;
  bool failing_ = true;
  bool changing_ = true;
  // A round was complete since the server's clock was set.
  bool settled_ = true;
  // Likewise, since the process began.
  bool knows_clock_ = false;
};

TEST(FeedPropertyTest, FreshnessIsConfirmedOnlyOfWhatIsKnown) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, World::Faults::kFoundBySweeps);
    world.Live(/*steps=*/60);
    ASSERT_TRUE(world.rounds->Run().ok());
    EXPECT_EQ(world.Held(), world.Expected());
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(FeedPropertyTest, AFullSweepFindsWhateverWasMissed) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed, World::Faults::kAll);
    world.Live(/*steps=*/60);
    ASSERT_TRUE(world.rounds->Run().ok());
    ASSERT_TRUE(world.FullSweep().ok());
    // Whom a membership names is read by id with each round.
    ASSERT_TRUE(world.rounds->Run().ok());
    EXPECT_EQ(world.Held(), world.Expected());
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace pdp::sync
