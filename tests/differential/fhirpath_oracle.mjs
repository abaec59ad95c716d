// Writes random FHIRPath cases, with Medplum's own answers, as JSON lines for
// fhirpath_differential.  See README.md.
//
//   node fhirpath_oracle.mjs PATH_OF_node_modules/@medplum SEED CASES [odd]

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, seedText, countText, mode] = process.argv.slice(2);
if (!countText) {
  console.error(
    'usage: fhirpath_oracle.mjs NODE_MODULES/@medplum SEED CASES [odd]'
  );
  process.exit(2);
}
globalThis.WebSocket ??= class {};
const core = await import(
  pathToFileURL(resolve(packages, 'core/dist/esm/index.mjs')).href
);
const isOdd = mode === 'odd';

for (const name of ['types', 'resources', 'medplum']) {
  const path = join(packages, `definitions/dist/fhir/r4/profiles-${name}.json`);
  core.indexStructureDefinitionBundle(JSON.parse(readFileSync(path, 'utf8')));
}

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
const maybe = (value) => (chance(0.6) ? value : undefined);

// ---------------------------------------------------------------------------
// Resources

const WORDS = [
  'Ann',
  'ann',
  'Bob',
  'a b',
  'Ångström',
  'ΟΔΥΣΣΕΥΣ',
  'x,y',
  '12',
  '1.0',
  'true',
  'No',
  'straße',
  'i😀k',
  'a.b*c',
  '0',
  'final',
];
const DATES = [
  '2020',
  '2020-02',
  '2020-02-29',
  '1974-12-25',
  '2020-02-29T10:00:00Z',
  '2020-02-29T10:00:00.5+01:00',
  '2020-02-29T23:59:59-05:00',
  '2021-01-01',
];
const NUMBERS = [0, 1, -1, 2, 3.5, 10, 0.001, 185, 1e-9, 6.000000001, 100000];
const REFERENCES = [
  'Patient/1',
  'Practitioner/2',
  'Organization/abc',
  '#c',
  'Patient/1/_history/2',
  'http://example.com/Patient/1',
  'urn:uuid:1',
  'Patient?identifier=a|b',
];
const URLS = ['http://a', 'http://b', 'http://c'];

const coding = () => ({
  system: maybe(pick(URLS)),
  code: pick(['c1', 'c2', 'C1']),
  display: maybe(pick(WORDS)),
  id: chance(0.1) ? 'x' : undefined,
});
const concept = () => ({
  coding: maybe(list(coding)),
  text: maybe(pick(WORDS)),
});
const quantity = () => ({
  value: maybe(pick(NUMBERS)),
  unit: maybe(pick(['kg', 'mg', 'lbs'])),
  system: maybe('http://unitsofmeasure.org'),
  code: maybe(pick(['kg', 'mg', '[lb_av]'])),
});
const period = () => ({ start: maybe(pick(DATES)), end: maybe(pick(DATES)) });
const reference = () => ({
  reference: chance(0.7) ? pick(REFERENCES) : undefined,
  type: maybe(pick(['Patient', 'Practitioner'])),
  display: maybe(pick(WORDS)),
  identifier: chance(0.2) ? { system: pick(URLS), value: 'v' } : undefined,
  resource: chance(0.1)
    ? { resourceType: 'Patient', id: '1', active: true }
    : undefined,
});
function list(make) {
  return Array.from({ length: 1 + below(3) }, make);
}
const extension = () => ({
  url: pick(URLS),
  ...pick([
    { valueString: pick(WORDS) },
    { valueCode: 'c' },
    { valueReference: reference() },
    { valueQuantity: quantity() },
    { extension: [{ url: pick(URLS), valueInteger: pick([0, 1, 2]) }] },
  ]),
});
const primitiveExtension = () => ({
  id: maybe('p'),
  extension: maybe(list(extension)),
});
const name = () => ({
  use: maybe(pick(['official', 'usual'])),
  family: maybe(pick(WORDS)),
  given: maybe(list(() => pick(WORDS))),
  _family: chance(0.1) ? primitiveExtension() : undefined,
  _given: chance(0.15)
    ? list(() => (chance(0.4) ? null : primitiveExtension()))
    : undefined,
  period: maybe(period()),
});

