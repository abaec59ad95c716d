#include "pdp/fhir/search/match_durable.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/search/durable_filter.h"
#include "pdp/fhir/search/durable_match.h"
#include "pdp/fhir/search/filter_expression.h"
#include "pdp/fhir/search/search_chain.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

// Resources looked at for one link.
constexpr size_t kMaxScanned = 10'000;

bool Ends(const DurableResult& result) {
  return result.match == DurableMatch::kError ||
         result.match == DurableMatch::kForbidden;
}

// Both have to hold.
DurableResult Both(DurableResult a, DurableResult b) {
  if (Ends(a)) return a;
  if (Ends(b)) return b;
  if (a.match == DurableMatch::kNo && !a.is_null) return a;
  if (b.match == DurableMatch::kNo) return b;
  if (a.match == DurableMatch::kNo) return a;
  return a.match == DurableMatch::kUnknown ? a : b;
}

DurableResult Either(DurableResult a, DurableResult b) {
  if (Ends(a)) return a;
  if (Ends(b)) return b;
  if (a.match == DurableMatch::kYes) return a;
  if (b.match == DurableMatch::kYes) return b;
  if (a.match == DurableMatch::kUnknown) return a;
  if (b.match == DurableMatch::kUnknown) return b;
  return a.is_null ? a : b;
}

DurableResult Not(DurableResult result) {
  if (result.match == DurableMatch::kYes) return DurableAnswer(false);
  if (result.match == DurableMatch::kNo && !result.is_null) {
    return DurableAnswer(true);
  }
  return result;
}

// Of a row that only has to exist: nothing is known of it only in part.
DurableResult Exists(DurableResult result) {
  result.is_null = false;
  return result;
}

// `Type/id` of a reference, which may name a version.
std::optional<ResourceKey> KeyOf(const fhirpath::Value& value) {
  if (value.kind() != fhirpath::Value::Kind::kObject) return std::nullopt;
  const std::string_view reference = StringMember(value.object(), "reference");
  const size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return ResourceKey::Parse(
      reference.substr(0, reference.find('/', slash + 1)));
}

class Matcher {
 public:
  Matcher(const DurableEnvironment& environment, fhirpath::Scratch* scratch)
      : environment_(environment), scratch_(scratch) {}

  // `resource` is null for a check of the criteria alone.
  DurableResult Match(const Filter& filter, std::string_view resource_type,
                      const Resource* resource) {
    if (filter.value.find('\0') != std::string::npos) {
      return DurableError(StrCat("`", filter.code, "` has a null byte"));
    }
    if (filter.parameter != nullptr) return MatchColumn(filter, resource);
    if (filter.is_chained) return MatchChain(filter, resource_type, resource);
    if (filter.code == "_filter") {
      return MatchExpression(filter.value, resource_type, resource);
    }
    if (filter.code == "_deleted") {
      return DurableUnknown("whether the row is deleted is not known here");
    }
    return DurableError(StrCat("unknown search parameter `", filter.code, "`"));
  }

 private:
  DurableResult MatchColumn(const Filter& filter, const Resource* resource) {
    DurableResult check = CheckDurableFilter(filter);
    if (check.match != DurableMatch::kYes || resource == nullptr) return check;
    const auto values =
        ValuesOf(ParameterToEvaluate(filter), *resource, *scratch_);
    if (!values.ok()) return DurableUnknown(values.status().ToString());
    return MatchesDurableFilter(filter, *values);
  }

  // --- Chains. ---------------------------------------------------------------

  DurableResult MatchChain(const Filter& filter, std::string_view resource_type,
                           const Resource* resource) {
    absl::StatusOr<SearchChain> chain = ParseSearchChain(resource_type, filter);
    if (!chain.ok()) {
      return DurableError(std::string(ToStd(chain.status().message())));
    }
    if (HasDoubtfulOperator(*chain, filter)) {
      return DurableUnknown(StrCat("`", filter.code, "` in a chain has an ",
                                   "operator of unknown effect"));
    }
    if (const std::optional<Filter> direct = DirectFilter(*chain)) {
      return Match(*direct, resource_type, resource);
    }
    for (const ChainLink& link : chain->links) {
      if (environment_.may_search && !environment_.may_search(link.type)) {
        return {DurableMatch::kForbidden,
                StrCat("the subject may not search `", link.type, "`")};
      }
    }
    DurableResult check = Match(chain->last, chain->links.back().type, nullptr);
    if (resource == nullptr || Ends(check)) return check;
    return Exists(Follow(*chain, 0, *resource));
  }

  static bool IsDirect(const SearchChain& chain) {
    return chain.links.size() == 1 && !chain.links[0].is_reverse &&
           chain.last.code == "_id";
  }

  // Servers of some versions drop these, and then find what is excluded here.
  static bool HasDoubtfulOperator(const SearchChain& chain,
                                  const Filter& filter) {
    if (IsDirect(chain)) {
      return chain.last.op != Operator::kEquals &&
             chain.last.op != Operator::kExact;
    }
    const bool is_ordered = chain.last.parameter != nullptr &&
                            IsOrdered(chain.last.parameter->type);
    return filter.op == Operator::kNotEquals && !is_ordered;
  }

