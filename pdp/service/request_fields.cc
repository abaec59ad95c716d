#include "pdp/service/request_fields.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "pdp/base/strings.h"

namespace pdp::service {

using fhir::Interaction;

absl::Status Wrong(std::string_view field, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(field, ": ", message));
}

// FHIR's [A-Za-z0-9-.]{1,64}, but for what means another place in a path.
bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '.';
         });
}

bool IsTypeName(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         absl::ascii_isalpha(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c));
         });
}

absl::Status OtherProject(std::string_view field) {
  return Wrong(field,
               "not the project of the access token's membership; a token "
               "decides for that one alone, so leave it out");
}

// Text from the request in a message: short, and printable.
std::string Quoted(std::string_view text) {
  constexpr size_t kMax = 80;
  std::string shown(text.substr(0, kMax));
  for (char& c : shown) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return StrCat("`", shown, text.size() > kMax ? "...`" : "`");
}

absl::Status CheckProjectId(std::string_view field, std::string_view id) {
  if (id.empty() || IsId(id)) return absl::OkStatus();
  return Wrong(field, StrCat(Quoted(id),
                             " is not the id of a Project; send the "
                             "id alone, without `Project/`"));
}

std::string_view UpperName(Interaction interaction) {
  constexpr std::array<std::string_view, 9> kNames = {
      "",        "READ",   "VREAD",  "UPDATE", "DELETE",
      "HISTORY", "CREATE", "SEARCH", "PATCH"};
  return kNames[static_cast<size_t>(interaction)];
}

}  // namespace pdp::service