function patient() {
  return {
    resourceType: 'Patient',
    id: pick(['1', '2']),
    meta: maybe({
      versionId: '1',
      project: 'p',
      tag: maybe(list(coding)),
      lastUpdated: '2020-02-29T10:00:00.000Z',
      profile: maybe(list(() => pick(URLS))),
    }),
    _id: chance(0.03) ? primitiveExtension() : undefined,
    extension: maybe(list(extension)),
    active: maybe(chance(0.5)),
    _active: chance(0.1) ? primitiveExtension() : undefined,
    name: maybe(list(name)),
    telecom: maybe(
      list(() => ({
        system: pick(['phone', 'email']),
        value: pick(WORDS),
        rank: maybe(1 + below(3)),
      }))
    ),
    birthDate: maybe(pick(DATES)),
    _birthDate: chance(0.15) ? primitiveExtension() : undefined,
    ...pick([
      {},
      { deceasedBoolean: chance(0.5) },
      { deceasedDateTime: pick(DATES) },
    ]),
    ...pick([
      {},
      { multipleBirthInteger: below(3) },
      { multipleBirthBoolean: true },
      { _multipleBirthBoolean: primitiveExtension() },
    ]),
    maritalStatus: maybe(concept()),
    contact: maybe(
      list(() => ({
        name: maybe(name()),
        relationship: maybe(list(concept)),
        organization: maybe(reference()),
      }))
    ),
    generalPractitioner: maybe(list(reference)),
    managingOrganization: maybe(reference()),
    link: chance(0.3)
      ? list(() => ({ other: reference(), type: 'seealso' }))
      : undefined,
    contained: chance(0.3)
      ? list(() =>
          pick([
            {
              resourceType: 'Organization',
              id: 'c',
              name: pick(WORDS),
              active: true,
            },
            { resourceType: 'Patient', id: 'p2', active: chance(0.5) },
            { resourceType: 'Unknown', id: 'u', value: 1, code: 'x' },
          ])
        )
      : undefined,
  };
}

function observation() {
  const value = () =>
    pick([
      {},
      { valueQuantity: quantity() },
      { valueString: pick(WORDS) },
      { valueCodeableConcept: concept() },
      { valueBoolean: chance(0.5) },
      { valueInteger: below(5) },
      { valueDateTime: pick(DATES) },
      { valuePeriod: period() },
      { valueTime: '10:30:00' },
      { _valueString: primitiveExtension(), valueInteger: 1 },
    ]);
  return {
    resourceType: 'Observation',
    id: 'o',
    status: pick(['final', 'preliminary']),
    code: concept(),
    category: maybe(list(concept)),
    subject: maybe(reference()),
    encounter: maybe(reference()),
    ...pick([
      {},
      { effectiveDateTime: pick(DATES) },
      { effectivePeriod: period() },
    ]),
    issued: maybe('2020-02-29T10:00:00.000Z'),
    ...value(),
    component: maybe(list(() => ({ code: concept(), ...value() }))),
    referenceRange: maybe(
      list(() => ({
        low: quantity(),
        high: maybe(quantity()),
        text: maybe(pick(WORDS)),
      }))
    ),
  };
}

function questionnaire() {
  const item = (depth) => ({
    linkId: pick(['1', '1.1', '2']),
    text: maybe(pick(WORDS)),
    required: maybe(chance(0.5)),
    type: 'group',
    item: depth > 0 && chance(0.7) ? list(() => item(depth - 1)) : undefined,
    initial: maybe([{ valueString: pick(WORDS) }]),
  });
  return {
    resourceType: 'Questionnaire',
    id: 'q',
    status: 'active',
    url: pick(URLS),
    item: list(() => item(2)),
  };
}

function bundle() {
  return {
    resourceType: 'Bundle',
    type: 'collection',
    entry: list(() => ({
      fullUrl: pick(URLS),
      resource: pick([patient, observation])(),
    })),
  };
}

// Copies in which some values have wrong shapes.
function distortMembers(object) {
  return Object.fromEntries(
    Object.entries(object).map(([key, member]) => [
      key,
      key === 'resourceType' ? member : distort(member),
    ])
  );
}

