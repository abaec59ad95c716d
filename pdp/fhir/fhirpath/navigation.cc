#include "pdp/fhir/fhirpath/navigation.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/data_types.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/types.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

// Whether `suffix` is `type` with a capital.
bool IsSuffixOf(std::string_view suffix, std::string_view type) {
  if (suffix.size() != type.size() || suffix.empty()) return false;
  const char first = type[0];
  const char capital = first >= 'a' && first <= 'z'
                           ? static_cast<char>(first - 'a' + 'A')
                           : first;
  return suffix[0] == capital && suffix.substr(1) == type.substr(1);
}

// The element that a name stands for; `valueString` stands for `value[x]`.
const ElementInfo* ElementFor(TypeId type, std::string_view name) {
  if (const ElementInfo* const element = FindElement(type, name)) {
    return element;
  }
  const auto choice = [type](std::string_view prefix) -> const ElementInfo* {
    const ElementInfo* const element = FindElement(type, prefix);
    return element != nullptr && element->is_choice ? element : nullptr;
  };
  if (name.ends_with("[x]")) return choice(name.substr(0, name.size() - 3));
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] < 'A' || name[i] > 'Z') continue;
    if (const ElementInfo* const element = choice(name.substr(0, i))) {
      return element;
    }
  }
  return nullptr;
}

// What an object has for one member.
struct Found {
  std::optional<JsonElement> value;
  std::optional<JsonElement> extension;  // `_name`.
  TypeId type = TypeId::kUnknown;
};

class Navigation {
 public:
  Navigation(Evaluator& evaluator, const Value& item, std::string_view name,
             Collection& out)
      : evaluator_(evaluator), item_(item), name_(name), out_(out) {}

  absl::Status OfObject(JsonObject object) {
    PDP_RETURN_IF_ERROR(evaluator_.Spend(1 + object.size() / 64));
    if (IsNamedType(object)) return AppendItself();
    const ElementInfo* const element = ElementFor(item_.type(), name_);
    if (element == nullptr) return OfUnknownMember(object);
    if (element->types.empty()) return absl::OkStatus();
    const Found found = element->is_choice ? FindChoice(object, *element)
                                           : FindMember(object, *element);
    return AppendFound(found);
  }

  // Of an object that an expression computed: its members are primitives.
  absl::Status OfComputed() {
    PDP_RETURN_IF_ERROR(evaluator_.Spend());
    const std::optional<Value> type = Property(item_, "resourceType");
    if (type && IsString(*type) && (name_.empty() || type->string() == name_)) {
      return AppendItself();
    }
    std::optional<Value> member = Property(item_, name_);
    if (!member) return absl::OkStatus();
    const ElementInfo* const element = ElementFor(item_.type(), name_);
    if (element != nullptr && !element->types.empty()) {
      if (IsEmpty(*member)) return absl::OkStatus();
      member->set_type(element->types[0]);
    } else if (IsNumber(*member)) {
      member = NumberValue(member->number());
    }
    return AppendWithPath(*member, -1);
  }

 private:
  bool IsNamedType(JsonObject object) const {
    std::string_view type;
    if (object.at_key("resourceType").get(type) != simdjson::SUCCESS) {
      return false;
    }
    return name_.empty() || type == name_;
  }

  absl::Status AppendItself() {
    Value itself = item_;
    if (!itself.has_path()) {
      if (itself.path() == nullptr) itself.set_path(evaluator_.NewPath());
      // Copies of the item share this node, as Medplum's share an object.
      itself.path()->name = Property(item_, "resourceType")->string();
    }
    return evaluator_.Append(itself, out_);
  }

  static Found FindMember(JsonObject object, const ElementInfo& element) {
    Found found;
    found.type = element.types[0];
    const std::string_view name = element.name;
    for (const auto field : object) {
      const std::string_view key = field.key;
      if (key == name) {
        found.value = field.value;
      } else if (key.size() == name.size() + 1 && key[0] == '_' &&
                 key.substr(1) == name) {
        found.extension = field.value;
      }
    }
    return found;
  }

