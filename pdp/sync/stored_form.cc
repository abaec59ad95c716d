#include "pdp/sync/stored_form.h"

#include <algorithm>
#include <span>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/json_scan.h"

namespace pdp::sync {
namespace {

using Paths = std::vector<std::string_view>;

struct LeftOut {
  std::string_view type;
  std::string_view path;  // Of a member; arrays on the way stand for each item.
};

constexpr LeftOut kLeftOut[] = {
    {"Bot", "executableCode.data"},
    {"Bot", "executableCode.url"},
    {"Bot", "photo.data"},
    {"Bot", "photo.url"},
    {"Bot", "sourceCode.data"},
    {"Bot", "sourceCode.url"},
    {"ClientApplication", "identityProvider.clientSecret"},
    {"ClientApplication", "identityProvider.userInfoApiKey"},
    {"ClientApplication", "retiringSecret"},
    {"ClientApplication", "secret"},
    {"ClientApplication", "signInForm.logo.data"},
    {"ClientApplication", "signInForm.logo.url"},
    {"Project", "secret"},
    {"Project", "site.googleClientSecret"},
    {"Project", "site.recaptchaSecretKey"},
    {"Project", "systemSecret"},
};

// The rest of the paths that lead through the member `name`.
Paths Below(const Paths& paths, std::string_view name) {
  Paths below;
  for (const std::string_view path : paths) {
    if (path.starts_with(name) && path.substr(name.size()).starts_with('.')) {
      below.push_back(path.substr(name.size() + 1));
    }
  }
  return below;
}

void Append(const fhir::JsonSpan& value, const Paths& paths, std::string& out);

void AppendArray(const fhir::JsonSpan& array, const Paths& paths,
                 std::string& out) {
  size_t written = 0;
  for (const fhir::JsonSpan& item : ItemsOf(array)) {
    const size_t begin = item.offset - array.offset;
    out += array.text.substr(written, begin - written);
    Append(item, paths, out);
    written = begin + item.text.size();
  }
  out += array.text.substr(written);
}

void AppendObject(const fhir::JsonSpan& object, const Paths& paths,
                  std::string& out) {
  out += '{';
  bool first = true;
  size_t end = 1;  // Of the member before.
  for (const fhir::JsonMember& member : MembersOf(object)) {
    const size_t begin = member.value.offset - object.offset;
    // From the end of the member before: its comma, the name and the colon.
    std::string_view front = object.text.substr(end, begin - end);
    end = begin + member.value.text.size();
    if (std::find(paths.begin(), paths.end(), member.name) != paths.end()) {
      continue;
    }
    const bool has_comma =
        front.substr(0, front.find('"')).find(',') != std::string_view::npos;
    if (first && has_comma) front.remove_prefix(front.find(',') + 1);
    first = false;
    out += front;
    Append(member.value, Below(paths, member.name), out);
  }
  out += object.text.substr(end);
}

void Append(const fhir::JsonSpan& value, const Paths& paths, std::string& out) {
  if (!paths.empty() && value.is_object()) {
    AppendObject(value, paths, out);
  } else if (!paths.empty() && value.is_array()) {
    AppendArray(value, paths, out);
  } else {
    out += value.text;
  }
}

}  // namespace

std::string StoredForm(std::string_view type, std::string_view json) {
  Paths paths;
  for (const LeftOut& left_out : kLeftOut) {
    if (left_out.type == type) paths.push_back(left_out.path);
  }
  std::string out;
  out.reserve(json.size());
  Append(fhir::RootOf(json), paths, out);
  return out;
}

std::string WithAssumedStrictMode(std::string_view project_json) {
  const fhir::JsonSpan project = fhir::RootOf(project_json);
  if (MemberOf(project, "strictMode")) return std::string(project_json);
  // Behind the brace: a resource has a member that follows, its type.
  return StrCat("{\"strictMode\":true,", project.text.substr(1));
}

}  // namespace pdp::sync