function distort(value) {
  if (chance(0.04)) {
    return pick([null, '', {}, [], 0, 'x', true, [null], [null, 'x'], 1.5]);
  }
  if (Array.isArray(value)) return value.map(distort);
  return value && typeof value === 'object' ? distortMembers(value) : value;
}

const clean = (value) => JSON.parse(JSON.stringify(value));

// ---------------------------------------------------------------------------
// Expressions

const NAMES = [
  'id',
  'active',
  'name',
  'given',
  'family',
  'use',
  'telecom',
  'system',
  'value',
  'birthDate',
  'deceased',
  'multipleBirth',
  'maritalStatus',
  'coding',
  'code',
  'display',
  'text',
  'contact',
  'relationship',
  'organization',
  'generalPractitioner',
  'managingOrganization',
  'reference',
  'identifier',
  'contained',
  'extension',
  'url',
  'status',
  'category',
  'subject',
  'effective',
  'issued',
  'component',
  'referenceRange',
  'low',
  'high',
  'unit',
  'start',
  'end',
  'period',
  'item',
  'linkId',
  'required',
  'initial',
  'entry',
  'resource',
  'meta',
  'tag',
  'profile',
  'lastUpdated',
  'project',
  'resourceType',
  'valueQuantity',
  'valueString',
  'deceasedBoolean',
  'foo',
  'link',
  'other',
  'type',
  'Patient',
  'Observation',
  'Questionnaire',
  'Bundle',
  'Organization',
  'rank',
  'namespace',
];
const PATHS = {
  Patient: [
    'name.given',
    'name.family',
    'active',
    'birthDate',
    'telecom',
    'telecom.value',
    'contained',
    'extension.value',
    'generalPractitioner',
    'managingOrganization',
    'contact.name',
    'contact.name.given',
    'deceased',
    'multipleBirth',
    'meta.tag',
    'Patient.name',
    'Patient.active',
    'maritalStatus.coding',
    'name',
    'contact',
    'generalPractitioner.reference',
    'link.other',
    'name.period',
    'extension',
    'id',
    'meta.profile',
    'name.given.extension',
    'birthDate.extension',
    'contact.relationship.coding.code',
    'maritalStatus',
    'Patient',
    'telecom.rank',
    'contained.id',
    'generalPractitioner.resolve()',
    'contained.Patient',
    'name.first()',
    'managingOrganization.resolve()',
    'extension.value.value',
  ],
  Observation: [
    'subject',
    'subject.reference',
    'code.coding.code',
    'code.coding',
    'value',
    'value.value',
    'component.value',
    'status',
    'effective',
    'referenceRange.low',
    'Observation.subject',
    'component',
    'component.code',
    'category.coding',
    'category',
    'category.text',
    'referenceRange',
    'referenceRange.low.value',
    'value.coding.display',
    'code.text',
    'encounter',
    'valueQuantity',
    'component.value.unit',
    'issued',
    'subject.resolve()',
    'effective.start',
    'Observation.value',
    'component.code.coding',
    'Observation',
  ],
  Questionnaire: [
    'item.item.text',
    'item.linkId',
    'item',
    'item.item',
    'item.item.item',
    'status',
    'url',
    'item.required',
    'item.initial.value',
    'item.text',
    'item.item.linkId',
    'Questionnaire.item',
    'item.initial',
  ],
  Bundle: [
    'entry.resource',
    'entry.resource.id',
    'entry',
    'entry.fullUrl',
    'entry.resource.name',
    'Bundle.entry',
    'entry.resource.value',
    'entry.resource.code.coding',
    'entry.resource.Patient',
    'entry.resource.active',
    'type',
    'entry.resource.ofType(Patient)',
    'entry.resource.birthDate',
    'entry.resource.status',
  ],
};
// The type of the resource at hand.
let context = 'Patient';
const somePath = () =>
  pick(PATHS[chance(0.92) ? context : pick(Object.keys(PATHS))]);
