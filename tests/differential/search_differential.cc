// Compares this program's search matching with Medplum's, case by case: reads
// the lines of search_oracle.mjs from standard input and prints every mismatch.
// See README.md.

#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/base/strings.h"
#include "pdp/base/unicode.h"
#include "pdp/fhir/datetime.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/search/compartment.h"
#include "pdp/fhir/search/criteria.h"
#include "pdp/fhir/search/match.h"

namespace pdp {
namespace {

using fhir::JsonElement;

constexpr std::string_view kError = "error";
constexpr size_t kPrintAtMost = 50;

std::string Match(std::string_view text, const fhir::Resource& resource,
                  fhir::fhirpath::Scratch& scratch) {
  const auto criteria = fhir::search::ParseCriteria(text);
  if (!criteria.ok()) return std::string(kError);
  const auto matches =
      fhir::search::MatchesInMemory(*criteria, resource, scratch);
  scratch.Reset();
  if (!matches.ok()) return StrCat(kError, ": ", matches.status().ToString());
  return *matches ? "yes" : "no";
}

// "Patient\nname eq x": Print() without the parameter types.
std::string Parse(std::string_view text) {
  const auto criteria = fhir::search::ParseCriteria(text);
  if (!criteria.ok()) return std::string(kError);
  std::string description = criteria->resource_type;
  const std::string printed = fhir::search::Print(*criteria);
  std::string_view filters = printed;
  while (!filters.empty()) {
    const std::string_view line = filters.substr(0, filters.find('\n'));
    description += '\n';
    description += line.substr(line.find(' ') + 1);
    filters.remove_prefix(line.size() + 1);
  }
  return description;
}

std::string Period(std::string_view text) {
  const auto period = fhir::ToPeriod(text);
  if (!period.ok()) return std::string(kError);
  return StrCat(period->start.ToString(), " ", period->end.ToString());
}

std::string Patients(const fhir::Resource& resource,
                     fhir::fhirpath::Scratch& scratch) {
  const auto patients = fhir::search::PatientsOf(resource, scratch);
  if (!patients.ok()) return StrCat(kError, ": ", patients.status().ToString());
  std::string joined;
  for (const std::string& patient : *patients) {
    if (!joined.empty()) joined += '\n';
    joined += patient;
  }
  return joined;
}

std::string Answer(JsonElement test, fhir::fhirpath::Scratch& scratch) {
  const std::string_view kind = fhir::StringMember(test, "kind");
  const std::string_view text = fhir::StringMember(test, "text");
  if (kind == "parse") return Parse(fhir::StringMember(test, "criteria"));
  if (kind == "period") return Period(text);
  if (kind == "lower") return ToLower(text);
  const auto resource =
      fhir::Resource::Parse(fhir::ToJson(*fhir::Member(test, "resource")));
  if (!resource.ok()) return resource.status().ToString();
  if (kind == "patients") return Patients(**resource, scratch);
  return Match(fhir::StringMember(test, "criteria"), **resource, scratch);
}

// With `odd` an error is right whatever the answer: elements of the wrong shape
// are refused here, where Medplum makes something of some.
int Run(bool odd) {
  simdjson::dom::parser parser;
  fhir::fhirpath::Scratch scratch;
  size_t cases = 0;
  size_t mismatches = 0;
  size_t refused = 0;
  for (std::string line; std::getline(std::cin, line); ++cases) {
    JsonElement test;
    if (parser.parse(line).get(test) != simdjson::SUCCESS) {
      std::cerr << "line " << cases + 1 << " is no JSON\n";
      return 2;
    }
    const std::string_view want = fhir::StringMember(test, "want");
    const std::string got = Answer(test, scratch);
    if (got == want || (want == kError && got.starts_with(kError))) continue;
    if (odd && got.starts_with(kError)) {
      ++refused;
      continue;
    }
    if (++mismatches <= kPrintAtMost) {
      std::cout << "want " << want << ", got " << got << ": " << line << "\n";
    }
  }
  std::cout << cases << " cases, " << refused << " refused, " << mismatches
            << " mismatches\n";
  return mismatches == 0 ? 0 : 1;
}

}  // namespace
}  // namespace pdp

int main(int argc, char** argv) {
  return pdp::Run(argc > 1 && std::string_view(argv[1]) == "--odd");
}
