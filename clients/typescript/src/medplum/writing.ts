/** Writes: judged first, and what is stored is what was judged. */

import type { PatchOperation } from '@medplum/core';
import { type Operation, applyPatch } from 'rfc6902';

import type { Decision, Obligation } from '../decision';
import { MisuseError, NoDecision } from '../errors';
import { malformed } from '../failure';
import { type Member, show } from './member';
import type { Reader } from './reading';
import { type BotOptions, medplumOptions, validId, validType } from './request';
import { type StoredResource, isStoredResource, unsign } from './resources';

const HONORED: readonly Obligation[] = ['HIDDEN_FIELDS', 'READONLY_FIELDS'];

/** What the server says of every version itself. */
const SERVER_META = ['versionId', 'lastUpdated', 'author', 'onBehalfOf', 'compartment', 'deleted'];

/** A resource as the bot gave it, taken once: nothing of it can change any more. */
export interface Draft {
  readonly type: string;
  readonly id: string | undefined;
  readonly json: string;
}

export function draftOf(resource: unknown): Draft {
  const json: string | undefined = JSON.stringify(resource);
  const copy: unknown = json === undefined ? undefined : JSON.parse(json);
  if (typeof copy !== 'object' || copy === null || !('resourceType' in copy)) throw new MisuseError('not a resource');
  refuseConditionalReferences(copy);
  const id = 'id' in copy && copy.id !== '' ? validId(copy.id) : undefined;
  return { type: validType(copy.resourceType), id, json };
}

/** Medplum would resolve `Patient?identifier=...` by a search of the bot's. */
function refuseConditionalReferences(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (name === 'reference' && typeof member === 'string' && member.includes('?')) {
      throw new MisuseError('a reference by a search is not for a guarded write: find the resource first');
    }
    refuseConditionalReferences(member);
  }
}

export class Writer {
  constructor(
    readonly reader: Reader,
    readonly member: Member,
  ) {}

  async create(draft: Draft, options: BotOptions): Promise<StoredResource> {
    const { signal } = options;
    const proposed = draft.json;
    const decision = await this.member.require('create', { type: draft.type, proposed }, HONORED, signal, true);
    const judged = completed(decision, draft.type);
    const project = judged.meta?.project;
    const { fixedProject } = this.reader.client;
    if (fixedProject !== undefined && project !== undefined && fixedProject !== project) {
      throw new MisuseError('the bot creates in another project than the member');
    }
    const { id: _, ...withoutId } = forMedplum(judged);
    const answer = await this.reader.client.createResource(withoutId, medplumOptions(options));
    const made = stored(decision, answer, draft.type);
    if (isStoredResource(answer) && answer.meta?.project !== project) {
      throw new MisuseError("the bot created it in another project than the member's");
    }
    return made;
  }

  async update(draft: Draft, options: BotOptions): Promise<StoredResource> {
    if (draft.id === undefined) throw new MisuseError('missing id');
    const current = await this.#current('update', draft.type, draft.id, options);
    return this.#store('update', current, draft.json, options);
  }

  /** Operations see what the member may see, and no more. */
  async patch(
    type: string,
    id: string,
    operations: readonly PatchOperation[],
    options: BotOptions,
  ): Promise<StoredResource> {
    const current = await this.#current('patch', type, id, options);
    const { signal } = options;
    const readable = await this.member.require('read', { type, id, body: current }, ['HIDDEN_FIELDS'], signal);
    const patched = structuredClone(show(readable, current));
    const copy: unknown = JSON.parse(JSON.stringify(operations));
    const list: readonly unknown[] = Array.isArray(copy) ? copy : [];
    if (list.length === 0) throw new MisuseError('no operations');
    const failed = applyPatch(patched, list as Operation[]).some((error) => error !== null);
    if (failed) throw new MisuseError('the patch does not apply to the resource as the member sees it');
    const draft = draftOf(patched);
    if (draft.type !== type || draft.id !== id) throw new MisuseError('a patch does not change type or id');
    return this.#store('patch', current, draft.json, options);
  }

  async delete(type: string, id: string, options: BotOptions): Promise<void> {
    const current = await this.#current('delete', type, id, options);
    const versionId = options.ifMatch ?? '';
    // Nothing of it is shown: there is nothing to strip.
    await this.member.require('delete', { type, id, versionId, body: current }, HONORED, options.signal);
    await this.reader.client.deleteResource(type, id, medplumOptions(options, ifMatch(current)));
  }

  async #current(
    interaction: 'update' | 'patch' | 'delete',
    type: string,
    id: string,
    options: BotOptions,
  ): Promise<StoredResource> {
    const found = await this.reader.stored(type, id, options);
    if (typeof found === 'string') return this.member.refuseMissing(interaction, type, id, options.signal);
    return found.resource;
  }

  /** Stores over `current`, and over no other version. */
  async #store(
    interaction: 'update' | 'patch',
    current: StoredResource,
    proposed: string,
    options: BotOptions,
  ): Promise<StoredResource> {
    const { resourceType: type, id } = current;
    const decision = await this.member.require(
      interaction,
      { type, id, versionId: options.ifMatch ?? '', body: current, proposed },
      HONORED,
      options.signal,
      true,
    );
    const judged = completed(decision, type);
    if (judged.id !== id) throw new NoDecision(malformed('another resource was judged'), decision);
    const answer = await this.reader.client.updateResource(
      forMedplum(judged),
      medplumOptions(options, ifMatch(current)),
    );
    return stored(decision, answer, type);
  }
}

/** That the version which was judged is still the one that is stored. */
function ifMatch(current: StoredResource): Record<string, string> {
  const version = current.meta?.versionId;
  if (version === undefined) throw new NoDecision(malformed('Medplum sent a resource without a version'));
  return { 'If-Match': `W/"${version}"` };
}

/** The resource that was judged, which alone may be stored. */
function completed(decision: Decision, type: string): StoredResource {
  const malformedOutcome = (): NoDecision =>
    new NoDecision(malformed('a write without the resource that would be stored'), decision);
  let resource: unknown;
  try {
    resource = JSON.parse(decision.write?.resource ?? '');
  } catch {
    throw malformedOutcome();
  }
  if (!isStoredResource(resource) || resource.resourceType !== type) throw malformedOutcome();
  return resource;
}

function forMedplum(judged: StoredResource): StoredResource {
  const meta = Object.fromEntries(Object.entries(judged.meta ?? {}).filter(([name]) => !SERVER_META.includes(name)));
  return { ...judged, meta };
}

/** Medplum's answer to a write, as the member may see it. */
function stored(decision: Decision, answer: unknown, type: string): StoredResource {
  if (!isStoredResource(answer) || answer.resourceType !== type) {
    throw new NoDecision(malformed('Medplum answered with another resource'), decision);
  }
  return unsign(show(decision, answer));
}
