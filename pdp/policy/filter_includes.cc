#include "pdp/policy/filter_includes.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/search/search_include.h"
#include "pdp/fhir/search/search_parameter.h"
#include "pdp/policy/filter_hidden.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::search::Include;
using fhir::search::SearchParameter;
using Kind = fhir::search::DurableColumn::Kind;

std::string NameOf(const Include& include) {
  return StrCat(include.is_reverse ? "_revinclude=" : "_include=",
                include.resource_type, ":", include.code);
}

class Includes {
 public:
  Includes(const SubjectAccess& access, const FilterRequest& request, Mode mode)
      : access_(access), request_(request), mode_(mode) {}

  IncludeReach Run(const std::vector<Include>& includes,
                   const EntriesReach& own) {
    for (const Include& include : includes) {
      reach_.has_includes = true;
      reach_.parameter = NameOf(include);
      Check(include);
      if (reach_.refused) return std::move(reach_);
    }
    if (mode_ == Mode::kStrict) CheckHidden(includes, own);
    return std::move(reach_);
  }

 private:
  void Refuse(std::string why, uint16_t medplum_http_status = 0) {
    reach_.refused = true;
    reach_.why = std::move(why);
    reach_.medplum_http_status = medplum_http_status;
  }

  void Check(const Include& include) {
    const std::string& source = include.resource_type;
    if (source == "Binary" || !access_.Supports(Interaction::kSearch, source)) {
      return Refuse(StrCat("the subject may not search ", source),
                    source == "Binary" ? 400 : 403);
    }
    const SearchParameter* const parameter =
        fhir::search::FindSearchParameter(source, include.code);
    if (parameter == nullptr) return Refuse("there is no such parameter", 400);
    const Kind kind = parameter->column.kind;
    const bool is_known =
        kind == Kind::kReferences || kind == Kind::kCanonicals;
    if (!is_known || parameter->targets.empty()) {
      return Refuse("where it leads is not known");
    }
    if (request_.runner_is_privileged && !access_.super_admin) {
      return Refuse(
          "nothing in a search confines what it brings to the subject's "
          "projects; only a runner that is confined to them may be given it");
    }
    if (include.is_reverse) return CheckType(source, /*is_read=*/false);
    for (const std::string_view target : parameter->targets) {
      CheckType(target, kind == Kind::kReferences);
      if (reach_.refused) return;
    }
    if (kind == Kind::kReferences) AddInexact(*parameter);
  }

  // The subject may find every resource of `type` and, with `is_read`, read it.
  void CheckType(std::string_view type, bool is_read) {
    const bool is_unrestricted =
        type != "Binary" && Reaches(Interaction::kSearch, type) &&
        (!is_read || Reaches(Interaction::kRead, type));
    if (!is_unrestricted) {
      Refuse(StrCat("the subject may not see every ", type));
    }
  }

  bool Reaches(Interaction interaction, std::string_view type) {
    if (!access_.Supports(interaction, type)) return false;
    EntriesReach reach = ReachOf(access_, type, interaction, mode_);
    for (std::string& field : reach.hidden_fields) {
      auto& hidden = reach_.hidden_fields;
      if (std::ranges::find(hidden, field) == hidden.end()) {
        hidden.push_back(std::move(field));
      }
    }
    return !reach.error && reach.is_unrestricted;
  }

  // Medplum stores references of any type.
  void AddInexact(const SearchParameter& parameter) {
    std::string types;
    for (const std::string_view target : parameter.targets) {
      types += StrCat(types.empty() ? "" : ", ", target);
    }
    reach_.inexact.push_back(
        StrCat("`", reach_.parameter,
               "` also brings what a reference leads to that is not of its "
               "types: remove included resources of types other than ",
               types));
  }

  // An include tells of the reference that it follows, on whatever resource.
  void CheckHidden(const std::vector<Include>& includes,
                   const EntriesReach& own) {
    std::vector<std::string> hidden = reach_.hidden_fields;
    hidden.insert(hidden.end(), own.hidden_fields.begin(),
                  own.hidden_fields.end());
    for (const Include& include : includes) {
      if (!LooksAtHiddenField(*fhir::search::FindSearchParameter(
                                  include.resource_type, include.code),
                              hidden)) {
        continue;
      }
      reach_.parameter = NameOf(include);
      return Refuse("it looks at a hidden field");
    }
  }

  const SubjectAccess& access_;
  const FilterRequest& request_;
  const Mode mode_;
  IncludeReach reach_;
};

}  // namespace

IncludeReach ReachOfIncludes(const SubjectAccess& access,
                             const FilterRequest& request,
                             const EntriesReach& own,
                             const fhir::search::Criteria& criteria,
                             Mode mode) {
  return Includes(access, request, mode)
      .Run(fhir::search::IncludesOf(criteria), own);
}

}  // namespace pdp::policy