  // The first type, in the order of the definition, that is there.
  static Found FindChoice(JsonObject object, const ElementInfo& element) {
    Found found;
    size_t best = kNone;
    for (const auto field : object) {
      std::string_view key = field.key;
      const bool is_extension = key.starts_with('_');
      if (is_extension) key.remove_prefix(1);
      if (!key.starts_with(element.name)) continue;
      key.remove_prefix(element.name.size());
      const auto type = std::find_if(
          element.types.begin(), element.types.end(), [key](TypeId candidate) {
            return IsSuffixOf(key, TypeName(candidate));
          });
      const auto index = static_cast<size_t>(type - element.types.begin());
      if (index == element.types.size() || index > best) continue;
      if (index < best) {
        best = index;
        found = Found{.type = *type};
      }
      (is_extension ? found.extension : found.value) = field.value;
    }
    return found;
  }

  absl::Status AppendFound(const Found& found) {
    if (found.extension && IsTruthy(*found.extension)) {
      return AppendMerged(found);
    }
    if (!found.value) return absl::OkStatus();
    JsonArray array;
    if (found.value->get(array) != simdjson::SUCCESS) {
      const Value value = Value::Of(*found.value, found.type);
      if (IsEmpty(value)) return absl::OkStatus();
      return AppendTyped(value, -1);
    }
    int32_t index = 0;
    for (const JsonElement item : array) {
      PDP_RETURN_IF_ERROR(AppendTyped(Value::Of(item, found.type), index++));
    }
    return absl::OkStatus();
  }

  absl::Status AppendMerged(const Found& found) {
    const bool extensions_repeat = found.extension->is_array();
    JsonArray values;
    if (found.value && found.value->get(values) == simdjson::SUCCESS) {
      if (found.extension->is_string()) return NoObject();
      if (!extensions_repeat) {
        return AppendFound({found.value, std::nullopt, found.type});
      }
      return AppendMergedArrays(values, JsonArray(*found.extension),
                                found.type);
    }
    if (extensions_repeat && (!found.value || !IsTruthy(*found.value))) {
      return AppendMergedArrays(std::nullopt, JsonArray(*found.extension),
                                found.type);
    }
    PDP_ASSIGN_OR_RETURN(const Value merged,
                         Merge(found.value, *found.extension, found.type));
    if (IsEmpty(merged)) return absl::OkStatus();
    return AppendTyped(merged, -1);
  }

  absl::Status AppendMergedArrays(std::optional<JsonArray> values,
                                  JsonArray extensions, TypeId type) {
    int32_t index = 0;
    auto extension = extensions.begin();
    const auto append = [&](std::optional<JsonElement> value) -> absl::Status {
      std::optional<JsonElement> members;
      if (extension != extensions.end()) {
        members = *extension;
        ++extension;
      }
      if (members && IsTruthy(*members)) {
        PDP_ASSIGN_OR_RETURN(const Value merged, Merge(value, *members, type));
        return AppendTyped(merged, index++);
      }
      const int32_t at = index++;
      // What neither has is undefined and left out.
      if (!value) return absl::OkStatus();
      return AppendTyped(Value::Of(*value, type), at);
    };
    if (values) {
      for (const JsonElement value : *values) {
        PDP_RETURN_IF_ERROR(append(value));
      }
    }
    while (extension != extensions.end()) {
      PDP_RETURN_IF_ERROR(append(std::nullopt));
    }
    return absl::OkStatus();
  }

  // A primitive with the members of its extension.
  absl::StatusOr<Value> Merge(const std::optional<JsonElement>& value,
                              JsonElement members, TypeId type) {
    if (!members.is_object()) return NoObject();
    const PrimitiveExtension* const extension =
        evaluator_.Keep(PrimitiveExtension{members});
    Value merged = value && !value->is_null() ? Value::Of(*value, type)
                                              : Value::Object(members, type);
    if (value && merged.kind() == Value::Kind::kObject && !value->is_null()) {
      return EvaluationError(
          StrCat("`_", name_, "` beside an object called `", name_, "`"));
    }
    merged.set_extension(extension);
    return merged;
  }

