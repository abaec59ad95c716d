// Random cases of search: criteria and what they are matched with.

import { below, chance, pick, repeat } from './choices.mjs';
import { BAD_DATES, CODES, DATE_TIMES, IDS, REFERENCES, URIS, WORDS } from './resources.mjs';

const COMMON = [
  'Patient',
  'Observation',
  'Task',
  'Encounter',
  'ServiceRequest',
  'Practitioner',
  'Condition',
  'Communication',
];
const MODIFIERS = [
  'not',
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
const PREFIXES = [
  '',
  '',
  '',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'sa',
  'eb',
  'ap',
  'sw',
  'EQ',
  'po',
];
const ODD_PARAMETERS = [
  'unknown=x',
  'unknown:not=x',
  'unknown:missing=true',
  '_filter=x',
  '_has:Observation:subject:code=x',
  'a.b=x',
  'subject:Patient.name=x',
  '_sort=x',
  '_count=1',
  '_include=Patient:organization',
  '_include=*',
  '_=1',
  '=x',
  '',
  '_text=x',
  '_deleted=true',
  'constructor:missing=true',
  '__proto__=x',
];
const ODD_VALUES = [
  '',
  ',',
  '|',
  '\\',
  '%',
  'x|',
  '|x|y',
  '/',
  'a/',
  '/a',
  ',,',
  '\\,',
  '\\\\',
  '||',
  '$',
  '\u0000',
];
const QUANTITIES = ['5', '5.4', '1e2', '5|http://loinc.org|x', '5||mg', '-1', 'x', ''];

const escape = (text) => text.replaceAll('\\', '\\\\').replaceAll(',', '\\,');
const encode = (text) =>
  chance(0.5)
    ? encodeURIComponent(text)
    : text.replace(/[%+&#?]/g, (letter) => (chance(0.97) ? encodeURIComponent(letter) : letter));
const changeCase = (text) => pick([text, text, text, text.toUpperCase(), text.toLowerCase()]);

// Adds every text in `value`, and how a token names it.
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

export class CriteriaCases {
  #core;
  #resources;
  #parameters; // All, of all types.
  #compartmentTypes;

  constructor(medplum, resources) {
    this.#core = medplum.core;
    this.#resources = resources;
    this.#parameters = resources.types.flatMap((type) =>
      Object.values(this.#core.getSearchParameters(type) ?? {}).map((parameter) => ({
        type,
        parameter,
      })),
    );
    this.#compartmentTypes = medplum.compartment
      .filter((entry) => entry.param?.length)
      .map((entry) => entry.code);
  }

  get parameterCount() {
    return this.#parameters.length;
  }

  // Every parameter gets its turn as the numbers go up.
  match(number, isOdd = false) {
    const turn = chance(0.6)
      ? this.#parameters[number % this.#parameters.length]
      : this.#parameterOf(chance(0.4) ? pick(COMMON) : pick(this.#resources.types));
    const resource = this.#resources.resource(
      turn.type,
      chance(0.8) ? [turn.parameter.expression] : [],
      isOdd,
    );
    const criteria = this.criteria(resource, turn.parameter);
    return { kind: 'match', criteria, resource };
  }

  odd(number) {
    return this.match(number, true);
  }

  // Criteria that look at `resource`, with one of `parameter` among them.
  criteria(resource, parameter) {
    let type = resource.resourceType;
    if (chance(0.02)) type = pick(['Patient', '*', `a/${type}`, '']);
    const parts = [this.#part(resource, parameter)];
    while (chance(0.15)) parts.splice(below(parts.length + 1), 0, this.#part(resource));
    // More than are evaluated.
    while (parts.length > 3 && parts.length < 120 && chance(0.99)) parts.push(parts[0]);
    // The same parameter again.
    if (chance(0.03)) parts.push(this.#part(resource, parameter));
    let text = `${type}?${parts.join(chance(0.01) ? pick(['&&', ';', '&amp;']) : '&')}`;
    if (chance(0.01)) text += pick(['?', '?x=y', '#', '#a', '&', '=']);
    return text;
  }

  parse() {
    let text = chance(0.7) ? 'Patient?' : '';
    if (chance(0.7))
      text += pick(['name', 'birthdate', '_id', 'unknown', 'organization', '_include', 'phonetic']);
    text += repeat(1 + below(10), () => pick(PIECES)).join('');
    return { kind: 'parse', text };
  }

  period() {
    let text = pick(DATE_TIMES);
    if (chance(0.7)) {
      const two = () =>
        pick([
          '00',
          '01',
          '02',
          '09',
          '10',
          '12',
          '13',
          '14',
          '23',
          '24',
          '28',
          '29',
          '30',
          '31',
          '59',
          '60',
        ]);
      text = pick(['2024', '2023', '1900', '2000', '0001', '9999', '0099', '1969']);
      const parts = [
        () => `-${two()}`,
        () => `-${two()}`,
        () => `T${two()}`,
        () => `:${two()}:${two()}`,
        () => `.${'123456789'.slice(0, 1 + below(9))}`,
      ];
      for (const part of parts) {
        if (!chance(0.85)) break;
        text += part();
      }
      if (chance(0.4))
        text += pick(['Z', '+', '-', `+${two()}:${two()}`, `-${two()}:${two()}`, '+02:00']);
    }
    if (chance(0.05)) text += pick([' ', '\n', 'x', '0']);
    return { kind: 'period', text };
  }

  lower() {
    const letter = () =>
      chance(0.4)
        ? pick(['Σ', 'Σ', 'A', 'ΑΣ', '.', "'", '\u00ad', ' ', '1', 'İ', '\u0307', ':'])
        : String.fromCodePoint(
            pick([
              below(0x80),
              below(0x600),
              0x1000 + below(0x1200),
              0xa640 + below(0x200),
              0x10400 + below(0x1000),
              0x16e40 + below(0x40),
              0x1e900 + below(0x60),
            ]),
          );
    return { kind: 'lower', text: repeat(1 + below(8), letter).join('') };
  }

  patients() {
    const type = pick(this.#compartmentTypes);
    const expressions = this.#parametersOf(type).map(({ expression }) => expression);
    const resource = this.#resources.resource(
      type,
      repeat(3, () => pick(expressions)),
      chance(0.1),
    );
    return { kind: 'patients', resource };
  }

  // A value of `_filter`.
  filter() {
    const value = () =>
      pick([
        () => pick(CODES),
        () => pick(DATE_TIMES),
        () => pick(REFERENCES),
        () => pick(URIS),
        () => JSON.stringify(pick(WORDS)),
        () => `'${pick(WORDS).replaceAll("'", "\\'")}'`,
        () =>
          pick(['5', '-1', '5.4', '|x', 'http://loinc.org|x', '""', 'true', '%x', '@2024', '*']),
      ])();
    const operators = [
      'eq',
      'ne',
      'co',
      'sw',
      'gt',
      'lt',
      'ge',
      'le',
      'ap',
      'sa',
      'eb',
      'pr',
      'in',
      'ni',
      're',
      'identifier',
    ];
    const path = () =>
      pick([
        'name',
        '_id',
        'general-practitioner',
        'organization.name',
        'a:b',
        'value-quantity',
        '_lastUpdated',
      ]);
    const expression = (depth) => {
      if (depth === 0 || chance(0.4)) return `${path()} ${pick(operators)} ${value()}`;
      const inner = () => expression(depth - 1);
      return pick([
        () => `(${inner()})`,
        () => `not (${inner()})`,
        () => `not(${inner()})`,
        () => `${inner()} and ${inner()}`,
        () => `(${inner()}) or (${inner()})`,
      ])();
    };
    let text = expression(3);
    for (let n = chance(0.2) ? 1 + below(3) : 0; n > 0; n--) {
      const at = below(text.length);
      text =
        text.slice(0, at) +
        pick(['', '(', ')', "'", '"', ' ', 'not', ' and ', '\\', '|', ',', '/']) +
        text.slice(at + below(2));
    }
    return { kind: 'filter', text: text.toWellFormed() };
  }

  #parametersOf(type) {
    return Object.values(this.#core.getSearchParameters(type) ?? {});
  }

  #parameterOf(type) {
    const parameter = pick(this.#parametersOf(type));
    return parameter ? { type, parameter } : pick(this.#parameters);
  }

  #part(resource, wanted) {
    if (chance(0.02)) return pick(ODD_PARAMETERS);
    const parameter = wanted ?? pick(this.#parametersOf(resource.resourceType));
    if (!parameter) return '_id=x';
    const modifier = chance(0.3) ? `:${pick(MODIFIERS)}` : '';
    const code = chance(0.01)
      ? pick([parameter.code.toUpperCase(), encodeURIComponent(` ${parameter.code}`)])
      : parameter.code;
    const key = chance(0.02) ? encodeURIComponent(code + modifier) : code + modifier;
    if (modifier === ':missing' || modifier === ':present') {
      return `${key}=${pick(['true', 'false', 'true', 'false', 'TRUE', '', 'foo'])}`;
    }
    if (chance(0.01)) return key;
    const isPlain =
      parameter.type === 'date' || parameter.type === 'number' || parameter.type === 'quantity';
    const text = () =>
      isPlain ? this.#text(parameter, resource) : escape(this.#text(parameter, resource));
    let value = chance(0.05) ? pick(ODD_VALUES) : text();
    while (chance(isPlain ? 0.02 : 0.15)) value += `,${text()}`;
    return `${key}=${encode(value.toWellFormed())}`;
  }

  // Something that the parameter may be asked for; often what is there.
  #text(parameter, resource) {
    const texts = [];
    try {
      // A copy: evaluating may write into it.
      const values = this.#core.evalFhirPathTyped(parameter.expression, [
        this.#core.toTypedValue(structuredClone(resource)),
      ]);
      collectTexts(
        values.map((value) => value.value),
        texts,
      );
    } catch {
      // No texts then.
    }
    switch (parameter.type) {
      case 'date': {
        if (chance(0.03)) return pick(PREFIXES) + pick(BAD_DATES);
        return pick(PREFIXES) + (texts.length > 0 && chance(0.4) ? pick(texts) : pick(DATE_TIMES));
      }
      case 'number':
      case 'quantity':
        return pick(PREFIXES) + pick(QUANTITIES);
    }
    if (texts.length === 0 || chance(0.2)) {
      texts.push(...WORDS, ...CODES, ...REFERENCES, ...URIS, ...IDS, '', '|', '|x');
    }
    let text = String(pick(texts));
    if (chance(0.1) && text.includes('/')) text = text.split('/')[1];
    if (chance(0.1)) text = text.slice(below(3), text.length - below(3));
    if (chance(0.1)) text = `|${text}`;
    if (chance(0.05)) text = text.slice(text.lastIndexOf('/') + 1);
    if (chance(0.02)) text = ` ${text} `;
    return changeCase(text);
  }
}

const PIECES = [
  '?',
  '&',
  '=',
  ':',
  '%',
  '%2C',
  ',',
  '\\',
  '|',
  '+',
  '#',
  '/',
  '.',
  '_',
  '%ff',
  '%e2%82',
  '%E2%82%AC',
  '%00',
  '%zz',
  '%2',
  'name',
  'Patient',
  'birthdate',
  '2024',
  '2024-01-01',
  'ne',
  'ge',
  'not',
  'missing',
  'exact',
  '_has',
  '_sort',
  '_include',
  '_revinclude',
  '_id',
  'general-practitioner',
  'unknown',
  '5',
  'é',
  '*',
  'a:b',
  '_elements',
  ' ',
  '\t',
  ';',
];
