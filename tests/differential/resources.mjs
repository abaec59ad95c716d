// Random resources of every type, from the definitions.

import { below, chance, pick } from './choices.mjs';

export const IDS = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-00000000000A',
  '123',
  'abc',
];
export const REFERENCES = [
  ...IDS.map((id) => `Patient/${id}`),
  'Practitioner/123',
  'Organization/abc',
  'Group/123',
  'Project/00000000-0000-4000-8000-000000000001',
  'Patient/123/_history/1',
  'http://example.com/Patient/123',
  'Patient?identifier=a|b',
  '#contained',
  '#Patient/1',
  'urn:uuid:00000000-0000-4000-8000-000000000001',
  'Patient/',
  'Device/123',
  'Location/abc',
  '/Patient/123',
  'patient/123',
];
const PATIENTS = REFERENCES.slice(0, IDS.length);
export const WORDS = [
  'Ann',
  'KHALID',
  'ali',
  'Ångström',
  'A\u030angstro\u0308m',
  'ΟΔΥΣΣΕΥΣ',
  'İstanbul',
  'a b',
  ' a ',
  'x,y',
  'p|q',
  'back\\slash',
  '50%',
  'a+b',
  'a&b=c',
  'ＦＵＬＬ',
  'straße',
  'Ⅷ',
  'K',
  '😀',
  '\u00a0\u2028',
  '"quoted"',
  '\u0000',
];
export const CODES = ['active', 'final', 'FINAL', 'draft', 'male', 'email', 'phone', 'true', 'x'];
export const URIS = ['http://example.com/a', 'http://example.com/a/b', 'urn:x', 'ValueSet/abc'];
const SYSTEMS = ['http://loinc.org', 'HTTP://LOINC.ORG', 'urn:s', 'MRN', 's|t'];
export const DATES = [
  '2024',
  '2024-02',
  '2023-02',
  '2024-04',
  '2024-12',
  '2024-02-29',
  '2024-02-30',
  '2023-02-29',
  '2024-03-02',
  '1990-02-28',
  '9999-12-31',
  '0001-01-01',
];
export const DATE_TIMES = [
  ...DATES,
  '2024-02-29T10',
  '2024-02-29T10:20:30Z',
  '2024-02-29T10:20:30.5Z',
  '2024-02-29T10:20:30.51+02:00',
  '2024-02-29T10:20:30.512Z',
  '2024-02-29T10:20:30.512345678-05:30',
  '2024-03-01T00:00:00+14:00',
  '2024-02-29T23:59:59',
  '2024-02-29Z',
  '2024-02-29+02:00',
  '2024-02Z',
  '2024-02-',
  '9999-12-31T23:59:59-12:00',
];
export const BAD_DATES = [
  '2024-02-29T10:20:60Z',
  '2024-02-29T10:20',
  '2024-02+02:00',
  '2024-02-29-',
  '2024-13',
  '0000',
  '2024-02-29T24:00:00Z',
  'yesterday',
  '',
];
const ODD = [
  null,
  '',
  {},
  [],
  5,
  -0.5,
  1e21,
  true,
  'text',
  ['a'],
  [null],
  [{}],
  { x: 1 },
  [[]],
  [['a']],
];

const PRIMITIVES = {
  boolean: () => chance(0.5),
  integer: () => pick([0, 1, 42, -7]),
  positiveInt: () => pick([1, 42]),
  unsignedInt: () => pick([0, 42]),
  decimal: () =>
    pick([0, 0.5, 1e-7, 123456.75, 100, -1.1, 2 ** 53, 5e-324, 1e300, 123456789.12345679]),
  date: () => pick(DATES),
  dateTime: () => pick(DATE_TIMES),
  instant: () => pick(DATE_TIMES),
  time: () => '10:20:30',
  code: () => pick(CODES),
  id: () => pick(IDS),
  uri: () => pick([...URIS, ...REFERENCES]),
  url: () => pick(URIS),
  canonical: () => pick([...URIS, 'http://example.com/a|2', 'Questionnaire/123']),
  oid: () => 'urn:oid:1.2.3',
  uuid: () => 'urn:uuid:1',
  markdown: () => pick(WORDS),
  string: () => pick(WORDS),
  base64Binary: () => 'AAAA',
  xhtml: () => '<div/>',
};

const capitalize = (text) => text[0].toUpperCase() + text.slice(1);

// FHIR has no empty objects.
export function withoutEmpty(value) {
  if (Array.isArray(value)) {
    const items = value.map(withoutEmpty).filter((item) => item !== undefined);
    return items.some((item) => item !== null) ? items : undefined;
  }
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, withoutEmpty(member)])
    .filter(([, member]) => member !== undefined);
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

export class Resources {
  #core;
  #isOdd = false; // Some elements have the wrong shape.

  constructor(medplum) {
    this.#core = medplum.core;
    this.types = medplum.resourceTypes;
  }

