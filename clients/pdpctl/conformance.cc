#include "clients/pdpctl/conformance.h"

#include <algorithm>
#include <optional>
#include <span>

#include "clients/pdpctl/json_difference.h"
#include "clients/pdpctl/search_reach.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::ctl {
namespace {

using fhir::Interaction;
using fhir::JsonElement;

// Set anew by every write, or unknown to whoever judges it.
constexpr std::string_view kSetByWrite[] = {
    "meta.versionId", "meta.lastUpdated", "meta.author", "meta.onBehalfOf"};
// A read may have been recorded after a write that was taken back.
constexpr std::string_view kSetByRestore[] = {"meta.versionId",
                                              "meta.lastUpdated"};
// Left out of what is shown without `X-Medplum: extended`.
constexpr std::string_view kExtendedMeta[] = {"meta.author", "meta.project",
                                              "meta.compartment",
                                              "meta.account", "meta.accounts"};
constexpr std::string_view kUnordered[] = {"meta.compartment"};

bool IsWrite(Interaction interaction) {
  return interaction == Interaction::kCreate ||
         interaction == Interaction::kUpdate ||
         interaction == Interaction::kPatch;
}

std::string_view DecisionName(bool allowed) {
  return allowed ? "ALLOW" : "DENY";
}

std::string DecisionText(bool allowed, int status) {
  return StrCat(DecisionName(allowed), " ", status);
}

std::string DecisionJson(bool allowed, int status) {
  return StrCat("{\"decision\":\"", DecisionName(allowed),
                "\",\"http_status\":", status, "}");
}

std::string NoDecision(const absl::Status& status) {
  return StrCat("no decision: ", status.ToString());
}

// The reason and message of an answer that was not the expected one.
std::string Explain(std::string_view reason, std::string_view message) {
  if (message.empty()) return std::string(reason);
  return StrCat(reason, ": ", message);
}

// The content of permitted answers.
class ContentComparison {
 public:
  ContentComparison(const VectorFile& file, const fhir::MemoryLookup& lookup,
                    const RecordedCheck& check, const CheckAnswer& answer)
      : file_(file), lookup_(lookup), check_(check), answer_(answer) {}

  bool leaks() const { return leaks_; }

  // Why the content differs from what was recorded; "" where it does not.
  std::string Compare() {
    if (check_.interaction == Interaction::kHistory) return CompareHistory();
    if (!check_.expected.body && !check_.expected.stored) return "";
    std::string why;
    const fhir::ResourcePtr resource = Subject(why);
    if (resource == nullptr) return why;
    if (check_.expected.stored) {
      why = CompareStored(*check_.expected.stored, *resource);
    }
    if (why.empty() && check_.expected.body) {
      why =
          CompareShown(*check_.expected.body, *resource, answer_.hidden_fields);
    }
    return why;
  }

 private:
  fhir::ResourceKey Key() const {
    return {std::string(check_.type), std::string(check_.resource_id)};
  }

  // What is shown or stored, before fields are hidden.
  fhir::ResourcePtr Subject(std::string& why) const {
    if (IsWrite(check_.interaction)) {
      if (answer_.completed.empty()) {
        why = "the completed resource is not answered";
        return nullptr;
      }
      auto completed = fhir::Resource::Parse(answer_.completed);
      if (!completed.ok()) {
        why = StrCat("the completed resource: ", completed.status().ToString());
        return nullptr;
      }
      return *std::move(completed);
    }
    const fhir::LookupResult found =
        check_.version_id.empty()
            ? lookup_.Read(Key())
            : lookup_.ReadVersion(Key(), check_.version_id);
    if (found.resource == nullptr) why = "the vector file has no such resource";
    return found.resource;
  }

  std::string CompareStored(JsonElement expected,
                            const fhir::Resource& resource) const {
    return Describe("stored",
                    FindDifference(expected, resource.root(),
                                   Options(expected, resource, kSetByWrite)));
  }

  std::string CompareShown(JsonElement expected, const fhir::Resource& resource,
                           const std::vector<std::string>& hidden_fields) {
    const std::vector<std::string_view> paths(hidden_fields.begin(),
                                              hidden_fields.end());
    auto removal = fhir::RemoveFields(resource.root(), paths);
    if (!removal.ok()) return removal.status().ToString();
    auto shown = fhir::Resource::Parse(removal->json);
    if (!shown.ok()) {
      // `resourceType` itself may be hidden.
      return StrCat("what is shown: ", shown.status().ToString());
    }
    std::vector<std::string_view> ignored;
    if (IsWrite(check_.interaction)) {
      ignored.assign(std::begin(kSetByWrite), std::end(kSetByWrite));
    }
    if (!check_.subject.extended) {
      ignored.insert(ignored.end(), std::begin(kExtendedMeta),
                     std::end(kExtendedMeta));
    }
    const auto difference = FindDifference(expected, (*shown)->root(),
                                           Options(expected, **shown, ignored));
    if (difference && difference->is_surplus) leaks_ = true;
    return Describe("shown", difference);
  }

