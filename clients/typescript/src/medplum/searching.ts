/** Searches: narrowed before they leave, and looked at again when they come back. */

import type { QueryTypes } from '@medplum/core';

import { MisuseError } from '../errors';
import type { FilterAnswer } from '../filter';
import type { MedplumConnection } from './connection';
import type { Member } from './member';
import { type RawEntry, entriesOf } from './reading';
import { type BotOptions, medplumOptions } from './request';
import { type StoredResource, isStoredResource } from './resources';

/** Parameters by which Medplum sends parts of resources, which nobody can judge. */
const PARTIAL = ['_elements', '_fields', '_summary'];

/** What holds for each of several searches, and not for their union. */
const OF_ONE_SEARCH = ['_sort', '_total', '_cursor', '_summary'];

const PAGE_SIZE = 1_000;
const DEFAULT_PAGE_SIZE = 20;

export interface SearchEntry {
  readonly fullUrl?: string;
  readonly resource: StoredResource;
  readonly search: { readonly mode: 'match' | 'include' };
}

export interface SearchBundle {
  readonly resourceType: 'Bundle';
  readonly type: 'searchset';
  readonly total?: number;
  readonly link?: { readonly relation: 'self' | 'next'; readonly url: string }[];
  readonly entry: SearchEntry[];
}

/** What one of the searches found. */
interface Found {
  readonly entries: readonly { readonly raw: RawEntry; readonly resource: StoredResource; readonly isMatch: boolean }[];
  readonly total: number | undefined;
  /** The `next` link. */
  readonly next: URLSearchParams | undefined;
}

function codes(query: URLSearchParams): Set<string> {
  return new Set([...query.keys()].map((key) => key.split(':')[0] ?? ''));
}

function refusePartial(query: URLSearchParams): void {
  const asked = codes(query);
  const isCount = query.getAll('_summary').every((value) => value === 'count');
  const partial = PARTIAL.find((code) => asked.has(code) && !(code === '_summary' && isCount));
  if (partial !== undefined) {
    throw new MisuseError(`\`${partial}\` brings parts of resources, which cannot be judged: leave it out`);
  }
}

export class Searcher {
  constructor(
    readonly client: MedplumConnection,
    readonly member: Member,
  ) {}

  /**
   * What the member may find.
   *
   * @throws PermissionDenied where the query itself is not safe, or the subject
   *     has to prove who it is; NoDecision.
   */
  async search(type: string, query: QueryTypes, options: BotOptions): Promise<SearchBundle> {
    return this.#search(type, new URLSearchParams(this.client.queryOf(type, query)), options);
  }

  async #search(type: string, query: URLSearchParams, options: BotOptions): Promise<SearchBundle> {
    refusePartial(query);
    const answer = await this.member.filter(type, query.toString(), options.signal);
    const denies = answer.denied && answer.httpStatus === 403 && answer.reason !== 'QUERY_NOT_SAFE';
    if (denies) return this.#bundle(type, query, [], [], true);
    const searches = this.#searches(answer.require(), type, query);
    const found = await Promise.all(searches.map((search) => this.#run(type, search, options)));
    const entries = unite(found);
    const shown = await this.member.shown(
      entries.map(({ resource }) => resource),
      options.signal,
    );
    const kept: SearchEntry[] = [];
    entries.forEach(({ raw, isMatch }, i) => {
      const resource = shown[i];
      if (!resource) return;
      kept.push({
        ...(typeof raw.fullUrl === 'string' ? { fullUrl: raw.fullUrl } : {}),
        resource,
        search: { mode: isMatch ? 'match' : 'include' },
      });
    });
    return this.#bundle(type, query, kept, found, kept.length === entries.length);
  }

  /** The pages of a search; nothing is found twice. */
  async *pages(type: string, query: QueryTypes, options: BotOptions): AsyncGenerator<SearchBundle> {
    let next: URLSearchParams | undefined = new URLSearchParams(this.client.queryOf(type, query));
    if (!next.has('_count')) next.set('_count', String(PAGE_SIZE));
    const seen = new Set<string>();
    while (next) {
      const page: SearchBundle = await this.#search(type, next, options);
      // What is included belongs to what is found with it.
      const entry = page.entry.filter(({ resource: { id }, search: { mode } }) => {
        const isNew = mode === 'include' || !seen.has(id);
        if (mode === 'match') seen.add(id);
        return isNew;
      });
      const link: string | undefined = page.link?.find(({ relation }) => relation === 'next')?.url;
      if (entry.length === 0 && link === undefined) return;
      yield { ...page, entry };
      next = link === undefined ? undefined : new URL(link).searchParams;
    }
  }

  /** The searches to run, each without its type. */
  #searches(answer: FilterAnswer, type: string, asked: URLSearchParams): URLSearchParams[] {
    const queries = answer.singleQuery === '' ? answer.queries : [answer.singleQuery];
    const searches = queries.map((query) => new URLSearchParams(query.slice(type.length + 1)));
    searches.forEach(refusePartial);
    const bound = codes(asked);
    const inexact =
      OF_ONE_SEARCH.find((code) => bound.has(code)) ?? (asked.get('_count') === '0' ? '_count' : undefined);
    if (searches.length > 1 && inexact !== undefined) {
      throw new MisuseError(`what this member may find takes several searches, and \`${inexact}\` holds for one only`);
    }
    return searches;
  }

