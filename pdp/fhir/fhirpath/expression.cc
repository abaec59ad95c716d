#include "pdp/fhir/fhirpath/expression.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/evaluator.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/parser.h"

namespace pdp::fhir::fhirpath {

Scratch::Scratch() : storage_(std::make_unique<Storage>()) {}
Scratch::~Scratch() = default;
void Scratch::Reset() { storage_->arena.Reset(); }

Expression::Expression() = default;
Expression::~Expression() = default;

absl::StatusOr<std::shared_ptr<const Expression>> Expression::Compile(
    std::string_view text) {
  PDP_ASSIGN_OR_RETURN(std::unique_ptr<const ast::Node> root, Parse(text));
  std::shared_ptr<Expression> expression(new Expression());
  expression->text_ = text;
  expression->root_ = std::move(root);
  return std::shared_ptr<const Expression>(std::move(expression));
}

absl::StatusOr<Collection> Expression::Evaluate(
    const Value& root, std::span<const Variable> variables, Scratch& scratch,
    const Limits& limits) const {
  Evaluator evaluator(root, variables, scratch, limits);
  Collection result;
  PDP_RETURN_IF_ERROR(
      evaluator.Evaluate(*root_, Items(&evaluator.root(), 1), result));
  return result;
}

std::string Expression::Print() const { return ast::Print(*root_); }

Value RootOf(JsonElement object) { return Guess(object); }

bool IsExactlyTrue(const Collection& collection) {
  return collection.size() == 1 &&
         collection.front().kind() == Value::Kind::kBoolean &&
         collection.front().boolean();
}

}  // namespace pdp::fhir::fhirpath
