// Compiled FHIRPath: a tree of nodes with everything resolved that can be
// resolved without data.

#ifndef PDP_FHIR_FHIRPATH_AST_H_
#define PDP_FHIR_FHIRPATH_AST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/fhirpath/regex.h"
#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir::fhirpath {

struct Function;

namespace ast {

enum class Kind {
  kLiteral,
  kEmpty,     // {}
  kThis,      // $this
  kVariable,  // %name
  kSymbol,    // A member, or a leading type name.
  kCall,
  kIndexer,
  kPlus,  // The sign.
  kMinus,
  kDot,
  kUnion,
  kEquals,
  kNotEquals,
  kEquivalent,
  kNotEquivalent,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kDiv,
  kMod,
  kConcatenate,
  kAnd,
  kOr,
  kXor,
  kImplies,
  kIn,
  kContains,
  kIs,
  kAs,
};

// The right side of `is`: what the name means to Medplum.
struct TypeSpecifier {
  enum class Meaning {
    kNone,  // Not the name of a type.
    kBoolean,
    kNumber,
    kDate,
    kDateTime,
    kTime,
    kPeriod,
    kQuantity,
    kNamed,
  };
  Meaning meaning = Meaning::kNone;
  std::string name;  // Without `FHIR.` and `System.`.
  TypeId type = TypeId::kUnknown;
};

struct Node {
  Kind kind = Kind::kEmpty;
  size_t height = 1;
  // kLiteral: of a string.  kVariable (without the percent sign), kSymbol,
  // kCall: the name.  Of a quantity: as it was written.
  std::string text;
  Value literal;
  Quantity quantity;
  std::string unit;
  // Of kIs, kAs and calls that take a type.
  TypeSpecifier type;
  // Of kCall.
  const Function* function = nullptr;
  std::unique_ptr<const Pattern> pattern;  // Of a literal one.
  // Operands, or arguments.
  std::vector<std::unique_ptr<const Node>> children;
};

// An operator as it is written.
std::string_view OperatorText(Kind kind);

// With every operator in parentheses.
std::string Print(const Node& node);

}  // namespace ast
}  // namespace pdp::fhir::fhirpath

#endif  // PDP_FHIR_FHIRPATH_AST_H_
