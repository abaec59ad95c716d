// What the functions yield: an expression and the printed result.

#include "pdp/fhir/fhirpath/functions.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "pdp/fhir/fhirpath/test_support.h"
#include "pdp/fhir/resource.h"

namespace pdp::fhir::fhirpath {
namespace {

constexpr std::string_view kPatient = R"({
  "resourceType": "Patient", "id": "p1", "active": true,
  "birthDate": "1974-12-25",
  "name": [{"family": "Chalmers", "given": ["Peter", "James", "Peter"]}, {}],
  "telecom": [{"system": "phone", "value": "1", "rank": 1},
              {"system": "email", "value": "x"}],
  "managingOrganization": {"reference": "Organization/1/_history/2"},
  "generalPractitioner": [
    {"reference": "Practitioner/7"}, {"reference": "#c"},
    {"reference": "http://x/Patient/1"}, {"reference": "Patient?a=b/c"},
    {"type": "Device", "identifier": {"value": "1"}}, {"type": "Group"},
    {"reference": "Patient/1", "resource": {"resourceType": "Group"}}],
  "extension": [{"url": "u1", "valueCode": "c"},
                {"url": "u2", "valueQuantity": {"value": 2.5, "unit": "kg"}},
                {"url": "u2", "valueInteger": 5}]
})";

struct Case {
  std::string_view expression;
  std::string_view result;
};

class FunctionsTest : public testing::Test {
 protected:
  void Check(const Case& test) {
    SCOPED_TRACE(test.expression);
    const Limits limits{.now = absl::FromUnixMillis(1583020799123)};
    const std::string text =
        EvaluateToText(test.expression, resource_->root(), {}, limits);
    if (test.result == "error") {
      EXPECT_TRUE(text.starts_with("error INVALID_ARGUMENT")) << text;
    } else {
      EXPECT_EQ(text, test.result);
    }
  }

  // Each function of the family is called by at least one row.
  void CheckFamily(std::span<const Function> family,
                   std::span<const Case> cases) {
    for (const Case& test : cases) Check(test);
    for (const Function& function : family) {
      EXPECT_TRUE(std::any_of(cases.begin(), cases.end(),
                              [&](const Case& test) {
                                return Calls(test.expression, function.name);
                              }))
          << "no row calls " << function.name << "()";
    }
  }

  static bool Calls(std::string_view expression, std::string_view name) {
    const std::string call = std::string(name) + "(";
    for (size_t at = expression.find(call); at != std::string_view::npos;
         at = expression.find(call, at + 1)) {
      if (at == 0 ||
          std::isalpha(static_cast<unsigned char>(expression[at - 1])) == 0) {
        return true;
      }
    }
    return false;
  }

  const ResourcePtr resource_ = *Resource::Parse(kPatient);
};

