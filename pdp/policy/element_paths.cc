#include "pdp/policy/element_paths.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "pdp/base/strings.h"

namespace pdp::policy {
namespace {

// Where the elements of any resource are defined.
constexpr std::string_view kBaseTypes[] = {"Resource", "DomainResource"};

// The path at the start of `branch`: names and dots, without a function.
std::string_view PathOf(std::string_view branch) {
  const size_t begin = branch.find_first_not_of(" (");
  if (begin == std::string_view::npos) return {};
  branch.remove_prefix(begin);
  const auto end = std::find_if(branch.begin(), branch.end(), [](char c) {
    return !absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.';
  });
  const auto length = static_cast<size_t>(end - branch.begin());
  const bool is_function = end != branch.end() && *end == '(';
  const std::string_view path = branch.substr(0, length);
  return is_function ? path.substr(0, std::min(path.rfind('.'), path.size()))
                     : path;
}

}  // namespace

std::vector<std::string> ElementPathsOf(
    const fhir::search::SearchParameter& parameter, std::string_view type) {
  std::vector<std::string> paths;
  for (const absl::string_view branch :
       absl::StrSplit(ToAbsl(parameter.expression), '|')) {
    const std::string_view path = PathOf(ToStd(branch));
    const size_t dot = path.find('.');
    if (dot == std::string_view::npos) continue;
    const std::string_view of = path.substr(0, dot);
    const bool is_of_type =
        of == type || std::find(std::begin(kBaseTypes), std::end(kBaseTypes),
                                of) != std::end(kBaseTypes);
    const std::string elements(path.substr(dot + 1));
    if (is_of_type &&
        std::find(paths.begin(), paths.end(), elements) == paths.end()) {
      paths.push_back(elements);
    }
  }
  return paths;
}

}  // namespace pdp::policy
