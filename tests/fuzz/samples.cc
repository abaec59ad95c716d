#include "tests/fuzz/samples.h"

#include <string_view>

#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

constexpr std::string_view kSamples[] = {
    R"({"resourceType":"Patient","id":"10000000-0000-4000-8000-000000000001",
  "meta":{"project":"20000000-0000-4000-8000-000000000001","versionId":"v1",
    "lastUpdated":"2024-05-01T12:00:00.000Z","tag":[{"system":"s","code":"t"}],
    "compartment":[
      {"reference":"Project/20000000-0000-4000-8000-000000000001"},
      {"reference":"Patient/10000000-0000-4000-8000-000000000001"},
      {"reference":"Organization/30000000-0000-4000-8000-000000000001"}]},
  "active":true,"gender":"female","birthDate":"1980-02-29",
  "_birthDate":{"extension":[{"url":"http://x/t","valueTime":"12:30"}]},
  "name":[{"use":"official","family":"Rivera","given":["Ana","B\u00e9la"]},
    {"text":"Ana \ud83d\ude00","prefix":["Dr."]}],
  "identifier":[{"system":"http://mrn.example.org","value":"M001",
    "type":{"coding":[{"code":"MR"}]}},{"value":"2"}],
  "telecom":[{"system":"phone","value":"+1 555-0100","use":"home"},
    {"system":"email","value":"a@example.org"}],
  "address":[{"line":["1 Main"],"city":"Springfield","postalCode":"01234",
    "state":"CA","country":"US"}],
  "deceasedDateTime":"2024","multipleBirthInteger":2,
  "generalPractitioner":[{"reference":"Practitioner/p1","display":"P"}],
  "managingOrganization":
    {"reference":"Organization/30000000-0000-4000-8000-000000000001"},
  "link":[{"other":{"reference":"Patient/2"},"type":"seealso"}],
  "extension":[{"url":"http://x/race","valueCodeableConcept":{"text":"r"}}]})",
    R"({"resourceType":"Observation","id":"o1","status":"final",
  "meta":{"project":"20000000-0000-4000-8000-000000000001",
    "lastUpdated":"2024-05-01T12:00:00Z"},
  "code":{"coding":[{"system":"http://loinc.org","code":"8480-6"},
    {"code":"bp"}],"text":"Systolic"},
  "category":[{"coding":[{"code":"vital-signs"}]}],
  "subject":{"reference":"Patient/10000000-0000-4000-8000-000000000001"},
  "encounter":{"reference":"Encounter/e1"},
  "effectivePeriod":{"start":"2024-01-31T23:59:59-05:00","end":"2024-02"},
  "issued":"2024-02-01T00:00:00.123+02:00",
  "performer":[{"reference":"Practitioner/p1"},{"display":"none"}],
  "valueQuantity":{"value":120.50,"unit":"mmHg","code":"mm[Hg]",
    "system":"http://unitsofmeasure.org","comparator":"<"},
  "referenceRange":[{"low":{"value":0},"high":{"value":1e3}}],
  "component":[{"code":{"text":"c"},"valueQuantity":{"value":-1.5e-7}},
    {"code":{"coding":[{"code":"x"}]},"valueString":"%_\\"}]})",
    R"({"resourceType":"Task","id":"t1","status":"requested","intent":"order",
  "priority":"urgent","authoredOn":"2024-05-01","lastModified":"2024-05-02",
  "code":{"coding":[{"system":"a","code":"b"}]},
  "for":{"reference":"Patient/10000000-0000-4000-8000-000000000001"},
  "owner":{"reference":"Practitioner/p1","identifier":{"value":"1"}},
  "requester":{"identifier":{"system":"s","value":"v"}},
  "basedOn":[{"reference":"ServiceRequest/s1"},{"reference":"#c"}],
  "restriction":{"repetitions":3,"period":{"end":"2030-12-31"}},
  "input":[{"type":{"text":"t"},"valueBoolean":false}],
  "contained":[{"resourceType":"Basic","id":"c"}]})",
    R"({"resourceType":"Appointment","status":"booked","minutesDuration":30,
  "priority":5,"start":"2024-05-01T09:00:00.000Z",
  "end":"2024-05-01T09:30:00.000Z","participant":[
    {"actor":{"reference":"Patient/10000000-0000-4000-8000-000000000001"},
     "status":"accepted"},{"actor":{"reference":"HealthcareService/h"},
     "status":"needs-action"}]})",
    R"({"resourceType":"ValueSet","id":"v","url":"http://example.org/vs",
  "version":"1.0","name":"Vs","title":"","status":"active",
  "experimental":null,"useContext":[{"code":{"code":"age"},
    "valueRange":{"low":{"value":1}}}],
  "expansion":{"identifier":"urn:uuid:1","timestamp":"2024"}})",
    R"({"resourceType":"RiskAssessment","status":"final",
  "subject":{"reference":"Group/g"},
  "prediction":[{"probabilityDecimal":0.25},{"probabilityDecimal":"0.5"},
    {"probabilityRange":{"low":{"value":1}}}]})",
    R"({"resourceType":"Questionnaire","status":{"wrong":["shape",1,null]},
  "item":[{"linkId":"1","item":[{"linkId":"1.1","item":[]}]},5,null],
  "subjectType":"Patient","date":["2024","x"],"name":7,"code":false})",
};

}  // namespace

const std::vector<fhir::ResourcePtr>& Samples() {
  static const auto* const samples = [] {
    auto* made = new std::vector<fhir::ResourcePtr>();
    for (const std::string_view json : kSamples) {
      auto resource = fhir::Resource::Parse(json);
      Require(resource.ok(), json);
      made->push_back(*std::move(resource));
    }
    return made;
  }();
  return *samples;
}

}  // namespace pdp::fuzz
