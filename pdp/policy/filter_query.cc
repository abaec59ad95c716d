#include "pdp/policy/filter_query.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/search_chain.h"
#include "pdp/fhir/search/search_parameter.h"
#include "pdp/fhir/search/url_query.h"
#include "pdp/policy/filter_hidden.h"
#include "pdp/policy/filter_includes.h"
#include "pdp/policy/filter_text.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::search::ChainLink;
using fhir::search::Criteria;
using fhir::search::Filter;
using fhir::search::FilterExpression;
using fhir::search::SearchChain;

constexpr std::string_view kHidden = "it looks at a hidden field";
constexpr std::string_view kUnknown = "it is no search parameter of the type";

// Parameters that say which part of what is found is shown, and in what order.
constexpr std::string_view kBoundToOneSearch[] = {
    "_count", "_offset", "_cursor", "_sort", "_total", "_summary"};

std::string_view CodeOf(std::string_view key) {
  return key.substr(0, key.find(':'));
}

bool IsControl(const Criteria& criteria, std::string_view key) {
  return std::ranges::any_of(
      criteria.control_parameters,
      [key](const auto& control) { return control.first == key; });
}

class Reader {
 public:
  Reader(const SubjectAccess& access, const FilterRequest& request,
         const EntriesReach& own, Mode mode)
      : access_(access),
        request_(request),
        type_(request.resource_type),
        own_(own),
        is_strict_(mode == Mode::kStrict),
        mode_(mode) {}

  CallersQuery Run() {
    const absl::StatusOr<Criteria> criteria =
        fhir::search::ParseCallersQuery(type_, request_.query);
    if (!criteria.ok()) {
      query_.refusal = CallersQuery::Refusal{
          StrCat("the query cannot be read: ", criteria.status().message()),
          400};
      return std::move(query_);
    }
    for (const auto& [key, value] :
         fhir::search::ParseUrlQuery(request_.query)) {
      if (CodeOf(key) == "_") continue;
      if (IsControl(*criteria, key)) {
        ReadControl(key, value);
      } else {
        ReadFilter(key, value);
      }
      if (query_.refusal) return std::move(query_);
    }
    ReadIncludes(*criteria);
    return std::move(query_);
  }

 private:
  void Refuse(std::string_view parameter, std::string_view why,
              uint16_t medplum_http_status = 0) {
    query_.refusal = CallersQuery::Refusal{
        StrCat("the parameter `", parameter, "` is refused: ", why),
        medplum_http_status};
  }

  void Keep(std::string_view key, std::string_view value) {
    AppendParameter(key, value, query_.text);
  }

  // --- Control parameters. ---------------------------------------------------

  void ReadControl(std::string_view key, std::string_view value) {
    const std::string_view code = CodeOf(key);
    if (code == "_type" && value != type_) {
      return Refuse(key, "it searches other types");
    }
    const bool is_list =
        code == "_sort" || code == "_elements" || code == "_fields";
    if (is_strict_ && is_list &&
        ListsHiddenField(type_, value, own_.hidden_fields)) {
      return Refuse(key, "it names a hidden field");
    }
    if (std::ranges::find(kBoundToOneSearch, code) !=
        std::end(kBoundToOneSearch)) {
      query_.bound_to_one_search.emplace_back(code);
    }
    Keep(key, value);
  }

  void ReadIncludes(const Criteria& criteria) {
    IncludeReach reach =
        ReachOfIncludes(access_, request_, own_, criteria, mode_);
    if (reach.refused) {
      Refuse(reach.parameter, reach.why, reach.medplum_http_status);
      return;
    }
    query_.has_includes = reach.has_includes;
    query_.hidden_fields = std::move(reach.hidden_fields);
    query_.inexact = std::move(reach.inexact);
  }

  // --- Filters. --------------------------------------------------------------

  void ReadFilter(const std::string& key, const std::string& value) {
    absl::StatusOr<Filter> filter =
        fhir::search::ParseFilter(type_, key, value);
    if (!filter.ok()) {
      return Refuse(key, ToStd(filter.status().message()), 400);
    }
    if (filter->is_chained) return ReadChain(key, value, *filter);
    if (filter->parameter == nullptr) {
      if (filter->code != "_filter") return Refuse(filter->code, kUnknown);
      ReadExpression("_filter", value, type_, own_.hidden_fields);
      if (query_.refusal) return;
    } else if (is_strict_ &&
               LooksAtHiddenField(*filter->parameter, own_.hidden_fields)) {
      return Refuse(filter->code, kHidden);
    }
    query_.filters.push_back(*std::move(filter));
    Keep(key, value);
  }

  // Refuses `parameter` where the `_filter` that it is looks at what it may
  // not.
  void ReadExpression(std::string_view parameter, std::string_view text,
                      std::string_view type,
                      std::span<const std::string> hidden_fields) {
    const auto expression = fhir::search::ParseFilterExpression(text);
    if (!expression.ok()) {
      return Refuse(parameter, ToStd(expression.status().message()), 400);
    }
    ReadNode(parameter, **expression, type, hidden_fields);
  }

  void ReadNode(std::string_view parameter, const FilterExpression& node,
                std::string_view type,
                std::span<const std::string> hidden_fields) {
    if (node.kind != FilterExpression::Kind::kComparison) {
      ReadNode(parameter, *node.left, type, hidden_fields);
      if (node.right != nullptr && !query_.refusal) {
        ReadNode(parameter, *node.right, type, hidden_fields);
      }
      return;
    }
    const Filter filter = fhir::search::ToFilter(node, type);
    if (filter.is_chained) {
      ReadChainOfExpression(parameter, filter, type);
    } else if (filter.parameter == nullptr) {
      Refuse(parameter, StrCat("`", filter.code, "`: ", kUnknown));
    } else if (is_strict_ &&
               LooksAtHiddenField(*filter.parameter, hidden_fields)) {
      Refuse(parameter, StrCat("`", filter.code, "`: ", kHidden));
    }
  }