// What goes on from any of those.
const STEPS = [
  'given',
  'family',
  'system',
  'value',
  'coding',
  'code',
  'display',
  'text',
  'reference',
  'extension',
  'url',
  'unit',
  'id',
  'start',
  'end',
  'name',
  'active',
  'item',
  'linkId',
  'status',
];
const TYPES = [
  'Patient',
  'Observation',
  'Quantity',
  'string',
  'boolean',
  'Boolean',
  'String',
  'Integer',
  'Decimal',
  'Date',
  'DateTime',
  'Time',
  'Period',
  'Reference',
  'CodeableConcept',
  'code',
  'dateTime',
  'date',
  'FHIR.Patient',
  'System.String',
  'FHIR.boolean',
  'Organization',
  'integer',
  'BackboneElement',
  'Coding',
  'HumanName',
  'Unknown',
  'Range',
];
const quote = (text) =>
  `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`;
const PATTERNS = [
  'a',
  '^A',
  '.',
  '\\d+',
  '[A-Z][a-z]*',
  '(a|b)+',
  '^$',
  '\\s',
  'n{2}',
  '^.{3}$',
  '[^a-z]',
  '\\bb',
  '(\\w)(\\w)',
  '(?<first>.)',
  'x*',
  '',
  '.*',
  '\\u0041',
  '[\\s\\S]',
  '\\.',
];

const literal = () =>
  pick([
    () => quote(pick(WORDS)),
    () => quote(pick(WORDS)),
    () => String(pick(NUMBERS)).replace(/e.*/, ''),
    () => pick(['true', 'false']),
    () => `@${pick(DATES)}`,
    () => pick(['@T10:30', '@T10:30:00', '@2020T', '@2020-02-29T10:00']),
    () =>
      `${pick(['1', '3.5', '185', '0'])} ${pick(["'kg'", "'[lb_av]'", 'days', 'year', "'mg'"])}`,
    () => '{}',
    () =>
      quote(
        pick([
          'final',
          'preliminary',
          'c1',
          'C1',
          'Patient/1',
          'http://a',
          'kg',
        ])
      ),
  ])();

function path(depth) {
  let text = pick([
    somePath,
    somePath,
    somePath,
    somePath,
    somePath,
    somePath,
    somePath,
    () => pick(STEPS),
    () => pick(STEPS),
    () => pick(chance(0.2) ? NAMES : STEPS),
    () => '$this',
    () => `%before.${somePath()}`,
    () => `%after.${somePath()}`,
    () =>
      pick([
        '%before',
        '%after',
        '$this',
        '$this',
        chance(0.1) ? '%undefined' : '$this',
      ]),
    literal,
    literal,
  ])();
  while (chance(0.35)) {
    text += chance(0.3)
      ? `.${pick(chance(0.1) ? NAMES : STEPS)}`
      : `.${call(depth)}`;
  }
  if (chance(0.08)) text += `[${pick(['0', '1', '-1', expression(0)])}]`;
  return text;
}

