#include "pdp/fhir/search/search_chain.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::search {
namespace {

constexpr size_t kMaxLinks = 3;
constexpr std::string_view kReverse = "_has:";

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("`", what, "` cannot be followed"));
}

// The parts of a key: `a.b` has two, `_has:T:r:b` the two `_has:T:r` and `b`.
absl::StatusOr<std::vector<std::string_view>> PartsOf(std::string_view key) {
  std::vector<std::string_view> parts;
  while (!key.empty()) {
    size_t end = key.find('.');
    if (key.starts_with(kReverse)) {
      const size_t code = key.find(':', kReverse.size());
      end = code == std::string_view::npos ? code : key.find(':', code + 1);
      if (end == std::string_view::npos) return Malformed(key);
    }
    parts.push_back(key.substr(0, end));
    key.remove_prefix(std::min(key.size(), parts.back().size() + 1));
  }
  return parts;
}

// Whether the server can follow the values of `parameter`.
bool IsFollowed(const SearchParameter* parameter) {
  if (parameter == nullptr) return false;
  const DurableColumn::Kind kind = parameter->column.kind;
  return kind == DurableColumn::Kind::kReferences ||
         kind == DurableColumn::Kind::kCanonicals;
}

absl::StatusOr<ChainLink> ReverseLink(std::string_view part,
                                      std::string_view resource_type) {
  std::string_view rest = part.substr(kReverse.size());
  const std::string_view type = rest.substr(0, rest.find(':'));
  const std::string_view code = rest.substr(type.size() + 1);
  const SearchParameter* const parameter = FindSearchParameter(type, code);
  const bool refers = IsFollowed(parameter) &&
                      std::ranges::find(parameter->targets, resource_type) !=
                          parameter->targets.end();
  if (!refers) return Malformed(part);
  return ChainLink{parameter, std::string(type), true};
}

absl::StatusOr<ChainLink> ForwardLink(std::string_view part,
                                      std::string_view resource_type) {
  const size_t colon = part.find(':');
  const SearchParameter* const parameter =
      FindSearchParameter(resource_type, part.substr(0, colon));
  if (!IsFollowed(parameter)) return Malformed(part);
  const auto& targets = parameter->targets;
  // The one type that there is stands, whatever is written.
  if (targets.size() == 1) {
    return ChainLink{parameter, std::string(targets[0]), false};
  }
  const std::string_view type = colon == std::string_view::npos
                                    ? std::string_view()
                                    : part.substr(colon + 1);
  if (std::ranges::find(targets, type) == targets.end()) return Malformed(part);
  return ChainLink{parameter, std::string(type), false};
}

absl::StatusOr<Filter> LastFilter(std::string_view resource_type,
                                  std::string_view key, const Filter& filter) {
  PDP_ASSIGN_OR_RETURN(Filter last,
                       ParseFilter(resource_type, key, filter.value));
  if (last.code == "_filter") return last;
  if (last.parameter == nullptr) return Malformed(key);
  // `_filter` has an operator of its own.
  const bool has_operator =
      filter.op != Operator::kEquals && last.modifier.empty();
  const bool has_prefix =
      IsOrdered(last.parameter->type) && last.value != filter.value;
  if (has_operator && !has_prefix) last.op = filter.op;
  return last;
}

}  // namespace

absl::StatusOr<SearchChain> ParseSearchChain(std::string_view resource_type,
                                             const Filter& filter) {
  PDP_ASSIGN_OR_RETURN(const std::vector<std::string_view> parts,
                       PartsOf(filter.code));
  SearchChain chain;
  std::string type(resource_type);
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    const bool is_reverse = part.starts_with(kReverse);
    if (i + 1 == parts.size() && !is_reverse) {
      PDP_ASSIGN_OR_RETURN(chain.last, LastFilter(type, part, filter));
      break;
    }
    // A chain that ends in a link has nothing to compare.
    if (i + 1 == parts.size()) return Malformed(filter.code);
    PDP_ASSIGN_OR_RETURN(ChainLink link, is_reverse ? ReverseLink(part, type)
                                                    : ForwardLink(part, type));
    type = link.type;
    chain.links.push_back(std::move(link));
  }
  if (chain.links.empty()) return Malformed(filter.code);
  if (chain.links.size() > kMaxLinks) {
    return absl::InvalidArgumentError("a chain has too many links");
  }
  return chain;
}

}  // namespace pdp::fhir::search
