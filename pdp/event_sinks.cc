#include "pdp/event_sinks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "pdp/audit_sink/medplum_target.h"
#include "pdp/base/status_macros.h"
#include "pdp/medplum_options.h"

namespace pdp {

absl::StatusOr<std::unique_ptr<EventSinks>> EventSinks::Start(
    const service::Settings& settings) {
  if (!settings.audit.medplum || !settings.medplum) return nullptr;
  const std::vector<service::MedplumLogin>& logins = settings.medplum->logins;
  std::vector<std::string> projects;
  for (const service::MedplumLogin& login : logins) {
    if (!login.all_projects()) projects.push_back(login.project);
  }
  // What is of no project goes to that of all, or else to the first one.
  const auto all = std::find_if(
      logins.begin(), logins.end(),
      [](const service::MedplumLogin& login) { return login.all_projects(); });
  const auto unplaced = all == logins.end() ? logins.begin() : all;

  auto sinks = absl::WrapUnique(new EventSinks());
  for (auto login = logins.begin(); login != logins.end(); ++login) {
    PDP_ASSIGN_OR_RETURN(std::unique_ptr<audit_sink::MedplumTarget> target,
                         audit_sink::MedplumTarget::Open(
                             SessionOptionsOf(*settings.medplum, *login)));
    audit_sink::SinkOptions options{
        .settings = *settings.audit.medplum,
        .directory = settings.audit.journal.directory,
        .archive_directory = settings.audit.archive.directory,
        .server = settings.audit.journal.server,
        .project = login->project,
        .takes_unplaced = login == unplaced};
    if (login->all_projects()) options.other_projects = projects;
    PDP_ASSIGN_OR_RETURN(
        std::unique_ptr<audit_sink::Sink> sink,
        audit_sink::Sink::Start(std::move(options), std::move(target)));
    sinks->sinks_.push_back(std::move(sink));
  }
  return sinks;
}

bool EventSinks::Need(const audit::SegmentName& name) const {
  return std::any_of(sinks_.begin(), sinks_.end(),
                     [&](const auto& sink) { return sink->Needs(name); });
}

std::vector<audit_sink::SinkStatus> EventSinks::Status() const {
  std::vector<audit_sink::SinkStatus> status;
  for (const auto& sink : sinks_) status.push_back(sink->Status());
  return status;
}

}  // namespace pdp
