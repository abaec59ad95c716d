#include "pdp/service/config_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"

namespace pdp::service {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// `AUDIT_MODE_BEST_EFFORT` as a configuration writes it: `best_effort`.
std::string ValueName(const EnumValueDescriptor& value) {
  // The prefix is the enum's name in upper case, which is the zero value's name
  // without `UNSPECIFIED`.
  const std::string zero = value.type()->value(0)->name();
  const size_t prefix = zero.size() - std::string_view("UNSPECIFIED").size();
  return absl::AsciiStrToLower(value.name().substr(prefix));
}

absl::Status SetEnum(const FieldDescriptor& field, std::string_view text,
                     Message& message) {
  const EnumDescriptor& type = *field.enum_type();
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) {
    const EnumValueDescriptor& value = *type.value(i);
    if (ValueName(value) == text) {
      const Reflection& reflection = *message.GetReflection();
      if (field.is_repeated()) {
        reflection.AddEnum(&message, &field, &value);
      } else {
        reflection.SetEnum(&message, &field, &value);
      }
      return absl::OkStatus();
    }
    names.push_back(ValueName(value));
  }
  return absl::InvalidArgumentError(
      StrCat("`", text, "` is not one of: ", absl::StrJoin(names, ", ")));
}

absl::Status SetDuration(const FieldDescriptor& field, std::string_view text,
                         Message& message) {
  absl::Duration duration;
  if (!absl::ParseDuration(ToAbsl(text), &duration) ||
      duration < absl::ZeroDuration() || duration > absl::Hours(24 * 365)) {
    return absl::InvalidArgumentError(
        StrCat("`", text,
               "` is not a duration; write a number with a unit, such as 30s, "
               "5m or 1h"));
  }
  google::protobuf::Duration value;
  value.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  value.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(value);
  return absl::OkStatus();
}

// Whether one is the beginning of the other, `client-secret`.
bool IsCut(std::string_view a, std::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  return size >= 4 && a.substr(0, size) == b.substr(0, size);
}

// A misspelled key differs in at most this many letters from what was meant.
constexpr size_t kMaxMisspelling = 2;

// How many letters to insert, remove or replace to get from `a` to `b`; more
// than kMaxMisspelling where the lengths alone say so.
size_t Edits(std::string_view a, std::string_view b) {
  if (a.size() > b.size() + kMaxMisspelling ||
      b.size() > a.size() + kMaxMisspelling) {
    return kMaxMisspelling + 1;
  }
  // The row of the table of prefixes of `a` (rows) and `b` (columns).
  std::vector<size_t> row(b.size() + 1);
  for (size_t i = 0; i <= b.size(); ++i) row[i] = i;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// One of a list of sections: `key=value,key=value`.
absl::Status AddSection(const FieldDescriptor& field, std::string_view text,
                        Message& message) {
  const Descriptor& type = *field.message_type();
  Message& section = *message.GetReflection()->AddMessage(&message, &field);
  StringSet seen;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(text), ',')) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const FieldDescriptor* inner = FindConfigField(type, pair.first);
    if (inner == nullptr) {
      return absl::InvalidArgumentError(StrCat(
          "unknown key `", pair.first, "`; ", KnownKeys(type, pair.first)));
    }
    if (!seen.insert(pair.first).second && !inner->is_repeated()) {
      return absl::InvalidArgumentError(
          StrCat("`", pair.first, "` is given twice"));
    }
    const absl::Status status = SetConfigField(*inner, pair.second, section);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          StrCat("`", pair.first, "`: ", ToStd(status.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string ConfigKey(const FieldDescriptor& field) {
  return absl::StrReplaceAll(field.name(), {{"_", "-"}});
}

const FieldDescriptor* FindConfigField(const Descriptor& message,
                                       std::string_view key) {
  for (int i = 0; i < message.field_count(); ++i) {
    if (ConfigKey(*message.field(i)) == key) return message.field(i);
  }
  return nullptr;
}

std::string KnownKeys(const Descriptor& message, std::string_view wrong_key,
                      std::string_view prefix) {
  const std::string hyphens = absl::AsciiStrToLower(
      absl::StrReplaceAll(ToAbsl(wrong_key), {{"_", "-"}}));
  std::vector<std::string> keys;
  std::string nearest;
  size_t distance = kMaxMisspelling + 1;
  for (int i = 0; i < message.field_count(); ++i) {
    const std::string key = ConfigKey(*message.field(i));
    keys.push_back(StrCat(prefix, key));
    const size_t edits =
        IsCut(hyphens, key) ? kMaxMisspelling : Edits(hyphens, key);
    if (edits < distance) {
      distance = edits;
      nearest = keys.back();
    }
  }
  if (!nearest.empty()) return StrCat("did you mean `", nearest, "`?");
  return StrCat("the keys are: ", absl::StrJoin(keys, ", "));
}

bool IsConfigSection(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() != google::protobuf::Duration::descriptor();
}

absl::Status SetConfigField(const FieldDescriptor& field, std::string_view text,
                            Message& message) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (text.empty()) {
        return absl::InvalidArgumentError("the value is empty");
      }
      if (field.is_repeated()) {
        reflection.AddString(&message, &field, std::string(text));
      } else {
        reflection.SetString(&message, &field, std::string(text));
      }
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(field, text, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!IsConfigSection(field)) return SetDuration(field, text, message);
      if (field.is_repeated()) return AddSection(field, text, message);
      return absl::InvalidArgumentError("has keys of its own and no value");
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(ToAbsl(text), &number)) {
        return absl::InvalidArgumentError(
            StrCat("`", text, "` is not a whole number"));
      }
      reflection.SetUInt32(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(ToAbsl(text), &number)) {
        return absl::InvalidArgumentError(
            StrCat("`", text, "` is not a whole number"));
      }
      reflection.SetUInt64(&message, &field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") {
        return absl::InvalidArgumentError(
            StrCat("`", text, "` is neither true nor false"));
      }
      reflection.SetBool(&message, &field, text == "true");
      return absl::OkStatus();
    default:
      return absl::InternalError(
          StrCat("no text stands for ", field.cpp_type_name()));
  }
}

absl::StatusOr<ConfigPlace> FindConfigPlace(Message& message,
                                            std::string_view path) {
  ConfigPlace place{&message, nullptr};
  std::string prefix;
  std::vector<std::string> keys = absl::StrSplit(ToAbsl(path), '.');
  for (size_t i = 0; i < keys.size(); ++i) {
    const Descriptor& type = *place.message->GetDescriptor();
    place.field = FindConfigField(type, keys[i]);
    if (place.field == nullptr) {
      return absl::InvalidArgumentError(
          StrCat("unknown flag; ", KnownKeys(type, keys[i], prefix)));
    }
    if (i + 1 == keys.size()) break;
    if (!IsConfigSection(*place.field) || place.field->is_repeated()) {
      return absl::InvalidArgumentError(
          StrCat("unknown flag; `", prefix, keys[i], "` takes a value"));
    }
    place.message = place.message->GetReflection()->MutableMessage(
        place.message, place.field);
    absl::StrAppend(&prefix, keys[i], ".");
  }
  return place;
}

}  // namespace pdp::service
