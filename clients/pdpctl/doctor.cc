#include "clients/pdpctl/doctor.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string_view>
#include <utility>

#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;
using Level = Finding::Level;

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

class StatusExaminer {
 public:
  StatusExaminer(const v1::GetStatusResponse& status, absl::Time now)
      : status_(status), now_(now) {}

  Findings Run() && {
    Ok(StrCat("pdpd ", status_.version(), " answers, at revision ",
              status_.revision()));
    if (status_.ready()) {
      Ok("it is ready");
    } else {
      Problem("it is not ready: the first load is not complete");
    }
    if (status_.has_now()) {
      AddClock("the server's", "this machine's", TimeOf(status_.now()) - now_);
    }
    if (status_.mode() == v1::MODE_PARITY) {
      Warn(
          "it runs in parity mode, which reproduces Medplum's defects; "
          "`mode: strict` closes them");
    }
    for (const v1::SourceStatus& source : status_.sources()) Examine(source);
    ExamineStore();
    ExamineShadow();
    for (const v1::Block& block : status_.blocks()) {
      Warn(StrCat(block.target(), " is blocked until ",
                  FindingText(TimeOf(block.until())), ": ", block.reason()));
    }
    return std::move(findings_);
  }

 private:
  void Ok(std::string text) {
    findings_.push_back({Level::kOk, std::move(text)});
  }
  void Warn(std::string text) {
    findings_.push_back({Level::kWarning, std::move(text)});
  }
  void Problem(std::string text) {
    findings_.push_back({Level::kProblem, std::move(text)});
  }

  void AddClock(std::string_view whose, std::string_view others,
                absl::Duration ahead) {
    findings_.push_back(CompareClocks(whose, others, ahead));
  }

  void Examine(const v1::SourceStatus& source) {
    if (!source.ready()) {
      Problem(StrCat("the source ", source.name(), " is not ready",
                     source.last_error().empty() ? "" : ": ",
                     source.last_error()));
    } else if (!source.last_error().empty()) {
      Warn(StrCat("the source ", source.name(), " last failed at ",
                  FindingText(TimeOf(source.last_error_at())), ": ",
                  source.last_error()));
    } else {
      Ok(StrCat("the source ", source.name(), " holds ", source.resources(),
                " resources and had no error"));
    }
    if (source.feeds().empty()) return;
    if (source.server_version().empty()) {
      Warn("the version of the Medplum server is not known");
    } else if (!source.server_version_checked()) {
      Warn(StrCat("the Medplum server is ", source.server_version(),
                  "; the rules were checked against ",
                  status_.medplum_version()));
    } else {
      Ok(StrCat("the Medplum server is ", source.server_version(),
                ", whose rules these are"));
    }
    for (const v1::FeedStatus& feed : source.feeds()) Examine(feed);
  }

  void Examine(const v1::FeedStatus& feed) {
    const std::string name = feed.project().empty()
                                 ? std::string("all projects")
                                 : StrCat("Project/", feed.project());
    ExamineState(name, feed);
    ExamineAge(name, feed);
    ExamineNotifications(name, feed);
    if (feed.has_server_clock_ahead()) {
      AddClock("Medplum's", "the server's",
               DurationOf(feed.server_clock_ahead()));
    }
    if (feed.failures() > 0) {
      Warn(StrCat(name, ": ", feed.failures(),
                  " attempts failed since the start, the last at ",
                  FindingText(TimeOf(feed.last_failure_at())),
                  feed.message().empty() ? "" : ": ", feed.message()));
    }
  }

  void ExamineState(std::string_view name, const v1::FeedStatus& feed) {
    const std::string_view colon = feed.message().empty() ? "" : ": ";
    switch (feed.state()) {
      case v1::FEED_STATE_CURRENT:
        return;
      case v1::FEED_STATE_LOADING:
        return Problem(StrCat(name, " is being loaded (", feed.loaded(),
                              " resources so far)", colon, feed.message()));
      case v1::FEED_STATE_CREDENTIALS_REFUSED:
        return Problem(StrCat(name, ": Medplum refuses the credentials", colon,
                              feed.message()));
      case v1::FEED_STATE_PROJECT_GONE:
        return Problem(StrCat(name, ": Medplum has no such project any more",
                              colon, feed.message()));
      case v1::FEED_STATE_ACCESS_MISSING:
        return Problem(StrCat(name,
                              ": the login may not read what decisions "
                              "need",
                              colon, feed.message()));
      default:
        return Problem(StrCat(name,
                              " is in a state that this pdpctl does not "
                              "know",
                              colon, feed.message()));
    }
  }

