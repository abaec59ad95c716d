/** What a bot may ask for: names, ids and options that are what they seem. */

import type { MedplumRequestOptions } from '@medplum/core';

import { MisuseError } from '../errors';

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;
const ID = /^(?!\.{1,2}$)[A-Za-z0-9.-]{1,64}$/;

/** Options that change nothing of what is asked for. */
const HARMLESS_OPTIONS: ReadonlySet<string> = new Set(['signal', 'cache', 'disableAutoBatch']);

/** A type that is one, and not the beginning of another URL. */
export function validType(type: unknown): string {
  if (typeof type !== 'string' || !TYPE.test(type)) throw new MisuseError('not a resource type');
  // Its content is no JSON, and its security context is no part of a request.
  if (type === 'Binary') throw new MisuseError('the guard does not reach the content of a Binary');
  return type;
}

export function validId(id: unknown): string {
  if (typeof id !== 'string' || !ID.test(id)) throw new MisuseError('not an id');
  return id;
}

/** `Type/id` alone: no URL, no version, no query. */
export function parseReference(reference: unknown): { type: string; id: string } {
  const [type, id, ...rest] = typeof reference === 'string' ? reference.split('/') : [];
  if (rest.length > 0) throw new MisuseError('not a reference of the form `Type/id`');
  return { type: validType(type), id: validId(id) };
}

export interface BotOptions {
  readonly signal?: AbortSignal;
  /** The version that the bot says it changes. */
  readonly ifMatch?: string;
}

function headerEntries(headers: NonNullable<MedplumRequestOptions['headers']>): [string, string][] {
  return [...new Headers(headers)];
}

/**
 * What of a bot's request options is taken over: a signal, and If-Match.
 *
 * @throws MisuseError for anything else: a header may change whose request it
 *     is, or what it does.
 */
export function readOptions(options: MedplumRequestOptions | undefined, takesIfMatch = false): BotOptions {
  const found: { signal?: AbortSignal; ifMatch?: string } = {};
  const { signal, headers } = options ?? {};
  if (signal) found.signal = signal;
  for (const [name, value] of headers ? headerEntries(headers) : []) {
    const version = /^(?:W\/)?"([A-Za-z0-9.-]{1,64})"$/.exec(value)?.[1];
    if (name !== 'if-match' || !takesIfMatch || version === undefined) {
      throw new MisuseError(`the request header \`${name}\` is not for a guarded request`);
    }
    found.ifMatch = version;
  }
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name !== 'headers' && value !== undefined && !HARMLESS_OPTIONS.has(name)) {
      throw new MisuseError(`the request option \`${name}\` is not for a guarded request`);
    }
  }
  return found;
}

/** Options of a request to Medplum: never from a cache, always with the extended meta. */
export function medplumOptions({ signal }: BotOptions, headers: Record<string, string> = {}): MedplumRequestOptions {
  return {
    cache: 'reload',
    disableAutoBatch: true,
    headers: { 'X-Medplum': 'extended', ...headers },
    ...(signal ? { signal } : {}),
  };
}
