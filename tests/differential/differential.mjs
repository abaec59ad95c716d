// Asks Medplum's code and this program the same random questions, and reports
// where they disagree.  See README.md; run.sh gives the arguments.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { pickWeighted, startCase } from './choices.mjs';
import { Comparison } from './compare.mjs';
import { CriteriaCases } from './criteria_cases.mjs';
import { DecisionPoint } from './decision_point.mjs';
import { FhirPathCases } from './fhirpath_cases.mjs';
import { Medplum } from './medplum.mjs';
import { ModeCases } from './mode_cases.mjs';
import { PolicyCases } from './policy_cases.mjs';
import { Resources } from './resources.mjs';
import { shrink } from './shrink.mjs';

const { values: options } = parseArgs({
  options: {
    packages: { type: 'string' }, // node_modules of the pinned packages.
    newest: { type: 'string' }, // Of the newest ones: report what moved.
    binary: { type: 'string' },
    out: { type: 'string' }, // Where cases are written to.
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    kinds: { type: 'string' }, // Some of WEIGHTS, with commas.
    case: { type: 'string' }, // Replay this file.
    inject: { type: 'string' }, // A mistake to make on purpose.
  },
});

// How often each kind of case is made.
const WEIGHTS = {
  match: 34,
  'match, odd JSON': 6,
  entry: 24,
  fhirpath: 20,
  'fhirpath, odd JSON': 3,
  parse: 4,
  filter: 3,
  period: 3,
  lower: 1,
  patients: 2,
  modes: 12,
};
const AT_ONCE = 200;
const PRINT_AT_MOST = 10;
const here = dirname(fileURLToPath(import.meta.url));
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const medplum = await Medplum.load(options.packages);
const newest = options.newest ? await Medplum.load(options.newest) : undefined;
const decisionPoint = new DecisionPoint(options.binary);
const types = [
  ...Object.keys(medplum.core.globalSchema.types),
  ...Object.values(medplum.core.PropertyType),
];
const comparison = new Comparison(
  readJson(join(here, 'refusals.json')),
  readJson(join(here, 'known_mismatches.json')),
  new Set((await decisionPoint.ask({ kind: 'types', names: types })).parts),
);

// Ours.  With `--inject not`, `:not` is taken for nothing.
async function ask(test) {
  const answer = await decisionPoint.ask(test);
  if (options.inject !== 'not' || answer.error !== undefined) return answer;
  const isNegated = (criteria) =>
    criteria?.startsWith(`${test.resource.resourceType}?`) && criteria.includes(':not=');
  if (test.kind === 'match' && isNegated(test.criteria)) {
    return { parts: answer.parts.map((part) => (part === 'yes' ? 'no' : 'yes')) };
  }
  if (test.kind === 'entry' && isNegated(test.policy.resource?.[answer.parts[1]]?.criteria)) {
    return { parts: [answer.parts[0], 'none'] };
  }
  return answer;
}

async function judge(test) {
  const expected = medplum.answer(test);
  const got = await ask(test);
  return { expected, got, ...comparison.compare(test, expected, got) };
}

const write = (name, content) => {
  mkdirSync(options.out, { recursive: true });
  const path = join(options.out, name);
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
};

async function replay(file) {
  const test = readJson(file).case;
  const { expected, got, verdict } = await judge(test);
  console.log(`Medplum ${JSON.stringify(expected)}\nours    ${JSON.stringify(got)}\n${verdict}`);
  return verdict === 'mismatch' ? 1 : 0;
}

// ---------------------------------------------------------------------------

const resources = new Resources(medplum);
const criteria = new CriteriaCases(medplum, resources);
const fhirpath = new FhirPathCases(medplum, resources);
const policies = new PolicyCases(resources, criteria, fhirpath);
const modes = new ModeCases(resources, policies);

const MAKERS = {
  match: (number) => criteria.match(number),
  'match, odd JSON': (number) => criteria.odd(number),
  entry: () => policies.entry(),
  fhirpath: (number) => fhirpath.fhirpath(number),
  'fhirpath, odd JSON': (number) => fhirpath.odd(number),
  parse: () => criteria.parse(),
  filter: () => criteria.filter(),
  period: () => criteria.period(),
  lower: () => criteria.lower(),
  patients: () => criteria.patients(),
  modes: () => modes.modes(),
};

