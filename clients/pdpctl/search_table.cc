#include "clients/pdpctl/search_table.h"

#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"

namespace pdp::ctl {
namespace {

using fhir::ResourcePtr;
using fhir::search::Criteria;
using fhir::search::DurableMatch;
using fhir::search::DurableResult;

// The status of a search that ends with `result`; 200 where it goes on.
int StatusOf(const DurableResult& result) {
  switch (result.match) {
    case DurableMatch::kError:
      return 400;
    case DurableMatch::kForbidden:
      return 403;
    case DurableMatch::kUnknown:
    case DurableMatch::kYes:
    case DurableMatch::kNo:
      return 200;
  }
  return 400;
}

std::optional<Refusal> RefusalOf(const DurableResult& result) {
  if (StatusOf(result) == 200) return std::nullopt;
  return Refusal{StatusOf(result), result.why};
}

}  // namespace

absl::Status CannotBeTold(std::string_view query, std::string_view why) {
  return absl::UnimplementedError(StrCat(query, ": ", why));
}

Table::Table(const fhir::ResourceLookup& lookup,
             std::function<bool(std::string_view)> may_search)
    : privileged_{.lookup = &lookup, .may_search = nullptr},
      as_subject_{.lookup = &lookup, .may_search = std::move(may_search)} {}

std::optional<Refusal> Table::Check(const Criteria& criteria,
                                    std::string_view type) const {
  return RefusalOf(fhir::search::CheckDurable(criteria, type, as_subject_));
}

absl::Status Table::Find(std::string_view type, const Predicate& predicate,
                         std::optional<Refusal>& refusal,
                         std::vector<ResourcePtr>& found) const {
  absl::Status status;
  const fhir::LookupState state =
      privileged_.lookup->Scan(type, "", [&](const ResourcePtr& resource) {
        const DurableResult match = Match(predicate, *resource);
        refusal = RefusalOf(match);
        if (match.match == DurableMatch::kUnknown) {
          status = CannotBeTold(type, match.why);
        } else if (match.match == DurableMatch::kYes) {
          found.push_back(resource);
        }
        return status.ok() && !refusal;
      });
  if (!status.ok()) return status;
  if (state != fhir::LookupState::kFound) {
    return CannotBeTold(type, "the resources cannot be read");
  }
  return absl::OkStatus();
}

DurableResult Table::Match(const Predicate& predicate,
                           const fhir::Resource& resource) const {
  fhir::fhirpath::Scratch scratch;
  DurableResult match{DurableMatch::kYes, ""};
  if (predicate.all != nullptr) {
    match = fhir::search::MatchesDurably(*predicate.all, resource, as_subject_,
                                         scratch);
    if (match.match == DurableMatch::kNo || StatusOf(match) != 200) {
      return match;
    }
  }
  if (predicate.any_of.empty()) return match;
  DurableResult any{DurableMatch::kNo, ""};
  for (const Criteria& criteria : predicate.any_of) {
    scratch.Reset();
    DurableResult one =
        fhir::search::MatchesDurably(criteria, resource, privileged_, scratch);
    if (StatusOf(one) != 200) return one;
    if (one.match == DurableMatch::kYes) return match;
    if (one.match == DurableMatch::kUnknown) any = std::move(one);
  }
  return any;
}

}  // namespace pdp::ctl
