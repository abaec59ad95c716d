// Random regular expressions, by their syntax.

import { below, chance, pick, repeat } from './choices.mjs';

export function regex(depth) {
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
        `[${chance(0.3) ? '^' : ''}${repeat(below(4), () => pick(['a', 'a-c', 'A-Z', '\\d', '\\w-', '-', '\\]', '^', '😀', '\\s', '.', 'é-ü', '[', '\\b', '\\-', '$'])).join('')}]`,
      () => (depth > 0 ? `(${pick(['', '', '?:', '?<g>', '?=', '?!'])}${regex(depth - 1)})` : 'b'),
    ])();
  const term = () =>
    atom() +
    (chance(0.35)
      ? pick(['*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '*?', '+?', '{,2}', '{a}', '??'])
      : '');
  const sequence = () => repeat(below(4), term).join('');
  return chance(0.25) ? `${sequence()}|${sequence()}` : sequence();
}

export const SUBJECTS = [
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