TEST_F(FunctionsTest, Existence) {
  constexpr Case kCases[] = {
      {"name.exists()", "boolean false"},  // One is {}.
      {"telecom.exists()", "boolean true"},
      {"nothing.exists()", "boolean false"},
      {"''.exists()", "boolean false"},
      {"0.exists()", "boolean true"},
      {"false.exists()", "boolean true"},
      {"telecom.exists(system = 'phone')", "boolean true"},
      {"telecom.exists(system = 'fax')", "boolean false"},
      {"telecom.exists(rank)", "boolean true"},
      {"nothing.exists(true)", "boolean false"},
      {"name.empty()", "boolean false"},
      {"nothing.empty()", "boolean true"},
      {"''.empty()", "boolean true"},
      {"name.hasValue()", "boolean true"},
      {"{}.hasValue()", "boolean false"},
      {"telecom.all(system)", "boolean true"},
      {"telecom.all(rank)", "boolean false"},
      {"{}.all(false)", "boolean true"},
      {"{}.allTrue()", "boolean true"},
      {"(true | false).allTrue()", "boolean false"},
      {"(1 | 'a').allTrue()", "boolean true"},
      {"(true | false).anyTrue()", "boolean true"},
      {"(0 | '').anyTrue()", "boolean false"},
      {"(true | false).allFalse()", "boolean false"},
      {"{}.allFalse()", "boolean true"},
      {"(true | false).anyFalse()", "boolean true"},
      {"{}.anyFalse()", "boolean false"},
      {"name.given.count()", "integer 3"},
      {"{}.count()", "integer 0"},
      {"name.given.distinct()", "string \"Peter\", string \"James\""},
      {"name.given.isDistinct()", "boolean false"},
      {"telecom.isDistinct()", "boolean true"},
      {"telecom.combine(telecom).distinct().count()", "integer 2"},
      {"(1).subsetOf(1 | 2)", "boolean true"},
      {"(1 | 3).subsetOf(1 | 2)", "boolean false"},
      {"{}.subsetOf({})", "boolean true"},
      {"(1).subsetOf({})", "boolean false"},
      {"telecom.where(rank).subsetOf(telecom)", "boolean true"},
      {"(1 | 2).supersetOf(1)", "boolean true"},
      {"(1 | 2).supersetOf(3)", "boolean false"},
      {"{}.supersetOf({})", "boolean true"},
      {"{}.supersetOf(1)", "boolean false"},
      {"telecom.subsetOf(%x)", "error"},
  };
  CheckFamily(ExistenceFunctions(), kCases);
}

TEST_F(FunctionsTest, Filtering) {
  constexpr Case kCases[] = {
      {"telecom.where(system = 'phone').value", "string \"1\""},
      {"telecom.where(value).count()", "integer 2"},
      {"telecom.where(rank = 1).value", "string \"1\""},
      {"telecom.where('').count()", "integer 0"},
      {"telecom.select(value)", "string \"1\", string \"x\""},
      {"telecom.select($this.system & value)",
       "string \"phone1\", string \"emailx\""},
      {"telecom.select(system | value).count()", "integer 4"},
      {"extension.value.ofType(code)", "code \"c\""},
      {"extension.value.ofType(FHIR.code)", "code \"c\""},
      {"extension.value.ofType('code')", ""},
      {"$this.ofType(Patient).id", "string \"p1\""},
      {"iif(true, 1, 2)", "integer 1"},
      {"iif(false, 1, 2)", "integer 2"},
      {"iif(false, 1)", ""},
      {"iif({}, 1, 2)", "integer 2"},
      {"iif(true, 1, %x)", "integer 1"},
      {"iif(1, 1, 2)", "error"},
      {"iif(true | false, 1, 2)", "error"},
      {"telecom.iif(count() = 2, first().value, 'no')", "string \"1\""},
  };
  CheckFamily(FilteringFunctions(), kCases);
}

TEST_F(FunctionsTest, Subsetting) {
  constexpr Case kCases[] = {
      {"name.given.first()", "string \"Peter\""},
      {"name.given.last()", "string \"Peter\""},
      {"name.given.tail()", "string \"James\", string \"Peter\""},
      {"{}.first()", ""},
      {"{}.last()", ""},
      {"{}.tail()", ""},
      {"(1).single()", "integer 1"},
      {"{}.single()", ""},
      {"(1 | 2).single()", "error"},
      {"(1 | 2 | 3).skip(1)", "integer 2, integer 3"},
      {"(1 | 2 | 3).skip(0)", "integer 1, integer 2, integer 3"},
      {"(1 | 2 | 3).skip(-1)", "integer 1, integer 2, integer 3"},
      {"(1 | 2 | 3).skip(1.5)", "integer 2, integer 3"},
      {"(1 | 2 | 3).skip(3)", ""},
      {"(1 | 2).skip('1')", "error"},
      {"(1 | 2).skip({})", "error"},
      {"(1 | 2 | 3).take(2)", "integer 1, integer 2"},
      {"(1 | 2 | 3).take(9)", "integer 1, integer 2, integer 3"},
      {"(1 | 2 | 3).take(0)", ""},
      {"(1 | 2 | 3).take(-1)", ""},
      {"(1 | 2).take('1')", "error"},
      {"(1 | 2 | 3).intersect(2 | 3 | 4)", "integer 2, integer 3"},
      {"(1 | 2).intersect()", "integer 1, integer 2"},
      {"(1 | 2 | 3).exclude(2)", "integer 1, integer 3"},
      {"(1 | 2).exclude()", "integer 1, integer 2"},
      {"(1 | 2).union(2 | 3)", "integer 1, integer 2, integer 3"},
      {"(1 | 2).union()", "integer 1, integer 2"},
      {"(1 | 2).combine(2)", "integer 1, integer 2, integer 2"},
      {"(1 | 2).combine()", "integer 1, integer 2"},
      // The argument begins at the root, not at the input.
      {"name.given.combine(birthDate).last()", "date \"1974-12-25\""},
  };
  CheckFamily(SubsettingFunctions(), kCases);
}

