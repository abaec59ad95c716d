#include "pdp/fhir/field_path.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/data_types.h"
#include "pdp/fhir/json_scan.h"

namespace pdp::fhir {
namespace {

constexpr std::string_view kChoice = "[x]";

bool IsDataType(std::string_view name) {
  return std::binary_search(std::begin(kDataTypes), std::end(kDataTypes), name);
}

// One of the paths, as far as the walk has not followed it yet.
struct Rest {
  std::string_view path;

  std::string_view segment() const { return path.substr(0, path.find('.')); }
  bool is_last() const { return path.find('.') == std::string_view::npos; }
  Rest next() const { return {path.substr(path.find('.') + 1)}; }
};

class Remover {
 public:
  explicit Remover(std::string_view text) : text_(text) {}

  // Cuts out of `value` what `paths` name.  Of what is cut out as a whole
  // (`is_cut`), whether they would have got through.
  absl::Status Walk(const JsonSpan& value, const std::vector<Rest>& paths,
                    bool is_cut) {
    if (paths.empty()) return absl::OkStatus();
    return value.is_array() ? WalkArray(value, paths, is_cut)
                            : WalkObject(value, paths, is_cut);
  }

  FieldRemoval Finish() && {
    CopyUntil(text_.size());
    return std::move(removal_);
  }

 private:
  absl::Status WalkArray(const JsonSpan& array, const std::vector<Rest>& paths,
                         bool is_cut) {
    for (const JsonSpan& item : ItemsOf(array)) {
      if (item.text == "null") {
        return absl::InvalidArgumentError(
            StrCat("the field `", paths.front().path,
                   "` leads into an array with a null item"));
      }
      // One level only: a path ends at an array within an array.
      if (item.is_array()) continue;
      PDP_RETURN_IF_ERROR(WalkObject(item, paths, is_cut));
    }
    return absl::OkStatus();
  }

  absl::Status WalkObject(const JsonSpan& object,
                          const std::vector<Rest>& paths, bool is_cut) {
    const std::vector<JsonMember> members = MembersOf(object);
    bool any_left = false;
    for (size_t i = 0; i < members.size(); ++i) {
      const JsonMember& member = members[i];
      std::vector<Rest> inner;
      const bool cuts = !FollowPaths(paths, member.name, inner);
      if (cuts && !is_cut) {
        ++removal_.removed;
        CopyUntil(any_left ? EndOf(members[i - 1].value) : member.offset);
        const bool takes_comma_behind = !any_left && i + 1 < members.size();
        copied_ =
            takes_comma_behind ? members[i + 1].offset : EndOf(member.value);
      }
      any_left = any_left || !cuts;
      PDP_RETURN_IF_ERROR(Walk(member.value, inner, is_cut || cuts));
    }
    return absl::OkStatus();
  }

  // The paths that lead on through the member `name`, as far as none ends at
  // it: then false, as those after it find nothing here any more.
  static bool FollowPaths(const std::vector<Rest>& paths, std::string_view name,
                          std::vector<Rest>& inner) {
    for (const Rest& rest : paths) {
      if (!SegmentNames(rest.segment(), name)) continue;
      if (rest.is_last()) return false;
      inner.push_back(rest.next());
    }
    return true;
  }

  static size_t EndOf(const JsonSpan& span) {
    return span.offset + span.text.size();
  }

  // Copies what is not yet, unless it was cut out before.
  void CopyUntil(size_t end) {
    if (end > copied_) {
      removal_.json.append(text_.substr(copied_, end - copied_));
    }
  }

  const std::string_view text_;
  size_t copied_ = 0;  // The text up to here is copied, or cut out.
  FieldRemoval removal_;
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
    std::string_view resource, std::span<const std::string_view> paths) {
  std::vector<Rest> rest;
  rest.reserve(paths.size());
  for (const std::string_view path : paths) rest.push_back({path});
  Remover remover(resource);
  PDP_RETURN_IF_ERROR(remover.Walk(RootOf(resource), rest, /*is_cut=*/false));
  return std::move(remover).Finish();
}

}  // namespace pdp::fhir
