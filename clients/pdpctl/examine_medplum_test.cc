#include "clients/pdpctl/examine_medplum.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pdp::ctl {
namespace {

using Level = Finding::Level;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(ExamineMedplumTest, SaysWhatIsNotWell) {
  struct Case {
    const char* name;
    MedplumProbe probe;
    Level worst;
  };
  const Case cases[] = {
      {"Well",
       {.is_secure = true,
        .certificate_ends = kNow + absl::Hours(24 * 15),
        .server_time = kNow + absl::Seconds(1)},
       Level::kOk},
      {"Plain", {.server_time = kNow}, Level::kWarning},
      {"CertificateEndsSoon",
       {.is_secure = true, .certificate_ends = kNow + absl::Hours(24 * 13)},
       Level::kWarning},
      {"ClockFarApart",
       {.is_secure = true, .server_time = kNow - absl::Minutes(2)},
       Level::kProblem},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Level worst = Level::kOk;
    for (const Finding& finding : ExamineProbe(test.probe, kNow)) {
      worst = std::max(worst, finding.level);
    }
    EXPECT_EQ(worst, test.worst);
  }
}

}  // namespace
}  // namespace pdp::ctl