TEST_F(FunctionsTest, Strings) {
  constexpr Case kCases[] = {
      {"'abc'.indexOf('c')", "integer 2"},
      {"'abc'.indexOf('x')", "integer -1"},
      {"'abc'.indexOf('')", "integer 0"},
      {"'\xF0\x9F\x98\x80z'.indexOf('z')", "integer 2"},
      {"'a1'.indexOf(1)", "integer 1"},
      {"{}.indexOf('a')", ""},
      {"(1).indexOf('a')", "error"},
      {"('a' | 'b').indexOf('a')", "error"},
      {"'abcdef'.substring(2)", "string \"cdef\""},
      {"'abcdef'.substring(2, 2)", "string \"cd\""},
      {"'abcdef'.substring(2, 9)", "string \"cdef\""},
      {"'abcdef'.substring(2, 0)", "string \"cdef\""},
      {"'abcdef'.substring(2, -1)", "string \"b\""},
      {"'abcdef'.substring(6)", ""},
      {"'abcdef'.substring(-1)", ""},
      {"'abcdef'.substring({})", "string \"abcdef\""},
      {"'abcdef'.substring('1')", "error"},
      {"'\xF0\x9F\x98\x80z'.substring(2)", "string \"z\""},
      {"'\xF0\x9F\x98\x80z'.substring(1)", "error"},
      {"'abc'.startsWith('ab')", "boolean true"},
      {"'abc'.startsWith('b')", "boolean false"},
      {"'undefined'.startsWith({})", "boolean true"},
      {"'abc'.endsWith('bc')", "boolean true"},
      {"'abc'.endsWith('b')", "boolean false"},
      {"'abc'.contains('b')", "boolean true"},
      {"'abc'.contains('')", "boolean true"},
      {"'abc'.contains('x')", "boolean false"},
      {"'aB\xC3\x9F'.upper()", "string \"ABSS\""},
      {"'aB\xC3\x89'.lower()", "string \"ab\xC3\xA9\""},
      {"'abcb'.replace('b', 'x')", "string \"axcx\""},
      {"'abc'.replace('', 'x')", "string \"xaxbxcx\""},
      {"'abc'.replace('b', '$&$&')", "string \"abbc\""},
      {"'abc'.replace('b', {})", "string \"aundefinedc\""},
      {"'abc'.matches('^a.c$')", "boolean true"},
      {"'abc'.matches('b')", "boolean true"},
      {"'abc'.matches('x')", "boolean false"},
      {"'abc'.matches({})", "boolean true"},
      {"{}.matches('x')", ""},
      {"'a'.matches('(' & ')')", "boolean true"},
      {"'a'.matches('(' & '')", "error"},
      {"'abc'.replaceMatches('[ab]', 'x')", "string \"xxc\""},
      {"'abc'.replaceMatches('(a)(b)', '$2$1')", "string \"bac\""},
      {"'abc'.replaceMatches('(?<n>a)', '${n}${n}')", "string \"aabc\""},
      {"'abc'.replaceMatches('a', {})", "error"},
      {"'a\xC3\xA9\xF0\x9F\x98\x80'.length()", "integer 4"},
      {"''.length()", "integer 0"},
      {"(1).length()", "error"},
      {"'a\xC3\xA9'.toChars()", "string \"a\", string \"\xC3\xA9\""},
      {"''.toChars()", ""},
      {"'\xF0\x9F\x98\x80'.toChars()", "error"},
      {"name.given.join(', ')", "string \"Peter, James, Peter\""},
      {"name.given.join()", "string \"PeterJamesPeter\""},
      {"(1 | true | 2.5).join('-')", "string \"1-true-2.5\""},
      {"{}.join('-')", "string \"\""},
      {"telecom.join()", "string \"[object Object][object Object]\""},
      {"'a'.join(1)", "error"},
      {"'YQ=='.decode('base64')", ""},
      {"'a'.encode('base64')", ""},
      {"'<'.escape('html')", ""},
      {"'<'.unescape('html')", ""},
      {"' a '.trim()", ""},
      {"'a,b'.split(',')", ""},
  };
  CheckFamily(StringFunctions(), kCases);
}

