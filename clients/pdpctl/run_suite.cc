#include "clients/pdpctl/run_suite.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "clients/pdpctl/search_executor.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/policy/bound_policy.h"
#include "pdp/policy/decision_point.h"
#include "pdp/policy/request.h"

namespace pdp::ctl {
namespace {

using policy::Effect;

template <typename Items>
std::string Show(const Items& items) {
  return StrCat("[", absl::StrJoin(items, ", "), "]");
}

void Fill(const SuiteSubject& from, policy::Subject& subject,
          policy::RequestContext& context) {
  subject.reference = from.reference;
  subject.project = from.project;
  context.smart_scope = from.smart_scope;
  context.launch_patient = from.launch_patient;
  context.remote_address = from.remote_address;
  context.on_behalf_of = from.on_behalf_of;
  context.extended_mode = from.extended_mode;
  context.active_tenants.assign(from.active_tenants.begin(),
                                from.active_tenants.end());
}

std::vector<std::string> Sorted(const std::vector<std::string_view>& fields) {
  std::vector<std::string> sorted(fields.begin(), fields.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// The entry that permitted, or why there is none: at the end of a failure.
std::string WhyText(const policy::Decision& decision) {
  std::string why(policy::ReasonName(decision.reason));
  if (decision.entry == nullptr) return StrCat(why, ": ", decision.message);
  const policy::EntrySource& source = decision.entry->source;
  if (source.policy.empty()) return StrCat(why, " by ", source.built_in);
  return StrCat(why, " by ", source.policy, ".resource[", source.index, "]");
}

std::string CheckFailure(const Expectation& expected,
                         const policy::Decision& got) {
  std::vector<std::string> out;
  if (expected.permitted != got.permitted()) {
    out.push_back(StrCat("expected ", expected.permitted ? "permit" : "deny",
                         ", got ", got.permitted() ? "permit" : "deny"));
  } else if (got.permitted() && !expected.ignores_fields) {
    const std::pair<std::string_view, std::pair<std::vector<std::string>,
                                                std::vector<std::string>>>
        kLists[] = {
            {"hidden", {expected.hidden_fields, Sorted(got.hidden_fields)}},
            {"readonly",
             {expected.readonly_fields, Sorted(got.readonly_fields)}}};
    for (const auto& [name, lists] : kLists) {
      if (lists.first == lists.second) continue;
      out.push_back(StrCat(name, ": expected ", Show(lists.first), ", got ",
                           Show(lists.second)));
    }
  }
  if (!expected.reason.empty() &&
      policy::ReasonName(got.reason) != expected.reason) {
    out.push_back(StrCat("reason: expected ", expected.reason, ", got ",
                         policy::ReasonName(got.reason)));
  }
  if (expected.http_status &&
      *expected.http_status != got.medplum_http_status) {
    out.push_back(StrCat("status: expected ", *expected.http_status, ", got ",
                         got.medplum_http_status));
  }
  if (out.empty()) return {};
  return StrCat(absl::StrJoin(out, "; "), " (", WhyText(got), ")");
}

std::string_view KindText(policy::FilterKind kind) {
  switch (kind) {
    case policy::FilterKind::kAlwaysPermitted:
      return "everything";
    case policy::FilterKind::kConditional:
      return "some";
    case policy::FilterKind::kAlwaysDenied:
    case policy::FilterKind::kUnspecified:
      break;
  }
  return "nothing";
}

class Runner {
 public:
  explicit Runner(const Suite& suite)
      : lookup_(suite.resources, {}),
        decision_point_(lookup_,
                        {.mode = suite.mode,
                         .parameter_semantics = suite.parameter_semantics}) {}

  std::string Run(const Expectation& expected) const {
    return expected.filter_type.empty() ? RunCheck(expected)
                                        : RunFilter(expected);
  }

 private:
  std::string RunCheck(const Expectation& expected) const {
    policy::AccessRequest request;
    Fill(expected.subject, request.subject, request.context);
    request.interaction = expected.interaction;
    request.resource.type = expected.type;
    request.resource.id = expected.id;
    request.resource.version_id = expected.version_id;
    request.resource.proposed = expected.proposed;
    policy::Decision decision;
    const policy::Outcome outcome = decision_point_.Decide(request, decision);
    if (!outcome.decided()) {
      return StrCat("no decision: ", ToStd(outcome.status.message()));
    }
    return CheckFailure(expected, decision);
  }

  std::string RunFilter(const Expectation& expected) const {
    policy::FilterRequest request;
    Fill(expected.subject, request.subject, request.context);
    request.resource_type = expected.filter_type;
    request.query = expected.query;
    policy::FilterAnswer answer;
    const policy::Outcome outcome = decision_point_.Filter(request, answer);
    if (!outcome.decided()) {
      return StrCat("no answer: ", ToStd(outcome.status.message()));
    }
    std::vector<std::string> out;
    if (expected.filter_kind != policy::FilterKind::kUnspecified &&
        expected.filter_kind != answer.kind) {
      out.push_back(StrCat("expected ", KindText(expected.filter_kind),
                           ", got ", KindText(answer.kind)));
    }
    if (!expected.reason.empty() &&
        policy::ReasonName(answer.reason) != expected.reason) {
      out.push_back(StrCat("reason: expected ", expected.reason, ", got ",
                           policy::ReasonName(answer.reason)));
    }
    if (expected.finds) {
      const absl::StatusOr<SearchResult> found =
          ExecuteSearches(lookup_, answer.queries);
      if (!found.ok()) {
        out.push_back(StrCat("finds: ", ToStd(found.status().message())));
      } else if (found->ids != *expected.finds) {
        out.push_back(StrCat("finds: expected ", Show(*expected.finds),
                             ", got ", Show(found->ids)));
      }
    }
    if (out.empty()) return {};
    std::string text = absl::StrJoin(out, "; ");
    if (!answer.message.empty()) text += StrCat(" (", answer.message, ")");
    for (const std::string& query : answer.queries) {
      text += StrCat(" (", query, ")");
    }
    return text;
  }

  const fhir::MemoryLookup lookup_;
  const policy::DecisionPoint decision_point_;
};

// `text` as the value of an XML attribute.
std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        // XML 1.0 has no other control characters.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') out += c;
    }
  }
  return out;
}

}  // namespace

