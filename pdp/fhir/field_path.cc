#include "pdp/fhir/field_path.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/data_types.h"

namespace pdp::fhir {
namespace {

constexpr std::string_view kChoice = "[x]";

bool IsDataType(std::string_view name) {
  return std::binary_search(std::begin(kDataTypes), std::end(kDataTypes), name);
}

// One of the paths, as far as the walk has not followed it yet.
struct Rest {
  std::string_view path;
  // Its place among the paths: those before it were applied before it.
  size_t order;

  std::string_view segment() const { return path.substr(0, path.find('.')); }
  bool is_last() const { return path.find('.') == std::string_view::npos; }
  Rest next() const { return {path.substr(path.find('.') + 1), order}; }
};

class Remover {
 public:
  size_t removed() const { return removed_; }

  // Appends `element` without what `paths` name; to null, appends nothing.
  absl::Status Append(JsonElement element, const std::vector<Rest>& paths,
                      std::string* out) {
    if (JsonArray array;
        !paths.empty() && element.get(array) == simdjson::SUCCESS) {
      return AppendArray(array, paths, out);
    }
    if (JsonObject object;
        !paths.empty() && element.get(object) == simdjson::SUCCESS) {
      return AppendObject(object, paths, out);
    }
    if (out != nullptr) *out += ToJson(element);
    return absl::OkStatus();
  }

 private:
  absl::Status AppendArray(JsonArray array, const std::vector<Rest>& paths,
                           std::string* out) {
    if (out != nullptr) *out += '[';
    bool first = true;
    for (const JsonElement item : array) {
      if (item.is_null()) {
        return absl::InvalidArgumentError(
            StrCat("the field `", paths.front().path,
                   "` leads into an array with a null item"));
      }
      if (out != nullptr && !first) *out += ',';
      first = false;
      // One level only: a path ends at an array within an array.
      PDP_RETURN_IF_ERROR(
          Append(item, item.is_array() ? std::vector<Rest>() : paths, out));
    }
    if (out != nullptr) *out += ']';
    return absl::OkStatus();
  }

  absl::Status AppendObject(JsonObject object, const std::vector<Rest>& paths,
                            std::string* out) {
    if (out != nullptr) *out += '{';
    bool first = true;
    for (const auto field : object) {
      std::vector<Rest> inner;
      std::optional<size_t> removed_by;
      for (const Rest& rest : paths) {
        if (!SegmentNames(rest.segment(), field.key)) continue;
        if (rest.is_last()) {
          removed_by = rest.order;
          break;  // Paths after this one find nothing here any more.
        }
        inner.push_back(rest.next());
      }
      if (removed_by) {
        if (out != nullptr) ++removed_;
        // Those before it still had to get through.
        PDP_RETURN_IF_ERROR(Append(field.value, inner, nullptr));
        continue;
      }
      if (out != nullptr) {
        if (!first) *out += ',';
        *out += QuoteJson(field.key);
        *out += ':';
      }
      first = false;
      PDP_RETURN_IF_ERROR(Append(field.value, inner, out));
    }
    if (out != nullptr) *out += '}';
    return absl::OkStatus();
  }

  size_t removed_ = 0;
};

}  // namespace

bool SegmentNames(std::string_view segment, std::string_view key) {
  if (!segment.ends_with(kChoice)) return segment == key;
  const std::string_view base =
      segment.substr(0, segment.size() - kChoice.size());
  if (!key.starts_with(base)) return false;
  const std::string_view rest = key.substr(base.size());
  if (rest.empty()) return false;
  if (IsDataType(rest)) return true;
  std::string lowered(rest);
  lowered[0] = absl::ascii_tolower(static_cast<unsigned char>(lowered[0]));
  return IsDataType(lowered);
}

absl::StatusOr<FieldRemoval> RemoveFields(
    JsonElement resource, std::span<const std::string_view> paths) {
  std::vector<Rest> rest;
  rest.reserve(paths.size());
  for (const std::string_view path : paths) rest.push_back({path, rest.size()});
  FieldRemoval removal;
  Remover remover;
  PDP_RETURN_IF_ERROR(remover.Append(resource, rest, &removal.json));
  removal.removed = remover.removed();
  return removal;
}

}  // namespace pdp::fhir
