// A configuration file: YAML that has the shape of a protobuf message.

#ifndef PDP_SERVICE_YAML_CONFIG_H_
#define PDP_SERVICE_YAML_CONFIG_H_

#include <string_view>

#include "absl/status/status.h"

namespace google::protobuf {
class Message;
}

namespace pdp::service {

// Sets the fields of `message` that `yaml` names.  InvalidArgument, beginning
// with `file:line:column: `, for what is not YAML, unknown keys, keys given
// twice, values of a wrong type, anchors, aliases, tags, and more than one
// document.
absl::Status ReadYamlConfig(std::string_view yaml, std::string_view file,
                            google::protobuf::Message& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_YAML_CONFIG_H_
