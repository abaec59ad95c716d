#include "pdp/fhir/fhirpath/parser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/datetime.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/functions.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/lexer.h"

namespace pdp::fhir::fhirpath {
namespace {

using ast::Kind;
using ast::Node;
using ast::TypeSpecifier;
using NodePtr = std::unique_ptr<Node>;
using NodeOr = absl::StatusOr<NodePtr>;

// Lower binds tighter.
constexpr int kCallPrecedence = 0;
constexpr int kIndexPrecedence = 2;
constexpr int kSignPrecedence = 3;
constexpr int kLoosest = 100;

struct Infix {
  std::string_view text;
  int precedence;
  Kind kind;
};

constexpr Infix kInfixes[] = {
    {"(", kCallPrecedence, Kind::kCall},
    {".", 1, Kind::kDot},
    {"[", kIndexPrecedence, Kind::kIndexer},
    {"*", 4, Kind::kMultiply},
    {"/", 4, Kind::kDivide},
    {"div", 4, Kind::kDiv},
    {"mod", 4, Kind::kMod},
    {"+", 5, Kind::kAdd},
    {"-", 5, Kind::kSubtract},
    {"&", 5, Kind::kConcatenate},
    {"is", 6, Kind::kIs},
    {"as", 6, Kind::kAs},
    {"|", 7, Kind::kUnion},
    {"<", 8, Kind::kLess},
    {"<=", 8, Kind::kLessOrEqual},
    {">", 8, Kind::kGreater},
    {">=", 8, Kind::kGreaterOrEqual},
    {"=", 9, Kind::kEquals},
    {"!=", 9, Kind::kNotEquals},
    {"~", 9, Kind::kEquivalent},
    {"!~", 9, Kind::kNotEquivalent},
    {"in", 10, Kind::kIn},
    {"contains", 10, Kind::kContains},
    {"and", 11, Kind::kAnd},
    {"or", 12, Kind::kOr},
    {"xor", 12, Kind::kXor},
    {"implies", 13, Kind::kImplies},
};

// Names that JavaScript finds on every object: Medplum then evaluates things
// that are no data.
constexpr std::string_view kObjectPrototype[] = {
    "__defineGetter__", "__defineSetter__", "__lookupGetter__",
    "__lookupSetter__", "__proto__",        "constructor",
    "hasOwnProperty",   "isPrototypeOf",    "propertyIsEnumerable",
    "toLocaleString",   "toString",         "valueOf",
};

double ParseNumber(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

TypeSpecifier::Meaning MeaningOf(std::string_view name) {
  using Meaning = TypeSpecifier::Meaning;
  if (name.empty()) return Meaning::kNone;
  if (name == "Boolean") return Meaning::kBoolean;
  if (name == "Decimal" || name == "Integer") return Meaning::kNumber;
  if (name == "Date") return Meaning::kDate;
  if (name == "DateTime") return Meaning::kDateTime;
  if (name == "Time") return Meaning::kTime;
  if (name == "Period") return Meaning::kPeriod;
  if (name == "Quantity") return Meaning::kQuantity;
  return Meaning::kNamed;
}

std::string SymbolName(const Node& node) {
  if (node.kind == Kind::kSymbol) return node.text;
  if (node.kind == Kind::kThis) return "$this";
  if (node.kind == Kind::kVariable) return StrCat("%", node.text);
  return "";
}

TypeSpecifier TypeOf(const Node& node) {
  std::string name = SymbolName(node);
  if (node.kind == Kind::kDot) {
    const std::string left = SymbolName(*node.children[0]);
    const std::string right = SymbolName(*node.children[1]);
    if (!left.empty() && !right.empty()) name = StrCat(left, ".", right);
  }
  TypeSpecifier specifier;
  if (name.empty()) return specifier;
  std::string_view clean = name;
  for (const std::string_view prefix : {"System.", "FHIR."}) {
    if (clean.starts_with(prefix)) clean.remove_prefix(prefix.size());
  }
  specifier.meaning = MeaningOf(clean);
  specifier.name = std::string(clean);
  specifier.type = FindType(clean);
  return specifier;
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)) {}

  NodeOr ParseExpression() { return ParseBinding(kLoosest); }

 private:
  const Token* Peek() const {
    return next_ < tokens_.size() ? &tokens_[next_] : nullptr;
  }

  bool Match(std::string_view op) {
    const Token* const token = Peek();
    if (token == nullptr || token->kind != TokenKind::kOperator ||
        token->text != op) {
      return false;
    }
    ++next_;
    return true;
  }

