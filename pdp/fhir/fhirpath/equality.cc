#include "pdp/fhir/fhirpath/equality.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pdp/base/status_macros.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/operators.h"
#include "pdp/fhir/fhirpath/types.h"
#include "pdp/fhir/fhirpath/utf16.h"

namespace pdp::fhir::fhirpath {
namespace {

using Kind = Value::Kind;

// Members as JavaScript enumerates them; those of an array are its indexes.
using Members = std::vector<std::pair<std::string, JsonElement>>;

Members MembersOf(JsonElement element) {
  Members members;
  if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
    for (const JsonElement item : array) {
      members.emplace_back(std::to_string(members.size()), item);
    }
  } else if (JsonObject object; element.get(object) == simdjson::SUCCESS) {
    for (const auto field : object) {
      members.emplace_back(std::string(field.key), field.value);
    }
  }
  return members;
}

bool IsContainer(JsonElement element) {
  return element.is_object() || element.is_array();
}

absl::StatusOr<bool> ElementsEqual(Evaluator& evaluator, JsonElement a,
                                   JsonElement b);

absl::StatusOr<bool> ArraysEqual(Evaluator& evaluator, JsonArray a,
                                 JsonArray b) {
  auto left = a.begin();
  auto right = b.begin();
  for (; left != a.end() && right != b.end(); ++left, ++right) {
    PDP_ASSIGN_OR_RETURN(const bool equal,
                         ElementsEqual(evaluator, *left, *right));
    if (!equal) return false;
  }
  return !(left != a.end()) && !(right != b.end());
}

// `ignored` is a member that does not count.
absl::StatusOr<bool> ObjectsEqual(Evaluator& evaluator, JsonObject a,
                                  JsonObject b, std::string_view ignored = {}) {
  size_t count = 0;
  for (const auto field : a) {
    if (!ignored.empty() && field.key == ignored) continue;
    ++count;
    PDP_RETURN_IF_ERROR(evaluator.Spend(b.size() / 16));
    JsonElement other;
    if (b.at_key(field.key).get(other) != simdjson::SUCCESS) return false;
    PDP_ASSIGN_OR_RETURN(const bool equal,
                         ElementsEqual(evaluator, field.value, other));
    if (!equal) return false;
  }
  for (const auto field : b) {
    if (!ignored.empty() && field.key == ignored) continue;
    if (count == 0) return false;
    --count;
  }
  return count == 0;
}

// An array and an object: alike where the object's names are indexes.
absl::StatusOr<bool> MixedEqual(Evaluator& evaluator, JsonElement a,
                                JsonElement b) {
  const Members left = MembersOf(a);
  const Members right = MembersOf(b);
  if (left.size() != right.size()) return false;
  for (const auto& [name, value] : left) {
    PDP_RETURN_IF_ERROR(evaluator.Spend(right.size()));
    const auto found =
        std::find_if(right.begin(), right.end(),
                     [&name = name](const auto& m) { return m.first == name; });
    if (found == right.end()) return false;
    PDP_ASSIGN_OR_RETURN(const bool equal,
                         ElementsEqual(evaluator, value, found->second));
    if (!equal) return false;
  }
  return true;
}

absl::StatusOr<bool> ElementsEqual(Evaluator& evaluator, JsonElement a,
                                   JsonElement b) {
  PDP_RETURN_IF_ERROR(evaluator.Spend());
  if (!IsContainer(a) || !IsContainer(b)) {
    return !IsContainer(a) && !IsContainer(b) &&
           StrictlyEqual(Value::Of(a, TypeId::kUnknown),
                         Value::Of(b, TypeId::kUnknown));
  }
  if (a.is_array() && b.is_array()) {
    return ArraysEqual(evaluator, JsonArray(a), JsonArray(b));
  }
  if (a.is_object() && b.is_object()) {
    return ObjectsEqual(evaluator, JsonObject(a), JsonObject(b));
  }
  return MixedEqual(evaluator, a, b);
}

// The members of a computed object that is no quantity; all are strings.
std::vector<std::pair<std::string_view, std::string_view>> TextMembers(
    const Value& value) {
  if (value.kind() == Kind::kTypeInfo) {
    return {{"namespace", value.type_namespace()}, {"name", value.type_name()}};
  }
  if (value.stub_id().data() == nullptr) {
    return {{"resourceType", value.stub_type()}};
  }
  return {{"resourceType", value.stub_type()}, {"id", value.stub_id()}};
}

// One of them is computed.  Quantities have been compared before, so a computed
// one meets an object without a number in `value` here.
bool ComputedEqual(const Value& a, const Value& b, std::string_view ignored) {
  if (a.kind() == Kind::kQuantity || b.kind() == Kind::kQuantity) return false;
  if (a.kind() == Kind::kObject) return ComputedEqual(b, a, ignored);
  size_t count = 0;
  for (const auto& [name, text] : TextMembers(a)) {
    if (name == ignored) continue;
    ++count;
    const std::optional<Value> other = Property(b, name);
    if (!other || !IsString(*other) || other->string() != text) return false;
  }
  size_t others = 0;
  if (b.kind() == Kind::kObject) {
    for (const auto& [name, member] : MembersOf(b.object())) {
      if (name != ignored) ++others;
    }
  } else {
    for (const auto& [name, text] : TextMembers(b)) {
      if (name != ignored) ++others;
    }
  }
  return count == others;
}

absl::StatusOr<bool> ContentsEqual(Evaluator& evaluator, const Value& a,
                                   const Value& b, std::string_view ignored) {
  if (a.kind() != Kind::kObject || b.kind() != Kind::kObject) {
    return ComputedEqual(a, b, ignored);
  }
  if (!ignored.empty() && a.object().is_object() && b.object().is_object()) {
    return ObjectsEqual(evaluator, JsonObject(a.object()),
                        JsonObject(b.object()), ignored);
  }
  return ElementsEqual(evaluator, a.object(), b.object());
}

bool PathsEqual(const NavigationPath* a, const NavigationPath* b) {
  while (a != b) {
    if (a == nullptr || b == nullptr) return false;
    if (a->name != b->name || a->index != b->index) return false;
    a = a->parent;
    b = b->parent;
  }
  return true;
}

bool SamePath(const Value& a, const Value& b) {
  if (a.has_path() != b.has_path()) return false;
  return !a.has_path() || PathsEqual(a.path(), b.path());
}

bool SameProperty(const std::optional<Value>& a,
                  const std::optional<Value>& b) {
  return a && b ? StrictlyEqual(*a, *b) : !a && !b;
}

// Nothing where one of them is no quantity.
std::optional<bool> QuantitiesEqual(const Value& a, const Value& b) {
  const std::optional<double> x = QuantityNumber(a);
  if (!x) return std::nullopt;
  const std::optional<double> y = QuantityNumber(b);
  if (!y) return std::nullopt;
  if (!(std::abs(*x - *y) < 0.01)) return false;
  const std::optional<Value> unit = Property(a, "unit");
  const std::optional<Value> code = Property(a, "code");
  const std::optional<Value> other_unit = Property(b, "unit");
  const std::optional<Value> other_code = Property(b, "code");
  return SameProperty(unit, other_unit) || SameProperty(code, other_code) ||
         SameProperty(unit, other_code) || SameProperty(code, other_unit);
}

bool BothNumbers(const Value& a, const Value& b) {
  return a.kind() == Kind::kNumber && b.kind() == Kind::kNumber;
}

bool BothObjects(const Value& a, const Value& b) {
  return IsJsObject(a) && IsJsObject(b);
}

bool PrimitivesEqual(const Value& a, const Value& b) {
  if (a.kind() == Kind::kUndefined && b.kind() == Kind::kUndefined) return true;
  return StrictlyEqual(a, b);
}

absl::StatusOr<bool> ItemsEquivalent(Evaluator& evaluator, const Value& boxed_a,
                                     const Value& boxed_b) {
  PDP_RETURN_IF_ERROR(evaluator.Spend());
  const Value a = Unboxed(boxed_a);
  const Value b = Unboxed(boxed_b);
  if (BothNumbers(a, b)) return std::abs(a.number() - b.number()) < 0.01;
  if (const std::optional<bool> equal = QuantitiesEqual(a, b)) return *equal;
  if (a.type() == Types().coding && b.type() == Types().coding) {
    return BothObjects(a, b) &&
           SameProperty(Property(a, "code"), Property(b, "code")) &&
           SameProperty(Property(a, "system"), Property(b, "system"));
  }
  if (BothObjects(a, b)) return ContentsEqual(evaluator, a, b, "id");
  if (a.kind() == Kind::kString && b.kind() == Kind::kString) {
    PDP_RETURN_IF_ERROR(
        evaluator.Spend((a.string().size() + b.string().size()) / 64));
    return ToLower(a.string()) == ToLower(b.string());
  }
  return PrimitivesEqual(a, b);
}

absl::Status UnknownOrder() {
  return EvaluationError("an equivalence of items whose order is unknown");
}

size_t Count(const Collection& items, Kind kind) {
  return static_cast<size_t>(
      std::count_if(items.begin(), items.end(),
                    [kind](const Value& item) { return item.kind() == kind; }));
}

// Text that every collation orders by its letters first.
bool IsPlainText(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c < 0x7F; });
}

