// What the two answers to a case have to do with each other.

// Whether the answer lets something through.
function permits(test, answer) {
  if (answer.error !== undefined || answer.crash) return false;
  if (test.kind === 'modes') return answer.parts[0]?.startsWith('strict permits') ?? false;
  if (test.kind === 'match') return answer.parts[0] === 'yes';
  if (test.kind !== 'entry') return false;
  const [gate, entry, ...constraints] = answer.parts;
  return (
    gate.split(' ').includes(test.interaction) && entry !== 'none' && !constraints.includes('fails')
  );
}

export class Comparison {
  #refusals;
  #known;
  #types; // The names of types that this program knows.

  // `refusals`: the classes of what this program answers with an error where
  // Medplum goes on.  `known`: the mismatches that are listed.
  constructor(refusals, known, types) {
    if (known.length > 20) throw new Error('more than 20 mismatches are listed');
    this.#refusals = refusals.map((entry) => ({ ...entry, pattern: new RegExp(entry.pattern) }));
    this.#known = known.map((entry) => ({ ...entry, pattern: new RegExp(entry.pattern) }));
    this.#types = types;
  }

  // `{verdict, class?, wrongPermit?}`, the verdict one of
  //   same       both found the same, or both came to an error at the same point
  //   refused    only this program came to an error: of `class`, if it is listed
  //   known      a listed mismatch: `class` is its reason
  //   mismatch   anything else
  compare(test, medplum, ours) {
    if (ours.crash) return { verdict: 'mismatch' };
    const end = Math.max(medplum.parts.length, ours.parts.length);
    let at = 0;
    while (at < end && this.#isSame(test, medplum.parts[at], ours.parts[at])) at++;
    const medplumErred = medplum.error !== undefined && at === medplum.parts.length;
    const oursErred = ours.error !== undefined && at === ours.parts.length;
    if (at === end && medplumErred === oursErred) return { verdict: 'same' };
    if (oursErred && !medplumErred)
      return { verdict: 'refused', class: this.#refusalOf(test, medplum, ours) };
    const wrongPermit = permits(test, ours) && !permits(test, medplum);
    const known = wrongPermit ? undefined : this.#knownOf(test, medplum, ours);
    return known ? { verdict: 'known', class: known.reason } : { verdict: 'mismatch', wrongPermit };
  }

  #refusalOf(test, medplum, ours) {
    if (medplum.changed) return 'expressions that write into the resource';
    return this.#refusals.find(
      ({ kinds, code, pattern }) =>
        kinds.includes(test.kind) && (code ?? ours.code) === ours.code && pattern.test(ours.error),
    )?.class;
  }

  #knownOf(test, medplum, ours) {
    const text = JSON.stringify(test);
    return this.#known.find(
      ({ kind, pattern, numbersWithin }) =>
        kind === test.kind &&
        pattern.test(text) &&
        (numbersWithin === undefined || areClose(medplum.parts, ours.parts, numbersWithin)),
    );
  }

  #isSame(test, medplum, ours) {
    if (test.kind !== 'fhirpath' || medplum === undefined || ours === undefined)
      return medplum === ours;
    const [type, value] = split(medplum);
    const [ourType, ourValue] = split(ours);
    // Types of no table are all the same to us.
    const sameType = type === ourType || (ourType === '' && !this.#types.has(type));
    return sameType && value === ourValue;
  }
}

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]\d+)?/g;

// Whether the items are equal but for numbers, and those but for this part of
// them.
function areClose(items, others, within) {
  const [text, other] = [items, others].map((list) => list.join('\n'));
  const [numbers, otherNumbers] = [text, other].map((one) => (one.match(NUMBER) ?? []).map(Number));
  return (
    text.replaceAll(NUMBER, '') === other.replaceAll(NUMBER, '') &&
    numbers.every((number, i) => Math.abs(number - otherNumbers[i]) <= within * Math.abs(number))
  );
}

function split(item) {
  const at = item.indexOf(' ');
  return [item.slice(0, Math.max(at, 0)), item.slice(at + 1)];
}
