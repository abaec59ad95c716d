#include "pdp/audit/report.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "pdp/audit/line_writer.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

std::string ToText(absl::Time time) {
  std::string text;
  AppendTime(time, text);
  return text;
}

std::string ToText(const std::optional<absl::Time>& time) {
  return time ? ToText(*time) : "";
}

// The reason of denials to memberships that are not active.
constexpr std::string_view kInactive = "SUBJECT_INACTIVE";
constexpr std::string_view kNoDecision = "NO_DECISION";
constexpr std::string_view kSummary = "summary";

// Of which a report knows what was done with them.
constexpr size_t kMaxDecisions = 200'000;

// Something was asked for, and answered for good.  Of a stream each resource
// was.
bool IsAnswer(const RecordParser& parsed) {
  if (!parsed.is_record()) return false;
  const Record& record = parsed.record();
  if (record.effect == kNoDecision || record.event == kSummary) return false;
  return record.kind == RecordKind::kDecision ||
         record.kind == RecordKind::kFilter ||
         record.kind == RecordKind::kRelease;
}

bool IsAccess(const RecordParser& parsed) {
  return parsed.is_record() && parsed.record().kind == RecordKind::kAccess;
}

bool IsDenied(const Record& record) { return record.effect == "DENY"; }

absl::Time AskedAt(const Record& record) {
  return record.time - record.latency;
}

std::string_view Who(const Record& record) {
  if (!record.profile.empty()) return record.profile;
  if (!record.membership.empty()) return record.membership;
  return record.subject;
}

// How often something was asked for, and when.
struct Uses {
  uint64_t permitted = 0;
  uint64_t denied = 0;
  absl::Time first;
  absl::Time last;
  std::set<std::string, std::less<>> what;  // Interactions and events.

  void Add(const Record& record) {
    if (permitted + denied == 0) first = record.time;
    last = record.time;
    ++(IsDenied(record) ? denied : permitted);
    what.emplace(record.interaction.empty() ? record.method
                                            : record.interaction);
  }
  void AddAccess(const Record& record) {
    last = record.time;
    what.emplace(record.event);
  }

  void AppendTo(std::vector<std::string>& row) const {
    row.push_back(StrCat(permitted));
    row.push_back(StrCat(denied));
    row.push_back(absl::StrJoin(what, " "));
    row.push_back(ToText(first));
    row.push_back(ToText(last));
  }
};

// Uses by the first columns of a row, with what was then done.
class UsesTable {
 public:
  using Key = std::vector<std::string>;

  void Add(Key key, const Record& record) {
    Uses& uses = rows_[std::move(key)];
    uses.Add(record);
    if (record.decision_id.empty()) return;
    of_decision_[std::string(record.decision_id)].insert(&uses);
    if (of_decision_.size() > kMaxDecisions) {
      of_decision_.erase(of_decision_.begin());
    }
  }
  // A record of an access names its decision, and nothing else.
  void AddAccess(const Record& record) {
    const auto found = of_decision_.find(record.decision_id);
    if (found == of_decision_.end()) return;
    for (Uses* const uses : found->second) uses->AddAccess(record);
  }
  std::vector<std::vector<std::string>> Rows() const {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, uses] : rows_) {
      rows.push_back(key);
      uses.AppendTo(rows.back());
    }
    return rows;
  }

 private:
  std::map<Key, Uses> rows_;
  // Ids are in the order of time: the first is the oldest.
  std::map<std::string, std::set<Uses*>, std::less<>> of_decision_;
};

class PatientReport : public Report {
 public:
  void Add(const FoundRecord& found) override {
    if (IsAccess(found.parsed)) uses_.AddAccess(found.parsed.record());
    if (!IsAnswer(found.parsed)) return;
    const Record& record = found.parsed.record();
    uses_.Add({std::string(Who(record)), std::string(record.membership),
               std::string(record.on_behalf_of), std::string(record.caller)},
              record);
  }
  ReportTable Finish() override {
    return {.columns = {"who", "membership", "on_behalf_of", "caller",
                        "permitted", "denied", "what", "first", "last"},
            .rows = uses_.Rows()};
  }

 private:
  UsesTable uses_;
};

class MemberReport : public Report {
 public:
  void Add(const FoundRecord& found) override {
    if (IsAccess(found.parsed)) uses_.AddAccess(found.parsed.record());
    if (!IsAnswer(found.parsed)) return;
    const Record& record = found.parsed.record();
    const bool has_patient = !record.patient.empty();
    uses_.Add(
        {std::string(has_patient ? record.patient : record.resource),
         std::string(record.resource.substr(0, record.resource.find('/')))},
        record);
  }
  ReportTable Finish() override {
    return {.columns = {"about", "type", "permitted", "denied", "what", "first",
                        "last"},
            .rows = uses_.Rows()};
  }

 private:
  UsesTable uses_;
};

