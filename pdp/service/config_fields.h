// Setting the fields of a configuration message from text: what the
// configuration file and the flags have in common.

#ifndef PDP_SERVICE_CONFIG_FIELDS_H_
#define PDP_SERVICE_CONFIG_FIELDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

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

// " (did you mean `data-dir`?)", or the list of all keys.
std::string KnownKeys(const google::protobuf::Descriptor& message,
                      std::string_view wrong_key);

// Sets `field`, or adds to it where it is repeated, to the value that `text`
// stands for: a string, `true` or `false`, a number, an enum value's name, or a
// duration.  InvalidArgument, "`x` is not ...; write ...", where it stands for
// none.
absl::Status SetConfigField(const google::protobuf::FieldDescriptor& field,
                            std::string_view text,
                            google::protobuf::Message& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONFIG_FIELDS_H_