async function run(seed, count) {
  const kinds = options.kinds?.split(';') ?? Object.keys(WEIGHTS);
  const weights = Object.fromEntries(kinds.map((kind) => [kind, WEIGHTS[kind]]));
  const counts = Object.fromEntries(
    kinds.map((kind) => [
      kind,
      { cases: 0, errors: 0, refused: 0, known: 0, mismatch: 0, moved: 0 },
    ]),
  );
  const classes = new Map();
  const notes = new Map();
  const unlisted = [];
  const wrong = [];
  const moved = [];

  async function runCase(number) {
    startCase(seed, number);
    const name = pickWeighted(weights);
    const made = MAKERS[name](number + seed);
    const count = counts[name];
    count.cases++;
    const test = JSON.parse(JSON.stringify(made));
    const result = await judge(test);
    const { verdict, expected, got } = result;
    if (expected.error !== undefined) count.errors++;
    if (verdict !== 'same') count[verdict]++;
    if (got.note) notes.set(got.note, (notes.get(got.note) ?? 0) + 1);
    if (verdict === 'refused' || verdict === 'known') {
      const title = result.class ?? `NOT LISTED ${got.code}: ${got.error}`;
      classes.set(title, (classes.get(title) ?? 0) + 1);
      if (result.class === undefined) unlisted.push({ number, name, test, got });
    }
    if (verdict === 'mismatch') wrong.push({ number, name, test, ...result });
    if (newest) {
      const answer = newest.answer(test);
      if (!sameAnswer(expected, answer)) {
        count.moved++;
        moved.push({ number, kind: name, case: test, pinned: expected, newest: answer, ours: got });
      }
    }
  }

  for (let number = 0; number < count;) {
    const batch = [];
    for (; batch.length < AT_ONCE && number < count; number++) batch.push(runCase(number));
    await Promise.all(batch);
  }

  console.log(`seed ${seed}, ${count} cases, @medplum/core ${medplum.version}`);
  printTable(counts);
  printCounts('refused and known', classes);
  printCounts('modes', notes);
  for (const { test, got } of unlisted.slice(0, PRINT_AT_MOST)) {
    console.log(`NOT LISTED ${got.code}: ${got.error}\n  ${JSON.stringify(test).slice(0, 2000)}`);
  }
  for (const mismatch of wrong.slice(0, PRINT_AT_MOST)) await report(mismatch, seed);
  if (newest) await reportMoved(moved);
  const wrongPermits = wrong.filter(({ wrongPermit }) => wrongPermit).length;
  console.log(
    `${wrong.length} mismatches, of which ${wrongPermits} wrong permits; ${unlisted.length} refusals that no class names`,
  );
  return wrong.length === 0 && unlisted.length === 0 ? 0 : 1;
}

function printTable(counts) {
  const columns = ['cases', 'errors', 'refused', 'known', 'mismatch', ...(newest ? ['moved'] : [])];
  const row = (name, cells) =>
    console.log(name.padEnd(20) + cells.map((cell) => String(cell).padStart(10)).join(''));
  row('', columns);
  for (const [name, count] of Object.entries(counts)) {
    row(
      name,
      columns.map((column) => count[column]),
    );
  }
}

function printCounts(title, counts) {
  if (counts.size > 0) console.log(`${title}:`);
  for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(count).padStart(10)}  ${name}`);
  }
}

async function report({ number, name, test, wrongPermit, ...found }, seed) {
  // As wrong as before, and in the same way.
  const small = await shrink(test, async (candidate) => {
    const result = await judge(candidate);
    return (
      result.verdict === 'mismatch' &&
      result.wrongPermit === wrongPermit &&
      (result.expected.error === undefined) === (found.expected.error === undefined) &&
      (result.got.error === undefined) === (found.got.error === undefined)
    );
  });
  const { expected, got } = await judge(small.test);
  const path = write(`${seed}-${number}.json`, {
    scenario: `differential ${name}`,
    recorded_from: `@medplum/core ${medplum.version}`,
    seed,
    number,
    case: small.test,
    expected,
    got,
    original: test,
  });
  console.log(
    `${wrongPermit ? 'WRONG PERMIT' : 'MISMATCH'} ${path} (${small.questions} questions to shrink it)`,
  );
  console.log(
    `  Medplum ${JSON.stringify(expected)}\n  ours    ${JSON.stringify(got)}\n  case    ${JSON.stringify(small.test).slice(0, 2000)}`,
  );
}

const sameAnswer = (one, other) =>
  JSON.stringify(one.parts) === JSON.stringify(other.parts) &&
  (one.error === undefined) === (other.error === undefined);

// What kind of change it is: an answer that became an error, or otherwise.
function changeOf({ kind, pinned, newest: now }) {
  const say = ({ error }) =>
    error === undefined ? 'an answer' : `error "${error.split(/[:"'`\d]/)[0].trim()}"`;
  return `${kind}: ${say(pinned)} became ${say(now)}`;
}

// One small case of each change, the most frequent first.
async function reportMoved(moved) {
  console.log(`moved from @medplum/core ${medplum.version} to ${newest.version}: ${moved.length}`);
  const changes = Object.values(Object.groupBy(moved, changeOf)).sort(
    (a, b) => b.length - a.length,
  );
  for (const group of changes) {
    const [{ kind, case: test }] = group;
    const small = await shrink(test, async (candidate) => {
      const [pinned, now] = [medplum.answer(candidate), newest.answer(candidate)];
      return (
        !sameAnswer(pinned, now) && changeOf({ kind, pinned, newest: now }) === changeOf(group[0])
      );
    });
    const show = (answer) => JSON.stringify(answer).slice(0, 500);
    console.log(`${String(group.length).padStart(10)}  ${changeOf(group[0])}`);
    console.log(`            ${JSON.stringify(small.test).slice(0, 1000)}`);
    console.log(`            ${medplum.version} ${show(medplum.answer(small.test))}`);
    console.log(`            ${newest.version} ${show(newest.answer(small.test))}`);
    console.log(`            ours   ${show(await ask(small.test))}`);
  }
  if (moved.length > 0) console.log(`all of them: ${write('moved.json', moved)}`);
}

const seed =
  options.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(options.seed);
process.exitCode = options.case
  ? await replay(options.case)
  : await run(seed, Number(options.cases));
decisionPoint.stop();