  absl::Status Error(std::string_view what, const Token* token) const {
    const size_t offset = token == nullptr ? text_.size() : token->offset;
    return absl::InvalidArgumentError(StrCat(
        "FHIRPath: ", what,
        token == nullptr ? " at the end"
                         : StrCat(" at ", DescribePosition(text_, offset))));
  }

  const Infix* PeekInfix() const {
    const Token* const token = Peek();
    if (token == nullptr || (token->kind != TokenKind::kOperator &&
                             token->kind != TokenKind::kSymbol)) {
      return nullptr;
    }
    for (const Infix& infix : kInfixes) {
      if (infix.text == token->text) return &infix;
    }
    return nullptr;
  }

  // In parentheses, in brackets, after a sign, in an argument.
  NodeOr ParseNested(int loosest) {
    if (depth_ == Expression::kMaxDepth) {
      return absl::ResourceExhaustedError(
          StrCat("FHIRPath: deeper than ", Expression::kMaxDepth, " levels"));
    }
    ++depth_;
    NodeOr node = ParseBinding(loosest);
    --depth_;
    return node;
  }

  // Operators that bind tighter than `loosest`.
  NodeOr ParseBinding(int loosest) {
    PDP_ASSIGN_OR_RETURN(NodePtr left, ParsePrefix());
    while (const Infix* const infix = PeekInfix()) {
      if (infix->precedence >= loosest) break;
      const Token* const token = Peek();
      ++next_;
      PDP_ASSIGN_OR_RETURN(left, ParseInfix(*infix, *token, std::move(left)));
      PDP_RETURN_IF_ERROR(CheckHeight(*left));
    }
    return left;
  }

  absl::Status CheckHeight(Node& node) const {
    for (const auto& child : node.children) {
      node.height = std::max(node.height, child->height + 1);
    }
    if (node.height > Expression::kMaxChain) {
      return absl::ResourceExhaustedError(
          StrCat("FHIRPath: more than ", Expression::kMaxChain,
                 " operators after one another"));
    }
    return absl::OkStatus();
  }

  NodeOr ParsePrefix() {
    const Token* const token = Peek();
    if (token == nullptr) return Error("expected an expression", nullptr);
    ++next_;
    switch (token->kind) {
      case TokenKind::kString:
        return StringLiteral(token->text, "string");
      case TokenKind::kDateTime: {
        absl::StatusOr<std::string> text = NormalizeDateTime(token->text);
        if (!text.ok()) return Error("a date that is not ISO 8601", token);
        return StringLiteral(*std::move(text), "dateTime");
      }
      case TokenKind::kQuantity:
        return QuantityLiteral(token->text);
      case TokenKind::kNumber: {
        auto node = Make(Kind::kLiteral);
        const bool is_decimal = token->text.find('.') != std::string::npos;
        node->literal =
            Value::Number(ParseNumber(token->text),
                          FindType(is_decimal ? "decimal" : "integer"));
        return node;
      }
      case TokenKind::kBoolean: {
        auto node = Make(Kind::kLiteral);
        node->literal =
            Value::Boolean(token->text == "true", FindType("boolean"));
        return node;
      }
      case TokenKind::kSymbol:
        return Symbol(*token);
      case TokenKind::kComment:
        break;
      case TokenKind::kOperator:
        if (token->text == "{}") return Make(Kind::kEmpty);
        if (token->text == "(") return Parenthesized();
        if (token->text == "+") return Sign(Kind::kPlus);
        if (token->text == "-") return Sign(Kind::kMinus);
        break;
    }
    return Error("expected an expression", token);
  }

  static NodePtr Make(Kind kind) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    return node;
  }

  static NodePtr StringLiteral(std::string text, std::string_view type) {
    auto node = Make(Kind::kLiteral);
    node->text = std::move(text);
    node->literal = Value::String(node->text, FindType(type));
    return node;
  }

  // Medplum takes what is between the first space and the second for the unit,
  // and puts braces around one that is in no single quotes.
  static NodePtr QuantityLiteral(std::string_view text) {
    auto node = Make(Kind::kLiteral);
    const size_t space = text.find(' ');
    std::string_view unit = text.substr(space + 1);
    unit = unit.substr(0, unit.find(' '));
    if (unit.starts_with('\'') && unit.ends_with('\'')) {
      // Of a lone quote JavaScript's substring(1, 0) is that quote.
      node->unit = std::string(
          unit.size() == 1 ? unit : unit.substr(1, unit.size() - 2));
    } else {
      node->unit = StrCat("{", unit, "}");
    }
    node->quantity.value = ParseNumber(text.substr(0, space));
    node->quantity.unit = node->unit;
    node->literal = Value::OfQuantity(&node->quantity, FindType("Quantity"));
    return node;
  }

