#include "pdp/fhir/fhirpath/evaluator.h"

#include <cmath>

#include "absl/time/clock.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/arithmetic.h"
#include "pdp/fhir/fhirpath/equality.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/navigation.h"
#include "pdp/fhir/fhirpath/operators.h"

namespace pdp::fhir::fhirpath {

using ast::Kind;
using ast::Node;

Evaluator::Evaluator(const Value& root, std::span<const Variable> variables,
                     Scratch& scratch, const Limits& limits)
    : root_(root),
      storage_(*scratch.storage_),
      limits_(limits),
      steps_left_(limits.max_steps) {
  if (root_.path() == nullptr) root_.set_path(NewPath());
  storage_.variables.assign(variables.begin(), variables.end());
  for (Variable& variable : storage_.variables) {
    if (variable.value.path() == nullptr) variable.value.set_path(NewPath());
  }
}

absl::Status Evaluator::Evaluate(const Node& node, Items input,
                                 Collection& out) {
  PDP_RETURN_IF_ERROR(Spend());
  switch (node.kind) {
    case Kind::kLiteral:
      return Append(node.literal, out);
    case Kind::kEmpty:
      return absl::OkStatus();
    case Kind::kThis:
      return AppendAll(input, out);
    case Kind::kVariable:
      return EvaluateVariable(node, out);
    case Kind::kSymbol:
      for (const Value& item : input) {
        PDP_RETURN_IF_ERROR(Navigate(*this, item, node.text, out));
      }
      return absl::OkStatus();
    case Kind::kCall:
      return node.function->body(*this, node, input, out);
    case Kind::kIndexer:
      return EvaluateIndexer(node, input, out);
    case Kind::kPlus:
      return Evaluate(*node.children[0], input, out);
    case Kind::kDot: {
      Temporary left(*this);
      PDP_RETURN_IF_ERROR(Evaluate(*node.children[0], input, *left));
      return Evaluate(*node.children[1], *left, out);
    }
    default:
      return EvaluateOperator(node, input, out);
  }
}

absl::StatusOr<Value> Evaluator::First(const Node& node, Items input) {
  Temporary items(*this);
  PDP_RETURN_IF_ERROR(Evaluate(node, input, *items));
  return items->empty() ? Value() : items->front();
}

absl::Status Evaluator::AppendAll(Items items, Collection& out) {
  if (out.size() + items.size() > limits_.max_collection) return TooManyItems();
  out.insert(out.end(), items.begin(), items.end());
  return Spend(items.size());
}

absl::StatusOr<std::string_view> Evaluator::Keep(std::string_view text) {
  if (text.size() > limits_.max_string_bytes) {
    return absl::ResourceExhaustedError(StrCat(
        "FHIRPath: a text of more than ", limits_.max_string_bytes, " bytes"));
  }
  PDP_RETURN_IF_ERROR(Spend(text.size() / 64));
  return storage_.arena.Copy(text);
}

const Quantity* Evaluator::Keep(const Quantity& quantity) {
  return storage_.arena.New(quantity);
}

const PrimitiveExtension* Evaluator::Keep(const PrimitiveExtension& extension) {
  return storage_.arena.New(extension);
}

NavigationPath* Evaluator::NewPath(const NavigationPath& path) {
  return storage_.arena.New(path);
}

absl::Time Evaluator::Now() {
  if (!now_) now_ = limits_.now.value_or(absl::Now());
  return *now_;
}

absl::Status Evaluator::EvaluateVariable(const Node& node, Collection& out) {
  for (const Variable& variable : storage_.variables) {
    if (variable.name == node.text) return Append(variable.value, out);
  }
  return EvaluationError(StrCat("undefined variable `%", node.text, "`"));
}

absl::Status Evaluator::EvaluateIndexer(const Node& node, Items input,
                                        Collection& out) {
  double index = 0;
  {
    Temporary indexes(*this);
    PDP_RETURN_IF_ERROR(Evaluate(*node.children[1], input, *indexes));
    if (indexes->size() != 1) return absl::OkStatus();
    if (!IsNumber(indexes->front())) {
      return EvaluationError("an index that is no number");
    }
    index = indexes->front().number();
  }
  Temporary items(*this);
  PDP_RETURN_IF_ERROR(Evaluate(*node.children[0], input, *items));
  if (index >= 0 && index < static_cast<double>(items->size()) &&
      std::trunc(index) == index) {
    return Append((*items)[static_cast<size_t>(index)], out);
  }
  return absl::OkStatus();
}

absl::Status Evaluator::EvaluateOperator(const Node& node, Items input,
                                         Collection& out) {
  Temporary left(*this);
  PDP_RETURN_IF_ERROR(Evaluate(*node.children[0], input, *left));
  switch (node.kind) {
    case Kind::kMinus:
      return Negate(*this, *left, out);
    case Kind::kIs:
      // The right side is a name.
      return Is(*this, *left, node.type, out);
    case Kind::kAs:
      return As(*this, *left, node.type, out);
    default:
      break;
  }
  Temporary right(*this);
  PDP_RETURN_IF_ERROR(Evaluate(*node.children[1], input, *right));
  switch (node.kind) {
    case Kind::kUnion:
      PDP_RETURN_IF_ERROR(AppendAll(*right, *left));
      return AppendDistinct(*this, *left, out);
    case Kind::kEquals:
      return Equals(*this, *left, *right, /*negate=*/false, out);
    case Kind::kNotEquals:
      return Equals(*this, *left, *right, /*negate=*/true, out);
    case Kind::kEquivalent:
      return Equivalent(*this, *left, *right, /*negate=*/false, out);
    case Kind::kNotEquivalent:
      return Equivalent(*this, *left, *right, /*negate=*/true, out);
    case Kind::kConcatenate:
      return Concatenate(*this, *left, *right, out);
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kXor:
    case Kind::kImplies:
      return CombineBooleans(*this, node.kind, *left, *right, out);
    case Kind::kIn:
      return In(*this, *left, *right, out);
    case Kind::kContains:
      return Contains(*this, *left, *right, out);
    default:
      return Calculate(*this, node.kind, *left, *right, out);
  }
}

absl::Status Evaluator::OutOfSteps() const {
  return absl::ResourceExhaustedError(
      StrCat("FHIRPath: more than ", limits_.max_steps, " steps"));
}

absl::Status Evaluator::TooManyItems() const {
  return absl::ResourceExhaustedError(
      StrCat("FHIRPath: a collection of more than ", limits_.max_collection,
             " items"));
}

Temporary::Temporary(Evaluator& evaluator)
    : storage_(evaluator.storage_), collection_([this]() -> Collection& {
        auto& collections = storage_.collections;
        if (storage_.collections_in_use == collections.size()) {
          collections.push_back(std::make_unique<Collection>());
        }
        return *collections[storage_.collections_in_use++];
      }()) {}

Temporary::~Temporary() {
  collection_.clear();
  --storage_.collections_in_use;
}

absl::StatusOr<const Value*> Singleton(const Collection& collection) {
  if (collection.empty()) return nullptr;
  if (collection.size() > 1) {
    return EvaluationError("more than one item where one is expected");
  }
  return &collection.front();
}

absl::Status EvaluationError(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("FHIRPath: ", what));
}

}  // namespace pdp::fhir::fhirpath