  void ReadChainOfExpression(std::string_view parameter, const Filter& filter,
                             std::string_view type) {
    const auto chain = fhir::search::ParseSearchChain(type, filter);
    if (!chain.ok()) {
      return Refuse(parameter, ToStd(chain.status().message()), 400);
    }
    if (!MaySearchAll(parameter, *chain)) return;
    if (is_strict_) {
      Refuse(parameter,
             StrCat("`", filter.code,
                    "` cannot be narrowed to what the subject may find"));
    }
  }

  // --- Chains. ---------------------------------------------------------------

  bool MaySearchAll(std::string_view parameter, const SearchChain& chain) {
    for (const ChainLink& link : chain.links) {
      if (access_.Supports(Interaction::kSearch, link.type)) continue;
      Refuse(parameter, StrCat("the subject may not search ", link.type), 403);
      return false;
    }
    return true;
  }

  void ReadChain(const std::string& key, const std::string& value,
                 const Filter& filter) {
    const auto chain = fhir::search::ParseSearchChain(type_, filter);
    if (!chain.ok()) return Refuse(key, ToStd(chain.status().message()), 400);
    if (!MaySearchAll(key, *chain)) return;
    query_.filters.push_back(filter);
    if (!is_strict_) return Keep(key, value);
    if (chain->links.size() > 1) {
      return Refuse(
          key,
          "what lies on its way cannot be narrowed to what the subject may "
          "find");
    }
    const EntriesReach reach = ReachOf(access_, chain->links.front().type,
                                       Interaction::kSearch, mode_);
    if (reach.error) return Refuse(key, reach.error->message);
    if (!CheckHidden(key, *chain, reach)) return;
    Narrow(key, value, *chain, reach);
  }

  bool CheckHidden(std::string_view key, const SearchChain& chain,
                   const EntriesReach& reach) {
    const ChainLink& link = chain.links.front();
    const auto& referring =
        link.is_reverse ? reach.hidden_fields : own_.hidden_fields;
    if (LooksAtHiddenField(*link.parameter, referring)) {
      Refuse(key, kHidden);
    } else if (chain.last.parameter != nullptr) {
      if (LooksAtHiddenField(*chain.last.parameter, reach.hidden_fields)) {
        Refuse(key, kHidden);
      }
    } else {
      ReadExpression(key, chain.last.value, link.type, reach.hidden_fields);
    }
    return !query_.refusal;
  }

  void Narrow(const std::string& key, const std::string& value,
              const SearchChain& chain, const EntriesReach& reach) {
    const ChainLink& link = chain.links.front();
    const std::string projects = ProjectQuery(access_, link.type);
    // A reference that is compared by its id leads nowhere.
    const bool is_direct = !link.is_reverse && chain.last.code == "_id";
    if (is_direct || (reach.is_unrestricted && projects.empty())) {
      return Keep(key, value);
    }
    // `organization.` or `_has:Observation:subject:`.
    const std::string prefix = key.substr(0, LinkEnd(key, link) + 1);
    const bool leads_to_one =
        !link.is_reverse && !link.parameter->column.is_array &&
        link.parameter->column.kind ==
            fhir::search::DurableColumn::Kind::kReferences;
    query_.is_narrowed = true;
    if (reach.is_unrestricted && leads_to_one) {
      Keep(key, value);
      return AppendProjects(prefix, link.type);
    }
    const std::optional<std::string> text = TextOf(chain, reach);
    if (!text) {
      return Refuse(key, "it cannot be narrowed to what the subject may find");
    }
    Keep(StrCat(prefix, "_filter"), *text);
  }

  static size_t LinkEnd(std::string_view key, const ChainLink& link) {
    if (!link.is_reverse) return key.find('.');
    const size_t type_end = key.find(':', key.find(':') + 1);
    return key.find(':', type_end + 1);
  }

  void AppendProjects(std::string_view prefix, std::string_view type) {
    Keep(StrCat(prefix, "_project"), ProjectList(type));
  }

  std::string ProjectList(std::string_view type) const {
    std::string list;
    for (const std::string& id : access_.ReadableProjects(type)) {
      list += StrCat(list.empty() ? "" : ",", id);
    }
    return list;
  }

  // What the last link of `chain` must be, and be found by the subject.
  std::optional<std::string> TextOf(const SearchChain& chain,
                                    const EntriesReach& reach) const {
    const std::string& type = chain.links.back().type;
    std::optional<std::string> text = FilterText(chain.last, type);
    if (!text) return std::nullopt;
    if (!reach.is_unrestricted) {
      const auto policy = FilterTextOfAny(reach.any_of, type);
      if (!policy) return std::nullopt;
      text = BothTexts(*text, *policy);
    }
    if (access_.super_admin) return text;
    return BothTexts(
        *text, StrCat("_project eq ", QuoteFilterValue(ProjectList(type))));
  }

  const SubjectAccess& access_;
  const FilterRequest& request_;
  const std::string_view type_;
  const EntriesReach& own_;
  const bool is_strict_;
  const Mode mode_;
  CallersQuery query_;
};

}  // namespace

CallersQuery ReadCallersQuery(const SubjectAccess& access,
                              const FilterRequest& request,
                              const EntriesReach& own, Mode mode) {
  return Reader(access, request, own, mode).Run();
}

}  // namespace pdp::policy
