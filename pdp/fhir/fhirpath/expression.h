// FHIRPath as Medplum evaluates it (semantics S-9, S-20): the expressions of
// search parameters and the write constraints of AccessPolicies.
//
// An Expression is immutable and may be evaluated by any number of threads at
// once, each with a Scratch of its own.

#ifndef PDP_FHIR_FHIRPATH_EXPRESSION_H_
#define PDP_FHIR_FHIRPATH_EXPRESSION_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/fhirpath/value.h"

namespace pdp::fhir::fhirpath {

// `%name` and what it stands for.  `name` is written without the percent sign.
// Objects are the same for `distinct()`, `exclude()` and their like only where
// they come from the same Resource.
struct Variable {
  std::string_view name;
  Value value;
};

// Bounds on one evaluation.  Past one of them the evaluation ends with
// ResourceExhausted.
struct Limits {
  size_t max_steps = 100'000;         // Operators and functions applied.
  size_t max_collection = 10'000;     // Items of one collection.
  size_t max_string_bytes = 1 << 20;  // Of one computed string.
  // What now(), today() and timeOfDay() tell; the clock where absent.
  std::optional<absl::Time> now;
};

// Memory of evaluations: text and quantities that they computed.  Values taken
// from an evaluation are good until Reset() or destruction.  Confined to one
// thread; reuse spares allocations.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void Reset();

 private:
  friend class Evaluator;
  friend class Temporary;
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

namespace ast {
struct Node;
}

class Expression {
 public:
  // InvalidArgument: not FHIRPath; the message says where.
  // Unimplemented: a function or operator that is valid and not supported here.
  // ResourceExhausted: the text is longer or deeper than kMaxTextBytes,
  // kMaxDepth (of parentheses, arguments, indexes, signs) and kMaxChain (of
  // operators after one another) allow.
  //
  // As in Medplum, what follows the first whole expression is ignored.
  static absl::StatusOr<std::shared_ptr<const Expression>> Compile(
      std::string_view text);

  static constexpr size_t kMaxTextBytes = 16 * 1024;
  static constexpr size_t kMaxDepth = 64;
  static constexpr size_t kMaxChain = 512;

  ~Expression();
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  // Evaluates with `root` as the context item and $this.  There are no
  // variables but `variables`.  The values of the result may be parts of this
  // Expression, of `scratch` and of what `root` and `variables` refer to.
  //
  // InvalidArgument: the evaluation is an error in Medplum (an undefined
  // variable, operands that `and` cannot take, more than one item for `as`).
  // ResourceExhausted: past `limits`.
  absl::StatusOr<Collection> Evaluate(const Value& root,
                                      std::span<const Variable> variables,
                                      Scratch& scratch,
                                      const Limits& limits = {}) const;

  std::string_view text() const { return text_; }

  // The compiled form, for tests and for `pdpctl`.
  std::string Print() const;

 private:
  Expression();

  std::string text_;
  std::unique_ptr<const ast::Node> root_;
};

// The root item for a whole resource or any other typed object.
Value RootOf(JsonElement object);

// What a write constraint asks for: exactly one item that is strictly `true`
// (semantics S-19).
bool IsExactlyTrue(const Collection& collection);

}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_EXPRESSION_H_
