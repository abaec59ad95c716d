/** The answer of Filter: which searches find what the subject may find. */

import { inspect } from 'node:util';

import { timestampDate } from '@bufbuild/protobuf/wkt';

import { ComparisonOperator, type Condition as ConditionMessage, FilterKind, type FilterResponse, Reason } from './api';
import { type HttpStatus, type Note, type ReasonName, convertNotes, reasonName } from './decision';
import { type Failure, NoDecision, PermissionDenied } from './errors';
import { failure, malformed } from './failure';
import type { Consistency, Context, Subject } from './questions';

/** Which search may be run for this subject? */
export interface FilterQuestion {
  readonly subject: Subject;
  /** The type to be searched. */
  readonly resourceType: string;
  /** The caller's own search, `status=active&_sort=date`, without the type. */
  readonly query?: string;
  /**
   * Whose token runs the queries: `privileged` (the default) sees more than the
   * subject; `same-project` is confined to the subject's project by itself.
   */
  readonly runner?: 'privileged' | 'same-project';
  readonly context?: Context;
  readonly consistency?: Consistency;
}

/** NO_DECISION is never sent: the client says so. */
export type FilterKindName = 'ALWAYS_DENIED' | 'ALWAYS_PERMITTED' | 'CONDITIONAL' | 'NO_DECISION';

/** How a Condition compares; `decision.proto` says what each means. */
export type ComparisonOperatorName = Exclude<keyof typeof ComparisonOperator, 'UNSPECIFIED'>;

/** A condition over a resource, for other data stores; `decision.proto` says how values compare. */
export type Condition =
  | { readonly allOf: readonly Condition[] }
  | { readonly anyOf: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly constant: boolean }
  | {
      readonly parameter: string;
      readonly path: string;
      readonly operator: ComparisonOperatorName;
      readonly values: readonly string[];
      readonly parameterType: string;
    };

/** A condition that cannot be read whole is none: half of one could permit more. */
function convertCondition(message: ConditionMessage | undefined): Condition | undefined {
  const { node } = message ?? {};
  switch (node?.case) {
    case 'allOf':
    case 'anyOf': {
      const conditions: Condition[] = [];
      for (const child of node.value.conditions) {
        const converted = convertCondition(child);
        if (!converted) return undefined;
        conditions.push(converted);
      }
      return node.case === 'allOf' ? { allOf: conditions } : { anyOf: conditions };
    }
    case 'not': {
      const not = convertCondition(node.value);
      return not && { not };
    }
    case 'constant':
      return { constant: node.value };
    case 'comparison': {
      const { parameter, path, values, parameterType } = node.value;
      const operator: string | undefined = ComparisonOperator[node.value.operator];
      if (operator === undefined || operator === 'UNSPECIFIED') return undefined;
      return { parameter, path, operator: operator as ComparisonOperatorName, values, parameterType };
    }
    default:
      return undefined;
  }
}

const KINDS: ReadonlyMap<FilterKind, FilterKindName> = new Map([
  [FilterKind.ALWAYS_DENIED, 'ALWAYS_DENIED'],
  [FilterKind.ALWAYS_PERMITTED, 'ALWAYS_PERMITTED'],
  [FilterKind.CONDITIONAL, 'CONDITIONAL'],
]);

interface FilterFields {
  readonly kind: FilterKindName;
  readonly httpStatus: HttpStatus;
  readonly reason?: ReasonName;
  readonly failure?: Failure;
  readonly message?: FilterResponse;
}

/** Which searches to run. It is never an exception: what went wrong has no queries. */
export class FilterAnswer {
  readonly kind: FilterKindName;
  /** Undefined where there is no decision. */
  readonly reason: ReasonName | undefined;
  readonly message: string;
  readonly decisionId: string;
  readonly httpStatus: HttpStatus;
  readonly medplumHttpStatus: number;
  /** Searches, `Type?a=b`, ready to run: unite what they find. Empty: do not search. */
  readonly queries: readonly string[];
  /** The same as one search; '' where it cannot be said in one. */
  readonly singleQuery: string;
  /** The same for other data stores; undefined where it cannot be said exactly. */
  readonly condition: Condition | undefined;
  readonly hiddenFields: readonly string[];
  /** Nothing may be shown before `hiddenFields` are removed. */
  readonly stripFieldsRequired: boolean;
  readonly revision: bigint;
  readonly validUntil: Date | undefined;
  readonly notes: readonly Note[];
  /** What cannot be said exactly, a sentence each. */
  readonly inexact: readonly string[];
  readonly failure: Failure | undefined;

