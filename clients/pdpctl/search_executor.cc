#include "clients/pdpctl/search_executor.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "clients/pdpctl/search_controls.h"
#include "clients/pdpctl/search_table.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/search_include.h"

namespace pdp::ctl {
namespace {

using fhir::ResourceKey;
using fhir::ResourcePtr;
using fhir::search::Criteria;
using fhir::search::Include;

// What Medplum allows of includes: rounds, and results altogether.
constexpr int kMaxRounds = 5;
constexpr size_t kMaxResults = 1000;

// What Filter says of a type that the subject may not search at all.
constexpr std::string_view kGateReasons[] = {
    "INTERACTION_NOT_GRANTED",
    "PROTECTED_TYPE",
    "RESOURCE_TYPE_UNKNOWN",
    "NOT_SUPPORTED",
};
// The policy's own criteria cannot be run.
constexpr std::string_view kCriteriaReason = "EVALUATION_ERROR";

// Leaves of `found` what the control parameters let be shown on all pages.
absl::Status ApplyControls(const SearchControls& controls,
                           const Criteria& criteria,
                           std::vector<ResourcePtr>& found) {
  if (controls.offset >= static_cast<int64_t>(found.size())) {
    if (controls.offset > 0) found.clear();
    return absl::OkStatus();
  }
  if (controls.offset > 0 || controls.has_cursor) {
    return CannotBeTold(criteria.text, "the order of results is not known");
  }
  return absl::OkStatus();
}

class SubjectSearch {
 public:
  SubjectSearch(const fhir::ResourceLookup& lookup, SearchReach& reach,
                std::string_view type, std::string_view query)
      : lookup_(lookup),
        reach_(reach),
        type_(type),
        query_(query),
        table_(lookup, [this](std::string_view t) { return !Gate(t); }) {}

  absl::StatusOr<SearchResult> Run() {
    PDP_RETURN_IF_ERROR(Search());
    PDP_RETURN_IF_ERROR(no_answer_);
    SearchResult result;
    if (refusal_) {
      result.http_status = refusal_->http_status;
      result.why = refusal_->why;
      return result;
    }
    result.ids.assign(ids_.begin(), ids_.end());
    return result;
  }

 private:
  void Refuse(int http_status, std::string why) {
    refusal_ = {http_status, std::move(why)};
  }

  static Refusal RefusalOfAnswer(const SearchAnswer& answer) {
    return {answer.http_status,
            answer.message.empty()
                ? answer.reason
                : StrCat(answer.reason, ": ", answer.message)};
  }

  static bool IsGate(const SearchAnswer& answer) {
    return std::ranges::find(kGateReasons, answer.reason) !=
           std::end(kGateReasons);
  }

  // S-21: whether the subject may search `type` at all.
  std::optional<Refusal> Gate(std::string_view type) {
    if (!fhir::IsResourceType(type) || type == "Binary") {
      return Refusal{400, StrCat("`", type, "` cannot be searched")};
    }
    const SearchAnswer& answer = reach_.Filter(type);
    no_answer_.Update(answer.status);
    if (answer.permitted || !IsGate(answer)) return std::nullopt;
    return RefusalOfAnswer(answer);
  }

  absl::Status Search() {
    const SearchAnswer& own = reach_.Filter(type_);
    if (!own.status.ok()) return own.status;
    if (!own.permitted && !IsGate(own) && own.reason != kCriteriaReason) {
      refusal_ = RefusalOfAnswer(own);  // Nobody is asking.
      return absl::OkStatus();
    }
    absl::StatusOr<Criteria> criteria =
        fhir::search::ParseCallersQuery(type_, query_);
    if (!criteria.ok()) {
      Refuse(400, std::string(ToStd(criteria.status().message())));
      return absl::OkStatus();
    }
    criteria_ = *std::move(criteria);
    controls_ = ReadControls(criteria_);
    includes_ = fhir::search::IncludesOf(criteria_);
    if (controls_.types.empty()) controls_.types = {criteria_.resource_type};
    if (!PassGates()) return absl::OkStatus();
    if (controls_.shows_nothing && !controls_.counts) return absl::OkStatus();
    std::vector<ResourcePtr> found;
    for (const std::string& type : controls_.types) {
      PDP_RETURN_IF_ERROR(SearchType(type, found));
      if (refusal_) return absl::OkStatus();
    }
    if (controls_.shows_nothing) return absl::OkStatus();
    PDP_RETURN_IF_ERROR(ApplyControls(controls_, criteria_, found));
    for (const ResourcePtr& resource : found) {
      ids_.insert(resource->key().ToString());
    }
    return FollowIncludes(std::move(found));
  }

