// A mirror of a server that changes while it is read, whose answers overtake
// each other and whose searches run behind.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pdp/sync/mirror_test_support.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

using fhir::ResourceKey;

// What the server knows of one resource.
struct Version {
  bool live = false;
  std::string id;  // Of the version.
  int time = 0;    // Of the version, or of the deletion.
};
using World = std::map<ResourceKey, Version>;  // What is absent was expunged.

const ResourceKey kKeys[] = {
    {"AccessPolicy", "a"},      {"AccessPolicy", "b"},
    {"ProjectMembership", "m"}, {"ProjectMembership", "n"},
    {"Patient", "x"},           {"Patient", "y"},
};

bool IsLive(const World& world, const ResourceKey& key) {
  const auto found = world.find(key);
  return found != world.end() && found->second.live;
}

class Scenario {
 public:
  explicit Scenario(uint32_t seed) : random_(seed) { history_.push_back({}); }

  void Step() {
    switch (Below(8)) {
      case 0:
      case 1:
        return Change();
      case 2:
        return Begin({.key = AnyKey(), .by_id = true});
      case 3:
      case 4:
        return Begin({.key = AnyKey(), .deleted = Below(3) == 0});
      case 5:
        if (!asked_.empty()) Answer(AnyOf(asked_));
        return;
      default:
        if (!asked_.empty()) Deliver(AnyOf(asked_));
    }
  }

  // Ends all reads that are under way, and compares everything once.
  void Settle() {
    FinishReads();
    for (const MirroredType& type : MirroredTypes()) {
      for (const bool deleted : {false, true}) {
        Begin({.key = {std::string(type.name), ""}, .deleted = deleted});
      }
    }
    std::set<ResourceKey> unconfirmed;
    for (const ResourceKey& key : kKeys) {
      const std::string held = fixture_.Held(key);
      const bool tombstone = key.type == "Patient" && held == "deleted";
      if (tombstone || (held != "nothing" && held != "deleted" &&
                        !IsLive(history_.back(), key))) {
        unconfirmed.insert(key);
      }
    }
    may_lag_ = false;
    FinishReads();
    for (const ResourceKey& key : unconfirmed) {
      Begin({.key = key, .by_id = true});
    }
    FinishReads();
  }

  void ExpectIsTheServers() const {
    for (const ResourceKey& key : kKeys) {
      SCOPED_TRACE(key.ToString());
      const std::string held = fixture_.Held(key);
      const auto version = history_.back().find(key);
      const bool exists = version != history_.back().end();
      if (key.type == "Patient") {
        EXPECT_EQ(held,
                  exists && !version->second.live ? "deleted" : "nothing");
      } else if (IsLive(history_.back(), key)) {
        EXPECT_EQ(held, version->second.id);
      } else if (exists) {
        EXPECT_EQ(held, "deleted");
      } else {
        // That a deleted one was expunged is the same to every decision.
        EXPECT_TRUE(held == "nothing" || held == "deleted") << held;
      }
    }
    EXPECT_TRUE(fixture_.store().Verify().ok());
  }

  int unsure() const { return unsure_; }

 private:
  // A read that was begun.
  struct Read {
    ResourceKey key;  // Of a search the id does not count.
    bool by_id = false;
    bool deleted = false;
    ReadTicket ticket;
    bool answered = false;
    size_t moment = 0;  // Of what it answers, an index of history_.
    std::vector<Observation> answer;
  };
  using Reads = std::map<uint64_t, Read>;

  uint32_t Below(uint32_t limit) {
    return static_cast<uint32_t>(random_() % limit);
  }
  ResourceKey AnyKey() { return kKeys[Below(std::size(kKeys))]; }
  Reads::iterator AnyOf(Reads& reads) {
    return std::next(reads.begin(), Below(static_cast<uint32_t>(reads.size())));
  }

  // The server's clock: it may stand still, and jump back.
  int Time() {
    now_ += static_cast<int>(Below(3));
    if (Below(20) == 0) now_ -= 5;
    return now_;
  }

  void Change() {
    World world = history_.back();
    const ResourceKey key = AnyKey();
    const std::string version = StrCat("v", ++versions_);
    const auto found = world.find(key);
    if (found == world.end()) {
      const int backdated = Below(4) == 0 ? 10 : 0;
      world[key] = {.live = true, .id = version, .time = Time() - backdated};
    } else if (Below(6) == 0) {
      world.erase(found);
    } else if (found->second.live && Below(2) == 0) {
      found->second = {.live = false, .time = Time()};
    } else {
      found->second = {.live = true, .id = version, .time = Time()};
    }
    // Whatever was known dead may live again.
    if (IsLive(world, key)) dead_.erase(key);
    if (IsLive(history_.back(), key) && !IsLive(world, key)) {
      died_[key] = history_.size();
    }
    history_.push_back(std::move(world));
  }

