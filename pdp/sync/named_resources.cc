#include "pdp/sync/named_resources.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "pdp/base/strings.h"
#include "pdp/fhir/json_scan.h"

namespace pdp::sync {
namespace {

constexpr std::string_view kTypes[] = {"AccessPolicy", "Project",
                                       "UserConfiguration"};

void Add(std::string_view text, std::vector<fhir::ResourceKey>& found) {
  for (const std::string_view type : kTypes) {
    const std::string begin = StrCat(type, "/");
    for (size_t at = text.find(begin); at != std::string_view::npos;
         at = text.find(begin, at + 1)) {
      const std::string_view rest = text.substr(at);
      const size_t end = rest.find_first_of("/\"", begin.size());
      auto key = fhir::ResourceKey::Parse(rest.substr(0, end));
      if (key && std::find(found.begin(), found.end(), *key) == found.end()) {
        found.push_back(*std::move(key));
      }
    }
  }
}

// The strings of `value`, without what JSON escapes in them.
void AddStrings(const fhir::JsonSpan& value,
                std::vector<fhir::ResourceKey>& found) {
  if (const std::optional<std::string> text = StringOf(value)) {
    Add(*text, found);
  }
  for (const fhir::JsonSpan& item : ItemsOf(value)) AddStrings(item, found);
  for (const fhir::JsonMember& member : MembersOf(value)) {
    AddStrings(member.value, found);
  }
}

}  // namespace

bool IsReadInAnyProject(std::string_view type) {
  return std::find(std::begin(kTypes), std::end(kTypes), type) !=
         std::end(kTypes);
}

std::vector<fhir::ResourceKey> NamedResources(std::string_view json) {
  std::vector<fhir::ResourceKey> found;
  if (json.find('\\') == std::string_view::npos) {
    Add(json, found);
  } else {
    AddStrings(fhir::RootOf(json), found);
  }
  return found;
}

}  // namespace pdp::sync
