#include "pdp/service/yaml_config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <string>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/service/config_fields.h"

namespace pdp::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::Status ErrorAt(std::string_view file, const YAML::Mark& mark,
                     std::string_view message) {
  // Marks count from 0, people and editors from 1.
  return absl::InvalidArgumentError(
      StrCat(file, ":", mark.line + 1, ":", mark.column + 1, ": ", message));
}

// Looks for what a loaded tree does not show any more.
class FeatureCheck final : public YAML::EventHandler {
 public:
  explicit FeatureCheck(std::string_view file) : file_(file) {}

  const absl::Status& status() const { return status_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Refuse(mark, "a second document; write one");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Check(mark, "", anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(mark, "an alias; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& /*value*/) override {
    Check(mark, tag, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Check(mark, tag, anchor);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Check(mark, tag, anchor);
  }
  void OnMapEnd() override {}

 private:
  void Check(const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    if (anchor != 0)
      Refuse(mark, "an anchor; write the value where it is used");
    // "?" and "!" are what plain and quoted scalars have.
    if (!tag.empty() && tag != "?" && tag != "!") {
      Refuse(mark, "a tag; write the value without it");
    }
  }
  void Refuse(const YAML::Mark& mark, std::string_view message) {
    if (status_.ok()) status_ = ErrorAt(file_, mark, message);
  }

  std::string_view file_;
  int documents_ = 0;
  absl::Status status_;
};

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  absl::Status ReadMessage(const YAML::Node& node, Message& message) const {
    if (!node.IsMap()) return Error(node, "expected `key: value` lines");
    StringSet seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) return Error(pair.first, "expected a key");
      const std::string& key = pair.first.Scalar();
      const FieldDescriptor* field =
          FindConfigField(*message.GetDescriptor(), key);
      if (field == nullptr) {
        return Error(pair.first,
                     StrCat("unknown key `", key, "`; ",
                            KnownKeys(*message.GetDescriptor(), key)));
      }
      if (!seen.insert(key).second) {
        return Error(pair.first, StrCat("`", key, "` is given twice"));
      }
      if (pair.second.IsNull()) {
        return Error(pair.first, StrCat("`", key, "` has no value"));
      }
      PDP_RETURN_IF_ERROR(ReadField(*field, pair.second, message));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadField(const FieldDescriptor& field, const YAML::Node& node,
                         Message& message) const {
    const Reflection& reflection = *message.GetReflection();
    const bool section = IsConfigSection(field);
    if (!field.is_repeated()) {
      return section ? ReadSection(field, node,
                                   *reflection.MutableMessage(&message, &field))
                     : ReadScalar(field, node, message);
    }
    if (!node.IsSequence()) {
      return Error(node, StrCat("`", ConfigKey(field), "` is a list; write ",
                                section ? "`- ` before each of its items"
                                        : "[VALUE, ...]"));
    }
    for (const YAML::Node& item : node) {
      PDP_RETURN_IF_ERROR(
          section ? ReadSection(field, item,
                                *reflection.AddMessage(&message, &field))
                  : ReadScalar(field, item, message));
    }
    return absl::OkStatus();
  }

  absl::Status ReadSection(const FieldDescriptor& field, const YAML::Node& node,
                           Message& section) const {
    if (!node.IsMap()) {
      return Error(node, StrCat("`", ConfigKey(field),
                                "` has keys of its own; write them as `key: "
                                "value` lines, further to the right"));
    }
    return ReadMessage(node, section);
  }

  absl::Status ReadScalar(const FieldDescriptor& field, const YAML::Node& node,
                          Message& message) const {
    const std::string key = ConfigKey(field);
    if (!node.IsScalar()) {
      return Error(node, StrCat("`", key, "` takes a single value"));
    }
    const absl::Status status = SetConfigField(field, node.Scalar(), message);
    if (status.ok()) return status;
    return Error(node, StrCat("`", key, "`: ", ToStd(status.message())));
  }

  absl::Status Error(const YAML::Node& node, std::string_view message) const {
    return ErrorAt(file_, node.Mark(), message);
  }

  std::string_view file_;
};

}  // namespace

absl::Status ReadYamlConfig(std::string_view yaml, std::string_view file,
                            Message& message) {
  if (yaml.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        StrCat(file, ": larger than 1 MiB, which no configuration is"));
  }
  try {
    FeatureCheck check(file);
    std::istringstream stream{std::string(yaml)};
    YAML::Parser parser(stream);
    // To the first complaint: on some texts the parser makes documents without
    // end.
    while (check.status().ok() && parser.HandleNextDocument(check)) {
    }
    PDP_RETURN_IF_ERROR(check.status());

    const YAML::Node root = YAML::Load(std::string(yaml));
    if (root.IsNull()) return absl::OkStatus();
    return Reader(file).ReadMessage(root, message);
  } catch (const YAML::Exception& error) {
    return ErrorAt(file, error.mark, error.msg);
  }
}

}  // namespace pdp::service
