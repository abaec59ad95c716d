// Cases with the answers of Medplum's own engine.  They are no part of this
// tree: PDP_FHIRPATH_CASES names the directory that has `cases.json` and
// `input/`; without it, ../shared/fhirpath beside the source directory is
// tried.  Cases that may differ are in
// tests/conformance/fhirpath_exceptions.txt.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/fhirpath/expression.h"
#include "pdp/fhir/fhirpath/js.h"
#include "pdp/fhir/fhirpath/test_support.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr char kExceptions[] = "tests/conformance/fhirpath_exceptions.txt";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// By name; what follows the first space of a line is the reason.
std::set<std::string> ReadExceptions() {
  std::set<std::string> names;
  std::ifstream stream(kExceptions);
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line[0] == '#') continue;
    EXPECT_NE(line.find(' '), std::string::npos) << "no reason: " << line;
    names.insert(line.substr(0, line.find(' ')));
  }
  return names;
}

// JSON has no NaN and no infinity: the cases have null for them.
std::string AsJson(std::string text) {
  for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
    if (text.ends_with(StrCat(" ", word))) {
      text.resize(text.size() - word.size());
      return text + "null";
    }
  }
  return text;
}

// What Medplum answered, in the form of Describe(); "error" for an error.
std::string Wanted(JsonElement test) {
  if (!Member(test, "medplum")) return "error";
  std::string out;
  ForEachItem(test, "medplum", [&out](JsonElement item) {
    const auto value = Member(item, "value");
    std::string text = "undefined";
    if (value) {
      const auto number = JsonNumber(*value);
      text = number ? NumberToString(*number) : ToJson(*value);
    }
    if (!out.empty()) out += ", ";
    out += StrCat(StringMember(item, "type"), " ", text);
  });
  return out;
}

class Inputs {
 public:
  explicit Inputs(std::filesystem::path directory)
      : directory_(std::move(directory)) {}

  ResourcePtr Get(std::string_view name) {
    ResourcePtr& input = inputs_[std::string(name)];
    if (input == nullptr) {
      auto parsed = Resource::Parse(ReadFile(directory_ / name));
      EXPECT_TRUE(parsed.ok()) << name << parsed.status().ToString();
      input = *parsed;
    }
    return input;
  }

 private:
  std::filesystem::path directory_;
  std::map<std::string, ResourcePtr> inputs_;
};

TEST(FhirPathConformanceTest, AnswersAreThoseOfMedplum) {
  const char* const directory_text = std::getenv("PDP_FHIRPATH_CASES");
  const std::filesystem::path directory =
      directory_text != nullptr ? directory_text : "../shared/fhirpath";
  if (!std::filesystem::exists(directory / "cases.json")) {
    std::fprintf(stderr,
                 "\n*** THE FHIRPATH CONFORMANCE CASES WERE NOT RUN: %s has no "
                 "cases.json (set PDP_FHIRPATH_CASES) ***\n\n",
                 directory.c_str());
    GTEST_SKIP();
  }
  const std::set<std::string> exceptions = ReadExceptions();
  std::set<std::string> used;
  Inputs inputs(directory / "input");
  simdjson::dom::parser parser;
  const std::string text = ReadFile(directory / "cases.json");
  const JsonArray cases = parser.parse(text).get_array().value();
  int answers = 0;
  int equal_answers = 0;
  int errors = 0;
  int equal_errors = 0;
  for (const JsonElement test : cases) {
    std::string_view input = StringMember(test, "input");
    if (input.empty()) input = "patient-example.json";
    const ResourcePtr resource = inputs.Get(input);
    const std::string_view expression = StringMember(test, "expression");
    const std::string name =
        StrCat(StringMember(test, "group"), "/", StringMember(test, "test"));
    const std::string wanted = Wanted(test);
    const std::string got =
        AsJson(EvaluateToText(expression, resource->root()));
    const bool is_error = wanted == "error";
    const bool equal = is_error ? got.starts_with("error") : got == wanted;
    ++(is_error ? errors : answers);
    if (equal) ++(is_error ? equal_errors : equal_answers);
    if (exceptions.contains(name)) {
      used.insert(name);
      continue;
    }
    EXPECT_TRUE(equal) << name << "\n  " << expression << "\n  wanted "
                       << wanted << "\n  got    " << got;
  }
  EXPECT_EQ(used, exceptions) << "exceptions that name no case";
  std::printf("%d of %d answers and %d of %d errors are Medplum's\n",
              equal_answers, answers, equal_errors, errors);
}

}  // namespace
}  // namespace pdp::fhir::fhirpath
