#include "pdp/policy/filter_entries.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/match_durable.h"
#include "pdp/fhir/search/url_query.h"

namespace pdp::policy {
namespace {

using fhir::Interaction;
using fhir::search::Criteria;
using fhir::search::DurableMatch;

// Percent-encodes what a query may not have as it is.
std::string Encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kPlain = "-_.~:/,|$*()!'@";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_alphanumeric = (byte >= '0' && byte <= '9') ||
                                 (byte >= 'A' && byte <= 'Z') ||
                                 (byte >= 'a' && byte <= 'z');
    if (is_alphanumeric || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xf];
    }
  }
  return out;
}

bool IsControl(const Criteria& criteria, std::string_view key) {
  const std::string_view code = key.substr(0, key.find(':'));
  return std::any_of(
      criteria.control_parameters.begin(), criteria.control_parameters.end(),
      [&](const auto& control) {
        return control.first.substr(0, control.first.find(':')) == code;
      });
}

// The parameters of a criteria that narrow, encoded anew: control parameters
// are left out, as the server leaves them out of policies.
std::string NarrowingQuery(const Criteria& criteria) {
  const size_t question = criteria.text.find('?');
  if (question == std::string::npos) return {};
  std::string_view query = std::string_view(criteria.text).substr(question + 1);
  query = query.substr(0, query.find('?'));
  std::string out;
  for (const auto& [key, value] : fhir::search::ParseUrlQuery(query)) {
    if (!IsControl(criteria, key)) AppendParameter(key, value, out);
  }
  return out;
}

std::string JoinWithCommas(std::span<const std::string> parts) {
  std::string joined;
  for (const std::string& part : parts) {
    joined += StrCat(joined.empty() ? "" : ",", part);
  }
  return joined;
}

class Collector {
 public:
  Collector(const SubjectAccess& access, std::string_view type, Mode mode)
      : access_(access), type_(type), mode_(mode) {}

  EntriesReach Run(Interaction interaction) {
    const fhir::InteractionSet bit = fhir::Bit(interaction);
    for (const BoundEntry* entry : access_.policy->EntriesFor(type_)) {
      AddHiddenFields(*entry);
      const bool counts =
          (entry->compiled->durable_interactions & entry->in_force & bit) != 0;
      if (!counts || reach_.is_unrestricted || reach_.error) continue;
      considered_ = true;
      Consider(*entry);
    }
    if (!collected_ && !reach_.error) {
      reach_.is_unrestricted = considered_ || mode_ == Mode::kParity;
    }
    return std::move(reach_);
  }

 private:
  void AddHiddenFields(const BoundEntry& entry) {
    auto& hidden = reach_.hidden_fields;
    for (const std::string& field : entry.compiled->source.hidden_fields) {
      if (std::find(hidden.begin(), hidden.end(), field) == hidden.end()) {
        hidden.push_back(field);
      }
    }
  }

  void Consider(const BoundEntry& entry) {
    const CompiledEntry& compiled = *entry.compiled;
    if (!compiled.source.compartment.empty()) {
      EntryFilter filter;
      Collect(entry, "_compartment", compiled.source.compartment,
              std::move(filter));
      return;
    }
    if (!compiled.has_criteria || !compiled.criteria_has_prefix) {
      reach_.is_unrestricted = !IsConfined(entry);
      if (!reach_.is_unrestricted) Collect(entry, EntryFilter());
      return;
    }
    const absl::StatusOr<Criteria> criteria = fhir::search::ParseCriteria(
        StrCat(type_, std::string_view(compiled.source.criteria)
                          .substr(compiled.source.resource_type.size())));
    if (!criteria.ok()) {
      Fail(entry, 400, criteria.status().message());
      return;
    }
    if (criteria->filters.empty()) return;
    fhir::search::DurableEnvironment environment;
    environment.may_search = [this](std::string_view type) {
      return access_.Supports(Interaction::kSearch, type);
    };
    const fhir::search::DurableResult check =
        fhir::search::CheckDurable(*criteria, type_, environment);
    if (check.match == DurableMatch::kError ||
        check.match == DurableMatch::kForbidden) {
      Fail(entry, check.match == DurableMatch::kError ? 400 : 403,
           ToAbsl(check.why));
      return;
    }
    Collect(entry, {NarrowingQuery(*criteria), criteria->filters});
  }

  void Fail(const BoundEntry& entry, uint16_t status, absl::string_view why) {
    reach_.error = {status, StrCat(entry.source.policy, ".resource[",
                                   entry.source.index, "]: ", ToStd(why))};
  }

  // Active tenants confine Patients and what belongs to patients.
  bool IsConfined(const BoundEntry& entry) const {
    return !entry.tenants.empty() &&
           (type_ == "Patient" ||
            !fhir::search::PatientCompartmentCodes(type_).empty());
  }

  void Collect(const BoundEntry& entry, std::string_view key,
               std::string_view value, EntryFilter filter) {
    if (!Add(entry, key, value, filter)) return;
    Collect(entry, std::move(filter));
  }

  void Collect(const BoundEntry& entry, EntryFilter filter) {
    collected_ = true;
    if (IsConfined(entry) &&
        !Add(entry, "_compartment", JoinWithCommas(entry.tenants), filter)) {
      return;
    }
    const bool is_known = std::any_of(
        reach_.any_of.begin(), reach_.any_of.end(),
        [&](const EntryFilter& other) { return other.query == filter.query; });
    if (!is_known) reach_.any_of.push_back(std::move(filter));
  }

  bool Add(const BoundEntry& entry, std::string_view key,
           std::string_view value, EntryFilter& filter) {
    absl::StatusOr<fhir::search::Filter> parsed =
        fhir::search::ParseFilter(type_, key, value);
    if (!parsed.ok()) {
      Fail(entry, 400, parsed.status().message());
      return false;
    }
    filter.filters.push_back(*std::move(parsed));
    AppendParameter(key, value, filter.query);
    return true;
  }

  const SubjectAccess& access_;
  const std::string_view type_;
  const Mode mode_;
  bool considered_ = false;
  bool collected_ = false;
  EntriesReach reach_;
};

}  // namespace

void AppendParameter(std::string_view key, std::string_view value,
                     std::string& query) {
  AppendQuery(StrCat(Encode(key), "=", Encode(value)), query);
}

void AppendQuery(std::string_view more, std::string& query) {
  if (!query.empty() && !more.empty()) query += '&';
  query += more;
}

EntriesReach ReachOf(const SubjectAccess& access, std::string_view type,
                     Interaction interaction, Mode mode) {
  return Collector(access, type, mode).Run(interaction);
}

std::string ProjectQuery(const SubjectAccess& access, std::string_view type) {
  std::string query;
  if (!access.super_admin) {
    AppendParameter("_project", JoinWithCommas(access.ReadableProjects(type)),
                    query);
  }
  return query;
}

}  // namespace pdp::policy
