// Random resources for FHIRPath, small ones, with the elements that expressions
// are about.

import { below, chance, pick, repeat } from './choices.mjs';

const maybe = (value) => (chance(0.6) ? value : undefined);

export const WORDS = [
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
export const DATES = [
  '2020',
  '2020-02',
  '2020-02-29',
  '1974-12-25',
  '2020-02-29T10:00:00Z',
  '2020-02-29T10:00:00.5+01:00',
  '2020-02-29T23:59:59-05:00',
  '2021-01-01',
];
export const NUMBERS = [0, 1, -1, 2, 3.5, 10, 0.001, 185, 1e-9, 6.000000001, 100000];
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
export const URLS = ['http://a', 'http://b', 'http://c'];

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
  resource: chance(0.1) ? { resourceType: 'Patient', id: '1', active: true } : undefined,
});
const list = (make) => repeat(1 + below(3), make);
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
  _given: chance(0.15) ? list(() => (chance(0.4) ? null : primitiveExtension())) : undefined,
  period: maybe(period()),
});

export function patient() {
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
      })),
    ),
    birthDate: maybe(pick(DATES)),
    _birthDate: chance(0.15) ? primitiveExtension() : undefined,
    ...pick([{}, { deceasedBoolean: chance(0.5) }, { deceasedDateTime: pick(DATES) }]),
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
      })),
    ),
    generalPractitioner: maybe(list(reference)),
    managingOrganization: maybe(reference()),
    link: chance(0.3) ? list(() => ({ other: reference(), type: 'seealso' })) : undefined,
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
          ]),
        )
      : undefined,
  };
}

export function observation() {
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
    ...pick([{}, { effectiveDateTime: pick(DATES) }, { effectivePeriod: period() }]),
    issued: maybe('2020-02-29T10:00:00.000Z'),
    ...value(),
    component: maybe(list(() => ({ code: concept(), ...value() }))),
    referenceRange: maybe(
      list(() => ({
        low: quantity(),
        high: maybe(quantity()),
        text: maybe(pick(WORDS)),
      })),
    ),
  };
}

export function questionnaire() {
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

export function bundle() {
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
export function distortMembers(object) {
  return Object.fromEntries(
    Object.entries(object).map(([key, member]) => [
      key,
      key === 'resourceType' ? member : distort(member),
    ]),
  );
}

function distort(value) {
  if (chance(0.04)) {
    return pick([null, '', {}, [], 0, 'x', true, [null], [null, 'x'], 1.5]);
  }
  if (Array.isArray(value)) return value.map(distort);
  return value && typeof value === 'object' ? distortMembers(value) : value;
}

// Without what JSON cannot say.
export const clean = (value) => JSON.parse(JSON.stringify(value));