  // A resource of `type`, in which more of the elements that `expressions` name
  // are present than of others.
  resource(type, expressions = [], isOdd = false) {
    this.#isOdd = isOdd;
    const resource = { resourceType: type, ...this.#object(type, 0) };
    if (chance(0.9)) resource.id = pick(IDS);
    if (chance(0.9)) resource.meta = this.#meta();
    for (const expression of expressions) this.#fill(resource, expression);
    if (!isOdd) return { resourceType: type, ...withoutEmpty(resource) };
    if (chance(0.02)) resource.Practitioner = { name: 'Ann' };
    return resource;
  }

  reference() {
    const reference = {};
    if (chance(0.85)) {
      reference.reference = pick(REFERENCES);
    } else if (chance(0.5)) {
      reference.identifier = this.#value('Identifier', 9);
    } else if (chance(0.5)) {
      reference.resource = { resourceType: 'Patient', id: pick(IDS) };
    }
    if (chance(0.2)) reference.display = pick(WORDS);
    if (chance(0.1)) reference.type = pick(['Patient', 'Group']);
    return reference;
  }

  #meta() {
    return {
      project: pick(IDS),
      lastUpdated: pick(DATE_TIMES),
      compartment: [this.reference(), this.reference()],
      ...(chance(0.5) ? { versionId: pick(IDS) } : {}),
      ...(chance(0.5) ? { author: this.reference() } : {}),
      ...(chance(0.5) ? { accounts: [this.reference()] } : {}),
      ...(chance(0.5) ? { account: this.reference() } : {}),
      ...(chance(0.5) ? { tag: [this.#value('Coding', 2)] } : {}),
      ...(chance(0.3) ? { security: [this.#value('Coding', 2)] } : {}),
      ...(chance(0.3) ? { source: pick(URIS) } : {}),
      ...(chance(0.5) ? { profile: [pick(URIS)] } : {}),
    };
  }

  #value(type, depth) {
    if (this.#isOdd && chance(0.02)) return structuredClone(pick(ODD));
    if (PRIMITIVES[type]) return PRIMITIVES[type]();
    switch (type) {
      case 'Reference':
        return this.reference();
      case 'Coding':
        return this.#some({
          system: () => pick(SYSTEMS),
          code: () => pick([...CODES, ...WORDS]),
          display: () => pick([...CODES, ...WORDS]),
        });
      case 'Identifier':
        return this.#some({
          system: () => pick(SYSTEMS),
          value: () => pick([...IDS, ...WORDS]),
          type: () => this.#value('CodeableConcept', depth + 1),
        });
      case 'Resource':
        return { resourceType: 'Basic', id: pick(IDS) };
      default:
        return this.#object(type, depth + 1);
    }
  }

  #some(makers) {
    const present = Object.entries(makers).filter(() => chance(0.7));
    return Object.fromEntries(present.map(([name, make]) => [name, make()]));
  }

  #object(type, depth) {
    const definition = this.#core.tryGetDataType(type);
    const object = {};
    if (!definition || depth > 5) return object;
    const density = depth === 0 ? pick([0.05, 0.2, 0.6]) : 0.4;
    for (const key of Object.keys(definition.elements)) {
      if (key === 'contained' || (key === 'text' && depth === 0)) continue;
      if (key.endsWith('xtension') && !chance(0.1)) continue;
      if (chance(density)) this.#add(object, definition.elements, key, depth);
    }
    return object;
  }

  // Gives `object` the element `key`; its name and type.
  #add(object, elements, key, depth, wantedType) {
    const element = elements[key];
    let type = element?.type[0]?.code;
    if (!type) return undefined;
    let name = key;
    if (key.endsWith('[x]')) {
      const types = element.type.map(({ code }) => code);
      type = types.includes(wantedType) ? wantedType : pick(types);
      name = key.slice(0, -3) + capitalize(type);
    }
    const make = () => this.#value(type, depth);
    object[name] = element.isArray ? [make(), ...(chance(0.5) ? [make()] : [])] : make();
    // Most search parameters follow references to one type only.
    const first = [object[name]].flat()[0];
    if (type === 'Reference' && chance(0.3) && first?.reference) first.reference = pick(PATIENTS);
    if (PRIMITIVES[type] && chance(0.02)) this.#extend(object, name);
    if (this.#isOdd && chance(0.02)) object[`_${name}`] = { id: 'x' };
    if (this.#isOdd && chance(0.02)) object[name] = [object[name]];
    return { name, type };
  }

  // The extension of a primitive element, or of some items of a list.
  #extend(object, name) {
    const extension = () => ({ extension: [{ url: pick(URIS), valueString: pick(WORDS) }] });
    const value = object[name];
    object[`_${name}`] = Array.isArray(value)
      ? value.map(() => (chance(0.5) ? null : extension()))
      : extension();
    // It may be all there is.
    if (chance(0.3)) delete object[name];
  }

  // Adds what a branch of a search parameter's expression looks at, its path of
  // plain names.
  #fill(resource, expression) {
    const branches = expression
      .split('|')
      .map((branch) => branch.trim().replace(/^\(+/, ''))
      .filter((branch) => branch.startsWith(`${resource.resourceType}.`));
    if (branches.length === 0) return;
    const branch = pick(branches);
    const wantedType = /(?:\bas |as\(|ofType\()(\w+)/.exec(branch)?.[1];
    // Names, some with a condition such as `.where(system='email')`.
    const steps = /\.(\w+)(?![\w(])(?:\.where\((\w+) *= *'([^']*)'\))?/gy;
    steps.lastIndex = resource.resourceType.length;
    const path = [...branch.matchAll(steps)];
    let object = resource;
    let type = resource.resourceType;
    for (const [depth, [, name, member, wanted]] of path.entries()) {
      const elements = this.#core.tryGetDataType(type)?.elements;
      const key = elements?.[name] ? name : `${name}[x]`;
      const isPresent = key === name && object[name] !== undefined;
      const added = isPresent
        ? { name, type: elements[name].type[0]?.code }
        : elements && this.#add(object, elements, key, depth + 1, wantedType);
      if (!added) return;
      const value = object[added.name];
      object = Array.isArray(value) ? value[below(value.length)] : value;
      type = added.type;
      if (object === null || typeof object !== 'object') return;
      if (member && chance(0.8)) object[member] = wanted;
    }
  }
}