function call(depth) {
  const deeper = () => expression(depth - 1);
  return pick([
    () =>
      `${pick([
        'exists',
        'empty',
        'not',
        'count',
        'first',
        'last',
        'tail',
        'single',
        'distinct',
        'isDistinct',
        'hasValue',
        'allTrue',
        'anyTrue',
        'allFalse',
        'anyFalse',
        'length',
        'lower',
        'upper',
        'resolve',
        'type',
        'children',
        'toChars',
        'trim',
      ])}()`,
    () => `${pick(['exists', 'first', 'not', 'count', 'empty', 'resolve'])}()`,
    () =>
      `${pick([
        'toBoolean',
        'toInteger',
        'toDecimal',
        'toString',
        'toQuantity',
        'toDate',
        'toDateTime',
        'toTime',
      ])}()`,
    () =>
      `convertsTo${pick([
        'Boolean',
        'Integer',
        'Decimal',
        'String',
        'Quantity',
        'Date',
        'DateTime',
        'Time',
      ])}()`,
    () => `${pick(['abs', 'ceiling', 'floor', 'sqrt', 'truncate', 'round'])}()`,
    () => `${pick(['where', 'select', 'all', 'exists'])}(${deeper()})`,
    () => `${pick(['where', 'select', 'all', 'exists'])}(${deeper()})`,
    () =>
      `${pick(['union', 'combine', 'intersect', 'exclude', 'subsetOf', 'supersetOf', 'join'])}(${deeper()})`,
    () => `${pick(['ofType', 'as', 'is'])}(${pick(TYPES)})`,
    () =>
      `${pick(['skip', 'take', 'round'])}(${pick(['0', '1', '2', '-1', '1.5', deeper()])})`,
    () => `iif(${deeper()}, ${deeper()}${chance(0.7) ? `, ${deeper()}` : ''})`,
    () =>
      `${pick(['startsWith', 'endsWith', 'contains', 'indexOf'])}(${chance(0.8) ? quote(pick(WORDS).slice(0, 1 + below(3))) : deeper()})`,
    () =>
      `substring(${pick(['0', '1', '2', '-1', '9', deeper()])}${chance(0.6) ? `, ${pick(['0', '1', '3', '-1'])}` : ''})`,
    () =>
      `replace(${quote(pick(['a', '', 'n', '.', 'b']))}, ${quote(pick(['', 'x', '$$', '[$&]', '$1', "$'", '$`']))})`,
    () => `matches(${quote(pick(PATTERNS))})`,
    () =>
      `replaceMatches(${quote(pick(PATTERNS))}, ${quote(pick(['', '-', '$1', '[$&]', '$2$1', '${first}', '$<first>', '$']))})`,
    () => `extension(${quote(pick(URLS))})`,
    () => `power(${pick(['2', '0.5', '-1'])})`,
    () =>
      `conformsTo('http://hl7.org/fhir/StructureDefinition/${pick(['Patient', 'Observation'])}')`,
    () =>
      pick([
        'getResourceKey()',
        'getReferenceKey()',
        'getReferenceKey(Patient)',
      ]),
    () =>
      `between(${quote(pick(DATES.slice(0, 4)))}, ${quote(pick(DATES.slice(0, 4)))}, ${quote(pick(['years', 'months', 'days', 'x']))})`,
  ])();
}

const OPERATORS = [
  '=',
  '!=',
  '=',
  '!=',
  '~',
  '!~',
  'and',
  'or',
  'xor',
  'implies',
  'and',
  'or',
  'implies',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  'div',
  'mod',
  '&',
  '|',
  '|',
  'in',
  'contains',
];

function expression(depth) {
  if (depth <= 0 || chance(0.35)) return path(depth);
  if (chance(0.1))
    return `(${expression(depth - 1)}) ${pick(['is', 'as'])} ${pick(TYPES)}`;
  if (chance(0.05)) return `-${expression(depth - 1)}`;
  const side = () => {
    const text = expression(depth - 1);
    return chance(0.7) ? `(${text})` : text;
  };
  // A path against itself finds equal objects.
  if (chance(0.15)) {
    const text = path(depth);
    return `(${text}) ${pick(['=', '~', 'in', '|', '!='])} (${pick([text, `%before.${text}`, `%after.${text}`])})`;
  }
  return `${side()} ${pick(OPERATORS)} ${side()}`;
}

// Damage: what Medplum still reads has to be read the same way.
function damage(text) {
  for (let i = 0; i <= below(3); i++) {
    const at = below(text.length + 1);
    text = pick([
      () => text.slice(0, at) + text.slice(at + 1),
      () =>
        text.slice(0, at) +
        pick([...'.()[]{}\'"`$%@ +-*/&|=!~<>,_0a1\\T:\n']) +
        text.slice(at),
      () =>
        text.slice(0, at) +
        pick([
          ' and ',
          ' // x\n',
          '/* x */',
          ' in ',
          '{}',
          ' is ',
          '.not()',
          ' 1 ',
        ]) +
        text.slice(at),
    ])();
  }
  return text;
}

