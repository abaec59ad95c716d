// YAML as suites of policy tests use it.  Include only where YAML is read.

#ifndef PDP_CLIENTS_PDPCTL_YAML_NODE_H_
#define PDP_CLIENTS_PDPCTL_YAML_NODE_H_

#include <yaml-cpp/yaml.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pdp::ctl {

// One file.  Errors begin with `file:line:column: `.
class YamlFile {
 public:
  explicit YamlFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  absl::Status Error(const YAML::Mark& mark, std::string_view message) const;
  absl::Status Error(const YAML::Node& node, std::string_view message) const {
    return Error(node.Mark(), message);
  }

  // A map that has some of `keys` and no others, none of them twice.
  absl::Status CheckMap(const YAML::Node& node,
                        std::initializer_list<std::string_view> keys) const;

  // A map with any keys, none of them twice.
  absl::Status CheckMap(const YAML::Node& node) const;

  absl::StatusOr<std::string> Text(const YAML::Node& node) const;
  absl::StatusOr<bool> Flag(const YAML::Node& node) const;

  // A list of texts; a single text counts as a list of one.
  absl::StatusOr<std::vector<std::string>> Texts(const YAML::Node& node) const;

  // The same value as JSON.  Plain scalars that read as numbers, true, false or
  // null are these; quoted ones are text.
  absl::StatusOr<std::string> Json(const YAML::Node& node) const;

 private:
  absl::Status AppendJson(const YAML::Node& node, std::string& json,
                          int depth) const;

  const std::string path_;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_YAML_NODE_H_
