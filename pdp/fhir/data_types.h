// The data types of FHIR R4 (semantics S-18, S-20): what may follow the name of
// a choice element, `value[x]`, in JSON.

#ifndef PDP_FHIR_DATA_TYPES_H_
#define PDP_FHIR_DATA_TYPES_H_

#include <string_view>

namespace pdp::fhir {

// Sorted by bytes; that is also the order in which Medplum tries them on a
// member that the schema does not know.
inline constexpr std::string_view kDataTypes[] = {
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "BackboneElement",
    "CodeableConcept",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Distance",
    "Dosage",
    "Duration",
    "Element",
    "ElementDefinition",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "MarketingStatus",
    "Meta",
    "Money",
    "MoneyQuantity",
    "Narrative",
    "ParameterDefinition",
    "Period",
    "Population",
    "ProdCharacteristic",
    "ProductShelfLife",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "SimpleQuantity",
    "SubstanceAmount",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "xhtml",
};

}  // namespace pdp::fhir

#endif  // PDP_FHIR_DATA_TYPES_H_
