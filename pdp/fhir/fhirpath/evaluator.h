// One evaluation of a compiled expression.

#ifndef PDP_FHIR_FHIRPATH_EVALUATOR_H_
#define PDP_FHIR_FHIRPATH_EVALUATOR_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/fhirpath/arena.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

struct Scratch::Storage {
  Arena arena;
  // Collections of evaluations under way, used as a stack.
  std::vector<std::unique_ptr<Collection>> collections;
  size_t collections_in_use = 0;
  std::vector<Variable> variables;
};

class Evaluator {
 public:
  Evaluator(const Value& root, std::span<const Variable> variables,
            Scratch& scratch, const Limits& limits);

  // Appends what `node` yields for `input` to `out`, which is not a part of
  // `input`.
  absl::Status Evaluate(const ast::Node& node, Items input, Collection& out);

  // An argument's first value, undefined where there is none.
  absl::StatusOr<Value> First(const ast::Node& node, Items input);

  // Take from the limits.
  absl::Status Spend(size_t steps = 1) {
    if (steps > steps_left_) return OutOfSteps();
    steps_left_ -= steps;
    return absl::OkStatus();
  }
  absl::Status Append(const Value& value, Collection& out) {
    if (out.size() >= limits_.max_collection) return TooManyItems();
    out.push_back(value);
    return absl::OkStatus();
  }
  absl::Status AppendAll(Items items, Collection& out);

  // Keeps a computed text.
  absl::StatusOr<std::string_view> Keep(std::string_view text);
  const Quantity* Keep(const Quantity& quantity);
  const PrimitiveExtension* Keep(const PrimitiveExtension& extension);
  NavigationPath* NewPath(const NavigationPath& path = {});

  const Value& root() const { return root_; }
  const Limits& limits() const { return limits_; }
  absl::Time Now();

 private:
  friend class Temporary;

  absl::Status EvaluateVariable(const ast::Node& node, Collection& out);
  absl::Status EvaluateIndexer(const ast::Node& node, Items input,
                               Collection& out);
  absl::Status EvaluateOperator(const ast::Node& node, Items input,
                                Collection& out);
  absl::Status OutOfSteps() const;
  absl::Status TooManyItems() const;

  Value root_;
  Scratch::Storage& storage_;
  const Limits limits_;
  size_t steps_left_;
  std::optional<absl::Time> now_;
};

// A collection for the time of a scope.
class Temporary {
 public:
  explicit Temporary(Evaluator& evaluator);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  Collection& operator*() { return collection_; }
  Collection* operator->() { return &collection_; }

 private:
  Scratch::Storage& storage_;
  Collection& collection_;
};

// `JavaScript`'s error for operands that have to be one item at most.
absl::StatusOr<const Value*> Singleton(const Collection& collection);

absl::Status EvaluationError(std::string_view what);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_EVALUATOR_H_
