// Random FHIRPath expressions over the paths of a resource.

import { below, chance, pick, pickWeighted } from './choices.mjs';
import { DATES, NUMBERS, URLS, WORDS } from './fhirpath_resources.mjs';
import { NAMES, OPERATORS, PATHS, STEPS, TYPES } from './fhirpath_vocabulary.mjs';
import { regex, SUBJECTS } from './regular_expressions.mjs';

// The paths of the resource at hand.
let paths = PATHS.Patient;
const somePath = () => pick(chance(0.92) ? paths : PATHS[pick(Object.keys(PATHS))]);

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
    () => quote(pick(['final', 'preliminary', 'c1', 'C1', 'Patient/1', 'http://a', 'kg'])),
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
    () => pick(['%before', '%after', '$this', '$this', chance(0.1) ? '%undefined' : '$this']),
    literal,
    literal,
  ])();
  while (chance(0.35)) {
    text += chance(0.3) ? `.${pick(chance(0.1) ? NAMES : STEPS)}` : `.${call(depth)}`;
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
        'descendants',
        'htmlChecks',
        'repeat',
        'split',
        'encode',
        'decode',
        'unescape',
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
    () => `${pick(['abs', 'ceiling', 'exp', 'floor', 'ln', 'sqrt', 'truncate', 'round'])}()`,
    () => `${pick(['where', 'select', 'all', 'exists'])}(${deeper()})`,
    () => `${pick(['where', 'select', 'all', 'exists'])}(${deeper()})`,
    () =>
      `${pick(['union', 'combine', 'intersect', 'exclude', 'subsetOf', 'supersetOf', 'join'])}(${deeper()})`,
    () => `${pick(['ofType', 'as', 'is'])}(${pick(TYPES)})`,
    () => `${pick(['skip', 'take', 'round'])}(${pick(['0', '1', '2', '-1', '1.5', deeper()])})`,
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
    () => `${pick(['power', 'log'])}(${pick(['2', '0.5', '-1', '10'])})`,
    () =>
      `conformsTo('http://hl7.org/fhir/StructureDefinition/${pick(['Patient', 'Observation'])}')`,
    () => pick(['getResourceKey()', 'getReferenceKey()', 'getReferenceKey(Patient)']),
    () =>
      `between(${quote(pick(DATES.slice(0, 4)))}, ${quote(pick(DATES.slice(0, 4)))}, ${quote(pick(['years', 'months', 'days', 'x']))})`,
  ])();
}

function expression(depth) {
  if (depth <= 0 || chance(0.35)) return path(depth);
  if (chance(0.1)) return `(${expression(depth - 1)}) ${pick(['is', 'as'])} ${pick(TYPES)}`;
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
      () => text.slice(0, at) + pick([...'.()[]{}\'"`$%@ +-*/&|=!~<>,_0a1\\T:\n']) + text.slice(at),
      () =>
        text.slice(0, at) +
        pick([' and ', ' // x\n', '/* x */', ' in ', '{}', ' is ', '.not()', ' 1 ']) +
        text.slice(at),
    ])();
  }
  return text;
}

function regexCall() {
  const pattern = quote(regex(2));
  if (chance(0.6)) return `${quote(pick(SUBJECTS))}.matches(${pattern})`;
  const substitute = pick(['-', '[$&]', '$1', '$`', "$'", '$2', '$11', '${g}', '$$']);
  return `${quote(pick(SUBJECTS))}.replaceMatches(${pattern}, ${quote(substitute)})`;
}

// What people write into policies, about the members of `path`.
function idiom() {
  const text = somePath();
  const word = quote(pick(chance(0.5) ? WORDS : ['final', 'preliminary', 'Patient/1', 'c1', 'kg']));
  return pick([
    `${text}.exists()`,
    `${text}.empty()`,
    `${text}.exists().not()`,
    `${text} = ${word}`,
    `${text} != ${word}`,
    `${text} ~ ${word}`,
    `%before.${text} = ${text}`,
    `%before.${text} = %after.${text}`,
    `%before.${text} != ${text}`,
    `%after.${text} = ${text}`,
    `$this.${text} = ${word}`,
    `%context.${text} = ${word}`,
    '%before.exists()',
    '%before.exists().not()',
    '%before.count() = 1',
    '%before.empty()',
    `%before.exists() implies %before.${text} != ${word}`,
    `%before.exists() implies %before.${text} = ${text}`,
    `%before.empty() or %before.${text} = ${text}`,
    `%before.${text} = ${word} and ${text} = ${word}`,
    `${text} = ${word} implies ${somePath()}.exists()`,
    `${text} = ${word} or ${somePath()}.exists()`,
    `iif(${text} = ${word}, ${somePath()}.exists(), true)`,
    `not(${text} = ${word})`,
    `(${text} = ${word}).not()`,
    `(${text} | ${somePath()}).count() = 2`,
    `${text}.distinct().count() = 1`,
    `${text}.count() <= %before.${text}.count()`,
    `${text}.where($this = ${word}).exists()`,
    `${text}.all($this = ${word})`,
    `${text}.exists($this.startsWith('P'))`,
    `${text}.select($this & '|' & $this) = ${word}`,
    `${text}.startsWith(${word})`,
    `${text}.contains(${word})`,
    `${text}.matches('^[a-z]+$')`,
    `${text}.substring(0, 1) = 'o'`,
    `${text}.toString().startsWith('2024')`,
    `${text} in %before.${text}`,
    `%before.${text} contains ${word}`,
    `${text}.subsetOf(%before.${text})`,
    `${text} < @2024-03-01`,
    `${text} <= now()`,
    `${text} < today()`,
    'timeOfDay().exists()',
    'today().toString().length() = 10',
    `${text}.repeat($this).count() = 1`,
    `${text} >= @2020-02-29T10:00:00Z`,
    `${text} < 100`,
    `${text} > 65 and ${text} < 150`,
    `${text} is string`,
    `${text} is Quantity`,
    `${text}.ofType(Quantity).value < 100`,
    `(${text} as Quantity).value < 100`,
    `${text}.resolve().exists()`,
    `${text}.resolve().active = true`,
    `${text}.resolve() is Patient`,
    `${text}.reference = %before.${text}.reference`,
    `meta.author.exists()`,
    `meta.tag.exists()`,
    `%before.meta.versionId != meta.versionId`,
    `meta.lastUpdated > @2020-01-01`,
    text,
    'true',
    'false',
    '{}',
    "'text'",
    `${text} =`,
    `unknownFunction()`,
    `nosuch.exists()`,
    '',
  ]);
}

// Deeper, or longer, than is compiled.
function huge() {
  const count = 60 + below(20);
  return pick([
    () => `${'('.repeat(count)}true${')'.repeat(count)}`,
    () => 'true and '.repeat(10 * count) + 'true',
    () => `${'iif(true, '.repeat(count)}true${')'.repeat(count)}`,
    () => quote('x'.repeat(count)) + `.replace('x', '${'y'.repeat(count)}')`.repeat(2 + below(3)),
    () => `name${'.select($this | $this.given)'.repeat(count)}.exists()`,
  ])();
}

// An expression about what the paths lead to; some are damaged.
export function makeExpression(newPaths) {
  paths = newPaths ?? PATHS.Patient;
  if (chance(0.001)) return huge();
  const text = pickWeighted({ regex: 8, idiom: 25, tree: 67 });
  if (text === 'regex') return regexCall().toWellFormed();
  const expressionText = text === 'idiom' ? idiom() : expression(3);
  return (chance(0.12) ? damage(expressionText) : expressionText).toWellFormed();
}