  std::string CompareHistory() {
    const std::vector<fhir::ResourcePtr> versions = Versions();
    size_t next = 0;
    for (const JsonElement body : check_.expected.bodies) {
      if (body.is_null()) continue;
      if (next == versions.size()) return "the vector file lacks versions";
      const fhir::Resource& version = *versions[next++];
      const auto answer =
          std::find_if(answer_.versions.begin(), answer_.versions.end(),
                       [&](const VersionAnswer& v) {
                         return v.version_id == version.version_id();
                       });
      const std::string why = CompareShown(body, version,
                                           answer == answer_.versions.end()
                                               ? answer_.hidden_fields
                                               : answer->hidden_fields);
      if (!why.empty()) {
        return StrCat("version ", version.version_id(), ", ", why);
      }
    }
    return "";
  }

  // Newest first.
  std::vector<fhir::ResourcePtr> Versions() const {
    std::vector<fhir::ResourcePtr> versions;
    for (const auto& resource : file_.resources()) {
      if (resource->key() == Key()) versions.push_back(resource);
    }
    for (auto it = file_.versions().rbegin(); it != file_.versions().rend();
         ++it) {
      if ((*it)->key() == Key()) versions.push_back(*it);
    }
    return versions;
  }

  // A created resource gets its id from the server.
  DifferenceOptions Options(JsonElement expected,
                            const fhir::Resource& resource,
                            std::span<const std::string_view> ignored) const {
    DifferenceOptions options;
    options.ignored = ignored;
    options.unordered = kUnordered;
    options.any_value = kSetByRestore;
    if (check_.interaction == Interaction::kCreate) {
      options.expected_id = fhir::StringMember(expected, "id");
      options.got_id = resource.id();
    }
    return options;
  }

  static std::string Describe(std::string_view what,
                              const std::optional<Difference>& difference) {
    return difference ? StrCat(what, " ", difference->text) : std::string();
  }

  const VectorFile& file_;
  const fhir::MemoryLookup& lookup_;
  const RecordedCheck& check_;
  const CheckAnswer& answer_;
  bool leaks_ = false;
};

class Run {
 public:
  Run(const VectorFile& file, const ConformanceOptions& options, Judge& judge,
      const std::function<void(const CaseResult&)>& report)
      : file_(file),
        options_(options),
        judge_(judge),
        report_(report),
        lookup_(file.resources(), file.versions()) {}

  void RunKind(CaseKind kind) {
    switch (kind) {
      case CaseKind::kCheck:
      case CaseKind::kCold:
        RunChecks(kind);
        return;
      case CaseKind::kEffective:
        for (const auto& effective : file_.effective()) RunEffective(effective);
        return;
      case CaseKind::kSearch:
        for (const auto& search : file_.searches()) RunSearch(search);
        return;
    }
  }

 private:
  CaseResult NewResult(CaseKind kind, std::string_view id) const {
    CaseResult result;
    result.scenario = file_.scenario();
    result.kind = kind;
    result.id = id;
    return result;
  }

  void RunChecks(CaseKind kind) {
    const bool cold = kind == CaseKind::kCold;
    std::vector<CheckQuestion> questions;
    for (const RecordedCheck& check : file_.checks()) {
      if (!cold || check.cold) questions.push_back({&check, cold});
    }
    if (cold && !options_.no_cold_reads.empty()) {
      for (const CheckQuestion& question : questions) SkipCold(question);
      return;
    }
    const std::vector<CheckAnswer> answers = judge_.Check(questions);
    for (size_t i = 0; i < questions.size(); ++i) {
      Compare(questions[i], answers[i]);
    }
  }

  void SkipCold(const CheckQuestion& question) {
    const RecordedDecision& expected = *question.check->cold;
    CaseResult result = NewResult(CaseKind::kCold, question.check->id);
    result.skipped = true;
    result.expected_text = DecisionText(expected.allowed, expected.http_status);
    result.expected_json = DecisionJson(expected.allowed, expected.http_status);
    result.got_text = "not asked";
    result.got_json = "null";
    result.why = options_.no_cold_reads;
    report_(result);
  }

