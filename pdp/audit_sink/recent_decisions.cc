#include "pdp/audit_sink/recent_decisions.h"

namespace pdp::audit_sink {

DecisionFacts DecisionFacts::Of(const audit::Record& record) {
  return {.subject = std::string(record.subject),
          .membership = std::string(record.membership),
          .profile = std::string(record.profile),
          .on_behalf_of = std::string(record.on_behalf_of),
          .project = std::string(record.project),
          .resource = std::string(record.resource),
          .patient = std::string(record.patient)};
}

void DecisionFacts::Fill(audit::Record& record) const {
  record.subject = subject;
  record.membership = membership;
  record.profile = profile;
  record.on_behalf_of = on_behalf_of;
  record.project = project;
  record.resource = resource;
  record.patient = patient;
}

const std::optional<DecisionFacts>* RecentDecisions::Find(
    std::string_view id) const {
  const auto found = decisions_.find(id);
  return found == decisions_.end() ? nullptr : &found->second;
}

void RecentDecisions::Insert(std::string_view id,
                             std::optional<DecisionFacts> facts) {
  const auto [found, is_new] =
      decisions_.try_emplace(std::string(id), std::move(facts));
  if (!is_new) return;
  order_.push_back(found->first);
  if (order_.size() <= max_) return;
  decisions_.erase(order_.front());
  order_.pop_front();
}

}  // namespace pdp::audit_sink
