#include "pdp/fhir/search/match_durable.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_column.h"
#include "pdp/fhir/search/durable_filter.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

// What the server allows of one chain.
constexpr int kMaxLinks = 3;
// Resources looked at for one `_has`.
constexpr size_t kMaxScanned = 10'000;

bool Ends(const DurableResult& result) {
  return result.match == DurableMatch::kError ||
         result.match == DurableMatch::kForbidden;
}

// Both have to hold.
DurableResult Both(DurableResult a, DurableResult b) {
  if (Ends(a)) return a;
  if (Ends(b)) return b;
  if (a.match == DurableMatch::kNo) return a;
  if (b.match == DurableMatch::kNo) return b;
  return a.match == DurableMatch::kUnknown ? a : b;
}

DurableResult Either(DurableResult a, DurableResult b) {
  if (Ends(a)) return a;
  if (Ends(b)) return b;
  if (a.match == DurableMatch::kYes) return a;
  if (b.match == DurableMatch::kYes) return b;
  return a.match == DurableMatch::kUnknown ? a : b;
}

DurableResult Not(DurableResult result) {
  if (result.match == DurableMatch::kYes) return DurableAnswer(false);
  if (result.match == DurableMatch::kNo) return DurableAnswer(true);
  return result;
}

class Matcher {
 public:
  Matcher(const DurableEnvironment& environment, fhirpath::Scratch* scratch)
      : environment_(environment), scratch_(scratch) {}

  // `resource` is null for a check of the criteria alone.
  DurableResult Match(const Filter& filter, std::string_view resource_type,
                      const Resource* resource, int links) {
    if (filter.parameter != nullptr) return MatchColumn(filter, resource);
    if (filter.code.starts_with("_has:")) {
      return MatchHas(filter, resource_type, resource, links);
    }
    if (filter.is_chained) {
      return MatchChain(filter, resource_type, resource, links);
    }
    if (filter.code == "_filter") {
      return MatchExpression(filter.value, resource_type, resource, links);
    }
    if (filter.code == "_deleted") {
      return DurableUnknown("whether the row is deleted is not known here");
    }
    return DurableError(StrCat("unknown search parameter `", filter.code, "`"));
  }

 private:
  DurableResult MatchColumn(const Filter& filter, const Resource* resource) {
    const DurableColumn column = ColumnOf(*filter.parameter);
    DurableResult check = CheckDurableFilter(filter, column);
    if (check.match != DurableMatch::kYes || resource == nullptr) return check;
    const auto values = ValuesOf(*filter.parameter, *resource, *scratch_);
    if (!values.ok()) return DurableUnknown(values.status().ToString());
    return MatchesDurableFilter(filter, column, *values);
  }

  DurableResult MayFollow(std::string_view type, int links) const {
    if (links >= kMaxLinks) return DurableError("a chain has too many links");
    if (!IsResourceType(type)) {
      return DurableError(StrCat("unknown resource type `", type, "`"));
    }
    if (environment_.may_search && !environment_.may_search(type)) {
      return {DurableMatch::kForbidden,
              StrCat("the subject may not search `", type, "`")};
    }
    return DurableSound();
  }

  // Takes the filter `key` of the next resource type apart; an answer where
  // that fails.
  std::optional<DurableResult> ParseNext(std::string_view type,
                                         std::string_view key,
                                         std::string_view value, Filter& next) {
    absl::StatusOr<Filter> parsed = ParseFilter(type, key, value);
    if (!parsed.ok()) {
      return DurableError(std::string(ToStd(parsed.status().message())));
    }
    next = *std::move(parsed);
    return std::nullopt;
  }

  // --- Chains: `organization.name=x`. ---------------------------------------

  DurableResult MatchChain(const Filter& filter, std::string_view resource_type,
                           const Resource* resource, int links) {
    const std::string_view key = filter.code;
    const size_t dot = key.find('.');
    if (dot == std::string_view::npos) {
      return DurableError(StrCat("`", key, "` is no chain"));
    }
    const std::string_view first = key.substr(0, dot);
    const std::string_view code = first.substr(0, first.find(':'));
    const SearchParameter* const parameter =
        FindSearchParameter(resource_type, code);
    if (parameter == nullptr || parameter->type != ParameterType::kReference) {
      return DurableError(StrCat("`", code, "` is no reference to follow"));
    }
    std::string_view type =
        first.substr(std::min(first.size(), code.size() + 1));
    if (type.empty()) {
      if (parameter->targets.size() != 1) {
        return DurableUnknown(
            StrCat("`", code, "` refers to more than one type"));
      }
      type = parameter->targets[0];
    }
    if (DurableResult may = MayFollow(type, links); Ends(may)) return may;
    Filter next;
    if (auto failed =
            ParseNext(type, key.substr(dot + 1), filter.value, next)) {
      return *failed;
    }
    DurableResult check = Match(next, type, nullptr, links + 1);
    if (resource == nullptr || Ends(check)) return check;
    return FollowReferences(*parameter, *resource, type, next, links);
  }