  void Begin(Read read) {
    read.ticket = fixture_.Begin();
    const uint64_t number = read.ticket.number;
    asked_.emplace(number, std::move(read));
  }

  Observation Saw(const Read& read, const ResourceKey& key,
                  const Version& version) const {
    const std::string version_id = version.live ? version.id : "d";
    const SentResource sent = {.type = key.type,
                               .id = key.id,
                               .version = version_id,
                               .time = version.time};
    if (!version.live) {
      return read.by_id ? ReadDeleted(read.ticket, key)
                        : FoundDeleted(read.ticket, sent);
    }
    return read.by_id ? ReadLive(read.ticket, sent) : Found(read.ticket, sent);
  }

  void Answer(Reads::iterator it) {
    Read& read = it->second;
    if (read.answered) return;
    read.answered = true;
    size_t& moment = read.moment;
    moment = history_.size() - 1;
    if (!read.by_id && may_lag_ && Below(4) == 0) {
      moment -= Below(static_cast<uint32_t>(std::min<size_t>(moment, 6)) + 1);
    }
    const World& world = history_[moment];
    if (read.by_id) {
      const auto found = world.find(read.key);
      read.answer.push_back(found == world.end()
                                ? ReadAbsent(read.ticket, read.key)
                                : Saw(read, read.key, found->second));
      return;
    }
    for (const auto& [key, version] : world) {
      if (key.type == read.key.type && version.live != read.deleted) {
        read.answer.push_back(Saw(read, key, version));
      }
    }
  }

  void Deliver(Reads::iterator it) {
    Answer(it);
    const Read read = std::move(it->second);
    asked_.erase(it);
    const auto result = fixture_.Apply("p", read.answer);
    ASSERT_TRUE(result.ok()) << result.status();
    unsure_ += static_cast<int>(result->unsure.size());
    for (const ResourceKey& key : result->unsure) {
      Begin({.key = key, .by_id = true});
    }
    for (const ResourceKey& key : kKeys) {
      const std::string held = fixture_.Held(key);
      const bool held_live = held != "nothing" && held != "deleted";
      ASSERT_FALSE(held_live && dead_.contains(key))
          << key.ToString() << " was known to be dead, and is held as " << held;
      const bool was_told = std::any_of(
          read.answer.begin(), read.answer.end(), [&](const Observation& saw) {
            return saw.key == key && saw.kind != Observation::Kind::kLive;
          });
      const bool since_death =
          !IsLive(history_.back(), key) && read.moment >= died_[key];
      if (was_told && since_death && !held_live && result->unsure.empty()) {
        dead_.insert(key);
      }
    }
  }

  void FinishReads() {
    for (int reads = 0; !asked_.empty(); ++reads) {
      ASSERT_LT(reads, 10'000) << "no end of what is unsure";
      Deliver(AnyOf(asked_));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  std::mt19937 random_;
  MirrorFixture fixture_;
  std::vector<World> history_;
  Reads asked_;
  // When each last died, an index of history_.
  std::map<ResourceKey, size_t> died_;
  // What the mirror was told is dead, and is since.
  std::set<ResourceKey> dead_;
  int now_ = 10'000;
  int versions_ = 0;
  int unsure_ = 0;
  bool may_lag_ = true;
};

TEST(MirrorPropertyTest, OneComparisonMakesItTheServersAndNothingDeadRevives) {
  const uint32_t runs = std::getenv("PDP_LONG") == nullptr ? 30 : 2000;
  int unsure = 0;
  for (uint32_t seed = 0; seed < runs; ++seed) {
    SCOPED_TRACE(StrCat("seed ", seed));
    Scenario scenario(seed);
    for (int step = 0; step < 400; ++step) {
      scenario.Step();
      if (HasFatalFailure()) return;
    }
    scenario.Settle();
    if (HasFatalFailure()) return;
    scenario.ExpectIsTheServers();
    if (HasFailure()) return;
    unsure += scenario.unsure();
  }
  EXPECT_GT(unsure, 0);
}

}  // namespace
}  // namespace pdp::sync
