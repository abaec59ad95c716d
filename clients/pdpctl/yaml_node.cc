#include "clients/pdpctl/yaml_node.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

constexpr int kMaxDepth = 64;

// Whether `text` is a number as JSON writes it.
bool IsNumber(const std::string& text) {
  if (text.empty() || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) {
    return false;
  }
  simdjson::dom::parser parser;
  fhir::JsonElement element;
  return parser.parse(text).get(element) == simdjson::SUCCESS &&
         element.is_number();
}

}  // namespace

absl::Status YamlFile::Error(const YAML::Mark& mark,
                             std::string_view message) const {
  // Marks count from 0, people and editors from 1.
  return absl::InvalidArgumentError(
      StrCat(path_, ":", mark.line + 1, ":", mark.column + 1, ": ", message));
}

absl::Status YamlFile::CheckMap(const YAML::Node& node) const {
  if (!node.IsMap()) return Error(node, "expected `key: value` lines");
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) return Error(pair.first, "expected a key");
    if (!seen.insert(pair.first.Scalar()).second) {
      return Error(pair.first,
                   StrCat("`", pair.first.Scalar(), "` is given twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status YamlFile::CheckMap(
    const YAML::Node& node,
    std::initializer_list<std::string_view> keys) const {
  PDP_RETURN_IF_ERROR(CheckMap(node));
  for (const auto& pair : node) {
    const std::string& key = pair.first.Scalar();
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    std::vector<std::string> known(keys.begin(), keys.end());
    return Error(pair.first, StrCat("unknown key `", key, "`; the keys are: ",
                                    absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> YamlFile::Text(const YAML::Node& node) const {
  if (!node.IsScalar()) return Error(node, "expected a single value");
  return node.Scalar();
}

absl::StatusOr<bool> YamlFile::Flag(const YAML::Node& node) const {
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  return Error(node, "expected true or false");
}

absl::StatusOr<std::vector<std::string>> YamlFile::Texts(
    const YAML::Node& node) const {
  std::vector<std::string> texts;
  if (node.IsScalar()) {
    texts.push_back(node.Scalar());
    return texts;
  }
  if (!node.IsSequence()) return Error(node, "expected [VALUE, ...]");
  for (const YAML::Node& item : node) {
    PDP_ASSIGN_OR_RETURN(std::string text, Text(item));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<std::string> YamlFile::Json(const YAML::Node& node) const {
  std::string json;
  PDP_RETURN_IF_ERROR(AppendJson(node, json, 0));
  return json;
}

absl::Status YamlFile::AppendJson(const YAML::Node& node, std::string& json,
                                  int depth) const {
  if (depth > kMaxDepth) return Error(node, "too deep");
  if (node.IsNull()) {
    json += "null";
  } else if (node.IsScalar()) {
    const std::string& text = node.Scalar();
    const bool is_plain = node.Tag() != "!";  // "!" is a quoted scalar.
    const bool is_literal =
        is_plain && (text == "true" || text == "false" || IsNumber(text));
    json += is_literal ? text : fhir::QuoteJson(text);
  } else if (node.IsSequence()) {
    json += '[';
    for (size_t i = 0; i < node.size(); ++i) {
      if (i > 0) json += ',';
      PDP_RETURN_IF_ERROR(AppendJson(node[i], json, depth + 1));
    }
    json += ']';
  } else {
    PDP_RETURN_IF_ERROR(CheckMap(node));
    json += '{';
    bool is_first = true;
    for (const auto& pair : node) {
      if (!is_first) json += ',';
      is_first = false;
      json += StrCat(fhir::QuoteJson(pair.first.Scalar()), ":");
      PDP_RETURN_IF_ERROR(AppendJson(pair.second, json, depth + 1));
    }
    json += '}';
  }
  return absl::OkStatus();
}

}  // namespace pdp::ctl
