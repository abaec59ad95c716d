/** Hidden fields: what a path names, and how it is removed. */

import { DATA_TYPES } from './data_types';

const CHOICE = '[x]';

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the member `key` is what the segment `segment` of a path names. */
function segmentNames(segment: string, key: string): boolean {
  if (!segment.endsWith(CHOICE)) return segment === key;
  const base = segment.slice(0, -CHOICE.length);
  if (!key.startsWith(base) || key.length === base.length) return false;
  const rest = key.slice(base.length);
  return DATA_TYPES.has(rest) || DATA_TYPES.has(rest.charAt(0).toLowerCase() + rest.slice(1));
}

function removePath(value: JsonObject, path: readonly string[]): void {
  const [segment = '', ...rest] = path;
  for (const key of Object.keys(value)) {
    if (!segmentNames(segment, key)) continue;
    if (rest.length === 0) {
      delete value[key];
      continue;
    }
    const member = value[key];
    if (isObject(member)) removePath(member, rest);
    if (!Array.isArray(member)) continue;
    const items: readonly unknown[] = member;
    for (const item of items) {
      if (item === null) throw new TypeError('a hidden field lies behind a null item, and cannot be followed');
      if (isObject(item)) removePath(item, rest);
    }
  }
}

/**
 * A copy of `resource` without what `paths` name: `name`, `name.family`,
 * `value[x]`.
 *
 * @throws TypeError where a path cannot be followed: then show nothing.
 */
export function stripHiddenFields<T extends object>(resource: T, paths: readonly string[]): T {
  const copy: unknown = JSON.parse(JSON.stringify(resource));
  if (!isObject(copy)) throw new TypeError('not a resource');
  for (const path of paths) removePath(copy, path.split('.'));
  return copy as T;
}