// Regular expressions, by their syntax.
function regex(depth) {
  const atom = () =>
    pick([
      () =>
        pick([
          'a',
          'b',
          'A',
          '.',
          '\\d',
          '\\w',
          '\\s',
          '\\S',
          '\\W',
          '\\D',
          'é',
          '😀',
          '-',
          '\\.',
          '\\/',
          '\\-',
          '\\_',
          '\\a',
          ' ',
          '\\t',
          '\\x41',
          '\\u00e9',
          '\\ud83d',
          '\\b',
          '\\B',
          '^',
          '$',
          ']',
          '}',
          '{',
          ',',
          '0',
          '1',
          'n',
          '\\0',
        ]),
      () =>
        `[${chance(0.3) ? '^' : ''}${Array.from({ length: below(4) }, () => pick(['a', 'a-c', 'A-Z', '\\d', '\\w-', '-', '\\]', '^', '😀', '\\s', '.', 'é-ü', '[', '\\b', '\\-', '$'])).join('')}]`,
      () =>
        depth > 0
          ? `(${pick(['', '', '?:', '?<g>', '?=', '?!'])}${regex(depth - 1)})`
          : 'b',
    ])();
  const term = () =>
    atom() +
    (chance(0.35)
      ? pick([
          '*',
          '+',
          '?',
          '{2}',
          '{1,3}',
          '{0,2}',
          '{2,}',
          '*?',
          '+?',
          '{,2}',
          '{a}',
          '??',
        ])
      : '');
  const sequence = () => Array.from({ length: below(4) }, term).join('');
  return chance(0.25) ? `${sequence()}|${sequence()}` : sequence();
}
const SUBJECTS = [
  '',
  'a',
  'ab',
  'aab',
  'abcabc',
  'AaBb',
  'é',
  '😀',
  'a😀b',
  'x y',
  'a\nb',
  '12-34',
  'a.b',
  '\u2028',
  '\u00a0',
  'n{,2}',
  'aaa',
  'banana',
];

function makeExpression() {
  if (chance(0.15)) {
    const pattern = quote(regex(2));
    return chance(0.6)
      ? `${quote(pick(SUBJECTS))}.matches(${pattern})`
      : `${quote(pick(SUBJECTS))}.replaceMatches(${pattern}, ${quote(pick(['-', '[$&]', '$1', '$`', "$'", '$2', '$11', '${g}', '$$']))})`;
  }
  const text = expression(3);
  return chance(0.15) ? damage(text) : text;
}

// ---------------------------------------------------------------------------

// Objects with sorted members; what JSON cannot say, tagged.
function describe(value) {
  if (value === undefined) return 'undefined';
  if (typeof value === 'number') {
    if (Number.isNaN(value) || !Number.isFinite(value)) return String(value);
    return String(Object.is(value, -0) ? 0 : value);
  }
  if (typeof value === 'string' && !value.isWellFormed()) return 'half a pair';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const plain = value.valueOf();
  if (typeof plain !== 'object') return describe(plain);
  if (Array.isArray(value)) return `[${value.map(describe).join(',')}]`;
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${describe(value[key])}`).join(',')}}`;
}

for (let i = 0; i < Number(countText); i++) {
  const make = pick([
    patient,
    patient,
    observation,
    observation,
    questionnaire,
    bundle,
  ]);
  let resource = clean(make());
  let before = chance(0.2)
    ? undefined
    : chance(0.5)
      ? clean(make())
      : clean(resource);
  if (isOdd) {
    resource = distortMembers(resource);
    before = before && distortMembers(before);
  }
  context = resource.resourceType;
  const text = makeExpression().toWellFormed();
  const input = JSON.stringify(resource);
  const inputBefore = before && JSON.stringify(before);
  const test = {
    expression: text,
    input: JSON.parse(input),
    before: inputBefore && JSON.parse(inputBefore),
  };
  try {
    const result = core.evalFhirPathTyped(
      text,
      [{ type: resource.resourceType, value: resource }],
      {
        '%before': { type: before?.resourceType ?? 'undefined', value: before },
        '%after': { type: resource.resourceType, value: resource },
      }
    );
    test.result = result.map(({ type, value }) => ({
      type: String(type),
      value: describe(value),
    }));
  } catch (error) {
    test.error = String(error.message).toWellFormed();
  }
  // Not reproduced: Medplum may write into the resource.
  test.changed = JSON.stringify(resource) !== input;
  process.stdout.write(`${JSON.stringify(test)}\n`);
}
