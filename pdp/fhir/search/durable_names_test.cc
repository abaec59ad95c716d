#include <gtest/gtest.h>

#include <string_view>

#include "pdp/fhir/search/durable_cases.h"

namespace pdp::fhir::search {
namespace {

TEST(DurableNamesTest, NamesAreFoundByTheirWords) {
  constexpr std::string_view kIrish = R"({"resourceType":"Patient",
    "name":[{"family":"O'Brien"}]})";
  constexpr std::string_view kHyphen = R"({"resourceType":"Patient",
    "name":[{"given":["Anne-Marie"]}]})";
  CheckCases({
      {"Patient?name=an", kPatient, kYes},
      {"Patient?name=Lee Ann", kPatient, kYes},
      {"Patient?name=ee", kPatient, kNo},
      {"Patient?family=ann", kPatient, kNo},
      {"Patient?name:not=ann", kPatient, kNo},
      {"Patient?name:not=bob", kPatient, kYes},
      {"Patient?name:not=bob", kEmptyPatient, kYes},
      {"Patient?name:missing=true", kEmptyPatient, kNo},
      {"Patient?family:exact=Lee", kPatient, kYes},
      {"Patient?family:exact=lee", kPatient, kNo},
      {"Patient?family:contains=EE", kPatient, kYes},
      {"Patient?name=", kPatient, kYes},
      {"Patient?name=brien", kIrish, kYes},
      {"Patient?name=o'brien", kIrish, kYes},
      {"Patient?name=rivera", kIrish, kNo},
      {"Patient?name=o'brien", kPatient, kNo},
      {"Patient?name=anne", kHyphen, kYes},
      {"Patient?name=marie", kHyphen, kYes},
      {"Patient?name=anne-marie", kHyphen, kYes},
      {"Patient?name=anne-m", kHyphen, kYes},
      {"Patient?name=ANNE marie", kHyphen, kYes},
      {"Patient?name=nne", kHyphen, kNo},
      {"Patient?name=anne-bob", kHyphen, kNo},
      {"Patient?name=anne-", kHyphen, kUnknown},
      {"Patient?name=bob", kHyphen, kNo},
      {"Patient?name=a.nn", kPatient, kNo},
      {"Patient?name=a.l", kPatient, kYes},
      {"Patient?name=!zz", kPatient, kNo},
      {"Patient?name=%25", kPatient, kYes},
      {"Patient?name=%25", kEmptyPatient, kNo},
      {"Patient?name=\xEF\xBF\xBDl", kPatient, kYes},
      {"Patient?name=zé", kPatient, kNo},
      {"Patient?name=\xE1\x8E\xA0", kPatient, kUnknown},
      {"Patient?name:in=ann", kPatient, kError},
      {"Patient?name:not-in=ann", kPatient, kError},
      {"Patient?name:foo=ann", kPatient, kYes},
      {"Patient?name:text=ann", kPatient, kYes},
      {"Patient?name:not=bob,ann", kPatient, kNo},
      {"Patient?name=bob,ann", kPatient, kYes},
      {"Patient?name:exact=Ann Lee", kPatient, kYes},
      {"Patient?name:exact= Ann Lee ", kPatient, kYes},
      {"Patient?name:exact=Ann", kPatient, kNo},
      {"Patient?given:exact=Ann", kPatient, kYes},
      {"Patient?name:contains=nn l", kPatient, kYes},
      {"Patient?name:contains=bob", kPatient, kNo},
  });
}

TEST(DurableNamesTest, EachNameIsARowOfItsOwn) {
  constexpr std::string_view kTwo = R"({"resourceType":"Patient",
    "name":[{"given":["Ann","Bea"],"family":"Lee","prefix":["Dr"],
      "suffix":["Jr"]},{"text":"Zoe Zed"},{"family":"Ng","text":"Kim NG"}]})";
  constexpr std::string_view kFamily =
      R"({"resourceType":"Patient","name":[{"family":"Lee"}]})";
  CheckCases({
      {"Patient?name=ann bea", kTwo, kYes},
      {"Patient?name=dr jr", kTwo, kYes},
      {"Patient?name=ann zoe", kTwo, kNo},
      {"Patient?name=zoe", kTwo, kYes},
      {"Patient?name=kim ng", kTwo, kYes},
      {"Patient?name:exact=Ng kim", kTwo, kYes},
      {"Patient?name:exact=Zoe Zed", kTwo, kYes},
      {"Patient?given=bea", kTwo, kYes},
      {"Patient?given:exact=Ann Bea", kTwo, kYes},
      {"Patient?family=zoe", kTwo, kNo},
      // A value without words finds every row, whatever the column.
      {"Patient?given=*", kFamily, kYes},
      {"Patient?given=", kFamily, kYes},
      {"Patient?given:exact=", kFamily, kNo},
      {"Patient?name=", kEmptyPatient, kNo},
  });
}

TEST(DurableNamesTest, LettersOutsideAsciiAreKnownInPart) {
  constexpr std::string_view kJose =
      R"({"resourceType":"Patient","name":[{"given":["José"]}]})";
  CheckCases({
      {"Patient?name=josé", kJose, kYes},
      {"Patient?name=JOSÉ", kJose, kYes},
      {"Patient?name=jose", kJose, kNo},
      {"Patient?name=élo",
       R"({"resourceType":"Patient","name":[{"given":["Élodie"]}]})", kUnknown},
      {"Patient?name=brien",
       R"({"resourceType":"Patient","name":[{"family":"O’Brien"}]})", kYes},
  });
}

TEST(DurableNamesTest, AddressesHaveAColumnForEachPart) {
  constexpr std::string_view kHome = R"({"resourceType":"Patient",
    "address":[{"line":["12 Main St.","Apt #4"],"city":"Springfield",
      "state":"IL","postalCode":"62701-1234","country":"US","use":"home",
      "district":"Sangamon"}]})";
  CheckCases({
      {"Patient?address=main", kHome, kYes},
      {"Patient?address=st springfield", kHome, kYes},
      {"Patient?address=4", kHome, kYes},
      {"Patient?address=62701", kHome, kYes},
      {"Patient?address=62701-1234", kHome, kYes},
      {"Patient?address=1234", kHome, kNo},
      {"Patient?address=us", kHome, kNo},
      {"Patient?address=sangamon", kHome, kNo},
      {"Patient?address-state=I", kHome, kYes},
      {"Patient?address-state=L", kHome, kNo},
      {"Patient?address-state:not=CA", kHome, kYes},
      {"Patient?address-state:not=CA", kEmptyPatient, kYes},
      {"Patient?address-state:missing=false", kHome, kNo},
      {"Patient?address-state=CA,IL", kHome, kYes},
      {"Patient?address-country=us", kHome, kYes},
      {"Patient?address-use=home", kHome, kYes},
      {"Patient?address-postalcode=627", kHome, kYes},
      {"Patient?address-city:exact=Springfield", kHome, kYes},
      {"Patient?address-city:exact=springfield", kHome, kNo},
      {"Patient?address-city:contains=FIELD", kHome, kYes},
      {"Patient?address=a.b",
       R"({"resourceType":"Patient","address":[{"line":["a.b"]}]})", kUnknown},
      {"Organization?address=elm",
       R"({"resourceType":"Organization","address":[{"line":["Elm"]}]})", kYes},
      {"Location?address-city=x",
       R"({"resourceType":"Location","address":{"city":"X"}})", kYes},
  });
}

}  // namespace
}  // namespace pdp::fhir::search