  bool PassGates() {
    for (const std::string& type : controls_.types) {
      if ((refusal_ = Gate(type))) return false;
    }
    for (const Include& include : includes_) {
      if ((refusal_ = Gate(include.resource_type))) return false;
    }
    return true;
  }

  absl::Status SearchType(const std::string& type,
                          std::vector<ResourcePtr>& found) {
    Criteria own = criteria_;
    if (type != criteria_.resource_type) {
      // The database's predicates are those of each type.
      const bool is_chained = std::ranges::any_of(
          own.filters, [](const auto& filter) { return filter.is_chained; });
      if (is_chained) {
        return CannotBeTold(query_, "chains from several types");
      }
      absl::StatusOr<Criteria> anew =
          fhir::search::ParseCallersQuery(type, query_);
      if (!anew.ok()) {
        Refuse(400, std::string(ToStd(anew.status().message())));
        return absl::OkStatus();
      }
      own = *std::move(anew);
    }
    Predicate predicate;
    PDP_RETURN_IF_ERROR(ReachOf(type, predicate));
    if (refusal_ || (refusal_ = table_.Check(own, type))) {
      return absl::OkStatus();
    }
    if (std::string why = ControlsError(controls_, criteria_); !why.empty()) {
      Refuse(400, std::move(why));
      return absl::OkStatus();
    }
    predicate.all = &own;
    return table_.Find(type, predicate, refusal_, found);
  }

  // S-14: the policy's predicate and that of the projects.
  absl::Status ReachOf(std::string_view type, Predicate& predicate) {
    const SearchAnswer& answer = reach_.Filter(type);
    if (!answer.status.ok()) return answer.status;
    if (!answer.permitted && !IsGate(answer)) {
      refusal_ = RefusalOfAnswer(answer);
      return absl::OkStatus();
    }
    std::vector<std::string> queries = answer.queries;
    // Without an entry for the type there is no predicate of the policy.
    if (!answer.permitted) queries = {ProjectQuery(type)};
    for (const std::string& query : queries) {
      PDP_ASSIGN_OR_RETURN(Criteria criteria,
                           fhir::search::ParseCriteria(query));
      predicate.any_of.push_back(std::move(criteria));
    }
    return absl::OkStatus();
  }

  // S-7: `type` in the subject's own project and in those that it links, as far
  // as they export the type; in all where its own search names no project.
  std::string ProjectQuery(std::string_view type) {
    const std::vector<std::string>& queries = reach_.Filter(type_).queries;
    if (queries.empty()) return StrCat(type, "?_id=none");
    constexpr std::string_view kProject = "_project=";
    const size_t at = queries.front().rfind(kProject);
    if (at == std::string::npos) return std::string(type);
    const std::string_view list =
        std::string_view(queries.front()).substr(at + kProject.size());
    const std::string own(list.substr(0, list.find_first_of(",&")));
    std::string projects = own;
    const auto project = lookup_.Read({"Project", own});
    if (project.resource != nullptr) {
      fhir::ForEachItem(
          project.resource->root(), "link", [&](fhir::JsonElement link) {
            const std::string linked = ExportingProject(link, type);
            if (!linked.empty()) projects += StrCat(",", linked);
          });
    }
    return StrCat(type, "?_project=", projects);
  }

  // The id of the linked project, where it lets `type` be seen; else empty.
  std::string ExportingProject(fhir::JsonElement link, std::string_view type) {
    const auto member = fhir::Member(link, "project");
    if (!member) return "";
    const auto key =
        ResourceKey::Parse(fhir::StringMember(*member, "reference"));
    if (!key) return "";
    const auto project = lookup_.Read(*key);
    if (project.state != fhir::LookupState::kFound) return "";
    bool exports_all = true;
    bool exports_type = false;
    fhir::ForEachItem(project.resource->root(), "exportedResourceType",
                      [&](fhir::JsonElement item) {
                        exports_all = false;
                        exports_type |= fhir::AsString(item) == type;
                      });
    return exports_all || exports_type ? key->id : "";
  }

  // S-21.
  absl::Status FollowIncludes(std::vector<ResourcePtr> base) {
    size_t shown = std::min(ids_.size(), kMaxResults);
    for (int round = 0; !base.empty() && !includes_.empty(); ++round) {
      if (round >= kMaxRounds || shown > kMaxResults) {
        Refuse(400, "includes reach too far");
        return absl::OkStatus();
      }
      std::vector<ResourcePtr> included;
      for (const Include& include : includes_) {
        if (round > 0 && !include.iterates) continue;
        PDP_RETURN_IF_ERROR(include.is_reverse
                                ? ReverseInclude(include, base, included)
                                : ForwardInclude(include, base, included));
        if (refusal_) return absl::OkStatus();
      }
      for (const ResourcePtr& resource : included) {
        if (ids_.insert(resource->key().ToString()).second) ++shown;
      }
      base = std::move(included);
    }
    return absl::OkStatus();
  }