  void Compare(const CheckQuestion& question, const CheckAnswer& answer) {
    const RecordedCheck& check = *question.check;
    const RecordedDecision& expected =
        question.durable_only ? *check.cold : check.expected;
    CaseResult result = NewResult(
        question.durable_only ? CaseKind::kCold : CaseKind::kCheck, check.id);
    result.expected_text = DecisionText(expected.allowed, expected.http_status);
    result.expected_json = DecisionJson(expected.allowed, expected.http_status);
    result.got_text = DecisionText(answer.permitted, answer.http_status);
    result.got_json = DecisionJson(answer.permitted, answer.http_status);
    result.reason = answer.reason;
    result.is_wrong_permit = answer.permitted && !expected.allowed;
    if (!answer.status.ok()) {
      result.reason = absl::StatusCodeToString(answer.status.code());
      result.why = NoDecision(answer.status);
    } else if (answer.permitted != expected.allowed ||
               answer.http_status != expected.http_status) {
      result.why = Explain(answer.reason, answer.message);
      if (!expected.outcome_text.empty()) {
        result.why += StrCat(" (Medplum: ", expected.outcome_text, ")");
      }
    } else if (expected.allowed) {
      ContentComparison content(file_, lookup_, check, answer);
      if (!question.durable_only) result.why = content.Compare();
      result.is_leak = content.leaks();
      result.passed = result.why.empty();
    } else {
      result.passed = true;
    }
    report_(result);
  }

  void RunEffective(const RecordedEffectivePolicy& effective) {
    const EffectiveAnswer answer = judge_.Describe(effective);
    CaseResult result = NewResult(CaseKind::kEffective, effective.id);
    result.expected_text = StrCat(effective.http_status);
    result.got_text = StrCat(answer.http_status);
    result.expected_json = EffectiveJson(
        effective.http_status,
        effective.access_policy ? fhir::ToJson(*effective.access_policy) : "",
        effective.project, effective.profile);
    result.got_json = EffectiveJson(answer.http_status, answer.access_policy,
                                    answer.project, answer.profile);
    result.reason = answer.reason;
    if (!answer.status.ok()) {
      result.reason = absl::StatusCodeToString(answer.status.code());
      result.why = NoDecision(answer.status);
    } else if (answer.http_status != effective.http_status) {
      result.is_wrong_permit = answer.http_status == 200;
      result.why = Explain(answer.reason, answer.message);
    } else if (effective.http_status == 200) {
      result.why = ComparePolicies(effective, answer);
    }
    result.passed = answer.status.ok() && result.why.empty() &&
                    answer.http_status == effective.http_status;
    report_(result);
  }

  static std::string EffectiveJson(int status, std::string_view policy,
                                   std::string_view project,
                                   std::string_view profile) {
    std::string json = StrCat("{\"http_status\":", status);
    if (!policy.empty()) {
      json += StrCat(",\"accessPolicy\":", policy,
                     ",\"project\":", fhir::QuoteJson(project),
                     ",\"profile\":", fhir::QuoteJson(profile));
    }
    return json + "}";
  }

  static std::string ComparePolicies(const RecordedEffectivePolicy& expected,
                                     const EffectiveAnswer& answer) {
    if (!expected.access_policy) return "no `accessPolicy` was recorded";
    simdjson::dom::parser parser;
    JsonElement policy;
    if (const auto error = parser.parse(answer.access_policy).get(policy);
        error != simdjson::SUCCESS) {
      return StrCat("the effective policy: ", simdjson::error_message(error));
    }
    DifferenceOptions options;
    options.empty_is_absent = false;
    if (auto found = FindDifference(*expected.access_policy, policy, options)) {
      return found->text;
    }
    if (answer.project != expected.project) {
      return StrCat("`project`: expected ", expected.project, ", got ",
                    answer.project);
    }
    if (answer.profile != expected.profile) {
      return StrCat("`profile`: expected ", expected.profile, ", got ",
                    answer.profile);
    }
    return "";
  }