class DenialReport : public Report {
 public:
  void Add(const FoundRecord& found) override {
    if (!IsAnswer(found.parsed)) return;
    const Record& record = found.parsed.record();
    if (!IsDenied(record)) return;
    uses_[{std::string(record.reason), std::string(Who(record)),
           std::string(record.interaction),
           std::string(record.resource.substr(0, record.resource.find('/')))}]
        .Add(record);
  }
  ReportTable Finish() override {
    std::vector<std::pair<std::vector<std::string>, Uses>> most(uses_.begin(),
                                                                uses_.end());
    std::stable_sort(most.begin(), most.end(),
                     [](const auto& a, const auto& b) {
                       return a.second.denied > b.second.denied;
                     });
    ReportTable table{.columns = {"denied", "reason", "who", "interaction",
                                  "type", "first", "last"}};
    for (const auto& [key, uses] : most) {
      table.rows.push_back({StrCat(uses.denied), key[0], key[1], key[2], key[3],
                            ToText(uses.first), ToText(uses.last)});
    }
    return table;
  }

 private:
  std::map<std::vector<std::string>, Uses> uses_;
};

class ChangeReport : public Report {
 public:
  ChangeReport() {
    table_.columns = {"time",    "kind",   "what",    "resource",
                      "version", "caller", "project", "success"};
  }
  void Add(const FoundRecord& found) override {
    if (!found.parsed.is_record()) return;
    const Record& record = found.parsed.record();
    const bool is_admin = record.kind == RecordKind::kAdmin;
    if (!is_admin && record.kind != RecordKind::kChange) return;
    std::string what(is_admin ? record.method : record.event);
    if (is_admin && !record.event.empty()) what += StrCat(" ", record.event);
    table_.rows.push_back(
        {ToText(record.time), std::string(found.parsed.kind()), what,
         std::string(record.resource), std::string(record.version_id),
         std::string(record.caller), std::string(record.project),
         !record.success   ? ""
         : *record.success ? "yes"
                           : "no"});
  }
  ReportTable Finish() override { return std::move(table_); }

 private:
  ReportTable table_;
};

class TerminationReport : public Report {
 public:
  void Add(const FoundRecord& found) override {
    if (!found.parsed.is_record()) return;
    const Record& record = found.parsed.record();
    if (record.kind == RecordKind::kChange) {
      Change(record);
    } else if (IsAnswer(found.parsed)) {
      Answer(record);
    }
  }
  ReportTable Finish() override {
    ReportTable table{.columns = {"membership", "event", "known",
                                  "first_denied", "permitted_after",
                                  "last_permitted"}};
    for (const auto& [membership, end] : ended_) {
      table.rows.push_back(
          {membership, end.event, ToText(end.known), ToText(end.first_denied),
           StrCat(end.permitted_after), ToText(end.last_permitted)});
    }
    return table;
  }

 private:
  struct End {
    std::string event;
    absl::Time known;
    std::optional<absl::Time> first_denied;
    uint64_t permitted_after = 0;
    std::optional<absl::Time> last_permitted;  // After it was known.
  };

  void Change(const Record& record) {
    if (!record.resource.starts_with("ProjectMembership/")) return;
    const std::string membership(record.resource);
    if (record.event == "deleted") {
      updated_.erase(membership);
      ended_.try_emplace(membership,
                         End{.event = "deleted", .known = record.time});
    } else {
      // Made inactive, or active again, perhaps: the next answer says.
      updated_[membership] = record.time;
    }
  }

  // An update was an end, or ended one, as the next answer says that can tell.
  void Resolve(std::string_view who, const Record& record) {
    const auto updated = updated_.find(who);
    if (updated == updated_.end() || AskedAt(record) < updated->second) return;
    if (record.reason == kInactive) {
      ended_.try_emplace(updated->first, End{.event = "made inactive",
                                             .known = updated->second});
    } else if (IsDenied(record)) {
      return;
    } else {
      ended_.erase(updated->first);
    }
    updated_.erase(updated);
  }

  void Answer(const Record& record) {
    std::string_view who = record.membership;
    if (who.empty()) who = record.subject;
    Resolve(who, record);
    const auto ended = ended_.find(who);
    if (ended == ended_.end()) return;
    End& end = ended->second;
    if (!IsDenied(record)) {
      // What was being decided meanwhile was permitted before.
      if (AskedAt(record) < end.known) return;
      ++end.permitted_after;
      end.last_permitted = record.time;
    } else if (!end.first_denied) {
      end.first_denied = record.time;
    }
  }

  std::map<std::string, End, std::less<>> ended_;
  std::map<std::string, absl::Time, std::less<>> updated_;
};

template <typename T>
std::unique_ptr<Report> Make() {
  return std::make_unique<T>();
}

struct NamedReport {
  std::string_view name;
  std::unique_ptr<Report> (*make)();
};
constexpr NamedReport kReports[] = {{"patient", Make<PatientReport>},
                                    {"member", Make<MemberReport>},
                                    {"denials", Make<DenialReport>},
                                    {"changes", Make<ChangeReport>},
                                    {"terminations", Make<TerminationReport>}};

}  // namespace

std::unique_ptr<Report> MakeReport(std::string_view name) {
  for (const NamedReport& report : kReports) {
    if (report.name == name) return report.make();
  }
  return nullptr;
}

std::vector<std::string> ReportNames() {
  std::vector<std::string> names;
  for (const NamedReport& report : kReports) names.emplace_back(report.name);
  return names;
}

}  // namespace pdp::audit
