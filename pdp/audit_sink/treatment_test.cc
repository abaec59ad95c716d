#include "pdp/audit_sink/treatment.h"

#include <gtest/gtest.h>

namespace pdp::audit_sink {
namespace {

using audit::Record;
using audit::RecordKind;

TEST(TreatmentTest, DeniedWrittenDoneAndAdministeredAreEventsOfTheirOwn) {
  const struct {
    const char* name;
    Record record;
    Treatment folded, every, none;
  } kCases[] = {
      {"read",
       {.interaction = "read", .effect = "PERMIT"},
       Treatment::kFold,
       Treatment::kOne,
       Treatment::kNone},
      {"search with obligations",
       {.interaction = "search", .effect = "PERMIT_WITH_OBLIGATIONS"},
       Treatment::kFold,
       Treatment::kOne,
       Treatment::kNone},
      {"filter",
       {.kind = RecordKind::kFilter, .effect = "CONDITIONAL"},
       Treatment::kFold,
       Treatment::kOne,
       Treatment::kNone},
      {"release",
       {.kind = RecordKind::kRelease, .effect = "PERMIT"},
       Treatment::kFold,
       Treatment::kOne,
       Treatment::kNone},
      {"summary of a release",
       {.kind = RecordKind::kRelease, .effect = "PERMIT", .event = "summary"},
       Treatment::kNone,
       Treatment::kNone,
       Treatment::kNone},
      {"denied read",
       {.interaction = "read", .effect = "DENY"},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"denied filter",
       {.kind = RecordKind::kFilter, .effect = "DENY"},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"write",
       {.interaction = "patch", .effect = "PERMIT"},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"an interaction that is not known",
       {.effect = "PERMIT"},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"no answer",
       {.interaction = "update", .effect = "NO_DECISION"},
       Treatment::kFold,
       Treatment::kFold,
       Treatment::kFold},
      {"access",
       {.kind = RecordKind::kAccess},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"admin",
       {.kind = RecordKind::kAdmin},
       Treatment::kOne,
       Treatment::kOne,
       Treatment::kOne},
      {"simulated denial",
       {.kind = RecordKind::kSimulation, .effect = "DENY"},
       Treatment::kNone,
       Treatment::kNone,
       Treatment::kNone},
      {"change",
       {.kind = RecordKind::kChange},
       Treatment::kNone,
       Treatment::kNone,
       Treatment::kNone},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(TreatmentOf(test.record, Reads::kFolded), test.folded);
    EXPECT_EQ(TreatmentOf(test.record, Reads::kEvery), test.every);
    EXPECT_EQ(TreatmentOf(test.record, Reads::kNone), test.none);
  }
}

TEST(TreatmentTest, FoldsByWhoWhomAndWindow) {
  const absl::Duration window = absl::Minutes(5);
  const absl::Time start = absl::UnixEpoch() + absl::Hours(1);
  const Record one = {.time = start,
                      .membership = "ProjectMembership/m",
                      .project = "p",
                      .resource = "Observation/1",
                      .patient = "Patient/1",
                      .effect = "PERMIT"};
  EXPECT_EQ(WindowEnd(start, window), start + window);
  EXPECT_EQ(WindowEnd(start + window - absl::Nanoseconds(1), window),
            start + window);
  Record other = one;
  other.resource = "Observation/2";
  other.time = start + window - absl::Milliseconds(1);
  EXPECT_EQ(FoldKey(one, window), FoldKey(other, window));
  other = one;
  other.time = start + window;
  EXPECT_NE(FoldKey(one, window), FoldKey(other, window));
  other = one;
  other.patient = "Patient/2";
  EXPECT_NE(FoldKey(one, window), FoldKey(other, window));
  other = one;
  other.membership = "ProjectMembership/n";
  EXPECT_NE(FoldKey(one, window), FoldKey(other, window));
  other = one;
  other.on_behalf_of = "Patient/3";
  EXPECT_NE(FoldKey(one, window), FoldKey(other, window));
  other = one;
  other.effect = "NO_DECISION";
  EXPECT_NE(FoldKey(one, window), FoldKey(other, window));
}

}  // namespace
}  // namespace pdp::audit_sink
