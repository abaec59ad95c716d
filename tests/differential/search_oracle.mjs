// Writes random cases of search matching, with Medplum's own answers, as JSON
// lines for search_differential.  See README.md.
//
//   node search_oracle.mjs PATH_OF_node_modules/@medplum SEED CASES [odd]

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, seedText, countText, mode] = process.argv.slice(2);
if (!countText) {
  console.error('usage: search_oracle.mjs NODE_MODULES/@medplum SEED CASES [odd]');
  process.exit(2);
}
globalThis.WebSocket ??= class {};
const core = await import(
  pathToFileURL(resolve(packages, 'core/dist/esm/index.mjs')).href
);
const isOdd = mode === 'odd';

function load(name) {
  const path = join(packages, 'definitions/dist/fhir/r4', name);
  return JSON.parse(readFileSync(path, 'utf8'));
}
for (const name of ['types', 'resources', 'medplum']) {
  core.indexStructureDefinitionBundle(load(`profiles-${name}.json`));
}
for (const suffix of ['', '-medplum', '-uscore']) {
  core.indexSearchParameterBundle(load(`search-parameters${suffix}.json`));
}
const compartment = load('compartmentdefinition-patient.json');

// ---------------------------------------------------------------------------
// Random choices, the same for the same seed.

let state = Number(seedText) >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const chance = (probability) => random() < probability;
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const UUIDS = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-00000000000A',
  '123',
  'abc',
];
const REFERENCES = [
  ...UUIDS.map((id) => `Patient/${id}`),
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
];
const WORDS = [
  'Ann',
  'KHALID',
  'ali',
  'Ångström',
  'ΟΔΥΣΣΕΥΣ',
  'İstanbul',
  'a b',
  'x,y',
  'p|q',
  'back\\slash',
  '50%',
  'a+b',
  'ＦＵＬＬ',
  'straße',
  'Ⅷ',
  'K',
];
const CODES = ['active', 'final', 'FINAL', 'draft', 'male', 'email', 'phone', 'true', 'x'];
const SYSTEMS = ['http://loinc.org', 'HTTP://LOINC.ORG', 'urn:s', 'MRN', 's|t'];
const URIS = ['http://example.com/a', 'http://example.com/a/b', 'urn:x', 'ValueSet/abc'];
const DATES = [
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
const DATE_TIMES = [
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
const BAD_DATES = [
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
const ODD = [null, '', {}, [], 5, -0.5, 1e21, true, 'text', ['a'], [null], [{}], { x: 1 }];

// ---------------------------------------------------------------------------
// Random resources.

const primitives = {
  boolean: () => chance(0.5),
  integer: () => pick([0, 1, 42, -7]),
  positiveInt: () => pick([1, 42]),
  unsignedInt: () => pick([0, 42]),
  decimal: () => pick([0, 0.5, 1e-7, 123456.75]),
  date: () => pick(DATES),
  dateTime: () => pick(DATE_TIMES),
  instant: () => pick(DATE_TIMES),
  time: () => '10:20:30',
  code: () => pick(CODES),
  id: () => pick(UUIDS),
  uri: () => pick([...URIS, ...REFERENCES]),
  url: () => pick(URIS),
  canonical: () => pick(URIS),
  oid: () => 'urn:oid:1.2.3',
  uuid: () => 'urn:uuid:1',
  markdown: () => pick(WORDS),
  string: () => pick(WORDS),
  base64Binary: () => 'AAAA',
  xhtml: () => '<div/>',
};

function randomValue(type, depth) {
  if (isOdd && chance(0.02)) return pick(ODD);
  if (primitives[type]) return primitives[type]();
  switch (type) {
    case 'Reference':
      return randomReference();
    case 'Coding':
      return maybe({
        system: () => pick(SYSTEMS),
        code: () => pick([...CODES, ...WORDS]),
        display: () => pick([...CODES, ...WORDS]),
      });
    case 'Identifier':
      return maybe({
        system: () => pick(SYSTEMS),
        value: () => pick([...UUIDS, ...WORDS]),
        type: () => randomValue('CodeableConcept', depth + 1),
      });
    case 'Resource':
      return { resourceType: 'Basic', id: pick(UUIDS) };
    default:
      return randomObject(type, depth + 1);
  }
}

function maybe(makers) {
  const object = {};
  for (const [name, make] of Object.entries(makers)) {
    if (chance(0.7)) object[name] = make();
  }
  return object;
}

function randomReference() {
  const reference = {};
  if (chance(0.85)) {
    reference.reference = pick(REFERENCES);
  } else if (chance(0.5)) {
    reference.identifier = randomValue('Identifier', 9);
  } else if (chance(0.5)) {
    reference.resource = { resourceType: 'Patient', id: pick(UUIDS) };
  }
  if (chance(0.2)) reference.display = pick(WORDS);
  if (chance(0.1)) reference.type = pick(['Patient', 'Group']);
  return reference;
}

const capitalize = (text) => text[0].toUpperCase() + text.slice(1);

function randomObject(type, depth) {
  const definition = core.tryGetDataType(type);
  const object = {};
  if (!definition || depth > 5) return object;
  const density = depth === 0 ? pick([0.2, 0.6]) : 0.4;
  for (const [key, element] of Object.entries(definition.elements)) {
    if (key === 'contained' || key === 'text' && depth === 0) continue;
    if (key.endsWith('xtension') && !chance(0.1)) continue;
    if (!chance(density)) continue;
    let name = key;
    let elementType = element.type[0]?.code;
    if (!elementType) continue;
    if (key.endsWith('[x]')) {
      elementType = pick(element.type).code;
      name = key.slice(0, -3) + capitalize(elementType);
    }
    const make = () => randomValue(elementType, depth);
    object[name] = element.isArray ? [make(), ...(chance(0.5) ? [make()] : [])] : make();
    if (isOdd && chance(0.02)) object[`_${name}`] = { id: 'x' };
    if (isOdd && chance(0.02)) object[name] = [object[name]];
  }
  return object;
}

// FHIR has no empty objects.
function withoutEmpty(value) {
  if (Array.isArray(value)) {
    const items = value.map(withoutEmpty).filter((item) => item !== undefined);
    return items.length > 0 ? items : undefined;
  }
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, withoutEmpty(member)])
    .filter(([, member]) => member !== undefined);
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

function randomResource(type) {
  const resource = randomMembers(type);
  return isOdd ? resource : withoutEmpty(resource);
}

function randomMembers(type) {
  const resource = { resourceType: type, ...randomObject(type, 0) };
  if (chance(0.9)) resource.id = pick(UUIDS);
  if (chance(0.9)) {
    resource.meta = {
      project: pick(UUIDS),
      lastUpdated: pick(DATE_TIMES),
      compartment: [randomReference(), randomReference()],
      ...(chance(0.5) ? { accounts: [randomReference()] } : {}),
      ...(chance(0.5) ? { account: randomReference() } : {}),
      ...(chance(0.5) ? { tag: [randomValue('Coding', 2)] } : {}),
      ...(chance(0.5) ? { profile: [pick(URIS)] } : {}),
    };
  }
  if (isOdd && chance(0.02)) resource.Practitioner = { name: 'Ann' };
  return resource;
}

// ---------------------------------------------------------------------------
// Random criteria.

const MODIFIERS = [
  'not',
  'missing',
  'present',
  'exact',
  'contains',
  'text',
  'in',
  'not-in',
  'above',
  'below',
  'of-type',
  'identifier',
  'iterate',
  'Patient',
  'Not',
  'eq',
  'ne',
  'gt',
  '',
  'not:x',
];
const PREFIXES = ['', '', '', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'sa', 'eb', 'ap', 'sw'];

const escapeComma = (text) => text.replaceAll('\\', '\\\\').replaceAll(',', '\\,');
const encode = (text) => (chance(0.5) ? encodeURIComponent(text) : text.replaceAll('%', '%25').replaceAll('+', '%2B').replaceAll('&', '%26').replaceAll('#', '%23').replaceAll('?', '%3F'));
const changeCase = (text) => pick([text, text, text, text.toUpperCase(), text.toLowerCase()]);

function collectTexts(value, texts) {
  if (typeof value === 'string') {
    texts.push(value);
  } else if (value && typeof value === 'object') {
    const { system, code, value: v } = value;
    if (system && (code || v)) texts.push(`${system}|${code ?? v}`, `${system}|`);
    for (const member of Object.values(value)) collectTexts(member, texts);
  } else if (value !== null && value !== undefined) {
    texts.push(String(value));
  }
}

function randomText(type, resource, parameter) {
  if (type === 'date') return pick(PREFIXES) + pick(chance(0.03) ? BAD_DATES : DATE_TIMES);
  if (type === 'number' || type === 'quantity') return pick(PREFIXES) + '5';
  const texts = [];
  try {
    const values = core.evalFhirPathTyped(parameter.expression, [core.toTypedValue(resource)]);
    collectTexts(values.map((value) => value.value), texts);
  } catch {
    // No texts then.
  }
  if (texts.length === 0 || chance(0.2)) {
    texts.push(...WORDS, ...CODES, ...REFERENCES, ...URIS, '', '|', '|x');
  }
  let text = String(pick(texts));
  if (chance(0.1) && text.includes('/')) text = text.split('/')[1];
  if (chance(0.1)) text = text.slice(below(3), text.length - below(3));
  if (chance(0.1)) text = '|' + text;
  if (chance(0.05)) text = text.slice(text.lastIndexOf('/') + 1);
  return changeCase(text);
}

function randomParameter(resource) {
  if (chance(0.02)) return pick(['unknown=x', 'unknown:not=x', '_filter=x', '_has:Observation:subject:code=x', 'a.b=x', '_sort=x', '_count=1', '_=1', 'constructor:missing=true']);
  const parameters = core.getSearchParameters(resource.resourceType) ?? {};
  const names = Object.keys(parameters);
  const parameter = parameters[pick(names)];
  if (!parameter) return '_id=x';
  const modifier = chance(0.3) ? ':' + pick(MODIFIERS) : '';
  if (modifier === ':missing' || modifier === ':present') {
    return `${parameter.code}${modifier}=${pick(['true', 'false', 'TRUE', '', 'foo'])}`;
  }
  let text = chance(0.05)
    ? pick(['', ',', '|', '\\', '%', 'x|', '|x|y', '/', 'a/', '/a'])
    : escapeComma(randomText(parameter.type, resource, parameter));
  while (chance(0.15)) text += ',' + escapeComma(randomText(parameter.type, resource, parameter));
  return `${parameter.code}${modifier}=${encode(text)}`;
}

function randomCriteria(resource) {
  let text = resource.resourceType;
  if (chance(0.02)) text = pick(['Patient', '*', 'a/' + text]);
  text += '?' + randomParameter(resource);
  while (chance(0.1)) text += '&' + randomParameter(resource);
  return text;
}

// ---------------------------------------------------------------------------
// Cases.

const types = Object.keys(core.globalSchema.types).filter(
  (type) => core.isResourceType(type) && type !== 'Binary'
);
const COMMON = ['Patient', 'Observation', 'Task', 'Encounter', 'ServiceRequest', 'Practitioner', 'Condition', 'Communication'];

function attempt(compute) {
  try {
    return compute();
  } catch {
    return 'error';
  }
}

function matchCase() {
  const resource = randomResource(chance(0.4) ? pick(COMMON) : pick(types));
  const criteria = randomCriteria(resource);
  const want = attempt(() =>
    core.matchesSearchRequest(resource, core.parseSearchRequest(criteria)) ? 'yes' : 'no'
  );
  return { kind: 'match', criteria, resource, want };
}

const PIECES = ['?', '&', '=', ':', '%', '%2C', ',', '\\', '|', '+', '#', '/', '.', '_', '%ff', '%e2%82', 'name', 'Patient', 'birthdate', '2024', '2024-01-01', 'ne', 'ge', 'not', 'missing', 'exact', '_has', '_sort', '_include', '_id', 'general-practitioner', 'unknown', '5', 'é', '*', 'a:b'];

function parseCase() {
  let criteria = chance(0.7) ? 'Patient?' : '';
  if (chance(0.7)) criteria += pick(['name', 'birthdate', '_id', 'unknown', 'organization', '_include']);
  for (let n = below(10); n >= 0; n--) criteria += pick(PIECES);
  const want = attempt(() => {
    const request = core.parseSearchRequest(criteria);
    return [
      request.resourceType ?? '',
      ...(request.filters ?? []).map(({ code, operator, value }) => `${code} ${operator} ${value}`),
    ].join('\n');
  });
  return { kind: 'parse', criteria, want };
}

function periodCase() {
  let text = pick(DATE_TIMES);
  if (chance(0.7)) {
    const two = () => pick(['00', '01', '02', '09', '10', '12', '13', '14', '23', '24', '28', '29', '30', '31', '59', '60']);
    text = pick(['2024', '2023', '1900', '2000', '0001', '9999', '0099', '1969']);
    for (const part of [() => `-${two()}`, () => `-${two()}`, () => `T${two()}`, () => `:${two()}:${two()}`, () => `.${'123456789'.slice(0, 1 + below(9))}`]) {
      if (!chance(0.85)) break;
      text += part();
    }
    if (chance(0.4)) text += pick(['Z', '+', '-', `+${two()}:${two()}`, `-${two()}:${two()}`, '+02:00']);
  }
  // V8 reads an offset directly behind a month as a day and an hour; the
  // decision point refuses it.
  if (/^\d{4}-\d\d-\d\d:\d\d$/.test(text)) text = text.slice(0, 7);
  const want = attempt(() => {
    const period = core.toPeriod(text);
    return period ? `${period.start} ${period.end}` : 'error';
  });
  return { kind: 'period', text, want };
}

function lowerCase() {
  let text = '';
  for (let n = below(8); n >= 0; n--) {
    text += chance(0.4)
      ? pick(['Σ', 'Σ', 'A', 'ΑΣ', '.', "'", '\u00ad', ' ', '1', 'İ', '\u0307', ':'])
      : String.fromCodePoint(pick([below(0x80), below(0x600), 0x1000 + below(0x1200), 0xa640 + below(0x200), 0x10400 + below(0x1000)]));
  }
  return { kind: 'lower', text, want: text.toLowerCase() };
}

function compartmentCase() {
  const type = pick(compartment.resource.filter((r) => r.param?.length)).code;
  const resource = randomResource(type);
  const want = attempt(() => {
    const patients = new Set();
    if (type === 'Patient' && resource.id) patients.add(`Patient/${resource.id}`);
    for (const code of compartment.resource.find((r) => r.code === type).param) {
      const parameter = core.getSearchParameter(type, code);
      if (!parameter) continue;
      for (const value of core.evalFhirPath(parameter.expression, resource)) {
        if (typeof value?.reference === 'string' && value.reference.startsWith('Patient/')) {
          patients.add(value.reference);
        }
      }
    }
    return [...patients].join('\n');
  });
  return { kind: 'patients', resource, want };
}

const kinds = isOdd
  ? [matchCase]
  : [...Array(12).fill(matchCase), parseCase, parseCase, periodCase, periodCase, lowerCase, compartmentCase];
let lines = [];
for (let n = 0; n < Number(countText); n++) {
  lines.push(JSON.stringify(pick(kinds)()));
  if (lines.length === 1000) {
    process.stdout.write(lines.join('\n') + '\n');
    lines = [];
  }
}
if (lines.length > 0) process.stdout.write(lines.join('\n') + '\n');
