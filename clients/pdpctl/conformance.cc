#include "clients/pdpctl/conformance.h"

#include <algorithm>
#include <optional>

#include "clients/pdpctl/content_comparison.h"
#include "clients/pdpctl/json_difference.h"
#include "clients/pdpctl/search_reach.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::ctl {
namespace {

using fhir::JsonElement;

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
      if (content.only_hides_more()) Depart(answer.strict_rules, 1, result);
    } else {
      result.passed = true;
    }
    const bool is_denied = answer.status.ok() && !answer.permitted;
    if (is_denied && expected.allowed) {
      const bool status_agrees = answer.http_status == expected.http_status;
      Depart(answer.strict_rules, status_agrees ? 1 : 0, result);
    } else if (is_denied && !answer.strict_rules.empty()) {
      result.passed = false;
      result.why = StrCat("Medplum denies too, and not by the rule ",
                          answer.strict_rules.front());
    }
    report_(result);
  }

  // The answer is stricter than what was recorded.  It passes where it names
  // rules for that, at least one and at most `max_rules`.
  void Depart(const std::vector<std::string>& rules, size_t max_rules,
              CaseResult& result) const {
    if (!options_.explain_departures) return;
    if (rules.empty() || rules.size() > max_rules) {
      result.passed = false;
      result.is_unexplained = true;
      return;
    }
    for (const std::string& rule : rules) {
      if (!result.strict_rule.empty()) result.strict_rule += '+';
      result.strict_rule += rule;
    }
    result.passed = true;
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
    const bool is_refused = answer.status.ok() && answer.access_policy.empty();
    if (is_refused && effective.http_status == 200) {
      Depart(answer.strict_rules, answer.http_status == 200 ? 1 : 0, result);
    }
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
    const SearchAnswer answer = judge_.Search(search);
    result.reason = answer.reason;
    const bool is_run = answer.permitted || options_.search_as_subject;
    int http_status = answer.http_status;
    std::optional<std::vector<std::string>> ids;
    if (!answer.status.ok()) {
      result.reason = absl::StatusCodeToString(answer.status.code());
      result.why = NoDecision(answer.status);
    } else if (is_run) {
      const auto found = Execute(search, answer);
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
    if (answer.permitted && ids) CompareSingleQuery(answer, *ids, result);
    if (options_.explain_departures && answer.status.ok()) {
      ExplainSearch(search, answer, ids.has_value(), result);
    }
    report_(result);
  }

  // The one search that stands for all has to find the same.
  void CompareSingleQuery(const SearchAnswer& answer,
                          const std::vector<std::string>& ids,
                          CaseResult& result) {
    if (answer.single_query.empty() || answer.queries.size() == 1) return;
    const auto found = options_.execute_search(lookup_, {answer.single_query});
    std::string why;
    if (!found.ok()) {
      why = found.status().ToString();
    } else if (found->http_status != 200) {
      why = found->why;
    } else {
      why = CompareIds(ids, found->ids, result.is_wrong_permit);
    }
    if (why.empty()) return;
    result.passed = false;
    result.why = StrCat("as one search: ", why);
  }

  void ExplainSearch(const RecordedSearch& search, const SearchAnswer& answer,
                     bool is_searched, CaseResult& result) const {
    if (result.is_wrong_permit) return;
    if (!answer.permitted) {
      if (search.http_status == 200) Depart(answer.strict_rules, 1, result);
      // Strict mode refused before Medplum found fault with the query itself.
      const bool denied_too = search.http_status != 200;
      if (denied_too && !answer.strict_rules.empty()) result.passed = true;
    } else if (search.http_status == 200 && is_searched && !result.passed) {
      Depart(answer.strict_rules, answer.strict_rules.size(), result);
    }
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