TEST_F(FunctionsTest, Conversions) {
  constexpr Case kCases[] = {
      {"'Yes'.toBoolean()", "boolean true"},
      {"'1.0'.toBoolean()", "boolean true"},
      {"'F'.toBoolean()", "boolean false"},
      {"'maybe'.toBoolean()", ""},
      {"(1).toBoolean()", "boolean true"},
      {"(0).toBoolean()", "boolean false"},
      {"(2).toBoolean()", ""},
      {"true.toBoolean()", "boolean true"},
      {"{}.toBoolean()", ""},
      {"(true | false).toBoolean()", "error"},
      {"'n'.convertsToBoolean()", "boolean true"},
      {"'x'.convertsToBoolean()", "boolean false"},
      {"'+12'.toInteger()", "integer 12"},
      {"'-12'.toInteger()", "integer -12"},
      {"'1.5'.toInteger()", ""},
      {"(1.5).toInteger()", "integer 1.5"},
      {"true.toInteger()", "integer 1"},
      {"'x'.convertsToInteger()", "boolean false"},
      {"'1'.convertsToInteger()", "boolean true"},
      {"'-1.50'.toDecimal()", "decimal -1.5"},
      {"'+1'.toDecimal()", ""},
      {"'1.'.toDecimal()", ""},
      {"'1234567890'.toDecimal()", ""},
      {"(1).toDecimal()", "decimal 1"},
      {"false.toDecimal()", "decimal 0"},
      {"'1.5'.convertsToDecimal()", "boolean true"},
      {"'2020-02'.toDate()", "date \"2020-02\""},
      {"'2020-02-03T10:00:00+01:00'.toDate()",
       "date \"2020-02-03T09:00:00.000Z\""},
      {"'202'.toDate()", ""},
      {"'2020x'.toDate()", "date \"2020x\""},
      {"'2020-02-03 at noon'.toDate()", "error"},
      {"(2020).toDate()", ""},
      {"'2020'.convertsToDate()", "boolean true"},
      {"'x'.convertsToDate()", "boolean false"},
      {"'2020-02-03'.toDateTime()", "dateTime \"2020-02-03\""},
      {"'2020-02-03T10:00:00Z'.toDateTime()",
       "dateTime \"2020-02-03T10:00:00.000Z\""},
      {"'2020'.convertsToDateTime()", "boolean true"},
      {"'10:30'.toTime()", "time \"T10:30:00.000Z\""},
      {"'T10:30:45x'.toTime()", "time \"T10:30:45.000Z\""},
      {"'1030'.toTime()", "time \"T10:00:00.000Z\""},
      {"'x'.toTime()", ""},
      {"'10'.convertsToTime()", "boolean true"},
      {"(10).convertsToTime()", "boolean false"},
      {"(2).toQuantity()", "Quantity {\"value\":2,\"unit\":\"1\"}"},
      {"'2.5 kg'.toQuantity()", "Quantity {\"value\":2.5,\"unit\":\"1\"}"},
      {"'1e3'.toQuantity()", "Quantity {\"value\":1000,\"unit\":\"1\"}"},
      {"true.toQuantity()", "Quantity {\"value\":1,\"unit\":\"1\"}"},
      {"(4 'mg').toQuantity()", "Quantity {\"value\":4,\"unit\":\"mg\"}"},
      {"'x'.toQuantity()", ""},
      {"'1'.convertsToQuantity()", "boolean true"},
      {"(1.5).toString()", "string \"1.5\""},
      {"true.toString()", "string \"true\""},
      {"'a'.toString()", "string \"a\""},
      {"(4 'mg').toString()", "string \"4 'mg'\""},
      {"(4 days).toString()", "string \"4 '{days}'\""},
      {"extension[1].value.toString()", "string \"2.5 'kg'\""},
      {"telecom[0].toString()", "string \"[object Object]\""},
      {"birthDate.toString()", "string \"1974-12-25\""},
      {"telecom.toString()", "error"},
      {"(1).convertsToString()", "boolean true"},
      {"true.not()", "boolean false"},
      {"'no'.not()", "boolean true"},
      {"'x'.not()", ""},
      {"{}.not()", ""},
      {"(true | false).not()", "error"},
  };
  CheckFamily(ConversionFunctions(), kCases);
}

