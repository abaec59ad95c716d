/** The answers of Explain and DescribeAccess. */

import { timestampDate } from '@bufbuild/protobuf/wkt';

import {
  DecisionStage,
  type DescribeAccessResponse,
  Effect,
  EntryTest,
  type ExplainResponse,
  Interaction as InteractionEnum,
  StrictRule,
} from './api';
import { Decision, type Note, type PolicyEntry, type ReasonName, convertNotes, reasonName } from './decision';
import { NoDecision } from './errors';
import { malformed } from './failure';

/** An entry of the effective policy, and what became of it. */
export interface EntryTrace {
  readonly entry: PolicyEntry | undefined;
  readonly matched: boolean;
  /** The first test that failed, in words; never resource content. */
  readonly failedTest: string;
  /** A name of EntryTest; '' where it matched. */
  readonly test: string;
  /** A name of DecisionStage. */
  readonly stage: string;
  /** The criteria with its parameters in place. */
  readonly criteria: string;
  readonly paths: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly value: string; readonly source: number }[];
  /** A name of StrictRule; '' for none. */
  readonly strictRule: string;
  /** Tried by Medplum's matcher in the database. */
  readonly durable: boolean;
  readonly searchParameter: string;
  readonly resourceType: string;
  readonly interactions: readonly string[];
}

/** Why. */
export interface Explanation {
  readonly decision: Decision;
  readonly entries: readonly EntryTrace[];
  /** Of `entries`, the one that came nearest. */
  readonly nearest: EntryTrace | undefined;
  /** One paragraph for an administrator. */
  readonly summary: string;
  /** What would have to be otherwise. */
  readonly missing: string;
  readonly membership: string;
  readonly project: string;
  /** Of a question about the past. */
  readonly asOf: Date | undefined;
  /** Of a recorded decision: whether the record says the same. */
  readonly agrees: boolean | undefined;
}

/** What a subject may do with resources of a type. */
export interface TypeAccess {
  /** A resource type, or `*`. */
  readonly resourceType: string;
  /** What is granted on some of them at least. */
  readonly interactions: readonly string[];
  /** What is granted on all of them. */
  readonly unrestrictedInteractions: readonly string[];
}

/** A tenant of the subject, and how it was granted. */
export interface Tenant {
  readonly reference: string;
  /** How it was granted, in words. */
  readonly grantedBy: string;
  readonly policy: string;
  readonly source: number;
  readonly parameter: string;
}

/** An AccessPolicy that the subject is bound to, if need be for one tenant. */
export interface Role {
  /** The AccessPolicy. */
  readonly policy: string;
  readonly name: string;
  /** '' for none. */
  readonly tenant: string;
  readonly source: number;
}

/** What a subject may do at all. */
export interface AccessDescription {
  readonly membership: string;
  readonly project: string;
  readonly profile: string;
  /** The effective AccessPolicy, as JSON. */
  readonly effectivePolicy: string;
  readonly types: readonly TypeAccess[];
  readonly tenants: readonly Tenant[];
  readonly roles: readonly Role[];
  /** PERMITTED, or why every request of this subject is denied. */
  readonly reason: ReasonName;
  readonly message: string;
  readonly medplumHttpStatus: number;
  readonly revision: bigint;
  readonly notes: readonly Note[];
}

/** `name` of an enum's value: '' for UNSPECIFIED, UNKNOWN for one not known. */
function nameIn(names: Readonly<Record<number, string>>, value: number): string {
  return value === 0 ? '' : (names[value] ?? 'UNKNOWN');
}

function interactionNames(interactions: readonly InteractionEnum[]): string[] {
  return interactions.map((interaction) => nameIn(InteractionEnum, interaction).toLowerCase());
}

export function convertExplanation(message: ExplainResponse): Explanation {
  const entries = message.entries.map((trace): EntryTrace => ({
    entry: trace.entry,
    matched: trace.matched,
    failedTest: trace.failedTest,
    test: nameIn(EntryTest, trace.test),
    stage: nameIn(DecisionStage, trace.stage),
    criteria: trace.criteria,
    paths: trace.paths,
    parameters: trace.parameters,
    strictRule: nameIn(StrictRule, trace.strictRule),
    durable: trace.durable,
    searchParameter: trace.searchParameter,
    resourceType: trace.resourceType,
    interactions: interactionNames(trace.interactions),
  }));
  const { recorded } = message;
  return {
    decision: Decision.of(message.decision),
    entries,
    nearest: message.nearest === undefined ? undefined : entries[message.nearest],
    summary: message.summary,
    missing: message.missing,
    membership: message.membership,
    project: message.project,
    asOf: message.asOf && timestampDate(message.asOf),
    agrees: recorded && recorded.effect !== Effect.UNSPECIFIED && recorded.agrees,
  };
}

/** Throws NoDecision where the answer is malformed. */
export function convertDescription(message: DescribeAccessResponse): AccessDescription {
  const reason = reasonName(message.reason);
  if (reason === undefined) throw new NoDecision(malformed('a reason that is not known'));
  return {
    membership: message.membership,
    project: message.project,
    profile: message.profile,
    effectivePolicy: Buffer.from(message.effectivePolicy).toString('utf8'),
    types: message.types.map((type) => ({
      resourceType: type.resourceType,
      interactions: interactionNames(type.interactions),
      unrestrictedInteractions: interactionNames(type.unrestrictedInteractions),
    })),
    tenants: message.tenants.map(({ reference, grantedBy, policy, source, parameter }) => ({
      reference,
      grantedBy,
      policy,
      source,
      parameter,
    })),
    roles: message.roles.map(({ policy, name, tenant, source }) => ({ policy, name, tenant, source })),
    reason,
    message: message.message,
    medplumHttpStatus: message.medplumHttpStatus,
    revision: message.revision,
    notes: convertNotes(message.notes),
  };
}