  async #run(type: string, search: URLSearchParams, options: BotOptions): Promise<Found> {
    const bundle = await this.client.search(type, search.toString(), medplumOptions(options));
    const entries: Found['entries'][number][] = [];
    for (const raw of entriesOf(bundle)) {
      // An OperationOutcome, or what has no id: nobody can judge it.
      if (!isStoredResource(raw.resource)) continue;
      const isMatch = raw.resource.resourceType === type && raw.search?.mode !== 'include';
      entries.push({ raw, resource: raw.resource, isMatch });
    }
    return { entries, ...pageOf(bundle) };
  }

  #bundle(
    type: string,
    asked: URLSearchParams,
    entry: SearchEntry[],
    found: readonly Found[],
    isComplete: boolean,
  ): SearchBundle {
    const [only] = found.length === 1 ? found : [];
    const total = found.length === 0 ? 0 : only?.total;
    const link: SearchBundle['link'] = [{ relation: 'self', url: this.client.searchUrl(type, asked.toString()) }];
    const next = nextPage(asked, found);
    if (next) link.push({ relation: 'next', url: this.client.searchUrl(type, next.toString()) });
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      // Of what was found; it would tell how many were taken out.
      ...(total !== undefined && isComplete ? { total } : {}),
      link,
      entry,
    };
  }
}

function pageOf(bundle: unknown): Pick<Found, 'total' | 'next'> {
  const { total, link } = bundle as { total?: unknown; link?: unknown };
  const links: readonly unknown[] = Array.isArray(link) ? link : [];
  const next = links.find(
    (item): item is { url: string } =>
      typeof item === 'object' &&
      item !== null &&
      'relation' in item &&
      item.relation === 'next' &&
      'url' in item &&
      typeof item.url === 'string',
  );
  return {
    total: typeof total === 'number' ? total : undefined,
    next: next && new URL(next.url, 'https://medplum.invalid/').searchParams,
  };
}

/**
 * The bot's own query for the page behind this one: it is asked, and narrowed,
 * anew. Of Medplum's link nothing is taken but the place.
 */
function nextPage(asked: URLSearchParams, found: readonly Found[]): URLSearchParams | undefined {
  const links = found.flatMap(({ next }) => (next ? [next] : []));
  const [first] = links;
  if (!first) return undefined;
  const next = new URLSearchParams(asked);
  const cursor = first.get('_cursor');
  if (found.length === 1 && cursor !== null) {
    if (cursor === asked.get('_cursor')) return undefined;
    next.set('_cursor', cursor);
    next.delete('_offset');
    return next;
  }
  const size = Number(asked.get('_count') ?? DEFAULT_PAGE_SIZE);
  const offset = Number(asked.get('_offset') ?? 0);
  const linked = Number(first.get('_offset') ?? NaN);
  const place = found.length === 1 && Number.isSafeInteger(linked) ? linked : offset + size;
  // A place that is not further on would be read for ever.
  if (!Number.isSafeInteger(place) || place <= offset) return undefined;
  next.set('_offset', String(place));
  next.delete('_cursor');
  return next;
}

/** What was found, in the order of the searches, each resource once. */
function unite(found: readonly Found[]): Found['entries'][number][] {
  const united = new Map<string, Found['entries'][number]>();
  for (const entry of found.flatMap(({ entries }) => entries)) {
    const key = `${entry.resource.resourceType}/${entry.resource.id}`;
    const known = united.get(key);
    if (!known || (entry.isMatch && !known.isMatch)) united.set(key, entry);
  }
  return [...united.values()];
}
