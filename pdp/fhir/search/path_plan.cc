#include "pdp/fhir/search/path_plan.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/ast.h"
#include "pdp/fhir/fhirpath/operators.h"

namespace pdp::fhir::search {
namespace {

using fhirpath::Collection;
using fhirpath::Value;

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

bool IsIdentifierCharacter(char c) {
  return IsUpper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         c == '_';
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The parts between the bars that are in no parentheses.
std::vector<std::string_view> SplitUnion(std::string_view expression) {
  std::vector<std::string_view> branches;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] == '(') ++depth;
    if (expression[i] == ')') --depth;
    if (expression[i] == '|' && depth == 0) {
      branches.push_back(Trim(expression.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  branches.push_back(Trim(expression.substr(begin)));
  return branches;
}

std::string_view WithoutParentheses(std::string_view text) {
  while (text.starts_with('(') && text.ends_with(')')) {
    int depth = 0;
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      if (text[i] == '(') ++depth;
      if (text[i] == ')') --depth;
      if (depth == 0) return text;  // The first one closes before the end.
    }
    text = Trim(text.substr(1, text.size() - 2));
  }
  return text;
}

std::string_view TakeIdentifier(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && IsIdentifierCharacter(text[size])) ++size;
  const std::string_view identifier = text.substr(0, size);
  text.remove_prefix(size);
  return identifier;
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// `a`, or `a.where(b='c')`.
struct ElementText {
  std::string_view name;
  std::string_view condition_member;
  std::string_view condition_value;
};

// `T.a.b`, then perhaps one function.
struct BranchText {
  std::string_view root;
  std::vector<ElementText> elements;
  std::string_view of_type;
  std::string_view as;
  std::string_view resolves_to;
};

void SkipSpaces(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
}

// The rest of `.where(b='c')`.
bool ReadCondition(std::string_view& text, ElementText& element) {
  element.condition_member = TakeIdentifier(text);
  SkipSpaces(text);
  if (!Take(text, "=")) return false;
  SkipSpaces(text);
  if (!Take(text, "'")) return false;
  element.condition_value = text.substr(0, text.find('\''));
  text.remove_prefix(element.condition_value.size());
  return !element.condition_member.empty() &&
         element.condition_value.find('\\') == std::string_view::npos &&
         Take(text, "')");
}

std::optional<BranchText> ReadBranch(std::string_view text) {
  BranchText branch;
  text = WithoutParentheses(text);
  branch.root = TakeIdentifier(text);
  while (!text.empty()) {
    std::string_view* argument = nullptr;
    if (Take(text, ".ofType(")) {
      argument = &branch.of_type;
    } else if (Take(text, ".as(")) {
      argument = &branch.as;
    } else if (Take(text, ".where(resolve() is ")) {
      argument = &branch.resolves_to;
    }
    if (argument != nullptr) {
      *argument = TakeIdentifier(text);
      if (argument->empty() || text != ")") return std::nullopt;
      break;
    }
    if (Take(text, ".where(")) {
      if (branch.elements.empty() ||
          !branch.elements.back().condition_member.empty() ||
          !ReadCondition(text, branch.elements.back())) {
        return std::nullopt;
      }
      continue;
    }
    if (!Take(text, ".")) return std::nullopt;
    branch.elements.push_back({.name = TakeIdentifier(text)});
    if (branch.elements.back().name.empty()) return std::nullopt;
  }
  if (branch.root.empty() || branch.elements.empty()) return std::nullopt;
  return branch;
}

std::string Capitalized(std::string_view name) {
  std::string text(name);
  if (text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

void Truncate(size_t size, Collection& values) {
  values.erase(values.begin() + static_cast<ptrdiff_t>(size), values.end());
}

// A value as it is in a resource; nothing for what Medplum sees as empty and
// for what no element is made of.
std::optional<Value> ToValue(JsonElement item, TypeId type) {
  switch (item.type()) {
    case simdjson::dom::element_type::STRING: {
      const std::string_view text = *AsString(item);
      if (text.empty()) return std::nullopt;
      return Value::String(text, type);
    }
    case simdjson::dom::element_type::BOOL:
      return Value::Boolean(bool(item), type);
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return Value::Number(double(item), type);
    case simdjson::dom::element_type::OBJECT:
      if (JsonObject(item).size() == 0) return std::nullopt;
      return Value::Object(item, type);
    case simdjson::dom::element_type::ARRAY:
    case simdjson::dom::element_type::NULL_VALUE:
      break;
  }
  return std::nullopt;
}

// Keeps the values that the engine takes for values of `type`.
void FilterByType(TypeId type, size_t begin, Collection& values) {
  using fhirpath::ast::TypeSpecifier;
  static const TypeId kQuantity = FindType("Quantity");
  static const TypeId kPeriod = FindType("Period");
  TypeSpecifier specifier;
  specifier.meaning = type == kQuantity ? TypeSpecifier::Meaning::kQuantity
                      : type == kPeriod ? TypeSpecifier::Meaning::kPeriod
                                        : TypeSpecifier::Meaning::kNamed;
  specifier.name = TypeName(type);
  specifier.type = type;
  size_t kept = begin;
  for (size_t i = begin; i < values.size(); ++i) {
    if (fhirpath::HasType(values[i], specifier)) values[kept++] = values[i];
  }
  Truncate(kept, values);
}

// Whether the element holds one text that compares as it is written.
bool IsPlainText(const ElementInfo* element) {
  if (element == nullptr || element->is_choice || element->is_array ||
      element->types.size() != 1) {
    return false;
  }
  const std::string_view type = TypeName(element->types[0]);
  return type == "code" || type == "uri" || type == "string";
}

// A branch that begins with another type's name finds nothing, unless the
// resource has a member that looks like that name.
bool HasMemberLikeType(JsonObject root) {
  return std::any_of(root.begin(), root.end(), [](const auto& field) {
    const std::string_view key = field.key;
    const size_t first = key.starts_with('_') ? 1 : 0;
    return key.size() > first && IsUpper(key[first]);
  });
}

}  // namespace

std::optional<PathPlan> PathPlan::Make(std::string_view resource_type,
                                       std::string_view expression) {
  PathPlan plan;
  for (const std::string_view text : SplitUnion(expression)) {
    const std::optional<BranchText> branch = ReadBranch(text);
    if (!branch || !IsUpper(branch->root[0])) return std::nullopt;
    if (branch->root != resource_type) {
      if (!IsResourceType(branch->root)) return std::nullopt;
      plan.has_foreign_branches_ = true;
      continue;
    }
    std::optional<Branch> made = MakeBranch(resource_type, text);
    if (!made) return std::nullopt;
    plan.branches_.push_back(*std::move(made));
  }
  return plan;
}

std::optional<PathPlan::Branch> PathPlan::MakeBranch(
    std::string_view resource_type, std::string_view branch_text) {
  const std::optional<BranchText> read = ReadBranch(branch_text);
  if (!read) return std::nullopt;
  Branch branch;
  TypeId type = FindType(resource_type);
  for (size_t i = 0; i < read->elements.size(); ++i) {
    const ElementText& text = read->elements[i];
    const std::string_view name = text.name;
    const ElementInfo* const element = FindElement(type, name);
    if (element == nullptr || element->types.empty()) return std::nullopt;
    Step step;
    step.element = name;
    if (element->is_choice) {
      // The type of what follows would depend on the resource.
      if (i + 1 < read->elements.size()) return std::nullopt;
      for (const TypeId choice : element->types) {
        step.members.push_back(
            {StrCat(name, Capitalized(TypeName(choice))), choice});
      }
    } else {
      type = element->types[0];
      step.members.push_back({std::string(name), type});
    }
    step.condition_member = text.condition_member;
    step.condition_value = text.condition_value;
    if (!step.condition_member.empty() &&
        (element->is_choice ||
         !IsPlainText(FindElement(type, step.condition_member)))) {
      return std::nullopt;
    }
    // The type of a contained resource is known from its JSON only.
    if (type == FindType("Resource")) return std::nullopt;
    branch.steps.push_back(std::move(step));
  }
  const std::string_view of_type =
      read->of_type.empty() ? read->as : read->of_type;
  if (!of_type.empty()) {
    branch.of_type = FindType(of_type);
    branch.one_at_most = !read->as.empty();
    if (*branch.of_type == TypeId::kUnknown) return std::nullopt;
  }
  if (!read->resolves_to.empty()) {
    if (!IsResourceType(read->resolves_to)) return std::nullopt;
    branch.resolves_to = read->resolves_to;
  }
  return branch;
}

bool PathPlan::Collect(JsonElement root, Collection& values) const {
  JsonObject object;
  if (root.get(object) != simdjson::SUCCESS) return false;
  if (has_foreign_branches_ && HasMemberLikeType(object)) return false;
  for (const Branch& branch : branches_) {
    const size_t begin = values.size();
    if (!Walk(root, branch.steps, values) || !Filter(branch, begin, values)) {
      return false;
    }
  }
  return true;
}

PathPlan::Found PathPlan::FindMember(JsonObject object, const Step& step,
                                     JsonElement& value, TypeId& type) {
  const size_t size = step.element.size();
  const char first = step.element[0];
  size_t best = step.members.size();
  for (const auto field : object) {
    const std::string_view key = field.key;
    if (key.size() < size || (key[0] != first && key[0] != '_')) continue;
    if (key[0] == '_' && key.substr(1).starts_with(step.element)) {
      return Found::kUnusual;
    }
    if (!key.starts_with(step.element)) continue;
    for (size_t i = 0; i < best; ++i) {
      if (key == step.members[i].name) {
        best = i;
        value = field.value;
        type = step.members[i].type;
        break;
      }
    }
  }
  return best < step.members.size() ? Found::kMember : Found::kNothing;
}

bool PathPlan::Walk(JsonElement parent, std::span<const Step> steps,
                    Collection& values) {
  JsonObject object;
  if (parent.get(object) != simdjson::SUCCESS) return false;
  JsonElement member;
  TypeId type = TypeId::kUnknown;
  switch (FindMember(object, steps[0], member, type)) {
    case Found::kUnusual:
      return false;
    case Found::kNothing:
      return true;
    case Found::kMember:
      break;
  }
  if (JsonArray array; member.get(array) == simdjson::SUCCESS) {
    if (array.size() == 0) return false;
    for (const JsonElement item : array) {
      if (!Append(item, type, steps, values)) return false;
    }
    return true;
  }
  return Append(member, type, steps, values);
}

bool PathPlan::Append(JsonElement item, TypeId type,
                      std::span<const Step> steps, Collection& values) {
  if (const Step& step = steps[0]; !step.condition_member.empty()) {
    if (Member(item, StrCat("_", step.condition_member))) return false;
    const std::optional<JsonElement> member =
        Member(item, step.condition_member);
    if (!item.is_object() || (member && !member->is_string())) return false;
    if (!member || *AsString(*member) != step.condition_value) return true;
  }
  if (steps.size() > 1) return Walk(item, steps.subspan(1), values);
  std::optional<Value> value = ToValue(item, type);
  if (!value) return false;
  values.push_back(*std::move(value));
  return true;
}

bool PathPlan::Filter(const Branch& branch, size_t begin, Collection& values) {
  if (branch.one_at_most && values.size() - begin > 1) return false;
  if (branch.of_type) {
    FilterByType(*branch.of_type, begin, values);
    return true;
  }
  if (branch.resolves_to.empty()) return true;
  size_t kept = begin;
  for (size_t i = begin; i < values.size(); ++i) {
    if (values[i].kind() != Value::Kind::kObject) return false;
    const JsonElement object = values[i].object();
    if (Member(object, "resource")) return false;
    const std::string_view reference = StringMember(object, "reference");
    const size_t slash = reference.find('/');
    if (slash == std::string_view::npos ||
        reference.find('?') != std::string_view::npos) {
      return false;
    }
    if (reference.substr(0, slash) == branch.resolves_to) {
      values[kept++] = values[i];
    }
  }
  Truncate(kept, values);
  return true;
}

}  // namespace pdp::fhir::search
