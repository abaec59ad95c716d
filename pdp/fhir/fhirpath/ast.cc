#include "pdp/fhir/fhirpath/ast.h"

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/json.h"

namespace pdp::fhir::fhirpath::ast {
namespace {

std::string PrintLiteral(const Node& node) {
  switch (node.literal.kind()) {
    case Value::Kind::kBoolean:
      return node.literal.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return NumberToString(node.literal.number());
    case Value::Kind::kQuantity:
      return StrCat(NumberToString(node.quantity.value), " ",
                    QuoteJson(node.unit));
    default:
      return StrCat(node.literal.type() == FindType("dateTime") ? "@" : "",
                    QuoteJson(node.text));
  }
}

std::string PrintArguments(const Node& node) {
  std::string out;
  for (const auto& child : node.children) {
    if (!out.empty()) out += ", ";
    out += Print(*child);
  }
  return out;
}

}  // namespace

std::string_view OperatorText(Kind kind) {
  switch (kind) {
    case Kind::kUnion:
      return "|";
    case Kind::kEquals:
      return "=";
    case Kind::kNotEquals:
      return "!=";
    case Kind::kEquivalent:
      return "~";
    case Kind::kNotEquivalent:
      return "!~";
    case Kind::kLess:
      return "<";
    case Kind::kLessOrEqual:
      return "<=";
    case Kind::kGreater:
      return ">";
    case Kind::kGreaterOrEqual:
      return ">=";
    case Kind::kPlus:
    case Kind::kAdd:
      return "+";
    case Kind::kMinus:
    case Kind::kSubtract:
      return "-";
    case Kind::kMultiply:
      return "*";
    case Kind::kDivide:
      return "/";
    case Kind::kDiv:
      return "div";
    case Kind::kMod:
      return "mod";
    case Kind::kConcatenate:
      return "&";
    case Kind::kAnd:
      return "and";
    case Kind::kOr:
      return "or";
    case Kind::kXor:
      return "xor";
    case Kind::kImplies:
      return "implies";
    case Kind::kIn:
      return "in";
    case Kind::kContains:
      return "contains";
    case Kind::kIs:
      return "is";
    case Kind::kAs:
      return "as";
    case Kind::kDot:
      return ".";
    case Kind::kLiteral:
    case Kind::kEmpty:
    case Kind::kThis:
    case Kind::kVariable:
    case Kind::kSymbol:
    case Kind::kCall:
    case Kind::kIndexer:
      break;
  }
  return "";
}

std::string Print(const Node& node) {
  switch (node.kind) {
    case Kind::kLiteral:
      return PrintLiteral(node);
    case Kind::kEmpty:
      return "{}";
    case Kind::kThis:
      return "$this";
    case Kind::kVariable:
      return StrCat("%", node.text);
    case Kind::kSymbol:
      return node.text;
    case Kind::kCall:
      return StrCat(node.text, "(", PrintArguments(node), ")");
    case Kind::kIndexer:
      return StrCat(Print(*node.children[0]), "[", Print(*node.children[1]),
                    "]");
    case Kind::kPlus:
    case Kind::kMinus:
      return StrCat("(", OperatorText(node.kind), Print(*node.children[0]),
                    ")");
    case Kind::kDot:
      return StrCat(Print(*node.children[0]), ".", Print(*node.children[1]));
    default:
      return StrCat("(", Print(*node.children[0]), " ", OperatorText(node.kind),
                    " ", Print(*node.children[1]), ")");
  }
}

}  // namespace pdp::fhir::fhirpath::ast