  // `a._id=x` asks for the reference alone: nothing is followed.
  static std::optional<Filter> DirectFilter(const SearchChain& chain) {
    if (!IsDirect(chain)) return std::nullopt;
    const ChainLink& link = chain.links[0];
    Filter filter;
    filter.code = link.parameter->code;
    filter.parameter = link.parameter;
    filter.value = StrCat(link.type, "/", chain.last.value);
    PrepareFilter(filter);
    return filter;
  }

  // The links from `index` on, from `resource`.
  DurableResult Follow(const SearchChain& chain, size_t index,
                       const Resource& resource) {
    if (index == chain.links.size()) {
      return Match(chain.last, resource.type(), &resource);
    }
    const ChainLink& link = chain.links[index];
    const bool is_canonical =
        link.parameter->column.kind == DurableColumn::Kind::kCanonicals;
    if (link.is_reverse || is_canonical) return Scan(chain, index, resource);
    const auto values = ValuesOf(*link.parameter, resource, *scratch_);
    if (!values.ok()) return DurableUnknown(values.status().ToString());
    DurableResult result = DurableAnswer(false);
    for (const fhirpath::Value& value : *values) {
      const std::optional<ResourceKey> key = KeyOf(value);
      if (!key || key->type != link.type) continue;
      result = Either(std::move(result), FollowTo(chain, index, *key));
      if (result.match == DurableMatch::kYes) break;
    }
    return result;
  }

  DurableResult FollowTo(const SearchChain& chain, size_t index,
                         const ResourceKey& key) {
    const LookupResult found = environment_.lookup != nullptr
                                   ? environment_.lookup->Read(key)
                                   : LookupResult{};
    switch (found.state) {
      case LookupState::kFound:
        return Follow(chain, index + 1, *found.resource);
      case LookupState::kAbsent:
        return DurableAnswer(false);
      case LookupState::kDeleted:
      case LookupState::kUnavailable:
      case LookupState::kPending:
        break;
    }
    return DurableUnknown(StrCat(key.ToString(), " cannot be read here"));
  }

  // A link that is found by looking at every resource behind it.
  DurableResult Scan(const SearchChain& chain, size_t index,
                     const Resource& resource) {
    const ChainLink& link = chain.links[index];
    if (environment_.lookup == nullptr) {
      return DurableUnknown(StrCat("no ", link.type, " can be read here"));
    }
    DurableResult result = DurableAnswer(false);
    size_t scanned = 0;
    const LookupState state =
        environment_.lookup->Scan(link.type, "", [&](const ResourcePtr& other) {
          if (++scanned > kMaxScanned) {
            result = DurableUnknown(StrCat("there are too many ", link.type));
            return false;
          }
          const bool refers = link.is_reverse
                                  ? RefersTo(*link.parameter, *other, resource)
                                  : RefersTo(*link.parameter, resource, *other);
          if (!refers) return true;
          result = Either(std::move(result), Follow(chain, index + 1, *other));
          return result.match != DurableMatch::kYes;
        });
    if (state != LookupState::kFound && result.match != DurableMatch::kYes) {
      return DurableUnknown(StrCat("not every ", link.type, " can be read"));
    }
    return result;
  }

  bool RefersTo(const SearchParameter& parameter, const Resource& referrer,
                const Resource& target) {
    const auto values = ValuesOf(parameter, referrer, *scratch_);
    if (!values.ok()) return false;
    const bool is_canonical =
        parameter.column.kind == DurableColumn::Kind::kCanonicals;
    const std::string_view url = StringMember(target.root(), "url");
    return std::ranges::any_of(*values, [&](const fhirpath::Value& value) {
      if (!is_canonical) return KeyOf(value) == target.key();
      return value.kind() == fhirpath::Value::Kind::kString && !url.empty() &&
             value.string() == url;
    });
  }

  // --- `_filter`. ------------------------------------------------------------

  DurableResult MatchExpression(std::string_view text,
                                std::string_view resource_type,
                                const Resource* resource) {
    const auto expression = ParseFilterExpression(text);
    if (!expression.ok()) {
      return DurableError(std::string(ToStd(expression.status().message())));
    }
    return MatchNode(**expression, resource_type, resource);
  }

  // With no resource, what counts is whether some comparison ends it all.
  DurableResult MatchNode(const FilterExpression& node,
                          std::string_view resource_type,
                          const Resource* resource) {
    switch (node.kind) {
      case FilterExpression::Kind::kComparison:
        return Match(ToFilter(node, resource_type), resource_type, resource);
      case FilterExpression::Kind::kNot: {
        DurableResult result = MatchNode(*node.left, resource_type, resource);
        return resource == nullptr ? result : Not(std::move(result));
      }
      case FilterExpression::Kind::kAnd:
      case FilterExpression::Kind::kOr:
        break;
    }
    DurableResult left = MatchNode(*node.left, resource_type, resource);
    DurableResult right = MatchNode(*node.right, resource_type, resource);
    return node.kind == FilterExpression::Kind::kAnd || resource == nullptr
               ? Both(std::move(left), std::move(right))
               : Either(std::move(left), std::move(right));
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
    result =
        Both(std::move(result), matcher.Match(filter, resource_type, nullptr));
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
                  matcher.Match(filter, resource.type(), &resource));
    if (Ends(result)) break;
  }
  return result;
}

}  // namespace pdp::fhir::search
