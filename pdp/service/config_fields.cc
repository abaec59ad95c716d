#include "pdp/service/config_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
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
      message.GetReflection()->SetEnum(&message, &field, &value);
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

std::string KnownKeys(const Descriptor& message, std::string_view wrong_key) {
  const std::string hyphens = absl::AsciiStrToLower(
      absl::StrReplaceAll(ToAbsl(wrong_key), {{"_", "-"}}));
  std::vector<std::string> keys;
  for (int i = 0; i < message.field_count(); ++i) {
    keys.push_back(ConfigKey(*message.field(i)));
    if (keys.back() == hyphens) {
      return StrCat("did you mean `", hyphens, "`?");
    }
  }
  return StrCat("the keys are: ", absl::StrJoin(keys, ", "));
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
      return SetDuration(field, text, message);
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(ToAbsl(text), &number)) {
        return absl::InvalidArgumentError(
            StrCat("`", text, "` is not a whole number"));
      }
      reflection.SetUInt32(&message, &field, number);
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

}  // namespace pdp::service