TEST_F(FunctionsTest, Math) {
  constexpr Case kCases[] = {
      {"(-5).abs()", "integer 5"},
      {"(-5.5).abs()", "decimal 5.5"},
      {"(1.1).ceiling()", "decimal 2"},
      {"(-1.1).ceiling()", "decimal -1"},
      {"(-1.1).floor()", "decimal -2"},
      {"(-1.9).truncate()", "decimal -1"},
      {"(0).exp()", "integer 1"},
      {"(1).ln()", "integer 0"},
      {"(16).log(2)", "integer 4"},
      {"(2).power(3)", "integer 8"},
      {"(2).power({})", "integer NaN"},
      {"(1).power(1 / 0)", "integer NaN"},
      {"(-1).power(0.5)", "integer NaN"},
      {"(9).sqrt()", "integer 3"},
      {"(-1).sqrt()", "integer NaN"},
      {"(2.5).round()", "decimal 3"},
      {"(-2.5).round()", "decimal -2"},
      {"(3.14159).round(2)", "decimal 3.14"},
      {"(3.14159).round({})", "decimal 3"},
      {"(1.5).round(-1)", "error"},
      {"(1.5).round('1')", "error"},
      {"extension[1].value.round()", "Quantity {\"value\":3,\"unit\":\"kg\"}"},
      {"{}.abs()", ""},
      {"'1'.abs()", "error"},
      {"(1 | 2).abs()", "error"},
  };
  CheckFamily(MathFunctions(), kCases);
}