  NodeOr Symbol(const Token& token) {
    auto node = Make(Kind::kSymbol);
    node->text = token.text;
    if (token.text == "$this") {
      node->kind = Kind::kThis;
    } else if (token.text.starts_with('%')) {
      node->kind = Kind::kVariable;
      node->text = token.text.substr(1);
    } else {
      const Token* const next = Peek();
      const bool is_call = next != nullptr && next->text == "(" &&
                           next->kind == TokenKind::kOperator;
      if (!is_call &&
          std::find(std::begin(kObjectPrototype), std::end(kObjectPrototype),
                    token.text) != std::end(kObjectPrototype)) {
        return absl::UnimplementedError(
            StrCat("FHIRPath: the name `", token.text, "` is not supported"));
      }
    }
    return node;
  }

  NodeOr Parenthesized() {
    PDP_ASSIGN_OR_RETURN(NodePtr node, ParseNested(kLoosest));
    if (!Match(")")) return Error("expected `)`", Peek());
    return node;
  }

  NodeOr Sign(Kind kind) {
    PDP_ASSIGN_OR_RETURN(NodePtr operand, ParseNested(kSignPrecedence));
    auto node = Make(kind);
    node->children.push_back(std::move(operand));
    PDP_RETURN_IF_ERROR(CheckHeight(*node));
    return node;
  }

  NodeOr ParseInfix(const Infix& infix, const Token& token, NodePtr left) {
    if (infix.kind == Kind::kCall) return Call(token, std::move(left));
    auto node = Make(infix.kind);
    NodePtr right;
    if (infix.kind == Kind::kIndexer) {
      PDP_ASSIGN_OR_RETURN(right, ParseNested(kLoosest));
      if (!Match("]")) return Error("expected `]`", Peek());
    } else {
      PDP_ASSIGN_OR_RETURN(right, ParseBinding(infix.precedence));
    }
    if (infix.kind == Kind::kIs || infix.kind == Kind::kAs) {
      node->type = TypeOf(*right);
      if (infix.kind == Kind::kAs &&
          node->type.meaning == TypeSpecifier::Meaning::kNone) {
        return Error("expected the name of a type after `as`", &token);
      }
    }
    node->children.push_back(std::move(left));
    node->children.push_back(std::move(right));
    return node;
  }

  NodeOr Call(const Token& token, NodePtr left) {
    const std::string name = SymbolName(*left);
    if (name.empty()) return Error("unexpected `(`", &token);
    const Function* const function = FindFunction(name);
    if (function == nullptr) {
      return absl::UnimplementedError(
          StrCat("FHIRPath: the function `", name, "` is not supported"));
    }
    auto node = Make(Kind::kCall);
    node->text = name;
    node->function = function;
    while (!Match(")")) {
      PDP_ASSIGN_OR_RETURN(NodePtr argument, ParseNested(kLoosest));
      node->children.push_back(std::move(argument));
      Match(",");
    }
    if (node->children.size() < function->min_arguments) {
      return Error(StrCat("too few arguments of `", name, "`"), &token);
    }
    if (!node->children.empty()) {
      PDP_RETURN_IF_ERROR(ReadFirstArgument(*node, token));
    }
    return node;
  }

  absl::Status ReadFirstArgument(Node& call, const Token& token) {
    const Node& argument = *call.children[0];
    switch (call.function->first_argument) {
      case FirstArgument::kExpression:
        break;
      case FirstArgument::kType:
        call.type = TypeOf(argument);
        if (call.text == "as" &&
            call.type.meaning == TypeSpecifier::Meaning::kNone) {
          return Error("expected the name of a type in `as`", &token);
        }
        break;
      case FirstArgument::kPattern:
        if (argument.kind == Kind::kLiteral &&
            argument.literal.kind() == Value::Kind::kString) {
          PDP_ASSIGN_OR_RETURN(call.pattern, Pattern::Compile(argument.text));
        }
        break;
    }
    return absl::OkStatus();
  }

  const std::string_view text_;
  const std::vector<Token> tokens_;
  size_t next_ = 0;
  size_t depth_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const ast::Node>> Parse(std::string_view text) {
  if (text.size() > Expression::kMaxTextBytes) {
    return absl::ResourceExhaustedError(
        StrCat("FHIRPath: longer than ", Expression::kMaxTextBytes, " bytes"));
  }
  PDP_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  PDP_ASSIGN_OR_RETURN(NodePtr node,
                       Parser(text, std::move(tokens)).ParseExpression());
  return std::unique_ptr<const ast::Node>(std::move(node));
}

}  // namespace pdp::fhir::fhirpath