  absl::Status NoObject() const {
    return EvaluationError(StrCat("`_", name_, "` is no object"));
  }

  // A member that the schema does not know.
  absl::Status OfUnknownMember(JsonObject object) {
    JsonElement member;
    if (object.at_key(name_).get(member) == simdjson::SUCCESS) {
      return AppendEach(member, [](JsonElement item) { return Guess(item); });
    }
    std::string_view prefix = name_;
    if (prefix.ends_with("[x]")) prefix.remove_suffix(3);
    // With `String` behind it JavaScript finds it on every object.
    if (prefix == "to") return EvaluationError("a member called `to`");
    size_t best = kNone;
    for (const auto field : object) {
      const std::string_view key = field.key;
      if (!key.starts_with(prefix)) continue;
      for (size_t i = 0; i < std::size(kDataTypes) && i < best; ++i) {
        if (!IsSuffixOf(key.substr(prefix.size()), kDataTypes[i])) continue;
        best = i;
        member = field.value;
      }
    }
    if (best == kNone) return absl::OkStatus();
    const TypeId type = FindType(kDataTypes[best]);
    return AppendEach(
        member, [type](JsonElement item) { return Value::Of(item, type); });
  }

  template <typename ToValue>
  absl::Status AppendEach(JsonElement member, ToValue to_value) {
    JsonArray array;
    if (member.get(array) != simdjson::SUCCESS) {
      return AppendWithPath(to_value(member), -1);
    }
    int32_t index = 0;
    for (const JsonElement item : array) {
      PDP_RETURN_IF_ERROR(AppendWithPath(to_value(item), index++));
    }
    return absl::OkStatus();
  }

  // A contained resource is known by its own type.
  absl::Status AppendTyped(Value value, int32_t index) {
    if (value.type() == Types().resource && IsJsObject(value)) {
      const std::optional<Value> type = Property(value, "resourceType");
      if (type && type->kind() == Value::Kind::kString) {
        value.set_type(FindType(type->string()));
      }
    }
    return AppendWithPath(value, index);
  }

  absl::Status AppendWithPath(Value value, int32_t index) {
    // JavaScript's undefined is no item; null is one.
    if (value.kind() == Value::Kind::kUndefined && !value.is_null()) {
      return absl::OkStatus();
    }
    PDP_RETURN_IF_ERROR(evaluator_.Spend());
    value.set_path(evaluator_.NewPath(
        {item_.has_path() ? item_.path() : nullptr, name_, index}));
    return evaluator_.Append(value, out_);
  }

  Evaluator& evaluator_;
  const Value& item_;
  const std::string_view name_;
  Collection& out_;
};

}  // namespace

absl::Status Navigate(Evaluator& evaluator, const Value& item,
                      std::string_view name, Collection& out) {
  if (!IsJsObject(item)) return absl::OkStatus();
  Navigation navigation(evaluator, item, name, out);
  JsonElement members;
  if (item.extension() != nullptr) {
    members = item.extension()->members;
    if (item.type() == TypeId::kUnknown && !Member(members, name)) {
      // JavaScript's wrapper objects have members of their own.
      return EvaluationError(
          StrCat("`", name, "` of a primitive of no known type"));
    }
  } else if (item.kind() == Value::Kind::kObject) {
    members = item.object();
  } else if (item.kind() == Value::Kind::kQuantity &&
             item.quantity().has_base && name != "value") {
    members = item.quantity().base;
  } else {
    return navigation.OfComputed();
  }
  if (!members.is_object()) {
    return EvaluationError("an array within an array");
  }
  return navigation.OfObject(JsonObject(members));
}

}  // namespace pdp::fhir::fhirpath
