#include "clients/pdpctl/search_reach.h"

#include <span>
#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/interaction.h"

namespace pdp::ctl {

const SearchAnswer& JudgeReach::Filter(std::string_view type) {
  if (const auto known = filters_.find(type); known != filters_.end()) {
    return known->second;
  }
  RecordedSearch search;
  search.subject = subject_;
  search.type = type;
  return filters_.emplace(type, judge_.Search(search)).first->second;
}

absl::StatusOr<bool> JudgeReach::MayRead(const fhir::ResourceKey& key) {
  if (const auto known = readable_.find(key); known != readable_.end()) {
    return known->second;
  }
  const CheckAnswer cached = Read(key, /*durable_only=*/false);
  PDP_RETURN_IF_ERROR(cached.status);
  bool may_read = cached.permitted && cached.matches_in_memory;
  if (may_read) {
    const CheckAnswer durable = Read(key, /*durable_only=*/true);
    PDP_RETURN_IF_ERROR(durable.status);
    may_read = durable.permitted || durable.durable_match_unknown;
  }
  readable_.emplace(key, may_read);
  return may_read;
}

CheckAnswer JudgeReach::Read(const fhir::ResourceKey& key, bool durable_only) {
  RecordedCheck check;
  check.subject = subject_;
  check.interaction = fhir::Interaction::kRead;
  check.type = key.type;
  check.resource_id = key.id;
  const CheckQuestion question{&check, durable_only};
  return judge_.Check({&question, 1}).front();
}

}  // namespace pdp::ctl