  // True where `status` is an answer to the caller.
  bool RefuseOn(const absl::Status& status) {
    if (!absl::IsInvalidArgument(status)) return false;
    Refuse(400, std::string(ToStd(status.message())));
    return true;
  }

  absl::Status ForwardInclude(const Include& include,
                              const std::vector<ResourcePtr>& base,
                              std::vector<ResourcePtr>& included) {
    fhir::fhirpath::Scratch scratch;
    const auto targets = fhir::search::IncludeTargetsOf(include, base, scratch);
    if (!targets.ok()) {
      return RefuseOn(targets.status()) ? absl::OkStatus() : targets.status();
    }
    std::set<std::string> seen;
    for (const ResourceKey& key : targets->resources) {
      if (!seen.insert(key.ToString()).second) continue;
      const fhir::LookupResult target = lookup_.Read(key);
      if (target.state != fhir::LookupState::kFound) continue;
      PDP_ASSIGN_OR_RETURN(const bool may_read, reach_.MayRead(key));
      if (may_read) included.push_back(target.resource);
    }
    if (targets->urls.empty()) return absl::OkStatus();
    // The types that canonicals lead to are not gated.
    for (const std::string& type : targets->url_types) {
      PDP_RETURN_IF_ERROR(AddFound(
          fhir::search::CanonicalSearch(type, targets->urls), type, included));
      if (refusal_) break;
    }
    return absl::OkStatus();
  }

  absl::Status ReverseInclude(const Include& include,
                              const std::vector<ResourcePtr>& base,
                              std::vector<ResourcePtr>& included) {
    return AddFound(fhir::search::ReverseIncludeSearch(include, base),
                    include.resource_type, included);
  }

  absl::Status AddFound(const absl::StatusOr<Criteria>& criteria,
                        const std::string& type,
                        std::vector<ResourcePtr>& included) {
    if (!criteria.ok()) {
      return RefuseOn(criteria.status()) ? absl::OkStatus() : criteria.status();
    }
    Predicate predicate;
    PDP_RETURN_IF_ERROR(ReachOf(type, predicate));
    if (refusal_ || (refusal_ = table_.Check(*criteria, type))) {
      return absl::OkStatus();
    }
    predicate.all = &*criteria;
    return table_.Find(type, predicate, refusal_, included);
  }

  const fhir::ResourceLookup& lookup_;
  SearchReach& reach_;
  const std::string_view type_;
  const std::string_view query_;
  const Table table_;
  Criteria criteria_;
  SearchControls controls_;
  std::vector<Include> includes_;
  absl::Status no_answer_;  // Not OK: of a type, nothing could be told.
  std::optional<Refusal> refusal_;
  std::set<std::string> ids_;
};

// That of somebody who may see everything.
class FullReach : public SearchReach {
 public:
  const SearchAnswer& Filter(std::string_view type) override {
    SearchAnswer& answer = answers_[std::string(type)];
    answer.permitted = true;
    answer.http_status = 200;
    answer.queries = {std::string(type)};
    return answer;
  }

  absl::StatusOr<bool> MayRead(const ResourceKey&) override { return true; }

 private:
  std::map<std::string, SearchAnswer> answers_;
};

}  // namespace

absl::StatusOr<SearchResult> ExecuteSearches(
    const fhir::ResourceLookup& lookup,
    const std::vector<std::string>& queries) {
  FullReach reach;
  std::set<std::string> ids;
  for (const std::string& query : queries) {
    const std::string_view type =
        std::string_view(query).substr(0, query.find('?'));
    const std::string_view rest =
        std::string_view(query).substr(std::min(type.size() + 1, query.size()));
    PDP_ASSIGN_OR_RETURN(SearchResult one,
                         SearchAsSubject(lookup, reach, type, rest));
    if (one.http_status != 200) return one;
    ids.insert(one.ids.begin(), one.ids.end());
  }
  SearchResult result;
  result.ids.assign(ids.begin(), ids.end());
  return result;
}

absl::StatusOr<SearchResult> SearchAsSubject(const fhir::ResourceLookup& lookup,
                                             SearchReach& reach,
                                             std::string_view type,
                                             std::string_view query) {
  return SubjectSearch(lookup, reach, type, query).Run();
}

}  // namespace pdp::ctl
