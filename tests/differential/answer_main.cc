// Answers the cases of the differential test: reads one a line from standard
// input and writes the answer as a line of JSON, at once.  See README.md.

#include <iostream>
#include <string>
#include <string_view>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"
#include "tests/differential/answer.h"

namespace pdp::differential {
namespace {

using fhir::JsonElement;

// Those of the names that are types in our tables.
Answer AnswerTypes(JsonElement test) {
  Answer answer;
  fhir::ForEachItem(test, "names", [&answer](JsonElement item) {
    const std::string_view name = fhir::AsString(item).value_or("");
    if (fhir::FindType(name) != fhir::TypeId::kUnknown) {
      answer.parts.emplace_back(name);
    }
  });
  return answer;
}

Answer AnswerTo(JsonElement test, fhir::fhirpath::Scratch& scratch) {
  const std::string_view kind = fhir::StringMember(test, "kind");
  if (kind == "fhirpath") return AnswerFhirPath(test);
  if (kind == "entry") return AnswerEntry(test, scratch);
  if (kind == "modes") return AnswerModes(test);
  if (kind == "types") return AnswerTypes(test);
  return AnswerSearch(kind, test, scratch);
}

std::string Print(const Answer& answer) {
  std::string out = "{\"parts\":[";
  for (size_t i = 0; i < answer.parts.size(); ++i) {
    if (i > 0) out += ',';
    out += fhir::QuoteJson(answer.parts[i]);
  }
  out += ']';
  if (!answer.status.ok()) {
    out +=
        StrCat(",\"error\":", fhir::QuoteJson(ToStd(answer.status.message())),
               ",\"code\":",
               fhir::QuoteJson(absl::StatusCodeToString(answer.status.code())));
  }
  if (!answer.note.empty()) {
    out += StrCat(",\"note\":", fhir::QuoteJson(answer.note));
  }
  return out + "}";
}

int Run() {
  simdjson::dom::parser parser;
  fhir::fhirpath::Scratch scratch;
  for (std::string line; std::getline(std::cin, line);) {
    JsonElement test;
    if (parser.parse(line).get(test) != simdjson::SUCCESS) {
      std::cerr << "no JSON: " << line << "\n";
      return 2;
    }
    // Flushed, so that the case that ends this process is known.
    std::cout << Print(AnswerTo(test, scratch)) << std::endl;
    scratch.Reset();
  }
  return 0;
}

}  // namespace
}  // namespace pdp::differential

int main() { return pdp::differential::Run(); }