  DurableResult FollowReferences(const SearchParameter& parameter,
                                 const Resource& resource,
                                 std::string_view type, const Filter& next,
                                 int links) {
    const auto values = ValuesOf(parameter, resource, *scratch_);
    if (!values.ok()) return DurableUnknown(values.status().ToString());
    DurableResult result = DurableAnswer(false);
    for (const fhirpath::Value& value : *values) {
      const std::optional<ResourceKey> key = KeyOf(value);
      if (!key || key->type != type) continue;
      result = Either(std::move(result), MatchAt(*key, next, links));
      if (result.match == DurableMatch::kYes) break;
    }
    return result;
  }

  static std::optional<ResourceKey> KeyOf(const fhirpath::Value& value) {
    if (value.kind() != fhirpath::Value::Kind::kObject) return std::nullopt;
    return ResourceKey::Parse(StringMember(value.object(), "reference"));
  }

  DurableResult MatchAt(const ResourceKey& key, const Filter& next, int links) {
    const LookupResult found = environment_.lookup != nullptr
                                   ? environment_.lookup->Read(key)
                                   : LookupResult{};
    switch (found.state) {
      case LookupState::kFound:
        return Match(next, key.type, found.resource.get(), links + 1);
      case LookupState::kAbsent:
        return DurableAnswer(false);
      case LookupState::kDeleted:
      case LookupState::kUnavailable:
      case LookupState::kPending:
        break;
    }
    return DurableUnknown(StrCat(key.ToString(), " cannot be read here"));
  }

  // --- `_has:Observation:subject:status=final`. ------------------------------

