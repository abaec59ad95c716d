// Makes a case small: takes away what is not needed for `isStillWrong`.

// Values a step smaller than `value`, the smallest first.
function* smaller(value) {
  if (typeof value === 'string') {
    for (let size = value.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at + size <= value.length; at += size) {
        yield (value.slice(0, at) + value.slice(at + size)).toWellFormed();
      }
    }
    // A parameter, an alternative, an argument.
    for (const mark of ['&', ',', '.', ' ']) {
      const pieces = value.split(mark);
      for (let i = 0; pieces.length > 1 && i < pieces.length; i++)
        yield pieces.toSpliced(i, 1).join(mark);
    }
  } else if (Array.isArray(value)) {
    for (let size = value.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at + size <= value.length; at += size) yield value.toSpliced(at, size);
    }
    for (const [i, item] of value.entries()) {
      for (const less of smaller(item)) yield value.with(i, less);
    }
  } else if (value && typeof value === 'object') {
    const names = Object.keys(value).filter((name) => name !== 'resourceType');
    for (const name of names) {
      const { [name]: _, ...rest } = value;
      yield rest;
    }
    for (const name of names) {
      for (const less of smaller(value[name])) yield { ...value, [name]: less };
    }
  }
}

const MAX_QUESTIONS = 20_000;
const FIXED = ['kind', 'interaction', 'subject'];

// The smallest case that was found, and how many were asked about.
export async function shrink(test, isStillWrong) {
  const fixed = Object.fromEntries(
    FIXED.filter((name) => name in test).map((name) => [name, test[name]]),
  );
  let best = Object.fromEntries(
    Object.entries(test).filter(([name, value]) => !FIXED.includes(name) && value !== undefined),
  );
  let questions = 0;
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false;
    for (const candidate of smaller(best)) {
      if (++questions > MAX_QUESTIONS) break;
      if (!(await isStillWrong({ ...fixed, ...candidate }))) continue;
      best = candidate;
      isSmaller = true;
      break;
    }
  }
  return { test: { ...fixed, ...best }, questions };
}