SuiteResult RunSuite(const Suite& suite) {
  const Runner runner(suite);
  SuiteResult result;
  for (const Expectation& expectation : suite.expectations) {
    SuiteCase ran{.expectation = &expectation,
                  .failure = runner.Run(expectation)};
    if (!ran.failure.empty()) ++result.failures;
    result.cases.push_back(std::move(ran));
  }
  return result;
}

std::string ToJunit(const std::vector<Suite>& suites,
                    const std::vector<SuiteResult>& results) {
  size_t tests = 0;
  size_t failures = 0;
  for (const SuiteResult& result : results) {
    tests += result.cases.size();
    failures += result.failures;
  }
  std::string xml = StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
                           "<testsuites tests=\"", tests, "\" failures=\"",
                           failures, "\" errors=\"0\">\n");
  for (size_t i = 0; i < suites.size(); ++i) {
    const std::string file = Xml(suites[i].path);
    xml += StrCat("  <testsuite name=\"", Xml(suites[i].title), "\" file=\"",
                  file, "\" tests=\"", results[i].cases.size(),
                  "\" failures=\"", results[i].failures, "\" errors=\"0\">\n");
    for (const SuiteCase& ran : results[i].cases) {
      const Expectation& expectation = *ran.expectation;
      xml += StrCat("    <testcase classname=\"", Xml(expectation.group),
                    "\" name=\"", Xml(expectation.name), "\" file=\"", file,
                    "\" line=\"", expectation.line, "\"");
      if (ran.failure.empty()) {
        xml += "/>\n";
        continue;
      }
      xml += StrCat(">\n      <failure message=\"", Xml(ran.failure),
                    "\"/>\n    </testcase>\n");
    }
    xml += "  </testsuite>\n";
  }
  return xml + "</testsuites>\n";
}

}  // namespace pdp::ctl
