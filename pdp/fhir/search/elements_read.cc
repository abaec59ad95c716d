#include "pdp/fhir/search/elements_read.h"

#include <utility>

#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/parser.h"
#include "pdp/fhir/schema.h"
#include "pdp/fhir/search/durable_filter.h"
#include "pdp/fhir/search/search_chain.h"
#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::ast::Kind;
using fhirpath::ast::Node;

// Parameters that every type has are looked up for one of them.
constexpr std::string_view kAnyType = "Basic";

class Walk {
 public:
  explicit Walk(std::string_view resource_type)
      : resource_type_(resource_type) {}

  // Adds what `node` reads where its input is the resource (`of_resource`) or
  // something within it.  Whether its own value may be the resource.
  bool Visit(const Node& node, bool of_resource) {
    switch (node.kind) {
      case Kind::kLiteral:
      case Kind::kEmpty:
        return false;
      case Kind::kThis:
        return of_resource;
      case Kind::kVariable:
        elements_.AddAll();
        return true;
      case Kind::kSymbol:
        return of_resource && VisitSymbol(node.text);
      case Kind::kDot:
        return Visit(*node.children[1], Visit(*node.children[0], of_resource));
      default:
        break;
    }
    // What it takes beside its arguments; iif() takes nothing.
    bool takes_resource =
        of_resource && node.kind == Kind::kCall && node.text != "iif";
    const bool is_of_type = node.kind == Kind::kIs || node.kind == Kind::kAs;
    for (const auto& child : node.children) {
      takes_resource |= Visit(*child, of_resource);
      if (is_of_type) break;  // The name of a type follows.
    }
    // A function or an operator may read anything of what it is given.
    if (takes_resource) elements_.AddAll();
    return takes_resource;
  }

  ElementSet TakeElements() { return std::move(elements_); }

 private:
  // The name of a type stands for the resource, or for nothing.
  bool VisitSymbol(std::string_view name) {
    if (name == resource_type_ || name == "Resource" ||
        name == "DomainResource") {
      return true;
    }
    if (!IsResourceType(name)) elements_.Add(name);
    return false;
  }

  const std::string_view resource_type_;
  ElementSet elements_;
};

// Of what is no parameter's own values: chains begin with a reference, and
// what names nothing is matched by nothing.
ElementSet ElementsOfOther(const Filter& filter,
                           std::string_view resource_type) {
  ElementSet elements;
  if (filter.code == "_filter") elements.AddAll();
  if (!filter.is_chained) return elements;
  const auto chain = ParseSearchChain(resource_type, filter);
  if (!chain.ok()) return elements;
  const ChainLink& first = chain->links.front();
  if (!first.is_reverse) elements.Add(ElementsOf(*first.parameter));
  return elements;
}

}  // namespace

ElementSet ElementsRead(std::string_view expression,
                        std::string_view resource_type) {
  const auto tree = fhirpath::Parse(expression);
  if (!tree.ok()) return ElementSet::Whole();
  Walk walk(resource_type);
  if (walk.Visit(**tree, /*of_resource=*/true)) return ElementSet::Whole();
  return walk.TakeElements();
}

ElementSet ElementsRead(const Criteria& criteria) {
  const bool is_of_any = criteria.resource_type == "*";
  ElementSet elements;
  for (const Filter& filter : criteria.filters) {
    if (is_of_any) {
      const SearchParameter* const parameter =
          FindSearchParameter(kAnyType, filter.code);
      const bool is_known = parameter != nullptr &&
                            filter.code.starts_with('_') &&
                            ElementsOf(*parameter) == ElementSet::Least();
      if (!is_known) elements.AddAll();
      continue;
    }
    if (filter.parameter == nullptr) {
      elements.Add(ElementsOfOther(filter, criteria.resource_type));
      continue;
    }
    elements.Add(ElementsOf(*filter.parameter));
    elements.Add(ElementsOf(ParameterToEvaluate(filter)));
  }
  return elements;
}

}  // namespace pdp::fhir::search
