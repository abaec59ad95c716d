// The words of random FHIRPath expressions.

const words = (text) => text.trim().split(/\s+/);

// Members of resources, and what looks like one.
export const NAMES = words(`
  id active name given family use telecom system value birthDate deceased
  multipleBirth maritalStatus coding code display text contact relationship
  organization generalPractitioner managingOrganization reference identifier
  contained extension url status category subject effective issued component
  referenceRange low high unit start end period item linkId required initial
  entry resource meta tag profile lastUpdated project resourceType
  valueQuantity valueString deceasedBoolean foo link other type Patient
  Observation Questionnaire Bundle Organization rank namespace
`);

// What goes on from many members.
export const STEPS = words(`
  given family system value coding code display text reference extension url
  unit id start end name active item linkId status
`);

// Types, known and unknown.
export const TYPES = words(`
  Patient Observation Quantity string boolean Boolean String Integer Decimal
  Date DateTime Time Period Reference CodeableConcept code dateTime date
  FHIR.Patient System.String FHIR.boolean Organization integer BackboneElement
  Coding HumanName Unknown Range
`);

// Operators, the more common ones more often.
export const OPERATORS = words(`
  = != = != ~ !~ and or xor implies and or implies < <= > >= + - * / div mod &
  | | in contains
`);

// The paths of the small resources.
export const PATHS = {
  Patient: words(`
  name.given name.family active birthDate telecom telecom.value contained
  extension.value generalPractitioner managingOrganization contact.name
  contact.name.given deceased multipleBirth meta.tag Patient.name
  Patient.active maritalStatus.coding name contact
  generalPractitioner.reference link.other name.period extension id
  meta.profile name.given.extension birthDate.extension
  contact.relationship.coding.code maritalStatus Patient telecom.rank
  contained.id generalPractitioner.resolve() contained.Patient name.first()
  managingOrganization.resolve() extension.value.value
  `),
  Observation: words(`
  subject subject.reference code.coding.code code.coding value value.value
  component.value status effective referenceRange.low Observation.subject
  component component.code category.coding category category.text
  referenceRange referenceRange.low.value value.coding.display code.text
  encounter valueQuantity component.value.unit issued subject.resolve()
  effective.start Observation.value component.code.coding Observation
  `),
  Questionnaire: words(`
  item.item.text item.linkId item item.item item.item.item status url
  item.required item.initial.value item.text item.item.linkId
  Questionnaire.item item.initial
  `),
  Bundle: words(`
  entry.resource entry.resource.id entry entry.fullUrl entry.resource.name
  Bundle.entry entry.resource.value entry.resource.code.coding
  entry.resource.Patient entry.resource.active type
  entry.resource.ofType(Patient) entry.resource.birthDate
  entry.resource.status
  `),
};
