#include "pdp/service/feed_check.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "medplum/pdp/v1/types.pb.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/policy/subject_projects.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

CallOutcome Refused(Refusal refusal, std::string_view message) {
  CallOutcome outcome = Failed(
      absl::UnavailableError(StrCat(RefusalName(refusal), ": ", message)));
  outcome.refusal = refusal;
  return outcome;
}

std::string DataOf(std::string_view project) {
  return project.empty() ? std::string("the data")
                         : StrCat("the data of project `", project, "`");
}

CallOutcome NotCurrent(std::string_view project, FeedState state) {
  const Refusal refusal = RefusalOf(state);
  const std::string data = DataOf(project);
  switch (state) {
    case FeedState::kCredentialsRefused:
      return Refused(refusal, StrCat("the source refuses the credentials by "
                                     "which ",
                                     data, " is read"));
    case FeedState::kProjectGone:
      return Refused(refusal, StrCat(data,
                                     " is no more: the source has no such "
                                     "project"));
    case FeedState::kAccessMissing:
      return Refused(refusal, StrCat("this server may not read all of ", data,
                                     " that a decision needs"));
    case FeedState::kLoading:
    case FeedState::kCurrent:
      break;
  }
  return Refused(Refusal::kStale, StrCat(data, " is not loaded yet"));
}

CallOutcome TooFarBehind(std::string_view project, absl::Duration behind,
                         absl::Duration bound) {
  return Refused(
      Refusal::kStale,
      StrCat(DataOf(project), " is ",
             absl::FormatDuration(absl::Trunc(behind, absl::Seconds(1))),
             " behind its source, more than ", absl::FormatDuration(bound)));
}

}  // namespace

// One Check past the point where every feed is alike.
class FeedCheck::Run {
 public:
  Run(const FeedCheck& check, const CallAttempt& attempt,
      const v1::Consistency& wanted, absl::Duration since_boot)
      : check_(check),
        attempt_(attempt),
        since_boot_(since_boot),
        fully_fresh_(wanted.fully_fresh()),
        bound_(wanted.has_max_staleness() ? ReadDuration(wanted.max_staleness())
                                          : absl::InfiniteDuration()) {}

  CallOutcome Finish(const DecisionScope& scope, absl::Duration& age) {
    CallOutcome outcome = Judge(scope);
    if (outcome.status.ok()) age = age_;
    return outcome;
  }

 private:
  CallOutcome Judge(const DecisionScope& scope) {
    const FreshnessTable& feeds = check_.feeds_;
    if (feeds.IsOneOfAll()) return JudgeFeed("", *feeds.Find(""));
    std::vector<std::string> projects;
    if (auto failure = policy::FindSubjectProjects(scope.subject, scope.context,
                                                   check_.lookup_, projects)) {
      return FromEngine(
          attempt_, {std::move(failure->status), std::move(failure->needed)});
    }
    if (projects.empty() && scope.subject.project.empty()) return JudgeAll();
    if (projects.empty()) projects.emplace_back(scope.subject.project);
    AddProjectOf(scope.resource, projects);
    std::vector<std::string> named;
    if (auto failure = policy::AddNamedProjects(scope.subject, scope.context,
                                                check_.lookup_, named)) {
      return FromEngine(
          attempt_, {std::move(failure->status), std::move(failure->needed)});
    }
    for (const std::string& project : named) AddKept(project, projects);
    CallOutcome outcome;
    for (const std::string& project : projects) {
      const FeedFreshness* const feed = feeds.Find(project);
      Merge(feed != nullptr
                ? JudgeFeed(project, *feed)
                : FromEngine(attempt_, {policy::NotKept(project).status, {}}),
            outcome);
    }
    return outcome;
  }

  CallOutcome JudgeAll() {
    CallOutcome outcome;
    check_.feeds_.ForEach(
        [&](std::string_view project, const FeedFreshness& feed) {
          Merge(JudgeFeed(project, feed), outcome);
        });
    if (outcome.pending()) outcome.needs_refresh = {""};
    return outcome;
  }

  // A resource that is looked up is of the feed of its own project, too, where
  // that has one.
  void AddProjectOf(const policy::ResourceFacts* resource,
                    std::vector<std::string>& projects) const {
    if (resource == nullptr || resource->current != nullptr ||
        resource->id.empty()) {
      return;
    }
    const fhir::LookupResult found = check_.lookup_.FindHeld(
        {std::string(resource->type), std::string(resource->id)},
        projects.front());
    if (found.resource == nullptr) return;
    AddKept(found.resource->project(), projects);
  }

  // What has no feed is read by those that name it.
  void AddKept(std::string_view project,
               std::vector<std::string>& projects) const {
    if (check_.feeds_.Find(project) == nullptr) return;
    if (std::find(projects.begin(), projects.end(), project) ==
        projects.end()) {
      projects.emplace_back(project);
    }
  }

  CallOutcome JudgeFeed(std::string_view project, const FeedFreshness& feed) {
    const absl::Duration age = feed.Age(since_boot_);
    age_ = std::max(age_, age);
    if (age == absl::InfiniteDuration()) {
      return NotCurrent(project, feed.state());
    }
    // A refresh that began after the call came in is as fresh as can be.
    const bool refreshed = attempt_.WasRefreshed(project);
    if (age > check_.bounds_.max_staleness) {
      CallOutcome outcome =
          TooFarBehind(project, age, check_.bounds_.max_staleness);
      if (fully_fresh_ || age > bound_) AskForRefresh(project, outcome);
      return outcome;
    }
    if (refreshed) return {};
    if (age > bound_) {
      CallOutcome outcome = TooFarBehind(project, age, bound_);
      AskForRefresh(project, outcome);
      return outcome;
    }
    if (!fully_fresh_) return {};
    CallOutcome outcome =
        Refused(Refusal::kStale,
                StrCat(DataOf(project),
                       " could not be read again from its source at once, as "
                       "consistency.fully_fresh wants"));
    AskForRefresh(project, outcome);
    return outcome;
  }

  void AskForRefresh(std::string_view project, CallOutcome& outcome) const {
    if (attempt_.may_refresh && !attempt_.WasRefreshed(project)) {
      outcome.needs_refresh.emplace_back(project);
    }
  }

  // What cannot be helped goes before what a refresh may help.
  static void Merge(CallOutcome feed, CallOutcome& all) {
    if (feed.status.ok()) return;
    if (all.status.ok()) {
      all = std::move(feed);
    } else if (!feed.pending() && all.pending()) {
      all = std::move(feed);
    } else if (feed.pending() && all.pending()) {
      all.needs_refresh.insert(all.needs_refresh.end(),
                               feed.needs_refresh.begin(),
                               feed.needs_refresh.end());
    }
  }

  const FeedCheck& check_;
  const CallAttempt& attempt_;
  const absl::Duration since_boot_;
  const bool fully_fresh_;
  const absl::Duration bound_;
  absl::Duration age_;
};

bool FeedCheck::IsFreshForAll(const v1::Consistency& wanted,
                              absl::Duration age) const {
  return age <= bounds_.unremarkable && !wanted.fully_fresh() &&
         !wanted.has_max_staleness();
}

CallOutcome FeedCheck::Check(const CallAttempt& attempt,
                             const v1::Consistency& wanted,
                             const DecisionScope& scope,
                             absl::Duration since_boot,
                             absl::Duration& age) const {
  if (IsFreshForAll(wanted, age)) return {};
  return Run(*this, attempt, wanted, since_boot).Finish(scope, age);
}

}  // namespace pdp::service
