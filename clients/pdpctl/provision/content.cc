#include "clients/pdpctl/provision/content.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_join.h"
#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

constexpr std::string_view kEntry = "resource: ";

// Adds a line for the member, or for each of its items.
void AddLines(fhir::JsonElement parent, std::string_view name, Lines& lines) {
  fhir::ForEachItem(parent, name, [&](fhir::JsonElement item) {
    const std::string json = CanonicalJson(item);
    if (!json.empty()) lines.push_back(StrCat(name, ": ", json));
  });
}

}  // namespace

bool HoldsBack(std::string_view policy) {
  // The last two can be read by everybody where no entry names them (semantics
  // S-2).
  static constexpr std::string_view kMarks[] = {
      "\"hiddenFields\"", "\"readonlyFields\"",  "\"writeConstraint\"",
      "\"ipAccessRule\"", "\"SearchParameter\"", "\"StructureDefinition\""};
  return std::any_of(std::begin(kMarks), std::end(kMarks),
                     [&](std::string_view mark) {
                       return policy.find(mark) != std::string_view::npos;
                     });
}

std::string CanonicalJson(fhir::JsonElement element) {
  if (fhir::JsonObject object; element.get(object) == simdjson::SUCCESS) {
    std::map<std::string_view, std::string> members;
    for (const auto& member : object) {
      std::string json = CanonicalJson(member.value);
      if (!json.empty()) members.emplace(member.key, std::move(json));
    }
    if (members.empty()) return "";
    std::string json = "{";
    for (const auto& [name, value] : members) {
      json +=
          StrCat(json.size() > 1 ? "," : "", fhir::QuoteJson(name), ":", value);
    }
    return json + "}";
  }
  if (fhir::JsonArray array; element.get(array) == simdjson::SUCCESS) {
    std::vector<std::string> items;
    for (const fhir::JsonElement item : array) {
      std::string json = CanonicalJson(item);
      if (!json.empty()) items.push_back(std::move(json));
    }
    return items.empty() ? "" : StrCat("[", absl::StrJoin(items, ","), "]");
  }
  std::string json = fhir::ToJson(element);
  return json == "null" || json == "\"\"" ? "" : json;
}

std::string PolicyContent(fhir::JsonElement root, std::string_view name) {
  std::string json = StrCat(R"({"resourceType":"AccessPolicy","name":)",
                            fhir::QuoteJson(name));
  fhir::JsonObject object;
  if (root.get(object) != simdjson::SUCCESS) return json + "}";
  for (const auto& member : object) {
    if (member.key == "resourceType" || member.key == "id" ||
        member.key == "meta" || member.key == "name") {
      continue;
    }
    json += StrCat(",", fhir::QuoteJson(member.key), ":",
                   fhir::ToJson(member.value));
  }
  return json + "}";
}

Lines PolicyLines(fhir::JsonElement policy) {
  Lines lines;
  fhir::JsonObject object;
  if (policy.get(object) != simdjson::SUCCESS) return lines;
  std::map<std::string_view, bool> names;
  for (const auto& member : object) names.emplace(member.key, true);
  for (const auto& [name, unused] : names) {
    if (name == "resourceType" || name == "id" || name == "meta" ||
        name == "resource" || name == "ipAccessRule") {
      continue;
    }
    AddLines(policy, name, lines);
  }
  AddLines(policy, "resource", lines);
  AddLines(policy, "ipAccessRule", lines);
  return lines;
}

std::string ToText(const policy::AccessItem& item) {
  std::string text = item.policy.reference;
  std::string_view separator = " with ";
  for (const policy::Parameter& parameter : item.parameters) {
    text += StrCat(separator, parameter.name, " = ",
                   parameter.is_reference ? parameter.value
                                          : fhir::QuoteJson(parameter.value));
    separator = ", ";
  }
  return text;
}

Lines MembershipLines(const MembershipContent& content) {
  Lines lines = {content.active ? "active" : "inactive"};
  if (content.admin) lines.emplace_back("admin");
  if (!content.access_policy.empty()) {
    lines.push_back(StrCat("accessPolicy: ", content.access_policy));
  }
  for (const policy::AccessItem& item : content.access) {
    lines.push_back(StrCat("access: ", ToText(item)));
  }
  return lines;
}

Lines Difference(const Lines& before, const Lines& after) {
  const size_t rows = before.size();
  const size_t columns = after.size();
  // The length of what is common from (i, j) on.
  std::vector<std::vector<size_t>> common(rows + 1,
                                          std::vector<size_t>(columns + 1, 0));
  for (size_t i = rows; i-- > 0;) {
    for (size_t j = columns; j-- > 0;) {
      common[i][j] = before[i] == after[j]
                         ? common[i + 1][j + 1] + 1
                         : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  Lines difference;
  size_t i = 0;
  size_t j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && before[i] == after[j]) {
      ++i;
      ++j;
    } else if (i < rows &&
               (j == columns || common[i + 1][j] >= common[i][j + 1])) {
      difference.push_back(StrCat("- ", before[i++]));
    } else {
      difference.push_back(StrCat("+ ", after[j++]));
    }
  }
  return difference;
}

bool PolicyChangeWidens(const Lines& difference) {
  return std::any_of(
      difference.begin(), difference.end(), [](const std::string& line) {
        const std::string_view content = std::string_view(line).substr(2);
        if (content.starts_with("name: ")) return false;
        return line[0] == '+' || !content.starts_with(kEntry) ||
               HoldsBack(content);
      });
}

bool MembershipChangeWidens(
    const MembershipContent& before, const MembershipContent& after,
    const std::function<bool(const std::string&)>& holds_back) {
  const Lines difference =
      Difference(MembershipLines(before), MembershipLines(after));
  if (std::any_of(difference.begin(), difference.end(), [](const auto& line) {
        return line[0] == '+' && line != "+ inactive";
      })) {
    return true;
  }
  if (after.access.empty() && after.access_policy.empty()) return false;
  const Lines left = MembershipLines(after);
  const auto is_lost_bound = [&](const std::string& policy,
                                 const std::string& line) {
    return std::find(left.begin(), left.end(), line) == left.end() &&
           holds_back(policy);
  };
  return std::any_of(before.access.begin(), before.access.end(),
                     [&](const policy::AccessItem& item) {
                       return is_lost_bound(item.policy.reference,
                                            StrCat("access: ", ToText(item)));
                     }) ||
         (before.access_policy != after.access_policy &&
          holds_back(before.access_policy));
}

}  // namespace pdp::provision
