// Requests as a proxy tells of them: a method and a target, a header on each
// further line, a body after an empty one.

#include <algorithm>
#include <string>
#include <string_view>

#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/gateway/question.h"
#include "pdp/gateway/request_target.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

std::string_view TakeUntil(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

gateway::HttpRequest ReadRequest(std::string_view input) {
  gateway::HttpRequest request;
  request.method = TakeUntil(input, ' ');
  request.target = TakeUntil(input, '\n');
  while (!input.empty()) {
    std::string_view line = TakeUntil(input, '\n');
    if (line.empty()) {
      request.body = input;
      break;
    }
    const std::string_view name = TakeUntil(line, ':');
    request.headers.emplace_back(name, line);
  }
  return request;
}

// What is decided is what stands in the target, letter by letter.
void CheckPath(const gateway::Question& question,
               const gateway::HttpRequest& request) {
  Require(fhir::IsResourceType(question.type), "a type is one");
  std::string path = "/fhir/R4/";
  path += question.type;
  if (!question.id.empty()) {
    const std::string key =
        std::string(question.type) + "/" + std::string(question.id);
    Require(fhir::ResourceKey::Parse(key).has_value(), "an id is one");
    path += "/";
    path += question.id;
  }
  const std::string_view target = request.target;
  if (!question.is_of_compartment) {
    Require(target.starts_with(path), "the target is what is asked about");
  }
  const std::string_view before = target.substr(0, target.find('?'));
  for (const std::string_view part : {"//", "%", ";", "\\", "#"}) {
    Require(before.find(part) == std::string_view::npos,
            "a path that is decided about is plain");
  }
  Require(before.find("/../") == std::string_view::npos &&
              before.find("/./") == std::string_view::npos &&
              !before.ends_with("/") && !before.ends_with("/.."),
          "a path that is decided about leads nowhere else");
}

void Check(const gateway::Options& options,
           const gateway::HttpRequest& request) {
  using Kind = gateway::Question::Kind;
  const gateway::Question question = gateway::Ask(options, request);
  const bool is_asked =
      question.kind == Kind::kCheck || question.kind == Kind::kSearch;
  if (question.kind == Kind::kOpen) {
    Require(options.opens_metadata, "nothing is open that is not configured");
    return;
  }
  if (!is_asked) {
    Require(!question.why.empty(), "a refusal says why");
    return;
  }
  Require(!question.access_token.empty(), "somebody asks");
  CheckPath(question, request);
  if (question.kind == Kind::kCheck) {
    Require(question.interaction != fhir::Interaction::kUnspecified &&
                question.interaction != fhir::Interaction::kSearch,
            "a check is of an interaction");
  }
}

}  // namespace

void RunInput(std::string_view input) {
  gateway::HttpRequest request = ReadRequest(input);
  Check({}, request);
  Check({.tenant_header = "x-tenant",
         .stored_tenant = true,
         .forwarded_for = 1,
         .opens_metadata = true},
        request);
  request.is_changeable = false;
  Check({.forwarded_for = 2}, request);
}

}  // namespace pdp::fuzz
