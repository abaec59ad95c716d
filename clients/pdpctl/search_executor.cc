#include "clients/pdpctl/search_executor.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match_durable.h"

namespace pdp::ctl {
namespace {

using fhir::search::Criteria;
using fhir::search::DurableEnvironment;
using fhir::search::DurableMatch;
using fhir::search::DurableResult;

absl::Status CannotBeTold(const std::string& query, std::string_view why) {
  return absl::UnimplementedError(StrCat(query, ": ", why));
}

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

class Search {
 public:
  Search(const fhir::ResourceLookup& lookup, const std::string& query)
      : lookup_(lookup), query_(query) {
    environment_.lookup = &lookup;
  }

  absl::Status Run(SearchResult& result, std::set<std::string>& ids) {
    const absl::StatusOr<Criteria> criteria =
        fhir::search::ParseCriteria(query_);
    if (!criteria.ok()) {
      result.http_status = 400;
      result.why = std::string(criteria.status().message());
      return absl::OkStatus();
    }
    for (const auto& [key, value] : criteria->control_parameters) {
      if (key.starts_with("_include") || key.starts_with("_revinclude")) {
        return CannotBeTold(query_, StrCat("`", key, "` is not emulated"));
      }
    }
    const DurableResult check = fhir::search::CheckDurable(
        *criteria, criteria->resource_type, environment_);
    if (StatusOf(check) != 200) {
      result.http_status = StatusOf(check);
      result.why = check.why;
      return absl::OkStatus();
    }
    return Match(*criteria, result, ids);
  }

 private:
  absl::Status Match(const Criteria& criteria, SearchResult& result,
                     std::set<std::string>& ids) {
    absl::Status status;
    fhir::fhirpath::Scratch scratch;
    const fhir::LookupState state = lookup_.Scan(
        criteria.resource_type, "", [&](const fhir::ResourcePtr& resource) {
          scratch.Reset();
          const DurableResult match = fhir::search::MatchesDurably(
              criteria, *resource, environment_, scratch);
          if (match.match == DurableMatch::kUnknown) {
            status = CannotBeTold(query_, match.why);
          } else if (StatusOf(match) != 200) {
            result.http_status = StatusOf(match);
            result.why = match.why;
          } else if (match.match == DurableMatch::kYes) {
            ids.insert(resource->key().ToString());
          }
          return status.ok() && result.http_status == 200;
        });
    if (!status.ok()) return status;
    if (state != fhir::LookupState::kFound) {
      return CannotBeTold(query_, "the resources cannot be read");
    }
    return absl::OkStatus();
  }

  const fhir::ResourceLookup& lookup_;
  const std::string& query_;
  DurableEnvironment environment_;
};

}  // namespace

absl::StatusOr<SearchResult> ExecuteSearches(
    const fhir::ResourceLookup& lookup,
    const std::vector<std::string>& queries) {
  SearchResult result;
  std::set<std::string> ids;
  for (const std::string& query : queries) {
    PDP_RETURN_IF_ERROR(Search(lookup, query).Run(result, ids));
    if (result.http_status != 200) return result;
  }
  result.ids.assign(ids.begin(), ids.end());
  return result;
}

}  // namespace pdp::ctl
