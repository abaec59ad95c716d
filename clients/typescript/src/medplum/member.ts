/** The questions to the decision point, on behalf of one member. */

import type { PdpClient } from '../client';
import type { Decision, Obligation } from '../decision';
import { NoDecision, PermissionDenied } from '../errors';
import { malformed } from '../failure';
import type { FilterAnswer } from '../filter';
import type { CallOptions } from '../options';
import type { Consistency, Context, Interaction, ResourceRef, Subject } from '../questions';
import type { Trace } from '../trace';
import { type StoredResource, unsign } from './resources';

/** What a guard needs of a PdpClient. */
export type GuardingPdp = Pick<PdpClient, 'check' | 'filter' | 'filterResources'>;

/** On whose behalf a bot acts, and how that is asked. */
export interface MemberOptions {
  /** Shared by all guards. */
  readonly pdp: GuardingPdp;
  /** The member on whose behalf the bot acts. */
  readonly subject: Subject;
  /** Such as `activeTenants`: what the member works in now. */
  readonly context?: Context;
  readonly consistency?: Consistency;
  /** Whose token the bot's is: see FilterQuestion. Default `privileged`. */
  readonly runner?: 'privileged' | 'same-project';
  /** Of each question to the decision point, in milliseconds. */
  readonly deadlineMs?: number;
  /** The request that the bot works on. */
  readonly trace?: Trace;
  /** Told of each decision. What it throws is swallowed. */
  readonly onDecision?: (decision: Decision | FilterAnswer) => void;
}

export class Member {
  readonly #options: MemberOptions;

  constructor(options: MemberOptions) {
    const { context, consistency } = options;
    this.#options = {
      ...options,
      subject: typeof options.subject === 'string' ? options.subject : { ...options.subject },
      ...(context ? { context: structuredClone(context) } : {}),
      ...(consistency ? { consistency: structuredClone(consistency) } : {}),
    };
  }

  /** The decision, whatever it is. */
  async check(
    interaction: Interaction,
    resource: ResourceRef,
    signal: AbortSignal | undefined,
    returnCompletedResource = false,
  ): Promise<Decision> {
    const decision = await this.#options.pdp.check(
      { ...this.#who(), interaction, resource, returnCompletedResource },
      this.#call(signal),
    );
    this.#tell(decision);
    return decision;
  }

  /** The decision, where it permits with what the guard honors. */
  async require(
    interaction: Interaction,
    resource: ResourceRef,
    honored: readonly Obligation[],
    signal: AbortSignal | undefined,
    returnCompletedResource = false,
  ): Promise<Decision> {
    const decision = await this.check(interaction, resource, signal, returnCompletedResource);
    return decision.require(honored);
  }

  /**
   * What there is to say of a resource that is not there: the same as of one
   * that may not be seen.
   */
  async refuseMissing(
    interaction: Interaction,
    type: string,
    id: string,
    signal: AbortSignal | undefined,
  ): Promise<never> {
    const asked: Interaction =
      interaction === 'update' || interaction === 'patch' || interaction === 'vread' ? 'read' : interaction;
    const decision = await this.check(asked, { type, id }, signal);
    if (decision.noDecision) decision.require();
    throw new PermissionDenied(decision.denied ? decision : undefined, {
      httpStatus: decision.httpStatus === 401 ? 401 : 403,
      decisionId: decision.decisionId,
    });
  }

  async filter(resourceType: string, query: string, signal: AbortSignal | undefined): Promise<FilterAnswer> {
    const answer = await this.#options.pdp.filter(
      { ...this.#who(), resourceType, query, runner: this.#options.runner ?? 'privileged' },
      this.#call(signal),
    );
    this.#tell(answer);
    return answer;
  }

  /** Of `resources` those that a search may show, stripped; undefined for the others. */
  async shown(
    resources: readonly StoredResource[],
    signal: AbortSignal | undefined,
  ): Promise<(StoredResource | undefined)[]> {
    const shown = resources.map((): StoredResource | undefined => undefined);
    if (resources.length === 0) return shown;
    const filtered = await this.#options.pdp.filterResources(
      { ...this.#who(), interaction: 'search', resources },
      this.#call(signal),
    );
    filtered.indexes.forEach((index, i) => {
      shown[index] = filtered.resources[i] && unsign(filtered.resources[i]);
    });
    return shown;
  }

  #who(): Pick<MemberOptions, 'subject' | 'context' | 'consistency'> {
    const { subject, context, consistency } = this.#options;
    return { subject, ...(context ? { context } : {}), ...(consistency ? { consistency } : {}) };
  }

  #call(signal: AbortSignal | undefined): CallOptions {
    const { deadlineMs, trace } = this.#options;
    return {
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(trace ? { trace } : {}),
      ...(signal ? { signal } : {}),
    };
  }

  #tell(decision: Decision | FilterAnswer): void {
    try {
      this.#options.onDecision?.(decision);
    } catch {
      // A hook decides nothing.
    }
  }
}

/** `resource` as the member may see it. What cannot be stripped is not shown. */
export function show<T extends object>(decision: Decision, resource: T): T {
  try {
    return unsign(decision.strip(resource));
  } catch {
    throw new NoDecision(malformed('hidden fields that cannot be removed'), decision);
  }
}