  DurableResult MatchHas(const Filter& filter, std::string_view resource_type,
                         const Resource* resource, int links) {
    std::string_view rest = std::string_view(filter.code).substr(5);
    const std::string_view type = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), type.size() + 1));
    const std::string_view code = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), code.size() + 1));
    if (DurableResult may = MayFollow(type, links); Ends(may)) return may;
    const SearchParameter* const parameter = FindSearchParameter(type, code);
    if (rest.empty() || parameter == nullptr ||
        parameter->type != ParameterType::kReference) {
      return DurableError(StrCat("`", filter.code, "` cannot be followed"));
    }
    Filter next;
    if (auto failed = ParseNext(type, rest, filter.value, next)) return *failed;
    DurableResult check = Match(next, type, nullptr, links + 1);
    if (resource == nullptr || Ends(check)) return check;
    const ResourceKey target{std::string(resource_type),
                             std::string(resource->id())};
    return ScanReferrers(*parameter, type, target, next, links);
  }

  DurableResult ScanReferrers(const SearchParameter& parameter,
                              std::string_view type, const ResourceKey& target,
                              const Filter& next, int links) {
    if (environment_.lookup == nullptr) {
      return DurableUnknown(StrCat("no ", type, " can be read here"));
    }
    DurableResult result = DurableAnswer(false);
    size_t scanned = 0;
    const LookupState state =
        environment_.lookup->Scan(type, "", [&](const ResourcePtr& referrer) {
          if (++scanned > kMaxScanned) {
            result = DurableUnknown(StrCat("there are too many ", type));
            return false;
          }
          if (!RefersTo(parameter, *referrer, target)) return true;
          result = Either(std::move(result),
                          Match(next, type, referrer.get(), links + 1));
          return result.match != DurableMatch::kYes;
        });
    if (state != LookupState::kFound && result.match != DurableMatch::kYes) {
      return DurableUnknown(StrCat("not every ", type, " can be read here"));
    }
    return result;
  }

  bool RefersTo(const SearchParameter& parameter, const Resource& referrer,
                const ResourceKey& target) {
    const auto values = ValuesOf(parameter, referrer, *scratch_);
    return values.ok() &&
           std::ranges::any_of(*values, [&](const fhirpath::Value& value) {
             return KeyOf(value) == target;
           });
  }

  // --- `_filter`.
  // --------------------------------------------------------------

  DurableResult MatchExpression(std::string_view text,
                                std::string_view resource_type,
                                const Resource* resource, int links) {
    const auto expression = ParseFilterExpression(text);
    if (!expression.ok()) {
      return DurableError(std::string(ToStd(expression.status().message())));
    }
    return MatchNode(**expression, resource_type, resource, links);
  }

  // With no resource, what counts is whether some comparison ends it all.
  DurableResult MatchNode(const FilterExpression& node,
                          std::string_view resource_type,
                          const Resource* resource, int links) {
    switch (node.kind) {
      case FilterExpression::Kind::kComparison:
        return MatchComparison(node, resource_type, resource, links);
      case FilterExpression::Kind::kNot: {
        DurableResult result =
            MatchNode(*node.left, resource_type, resource, links);
        return resource == nullptr ? result : Not(std::move(result));
      }
      case FilterExpression::Kind::kAnd:
      case FilterExpression::Kind::kOr:
        break;
    }
    DurableResult left = MatchNode(*node.left, resource_type, resource, links);
    DurableResult right =
        MatchNode(*node.right, resource_type, resource, links);
    return node.kind == FilterExpression::Kind::kAnd || resource == nullptr
               ? Both(std::move(left), std::move(right))
               : Either(std::move(left), std::move(right));
  }

  DurableResult MatchComparison(const FilterExpression& node,
                                std::string_view resource_type,
                                const Resource* resource, int links) {
    const std::optional<Operator> op = OperatorOf(node.op);
    if (!op) {
      return DurableError(StrCat("_filter has no operator `", node.op, "`"));
    }
    Filter filter;
    filter.code = node.path;
    filter.value = node.value;
    filter.is_chained = node.path.find('.') != std::string::npos;
    if (filter.is_chained) {
      if (*op != Operator::kExact) {
        return DurableUnknown(
            StrCat("`", node.path, " ", node.op, "` is not emulated"));
      }
    } else {
      filter.parameter = FindSearchParameter(resource_type, filter.code);
      filter.op = OperatorFor(filter.parameter, *op);
    }
    PrepareFilter(filter);
    return Match(filter, resource_type, resource, links);
  }

  static std::optional<Operator> OperatorOf(std::string_view name) {
    static constexpr std::pair<std::string_view, Operator> kOperators[] = {
        {"eq", Operator::kExact},
        {"ne", Operator::kNotEquals},
        {"co", Operator::kContains},
        {"sw", Operator::kStartsWith},
        {"gt", Operator::kGreaterThan},
        {"lt", Operator::kLessThan},
        {"ge", Operator::kGreaterThanOrEquals},
        {"le", Operator::kLessThanOrEquals},
        {"ap", Operator::kApproximately},
        {"sa", Operator::kStartsAfter},
        {"eb", Operator::kEndsBefore},
        {"pr", Operator::kPresent},
        {"in", Operator::kIn},
        {"ni", Operator::kNotIn},
        {"re", Operator::kEquals},
        {"identifier", Operator::kIdentifier},
    };
    for (const auto& [known, op] : kOperators) {
      if (known == name) return op;
    }
    return std::nullopt;
  }

  // Only strings know equality of the whole and of the beginning apart.
  static Operator OperatorFor(const SearchParameter* parameter, Operator op) {
    const bool is_string =
        parameter != nullptr && parameter->type == ParameterType::kString;
    if (!is_string && op == Operator::kExact) return Operator::kEquals;
    if (is_string && op == Operator::kStartsWith) return Operator::kEquals;
    return op;
  }

  const DurableEnvironment& environment_;
  fhirpath::Scratch* scratch_;
};

}  // namespace

DurableResult CheckDurable(const Criteria& criteria,
                           std::string_view resource_type,
                           const DurableEnvironment& environment) {
  DurableResult result = DurableSound();
  Matcher matcher(environment, nullptr);
  for (const Filter& filter : criteria.filters) {
    result = Both(std::move(result),
                  matcher.Match(filter, resource_type, nullptr, 0));
    if (Ends(result)) break;
  }
  return result;
}

DurableResult MatchesDurably(const Criteria& criteria, const Resource& resource,
                             const DurableEnvironment& environment,
                             fhirpath::Scratch& scratch) {
  DurableResult result = DurableSound();
  Matcher matcher(environment, &scratch);
  for (const Filter& filter : criteria.filters) {
    result = Both(std::move(result),
                  matcher.Match(filter, resource.type(), &resource, 0));
    if (Ends(result)) break;
  }
  return result;
}

}  // namespace pdp::fhir::search