// Medplum sorts both sides and compares pairs; strings it sorts by a locale's
// collation.  Sorted lists of strings that agree in pairs are the same but for
// order and case; where they are the same, plain text agrees in pairs, and of
// other text it is unknown.
absl::Status SortForEquivalence(Collection& items) {
  const size_t numbers = Count(items, Kind::kNumber);
  const size_t strings = Count(items, Kind::kString);
  if (numbers < 2 && strings < 2) return absl::OkStatus();
  if (numbers == items.size()) {
    std::stable_sort(
        items.begin(), items.end(),
        [](const Value& a, const Value& b) { return a.number() < b.number(); });
    return absl::OkStatus();
  }
  if (strings != items.size()) return UnknownOrder();
  std::stable_sort(items.begin(), items.end(),
                   [](const Value& a, const Value& b) {
                     return ToLower(a.string()) < ToLower(b.string());
                   });
  return absl::OkStatus();
}

// Whether SortForEquivalence puts `items` into Medplum's order.
bool AreInOrder(const Collection& items) {
  return Count(items, Kind::kString) < 2 ||
         std::all_of(items.begin(), items.end(), [](const Value& item) {
           return IsPlainText(item.string());
         });
}

bool AreSameTexts(const Collection& a, const Collection& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Value& x, const Value& y) {
                      return x.kind() == Kind::kString &&
                             y.kind() == Kind::kString &&
                             x.string() == y.string();
                    });
}

