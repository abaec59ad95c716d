// Setting the fields of a configuration message from text: what the
// configuration file and the flags have in common.
//
// A field that is itself a message with keys is a section.

#ifndef PDP_SERVICE_CONFIG_FIELDS_H_
#define PDP_SERVICE_CONFIG_FIELDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace pdp::service {

// `data_dir` as a configuration names it: `data-dir`.
std::string ConfigKey(const google::protobuf::FieldDescriptor& field);

// The field that a configuration calls `key`, or null.
const google::protobuf::FieldDescriptor* FindConfigField(
    const google::protobuf::Descriptor& message, std::string_view key);

// "did you mean `data-dir`?", or "the keys are: " and all of them, each with
// `prefix` in front.
std::string KnownKeys(const google::protobuf::Descriptor& message,
                      std::string_view wrong_key, std::string_view prefix = "");

// Whether the field holds keys of its own.  Durations do not.
bool IsConfigSection(const google::protobuf::FieldDescriptor& field);

// Sets `field`, or adds to it where it is repeated, to the value that `text`
// stands for: a string, `true` or `false`, a number, an enum value's name, a
// duration, or `key=value,key=value` for one of a list of sections, where the
// key of a list is there once for each of its values.
// InvalidArgument, "`x` is not ...; write ...", where it stands for none.
absl::Status SetConfigField(const google::protobuf::FieldDescriptor& field,
                            std::string_view text,
                            google::protobuf::Message& message);

// A field and the message that has it.
struct ConfigPlace {
  google::protobuf::Message* message = nullptr;
  const google::protobuf::FieldDescriptor* field = nullptr;
};

// What a flag calls `path`: keys joined by dots, `medplum.rest-hook.listen`.
// The sections on the way are made.  InvalidArgument where there is none.
absl::StatusOr<ConfigPlace> FindConfigPlace(google::protobuf::Message& message,
                                            std::string_view path);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONFIG_FIELDS_H_
