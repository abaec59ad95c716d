// Random choices, the same for the same seed.

let state = 0;

// Starts the choices of case `number` of a run.
export function startCase(seed, number) {
  state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(number + 1, 0xc2b2ae35)) >>> 0;
  for (let i = 0; i < 3; i++) random();
}

// At least 0 and less than 1.
export function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

export const chance = (probability) => random() < probability;
export const below = (n) => Math.floor(random() * n);
export const pick = (list) => list[below(list.length)];
export const repeat = (count, make) => Array.from({ length: count }, make);

// One of the keys, each as often as its weight says.
export function pickWeighted(weights) {
  let rest = random() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [key, weight] of Object.entries(weights)) {
    rest -= weight;
    if (rest < 0) return key;
  }
  return Object.keys(weights)[0];
}