TEST_F(FunctionsTest, Navigation) {
  constexpr Case kCases[] = {
      {"telecom.repeat(value)", ""},
      {"managingOrganization.resolve()",
       "Organization {\"resourceType\":\"Organization\",\"id\":\"1\"}"},
      {"managingOrganization.resolve().id", "string \"1\""},
      {"managingOrganization.resolve().resourceType",
       "string \"Organization\""},
      {"managingOrganization.resolve().name", ""},
      {"generalPractitioner.resolve().resourceType",
       "string \"Practitioner\", string \"http:\", string \"Patient\", "
       "string \"Device\", string \"Group\""},
      {"generalPractitioner.where(resolve() is Patient).reference",
       "string \"Patient?a=b/c\""},
      {"generalPractitioner.where(resolve() is Practitioner).reference",
       "string \"Practitioner/7\""},
      {"generalPractitioner.where(resolve() is Group).reference",
       "string \"Patient/1\""},
      {"'Patient/1'.resolve() is Patient", "boolean true"},
      {"'urn:uuid:1'.resolve()", ""},
      {"(1).resolve()", ""},
      {"extension('u1').value", "code \"c\""},
      {"extension('u2').value", "Quantity {\"value\":2.5,\"unit\":\"kg\"}"},
      {"extension('u3')", ""},
      {"extension({})", "error"},
      {"name.extension('u1')", ""},
      {"extension[0].value.as(code)", "code \"c\""},
      {"extension[0].value.as(string)", ""},
      {"extension.value.as(code)", "error"},
      {"extension.value.is(code)",
       "boolean true, boolean false, boolean false"},
      {"extension.value.is('code')", ""},
      {"{}.is(code)", ""},
      {"true.type()",
       "BackboneElement {\"namespace\":\"System\",\"name\":\"Boolean\"}"},
      {"(1.5).type().name", "string \"Integer\""},
      {"type().namespace & '.' & type().name", "string \"FHIR.Patient\""},
      {"'a'.type()", "BackboneElement null"},
      {"'a'.type().name", ""},
      {"conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')",
       "boolean true"},
      {"conformsTo('http://hl7.org/fhir/StructureDefinition/Group')",
       "boolean false"},
      {"conformsTo('http://x')", "error"},
      {"conformsTo({})", "error"},
      {"getResourceKey()", "id \"p1\""},
      {"name.first().getResourceKey()", ""},
      {"{}.getResourceKey()", "error"},
      {"managingOrganization.getReferenceKey()", "id \"1\""},
      {"managingOrganization.getReferenceKey(Organization)", "id \"1\""},
      {"managingOrganization.getReferenceKey(Patient)", ""},
      {"generalPractitioner[1].getReferenceKey()", "error"},
      {"name.getReferenceKey()", ""},
      {"{}.getReferenceKey()", "error"},
      {"children()", ""},
      {"descendants()", ""},
  };
  CheckFamily(NavigationFunctions(), kCases);
}

TEST_F(FunctionsTest, Utilities) {
  constexpr Case kCases[] = {
      {"now()", "dateTime \"2020-02-29T23:59:59.123Z\""},
      {"today()", "date \"2020-02-29\""},
      {"timeOfDay()", "time \"23:59:59.123Z\""},
      {"birthDate < today()", "boolean true"},
      {"birthDate.trace('x')", "date \"1974-12-25\""},
      {"birthDate.trace()", "date \"1974-12-25\""},
      {"birthDate.htmlChecks()", "boolean true"},
      {"between(birthDate, '2020-12-24', 'years')",
       "Quantity {\"value\":45,\"unit\":\"years\"}"},
      {"between(birthDate, '2020-12-25', 'years').value", "decimal 46"},
      {"between('2020-01-31', '2020-02-29', 'months').value", "decimal 0"},
      {"between('2020-02-28', '2020-03-01', 'days').value", "decimal 2"},
      {"between('2020-03-01', '2020-02-28', 'days').value", "decimal -2"},
      {"between('2020-03-01', '2020-02-28', 'weeks')", "error"},
      {"between({}, '2020', 'days')", "error"},
      {"between('2020', 'x', 'days')", "error"},
  };
  CheckFamily(UtilityFunctions(), kCases);
}

TEST_F(FunctionsTest, TablesNameEveryFunctionOnce) {
  size_t count = 0;
  for (const auto family :
       {ExistenceFunctions(), FilteringFunctions(), SubsettingFunctions(),
        StringFunctions(), ConversionFunctions(), MathFunctions(),
        NavigationFunctions(), UtilityFunctions()}) {
    for (const Function& function : family) {
      EXPECT_EQ(FindFunction(function.name), &function) << function.name;
      ++count;
    }
  }
  EXPECT_EQ(count, 90);
  EXPECT_EQ(FindFunction("aggregate"), nullptr);
}

}  // namespace
}  // namespace pdp::fhir::fhirpath