  private constructor(fields: FilterFields) {
    const { message } = fields;
    this.kind = fields.kind;
    this.reason = fields.reason;
    this.httpStatus = fields.httpStatus;
    this.failure = fields.failure;
    this.message = fields.failure?.message ?? message?.message ?? '';
    this.decisionId = message?.decisionId ?? '';
    this.medplumHttpStatus = message?.medplumHttpStatus ?? 0;
    const permits = fields.kind === 'ALWAYS_PERMITTED' || fields.kind === 'CONDITIONAL';
    this.queries = Object.freeze(permits ? [...(message?.queries ?? [])] : []);
    this.singleQuery = permits ? (message?.singleQuery ?? '') : '';
    this.condition = permits ? convertCondition(message?.condition) : undefined;
    this.hiddenFields = Object.freeze([...(message?.hiddenFields ?? [])]);
    this.stripFieldsRequired = message?.stripFieldsRequired ?? false;
    this.revision = message?.revision ?? 0n;
    this.validUntil = message?.validUntil && timestampDate(message.validUntil);
    this.notes = convertNotes(message?.notes ?? []);
    this.inexact = message?.inexact ?? [];
    Object.freeze(this);
  }

  static none(why: Failure): FilterAnswer {
    return new FilterAnswer({ kind: 'NO_DECISION', httpStatus: 503, failure: why });
  }

  /** What the server answered to a question about `resourceType`. */
  static of(message: FilterResponse, resourceType: string): FilterAnswer {
    const kind = KINDS.get(message.kind);
    const reason = reasonName(message.reason);
    if (kind === undefined || reason === undefined) {
      return FilterAnswer.none(malformed('a kind or reason that is not known'));
    }
    const status = message.enforcementHttpStatus;
    const permits = kind !== 'ALWAYS_DENIED';
    if (permits !== (status === 200) || permits !== (message.reason === Reason.PERMITTED)) {
      return FilterAnswer.none(malformed('kind, reason and status do not agree'));
    }
    if (status !== 200 && status !== 401 && status !== 403 && status !== 503) {
      return FilterAnswer.none(malformed('a status that is not known'));
    }
    const searches = message.singleQuery === '' ? message.queries : [...message.queries, message.singleQuery];
    const searchesTheType = searches.every((query) => query === resourceType || query.startsWith(`${resourceType}?`));
    if (permits && (message.queries.length === 0 || !searchesTheType)) {
      return FilterAnswer.none(malformed('queries that do not search the type'));
    }
    return new FilterAnswer({ kind, reason, httpStatus: status, message });
  }

  /** For a log: without the queries, which hold what was searched for. */
  toJSON(): Record<string, unknown> {
    return {
      kind: this.kind,
      reason: this.reason,
      decisionId: this.decisionId,
      httpStatus: this.httpStatus,
      medplumHttpStatus: this.medplumHttpStatus,
      queries: this.queries.length,
      hiddenFields: this.hiddenFields,
      stripFieldsRequired: this.stripFieldsRequired,
      revision: this.revision.toString(),
      validUntil: this.validUntil,
      failure: this.failure,
    };
  }

  /** As `console.log` shows it. */
  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }

  /** Something may be found: `queries` say what. */
  get permitted(): boolean {
    return this.kind === 'ALWAYS_PERMITTED' || this.kind === 'CONDITIONAL';
  }

  get denied(): boolean {
    return this.kind === 'ALWAYS_DENIED';
  }

  /**
   * This answer, if something may be found.
   *
   * @throws PermissionDenied, or NoDecision.
   */
  require(): this {
    if (this.permitted) return this;
    if (this.failure) throw new NoDecision(this.failure);
    if (this.httpStatus === 401 || this.httpStatus === 403) {
      throw new PermissionDenied(undefined, {
        httpStatus: this.httpStatus,
        decisionId: this.decisionId,
        // What the caller wrote itself, which parameter is refused.
        ...(this.reason === 'QUERY_NOT_SAFE' ? { detail: this.message } : {}),
      });
    }
    throw new NoDecision(failure('UNAVAILABLE', 'the search cannot be judged now'));
  }
}
