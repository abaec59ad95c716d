#include "pdp/policy/type_rules.h"

#include <algorithm>
#include <array>

namespace pdp::policy {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kProtected = {"DomainConfiguration"sv, "JsonWebKey"sv,
                                   "Login"sv};
constexpr std::array kProjectAdmin = {"Package"sv,
                                      "PackageRelease"sv,
                                      "PackageInstallation"sv,
                                      "Project"sv,
                                      "ProjectMembership"sv,
                                      "User"sv,
                                      "UserSecurityRequest"sv};
constexpr std::array kBaseExports = {"CodeSystem"sv, "OperationDefinition"sv,
                                     "SearchParameter"sv,
                                     "StructureDefinition"sv, "ValueSet"sv};

template <typename Array>
bool Contains(const Array& array, std::string_view type) {
  return std::find(array.begin(), array.end(), type) != array.end();
}

}  // namespace

bool IsProtectedType(std::string_view type) {
  return Contains(kProtected, type);
}

bool IsProjectAdminType(std::string_view type) {
  return Contains(kProjectAdmin, type);
}

std::span<const std::string_view> ProjectAdminTypes() { return kProjectAdmin; }

std::string_view BaseProjectId() {
  return "161452d9-43b7-5c29-aa7b-c85680fa45c6";
}

bool BaseProjectExports(std::string_view type) {
  return Contains(kBaseExports, type);
}

}  // namespace pdp::policy
