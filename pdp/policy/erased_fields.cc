#include "pdp/policy/erased_fields.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/schema.h"

namespace pdp::policy {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;
using fhir::JsonObject;
using fhir::fhirpath::Collection;
using fhir::fhirpath::Expression;
using fhir::fhirpath::Value;
using fhir::fhirpath::Variable;

struct Constraint {
  std::string_view type;
  std::string_view key;
  std::string_view expression;
};

#include "pdp/fhir/definitions/constraints.inc"

// Compiled once; null where this program does not know the language of it.
const Expression* Compiled(const Constraint& constraint) {
  static const auto all = [] {
    std::vector<std::shared_ptr<const Expression>> expressions;
    for (const Constraint& each : kConstraints) {
      expressions.push_back(
          Expression::Compile(each.expression).value_or(nullptr));
    }
    return expressions;
  }();
  return all[static_cast<size_t>(&constraint - kConstraints)].get();
}

bool IsEmptyObject(JsonElement element) {
  JsonObject object;
  return element.get(object) == simdjson::SUCCESS && object.size() == 0;
}

// Whether some array on the way along `path` has an empty item.
bool HasEmptyItem(JsonElement parent, std::string_view path) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) return false;
  const auto member = fhir::Member(parent, path.substr(0, dot));
  if (!member) return false;
  const std::string_view rest = path.substr(dot + 1);
  JsonArray array;
  if (member->get(array) != simdjson::SUCCESS) {
    return HasEmptyItem(*member, rest);
  }
  return std::any_of(array.begin(), array.end(), [&](JsonElement item) {
    return IsEmptyObject(item) || HasEmptyItem(item, rest);
  });
}

class ConstraintCheck {
 public:
  ConstraintCheck(const fhir::Resource& resource,
                  fhir::fhirpath::Scratch& scratch)
      : root_(fhir::fhirpath::RootOf(resource.root())), scratch_(scratch) {}

  // The key of a constraint that is not true of the resource itself.
  std::string_view CheckRoot() { return Check(root_); }

  // Likewise, of the elements at `path`.
  std::string_view CheckElements(std::string_view path) {
    std::string expression;
    while (!path.empty()) {
      std::string_view segment = path.substr(0, path.find('.'));
      path.remove_prefix(std::min(segment.size() + 1, path.size()));
      if (segment.ends_with("[x]")) segment.remove_suffix(3);
      if (!expression.empty()) expression += '.';
      expression += segment;
    }
    const auto compiled = Expression::Compile(expression);
    if (!compiled.ok()) return {};
    const auto values = (*compiled)->Evaluate(root_, {}, scratch_);
    if (!values.ok()) return {};
    for (const Value& value : *values) {
      if (const std::string_view key = Check(value); !key.empty()) return key;
    }
    return {};
  }

 private:
  std::string_view Check(const Value& value) {
    const std::string_view type = fhir::TypeName(value.type());
    auto constraint = std::lower_bound(
        std::begin(kConstraints), std::end(kConstraints), type,
        [](const Constraint& c, std::string_view t) { return c.type < t; });
    for (; constraint != std::end(kConstraints) && constraint->type == type;
         ++constraint) {
      if (!Holds(*constraint, value)) return constraint->key;
    }
    return {};
  }

  bool Holds(const Constraint& constraint, const Value& value) {
    const Expression* const expression = Compiled(constraint);
    if (expression == nullptr) return false;
    const Variable variables[] = {
        {"context", value}, {"resource", root_}, {"rootResource", root_}};
    const auto result = expression->Evaluate(value, variables, scratch_);
    return result.ok() && fhir::fhirpath::IsExactlyTrue(*result);
  }

  const Value root_;
  fhir::fhirpath::Scratch& scratch_;
};

}  // namespace

std::string ErasureProblem(const fhir::Resource& resource,
                           std::span<const std::string_view> paths,
                           fhir::fhirpath::Scratch& scratch) {
  ConstraintCheck check(resource, scratch);
  std::string_view broken = check.CheckRoot();
  for (const std::string_view path : paths) {
    if (HasEmptyItem(resource.root(), path)) {
      return StrCat("without `", path, "` an item of an array is empty");
    }
    for (size_t dot = path.find('.');
         dot != std::string_view::npos && broken.empty();
         dot = path.find('.', dot + 1)) {
      broken = check.CheckElements(path.substr(0, dot));
    }
  }
  return broken.empty()
             ? std::string()
             : StrCat("the constraint ", broken, " of FHIR does not hold");
}

}  // namespace pdp::policy