  void ExamineAge(std::string_view name, const v1::FeedStatus& feed) {
    if (!feed.has_bound()) {
      Problem(StrCat(name, ": nothing is known to be fresh"));
      return;
    }
    const absl::Duration age = DurationOf(feed.bound());
    const absl::Duration interval = DurationOf(feed.sweep_interval());
    const absl::Duration stale_after = DurationOf(status_.stale_after());
    if (age > DurationOf(status_.max_staleness())) {
      Problem(StrCat(name, " is ", FindingText(age),
                     " old: there are no decisions of it until a sweep "
                     "succeeds"));
    } else if (age > stale_after) {
      Warn(StrCat(name, " is stale, ", FindingText(age), " old"));
    } else {
      Ok(StrCat(name, " is at most ", FindingText(age), " old"));
    }
    if (interval > stale_after) {
      Warn(StrCat(name, " is swept every ", FindingText(interval),
                  " only, by the limit of searches; raise "
                  "sweep.max-searches-per-second or stale-after"));
    }
  }

  void ExamineNotifications(std::string_view name, const v1::FeedStatus& feed) {
    switch (feed.notifications()) {
      case v1::NOTIFICATION_STATE_CONNECTED:
        return Ok(StrCat(name, " is notified of changes"));
      case v1::NOTIFICATION_STATE_DISCONNECTED:
        return Warn(StrCat(name,
                           " is not notified of changes, which sweeps "
                           "alone find now: ",
                           feed.notifications_message()));
      default:
        return Ok(StrCat(name,
                         " is swept only; no notifications were asked "
                         "for"));
    }
  }

  void ExamineStore() {
    const v1::StoreStatus& store = status_.store();
    const std::string text =
        StrCat("the store holds ", store.memberships(), " memberships and ",
               store.policies(), " policies");
    if (store.memberships() > 0 && store.policies() > 0) {
      Ok(text);
    } else {
      Warn(StrCat(text, ": everybody is denied"));
    }
    if (store.refused_policies() > 0) {
      Problem(StrCat(store.refused_policies(),
                     " policies cannot be used, and deny their members: see "
                     "pdpctl lint"));
    }
    if (store.memberships_without_policy() > 0) {
      Warn(StrCat(store.memberships_without_policy(),
                  " memberships name no policy: strict mode denies them, and "
                  "Medplum gives them full access"));
    }
  }

  void ExamineShadow() {
    for (const v1::ShadowDifference& difference :
         status_.shadow().differences()) {
      if (difference.strict_rule() != v1::STRICT_RULE_UNSPECIFIED) continue;
      Problem(StrCat(difference.count(),
                     " answers differ between the modes and no rule explains "
                     "it: see pdpctl status --differences"));
    }
  }

  const v1::GetStatusResponse& status_;
  const absl::Time now_;
  Findings findings_;
};

}  // namespace

Findings ExamineStatus(const v1::GetStatusResponse& status, absl::Time now) {
  return StatusExaminer(status, now).Run();
}

Finding ExamineLint(const v1::LintPoliciesResponse& lint) {
  int errors = 0;
  int warnings = 0;
  for (const v1::LintFinding& finding : lint.findings()) {
    if (finding.severity() == v1::SEVERITY_ERROR) ++errors;
    if (finding.severity() == v1::SEVERITY_WARNING) ++warnings;
  }
  if (errors == 0 && warnings == 0) {
    return {Level::kOk, "lint finds nothing wrong with the policies"};
  }
  return {errors > 0 ? Level::kProblem : Level::kWarning,
          StrCat("lint finds ", errors, " errors and ", warnings,
                 " warnings in the policies: see pdpctl lint")};
}

}  // namespace pdp::ctl
