/** Reads of single resources: judged by what is read, before it is shown. */

import { stripHiddenFields } from '../fields';
import { NoDecision } from '../errors';
import { malformed } from '../failure';
import type { MedplumConnection } from './connection';
import { type Member, show } from './member';
import { type BotOptions, medplumOptions } from './request';
import { type StoredResource, expectResource, isGone, isNotFound, isStoredResource, unsign } from './resources';

/** What is stored, or why there is nothing. */
export type Stored = { readonly resource: StoredResource } | 'gone' | 'absent';

export interface HistoryEntry {
  readonly fullUrl?: string;
  readonly resource?: StoredResource;
  readonly response?: Readonly<Record<string, string>>;
}

export interface HistoryBundle {
  readonly resourceType: 'Bundle';
  readonly type: 'history';
  readonly entry: HistoryEntry[];
}

export class Reader {
  constructor(
    readonly client: MedplumConnection,
    readonly member: Member,
  ) {}

  /** As Medplum has it now: nobody has decided about it. */
  async stored(type: string, id: string, options: BotOptions): Promise<Stored> {
    try {
      const answer: unknown = await this.client.readResource(type, id, medplumOptions(options));
      return { resource: expectResource(answer, type, id) };
    } catch (error) {
      if (isGone(error)) return 'gone';
      if (isNotFound(error)) return 'absent';
      throw error;
    }
  }

  async read(type: string, id: string, options: BotOptions): Promise<StoredResource> {
    const stored = await this.stored(type, id, options);
    if (typeof stored === 'string') return this.member.refuseMissing('read', type, id, options.signal);
    const { resource } = stored;
    const decision = await this.member.require('read', { type, id, body: resource }, ['HIDDEN_FIELDS'], options.signal);
    return show(decision, resource);
  }

  async history(
    type: string,
    id: string,
    page: { count?: number; offset?: number },
    options: BotOptions,
  ): Promise<HistoryBundle> {
    // The versions first: none of them is newer than what is judged.
    const bundle = await orAbsent(this.client.readHistory(type, id, page, medplumOptions(options)));
    const current = bundle && (await this.#currentOrLast(type, id, options));
    if (!current) return this.member.refuseMissing('history', type, id, options.signal);
    const decision = await this.member.require(
      'history',
      { type, id, body: current.resource, deleted: current.isDeleted },
      ['HIDDEN_FIELDS', 'VERSION_FIELDS'],
      options.signal,
    );
    const strip = (version: StoredResource): StoredResource => {
      const hidden = decision.versions.get(version.meta?.versionId ?? '') ?? decision.hiddenFields;
      try {
        return unsign(stripHiddenFields(version, hidden));
      } catch {
        throw new NoDecision(malformed('hidden fields that cannot be removed'), decision);
      }
    };
    const entry: HistoryEntry[] = [];
    for (const { fullUrl, resource, response } of entriesOf(bundle.answer)) {
      if (resource !== undefined && !isVersionOf(resource, type, id)) continue;
      entry.push({
        ...(typeof fullUrl === 'string' ? { fullUrl } : {}),
        ...(isStoredResource(resource) ? { resource: strip(resource) } : {}),
        ...(typeof response === 'object' && response !== null ? { response: statusOf(response) } : {}),
      });
    }
    return { resourceType: 'Bundle', type: 'history', entry };
  }

  /**
   * An older version is shown where the member may read versions of the
   * resource as it is now, and may read that version itself.
   */
  async version(type: string, id: string, versionId: string, options: BotOptions): Promise<StoredResource> {
    const { signal } = options;
    // The version first, as above.
    const found = await orAbsent(this.client.readVersion(type, id, versionId, medplumOptions(options)));
    const current = await this.#currentOrLast(type, id, options);
    if (!current) return this.member.refuseMissing('vread', type, id, signal);
    const { resource, isDeleted } = current;
    const currentVersion = resource.meta?.versionId ?? '';
    const decision = await this.member.require(
      'vread',
      { type, id, versionId: currentVersion, body: resource, deleted: isDeleted },
      ['HIDDEN_FIELDS'],
      signal,
    );
    if (versionId === currentVersion) return show(decision, resource);
    if (!found) return this.member.refuseMissing('vread', type, id, signal);
    const version = expectResource(found.answer, type, id);
    const own = await this.member.require('read', { type, id, body: version }, ['HIDDEN_FIELDS'], signal);
    return show(own, show(decision, version));
  }

  /** What there is, or the last of what there was. */
  async #currentOrLast(
    type: string,
    id: string,
    options: BotOptions,
  ): Promise<{ resource: StoredResource; isDeleted: boolean } | undefined> {
    const stored = await this.stored(type, id, options);
    if (typeof stored === 'object') return { resource: stored.resource, isDeleted: false };
    if (stored === 'absent') return undefined;
    const bundle = await this.client.readHistory(type, id, { count: 10 }, medplumOptions(options));
    for (const { resource } of entriesOf(bundle)) {
      if (isVersionOf(resource, type, id)) return { resource, isDeleted: true };
    }
    return undefined;
  }
}

/** What Medplum answers, unless it says that there is nothing. */
async function orAbsent(request: PromiseLike<unknown>): Promise<{ readonly answer: unknown } | undefined> {
  try {
    return { answer: await request };
  } catch (error) {
    if (isGone(error) || isNotFound(error)) return undefined;
    throw error;
  }
}

/** When and how it was stored; nothing else that a server may say there. */
function statusOf(response: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response).filter(
      (member): member is [string, string] =>
        ['status', 'lastModified', 'etag'].includes(member[0]) && typeof member[1] === 'string',
    ),
  );
}

function isVersionOf(resource: unknown, type: string, id: string): resource is StoredResource {
  return isStoredResource(resource) && resource.resourceType === type && resource.id === id;
}

export interface RawEntry {
  readonly fullUrl?: unknown;
  readonly resource?: unknown;
  readonly response?: unknown;
  readonly search?: { readonly mode?: unknown };
}

/** The entries of what should be a Bundle. */
export function entriesOf(bundle: unknown): readonly RawEntry[] {
  if (
    typeof bundle !== 'object' ||
    bundle === null ||
    !('resourceType' in bundle) ||
    bundle.resourceType !== 'Bundle'
  ) {
    throw new NoDecision(malformed('Medplum answered with something other than a Bundle'));
  }
  const entry: unknown = 'entry' in bundle ? bundle.entry : undefined;
  const entries: readonly unknown[] = Array.isArray(entry) ? entry : [];
  return entries.filter((item): item is RawEntry => typeof item === 'object' && item !== null);
}
