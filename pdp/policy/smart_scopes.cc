#include "pdp/policy/smart_scopes.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/interaction.h"

namespace pdp::policy {
namespace {

bool IsWord(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_';
         });
}

// `cruds` with each letter optional and in this order.
bool IsGranular(std::string_view letters) {
  size_t at = 0;
  for (const char letter : std::string_view("cruds")) {
    if (at < letters.size() && letters[at] == letter) ++at;
  }
  return at == letters.size();
}

std::optional<SmartScope::Context> ParseContext(std::string_view text) {
  if (text == "patient") return SmartScope::Context::kPatient;
  if (text == "user") return SmartScope::Context::kUser;
  if (text == "system") return SmartScope::Context::kSystem;
  return std::nullopt;
}

std::string SpellOutSpaces(std::string_view text) {
  return absl::StrReplaceAll(ToAbsl(text), {{"+", "%20"}});
}

// Serializes a scope's query anew: keys grouped where they first occur, a key
// without value gets one, `+` is a space.
std::string NormalizeQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view piece = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    const std::string key = SpellOutSpaces(piece.substr(0, equals));
    std::string value = equals == std::string_view::npos
                            ? std::string()
                            : SpellOutSpaces(piece.substr(equals + 1));
    const auto group =
        std::find_if(groups.begin(), groups.end(),
                     [&](const auto& g) { return g.first == key; });
    if (group == groups.end()) {
      groups.push_back({key, {std::move(value)}});
    } else {
      group->second.push_back(std::move(value));
    }
  }
  std::string out;
  for (const auto& [key, values] : groups) {
    for (const std::string& value : values) {
      if (!out.empty()) out += '&';
      out += StrCat(key, "=", value);
    }
  }
  return out;
}

std::optional<SmartScope> ParseTerm(std::string_view term) {
  const size_t question = term.find('?');
  const std::string_view base = term.substr(0, question);
  const size_t slash = base.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const size_t dot = base.find('.', slash);
  if (dot == std::string_view::npos) return std::nullopt;
  const auto context = ParseContext(base.substr(0, slash));
  const std::string_view type = base.substr(slash + 1, dot - slash - 1);
  const std::string_view permissions = base.substr(dot + 1);
  if (!context || (type != "*" && !IsWord(type))) return std::nullopt;

  SmartScope scope;
  scope.context = *context;
  scope.resource_type = type;
  if (permissions == "*") {
    scope.permissions = "cruds";
  } else if (permissions == "read") {
    scope.permissions = "rs";
  } else if (permissions == "write") {
    scope.permissions = "cud";
  } else if (IsGranular(permissions)) {
    scope.permissions = permissions;
  } else {
    return std::nullopt;
  }
  if (question != std::string_view::npos) {
    scope.criteria = NormalizeQuery(term.substr(question + 1));
  }
  return scope;
}

void AppendCriteria(std::string_view text, PolicyEntry& entry) {
  if (entry.criteria.empty()) {
    entry.criteria = StrCat(entry.resource_type, "?", text);
  } else if (entry.criteria.ends_with('&')) {
    entry.criteria += text;
  } else {
    entry.criteria += StrCat("&", text);
  }
}

bool GrantsReadsOnly(const SmartScope& scope) {
  return !scope.permissions.empty() &&
         scope.permissions.find_first_not_of("rs") == std::string::npos;
}

// Drops what is no read interaction; false where nothing is left.
bool KeepReadInteractions(PolicyEntry& entry) {
  entry.readonly = true;
  entry.has_readonly = true;
  if (!entry.has_interaction) return true;
  entry.interactions &= fhir::kReadInteractions;
  std::erase_if(entry.interaction_names, [](const std::string& name) {
    const auto interaction = fhir::ParseInteraction(name);
    return !interaction || !(fhir::kReadInteractions & fhir::Bit(*interaction));
  });
  return !entry.interaction_names.empty();
}

// Nothing where the combination grants nothing.
std::optional<DraftEntry> Combine(const DraftEntry& draft,
                                  const SmartScope& scope,
                                  std::string_view patient_context) {
  DraftEntry combined = draft;
  PolicyEntry& entry = combined.Edit();
  const bool was_wildcard = entry.resource_type == "*";
  if (entry.criteria.starts_with('*') && scope.resource_type != "*") {
    entry.criteria.replace(0, 1, scope.resource_type);
  }
  if (GrantsReadsOnly(scope) && !KeepReadInteractions(entry)) {
    return std::nullopt;
  }
  // The entry still has its own type here, so that a wildcard's criteria
  // becomes
  // `*?...` (semantics S-22.1).
  if (!scope.criteria.empty()) AppendCriteria(scope.criteria, entry);
  if (scope.context == SmartScope::Context::kPatient &&
      !patient_context.empty()) {
    AppendCriteria(StrCat("_compartment=", patient_context), entry);
  }
  if (was_wildcard) entry.resource_type = scope.resource_type;
  return combined;
}

// What the letters of a scope say by themselves.
fhir::InteractionSet NamedInteractions(const SmartScope& scope,
                                       std::string_view patient_context) {
  using enum fhir::Interaction;
  if (scope.context == SmartScope::Context::kPatient &&
      patient_context.empty()) {
    return 0;
  }
  fhir::InteractionSet named = 0;
  for (const char letter : scope.permissions) {
    switch (letter) {
      case 'c':
        named |= fhir::Bit(kCreate);
        break;
      case 'r':
        named |= fhir::Bit(kRead) | fhir::Bit(kVread) | fhir::Bit(kHistory);
        break;
      case 'u':
        named |= fhir::Bit(kUpdate);
        break;
      case 'd':
        named |= fhir::Bit(kDelete);
        break;
      case 's':
        named |= fhir::Bit(kSearch);
        break;
      default:
        break;
    }
  }
  return named;
}

}  // namespace

std::vector<SmartScope> ParseSmartScopes(std::string_view scope) {
  std::vector<SmartScope> scopes;
  while (true) {
    const size_t end = scope.find(' ');
    if (auto term = ParseTerm(scope.substr(0, end))) {
      scopes.push_back(*std::move(term));
    }
    if (end == std::string_view::npos) return scopes;
    scope.remove_prefix(end + 1);
  }
}

bool ApplySmartScopes(const std::vector<SmartScope>& scopes,
                      std::string_view patient_context, Mode mode,
                      std::vector<DraftEntry>& entries) {
  std::vector<DraftEntry> combined;
  for (const DraftEntry& draft : entries) {
    const std::string& type = draft.entry().resource_type;
    for (const SmartScope& scope : scopes) {
      if (type != "*" && scope.resource_type != type &&
          scope.resource_type != "*") {
        continue;
      }
      std::optional<DraftEntry> entry = Combine(draft, scope, patient_context);
      if (!entry) continue;
      if (combined.size() == kMaxScopedEntries) return false;
      if (mode == Mode::kStrict) {
        entry->Narrow(NamedInteractions(scope, patient_context),
                      StrictRule::kSmartLetters);
      }
      combined.push_back(*std::move(entry));
    }
  }
  entries = std::move(combined);
  return true;
}

}  // namespace pdp::policy