  void RunSearch(const RecordedSearch& search) {
    CaseResult result = NewResult(CaseKind::kSearch, search.id);
    result.expected_text = SearchText(search.http_status, search.ids);
    result.expected_json = SearchJson(search.http_status, search.ids);
    const RecordedSearch sent = AsSent(search);
    const SearchAnswer answer = judge_.Search(sent);
    result.reason = answer.reason;
    const bool is_run = answer.permitted || options_.search_as_subject;
    int http_status = answer.http_status;
    std::optional<std::vector<std::string>> ids;
    if (!answer.status.ok()) {
      result.reason = absl::StatusCodeToString(answer.status.code());
      result.why = NoDecision(answer.status);
    } else if (is_run) {
      const auto found = Execute(sent, answer);
      if (found.ok()) {
        http_status = found->http_status;
        result.why = found->why;
        if (http_status == 200) ids = found->ids;
      } else {
        result.why = found.status().ToString();
      }
    } else if (http_status == 200) {
      ids.emplace();  // Nothing is to be found.
    }
    result.got_text = SearchText(http_status, ids);
    result.got_json = SearchJson(http_status, ids);

    if (http_status != search.http_status) {
      result.is_wrong_permit = is_run && ids;
      if (result.why.empty()) {
        result.why = Explain(answer.reason, answer.message);
      }
      if (!search.outcome_text.empty()) {
        result.why += StrCat(" (Medplum: ", search.outcome_text, ")");
      }
    } else if (search.ids && ids) {
      result.why = CompareIds(*search.ids, *ids, result.is_wrong_permit);
      result.passed = result.why.empty();
    } else {
      // Denied alike, or the result was not kept.
      const bool judged = http_status != 200 || ids;
      result.passed = answer.status.ok() && judged;
    }
    report_(result);
  }

  // The recorder asked for the largest page.
  RecordedSearch AsSent(const RecordedSearch& search) {
    RecordedSearch sent = search;
    if (search.query.find("_count=") == std::string_view::npos) {
      sent_query_ =
          StrCat(search.query, search.query.empty() ? "" : "&", "_count=1000");
      sent.query = sent_query_;
    }
    return sent;
  }

  // The queries of a Filter where it answers some; otherwise the search itself.
  absl::StatusOr<SearchResult> Execute(const RecordedSearch& search,
                                       const SearchAnswer& answer) {
    if (answer.permitted) {
      return options_.execute_search(lookup_, answer.queries);
    }
    JudgeReach reach(judge_, search.subject);
    return SearchAsSubject(lookup_, reach, search.type, search.query);
  }

  static std::string CompareIds(const std::vector<std::string>& expected,
                                const std::vector<std::string>& got,
                                bool& is_wrong_permit) {
    std::vector<std::string> surplus;
    std::set_difference(got.begin(), got.end(), expected.begin(),
                        expected.end(), std::back_inserter(surplus));
    std::vector<std::string> missing;
    std::set_difference(expected.begin(), expected.end(), got.begin(),
                        got.end(), std::back_inserter(missing));
    is_wrong_permit = !surplus.empty();
    std::string why;
    if (!surplus.empty()) {
      why = StrCat("finds ", surplus.size(), " too many, ", surplus.front());
    }
    if (!missing.empty()) {
      why += StrCat(why.empty() ? "" : "; ", "misses ", missing.size(), ", ",
                    missing.front());
    }
    return why;
  }

  static std::string SearchText(
      int status, const std::optional<std::vector<std::string>>& ids) {
    return ids ? StrCat(status, ", ", ids->size(), " found") : StrCat(status);
  }

  static std::string SearchJson(
      int status, const std::optional<std::vector<std::string>>& ids) {
    std::string json = StrCat("{\"http_status\":", status);
    if (ids) {
      json += ",\"ids\":[";
      for (const std::string& id : *ids) {
        if (json.back() != '[') json += ',';
        json += fhir::QuoteJson(id);
      }
      json += ']';
    }
    return json + "}";
  }

  const VectorFile& file_;
  const ConformanceOptions& options_;
  Judge& judge_;
  const std::function<void(const CaseResult&)>& report_;
  const fhir::MemoryLookup lookup_;
  std::string sent_query_;
};

}  // namespace

std::string_view CaseKindName(CaseKind kind) {
  switch (kind) {
    case CaseKind::kCheck:
      return "check";
    case CaseKind::kCold:
      return "cold";
    case CaseKind::kEffective:
      return "effective";
    case CaseKind::kSearch:
      return "search";
  }
  return "";
}

void RunConformance(const VectorFile& file, const ConformanceOptions& options,
                    Judge& judge,
                    const std::function<void(const CaseResult&)>& report) {
  judge.Enter(file);
  Run run(file, options, judge, report);
  for (const CaseKind kind : options.kinds) run.RunKind(kind);
}

}  // namespace pdp::ctl