absl::StatusOr<bool> AllEquivalent(Evaluator& evaluator, const Collection& left,
                                   const Collection& right) {
  if (left.size() != right.size()) return false;
  if (left.size() == 1) {
    return ItemsEquivalent(evaluator, left.front(), right.front());
  }
  PDP_RETURN_IF_ERROR(evaluator.Spend(left.size()));
  if (AreSameTexts(left, right)) return true;
  Collection a = left;
  Collection b = right;
  PDP_RETURN_IF_ERROR(SortForEquivalence(a));
  PDP_RETURN_IF_ERROR(SortForEquivalence(b));
  for (size_t i = 0; i < a.size(); ++i) {
    PDP_ASSIGN_OR_RETURN(const bool equal,
                         ItemsEquivalent(evaluator, a[i], b[i]));
    if (!equal) return false;
  }
  if (!AreInOrder(a) || !AreInOrder(b)) return UnknownOrder();
  return true;
}

}  // namespace

absl::StatusOr<bool> ItemsEqual(Evaluator& evaluator, const Value& boxed_a,
                                const Value& boxed_b) {
  PDP_RETURN_IF_ERROR(evaluator.Spend());
  const Value a = Unboxed(boxed_a);
  const Value b = Unboxed(boxed_b);
  if (BothNumbers(a, b)) return std::abs(a.number() - b.number()) < 1e-8;
  if (!BothObjects(a, b)) return PrimitivesEqual(a, b);
  if (const std::optional<bool> equal = QuantitiesEqual(a, b)) return *equal;
  if (a.type() != b.type() || !SamePath(a, b)) return false;
  return ContentsEqual(evaluator, a, b, /*ignored=*/{});
}

absl::Status Equals(Evaluator& evaluator, const Collection& left,
                    const Collection& right, bool negate, Collection& out) {
  if (left.empty() || right.empty()) return absl::OkStatus();
  bool all_equal = left.size() == right.size();
  for (size_t i = 0; all_equal && i < left.size(); ++i) {
    PDP_ASSIGN_OR_RETURN(all_equal, ItemsEqual(evaluator, left[i], right[i]));
  }
  return AppendBoolean(evaluator, all_equal != negate, out);
}

absl::Status Equivalent(Evaluator& evaluator, const Collection& left,
                        const Collection& right, bool negate, Collection& out) {
  PDP_ASSIGN_OR_RETURN(const bool equivalent,
                       AllEquivalent(evaluator, left, right));
  return AppendBoolean(evaluator, equivalent != negate, out);
}

absl::Status AppendDistinct(Evaluator& evaluator, const Collection& items,
                            Collection& out) {
  Temporary kept(evaluator);
  for (const Value& item : items) {
    bool found = false;
    for (size_t i = 0; !found && i < kept->size(); ++i) {
      PDP_ASSIGN_OR_RETURN(found, ItemsEqual(evaluator, item, (*kept)[i]));
    }
    if (!found) PDP_RETURN_IF_ERROR(evaluator.Append(item, *kept));
  }
  return evaluator.AppendAll(*kept, out);
}

}  // namespace pdp::fhir::fhirpath
