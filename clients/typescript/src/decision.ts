/** A decision, as the one who enforces it needs it. */

import { inspect } from 'node:util';

import { timestampDate } from '@bufbuild/protobuf/wkt';

import { type Decision as DecisionMessage, Effect, Match, NoteCode, Reason, StrictRule } from './api';
import { type Failure, NoDecision, PermissionDenied } from './errors';
import { failure, malformed, statusName } from './failure';
import { stripHiddenFields } from './fields';

/** The outcome. NO_DECISION is never sent: the client says so. */
export type EffectName = 'PERMIT' | 'PERMIT_WITH_OBLIGATIONS' | 'DENY' | 'NO_DECISION';

/** Why; `types.proto` says what each means. */
export type ReasonName = Exclude<keyof typeof Reason, 'UNSPECIFIED'>;

/** What is left to do by the one who was permitted. */
export type Obligation = 'HIDDEN_FIELDS' | 'READONLY_FIELDS' | 'VERSION_FIELDS';

/** What to answer over HTTP. */
export type HttpStatus = 200 | 401 | 403 | 503;

/** The element of an AccessPolicy that decided. */
export interface PolicyEntry {
  readonly policy: string;
  readonly policyVersionId: string;
  readonly policyName: string;
  readonly index: number;
  /** 0: the membership's `accessPolicy`; 1 + i: its `access[i]`. */
  readonly source: number;
  /** The rule, for entries that Medplum adds itself. */
  readonly builtIn: string;
}

/** Something the reader of a decision should know. */
export interface Note {
  /** A name of NoteCode; `UNKNOWN` for one that this version does not know. */
  readonly code: string;
  /** A name of StrictRule, where `code` is STRICT_RULE. */
  readonly strictRule?: string;
  readonly text: string;
}

/** What Medplum would store. */
export interface WriteOutcome {
  readonly accounts: readonly string[];
  readonly compartments: readonly string[];
  readonly restoredFields: readonly string[];
  /** JSON, where it was asked for; otherwise ''. */
  readonly resource: string;
}

const EFFECTS: ReadonlyMap<Effect, EffectName> = new Map([
  [Effect.DENY, 'DENY'],
  [Effect.PERMIT, 'PERMIT'],
  [Effect.PERMIT_WITH_OBLIGATIONS, 'PERMIT_WITH_OBLIGATIONS'],
]);

/** The name of a reason; undefined for one that is not known. */
export function reasonName(reason: Reason): ReasonName | undefined {
  const name: string | undefined = Reason[reason];
  return name === undefined || reason === Reason.UNSPECIFIED ? undefined : (name as ReasonName);
}

export function convertNotes(
  notes: readonly { code: NoteCode; strictRule: StrictRule; text: string }[],
): readonly Note[] {
  return notes.map(({ code, strictRule, text }): Note => {
    const codeName: string | undefined = NoteCode[code];
    const ruleName: string | undefined = StrictRule[strictRule];
    return {
      code: codeName ?? 'UNKNOWN',
      text,
      ...(code === NoteCode.STRICT_RULE ? { strictRule: ruleName ?? 'UNKNOWN' } : {}),
    };
  });
}

interface DecisionFields {
  readonly effect: EffectName;
  readonly httpStatus: HttpStatus;
  readonly reason?: ReasonName;
  readonly failure?: Failure;
  readonly message?: DecisionMessage;
}

/**
 * The answer to one question. It is never an exception: what went wrong has
 * the effect NO_DECISION, and is not a permission.
 */
export class Decision {
  readonly effect: EffectName;
  /** Undefined where there is no decision. */
  readonly reason: ReasonName | undefined;
  /** A sentence for people. Never resource content. */
  readonly message: string;
  /** The same id is in the audit log; '' where there is no decision. */
  readonly decisionId: string;
  /** What to answer over HTTP: 200, 403, 401 or 503. */
  readonly httpStatus: HttpStatus;
  /** What Medplum itself would answer; 0 where it has no such case. */
  readonly medplumHttpStatus: number;
  /** The entry that permitted. */
  readonly entry: PolicyEntry | undefined;
  /** Element paths to remove from what is shown. */
  readonly hiddenFields: readonly string[];
  /** Element paths that a write restores. */
  readonly readonlyFields: readonly string[];
  /** Of a history: what each version that is named here hides. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
  /** Of a write: what Medplum would store. */
  readonly write: WriteOutcome | undefined;
  readonly notes: readonly Note[];
  readonly revision: bigint;
  /** Until when the answer may be reused; undefined: not at all. */
  readonly validUntil: Date | undefined;
  /** Whether Medplum's matcher in memory, and that in its database, match. */
  readonly matches: { readonly memory: string; readonly durable: string };
  /** Why there is no decision. */
  readonly failure: Failure | undefined;

  private constructor(fields: DecisionFields) {
    const { message } = fields;
    this.effect = fields.effect;
    this.reason = fields.reason;
    this.httpStatus = fields.httpStatus;
    this.failure = fields.failure;
    this.message = fields.failure?.message ?? message?.message ?? '';
    this.decisionId = message?.decisionId ?? '';
    this.medplumHttpStatus = message?.medplumHttpStatus ?? 0;
    this.entry = message?.entry && {
      policy: message.entry.policy,
      policyVersionId: message.entry.policyVersionId,
      policyName: message.entry.policyName,
      index: message.entry.index,
      source: message.entry.source,
      builtIn: message.entry.builtIn,
    };
    this.hiddenFields = Object.freeze([...(message?.hiddenFields ?? [])]);
    this.readonlyFields = Object.freeze([...(message?.readonlyFields ?? [])]);
    this.versions = new Map((message?.versions ?? []).map((version) => [version.versionId, version.hiddenFields]));
    this.write = message?.write && {
      accounts: message.write.accounts,
      compartments: message.write.compartments,
      restoredFields: message.write.restoredFields,
      resource: Buffer.from(message.write.resource).toString('utf8'),
    };
    this.notes = convertNotes(message?.notes ?? []);
    this.revision = message?.revision ?? 0n;
    this.validUntil = message?.validUntil && timestampDate(message.validUntil);
    this.matches = {
      memory: Match[message?.memoryMatch ?? Match.UNSPECIFIED] ?? 'UNKNOWN',
      durable: Match[message?.durableMatch ?? Match.UNSPECIFIED] ?? 'UNKNOWN',
    };
    Object.freeze(this);
  }

  /** What went wrong, as a decision that permits nothing. */
  static none(why: Failure): Decision {
    return new Decision({ effect: 'NO_DECISION', httpStatus: 503, failure: why });
  }

  /** Of an item of a batch or a stream. */
  static ofItemError(error: { code: number; message: string }): Decision {
    return error.code === 0
      ? Decision.none(malformed('an error without a code'))
      : Decision.none(failure(statusName(error.code), error.message));
  }

  /** What the server answered. What contradicts itself is no decision. */
  static of(message: DecisionMessage | undefined): Decision {
    if (!message) return Decision.none(malformed('no decision in it'));
    const effect = EFFECTS.get(message.effect);
    const reason = reasonName(message.reason);
    if (effect === undefined || reason === undefined) {
      return Decision.none(malformed('an effect or reason that is not known'));
    }
    const status = message.enforcementHttpStatus;
    const permits = effect !== 'DENY';
    if (permits !== (status === 200) || permits !== (message.reason === Reason.PERMITTED)) {
      return Decision.none(malformed('effect, reason and status do not agree'));
    }
    if (status !== 200 && status !== 401 && status !== 403 && status !== 503) {
      return Decision.none(malformed('a status that is not known'));
    }
    const obliges = message.hiddenFields.length > 0 || message.readonlyFields.length > 0 || message.versions.length > 0;
    if (permits && obliges !== (effect === 'PERMIT_WITH_OBLIGATIONS')) {
      return Decision.none(malformed('effect and obligations do not agree'));
    }
    return new Decision({ effect, reason, httpStatus: status, message });
  }

  /** For a log: all but `write.resource`, which is resource content. */
  toJSON(): Record<string, unknown> {
    const { write } = this;
    return {
      effect: this.effect,
      reason: this.reason,
      message: this.message,
      decisionId: this.decisionId,
      httpStatus: this.httpStatus,
      medplumHttpStatus: this.medplumHttpStatus,
      entry: this.entry,
      hiddenFields: this.hiddenFields,
      readonlyFields: this.readonlyFields,
      versions: Object.fromEntries(this.versions),
      write: write && {
        accounts: write.accounts,
        compartments: write.compartments,
        restoredFields: write.restoredFields,
      },
      notes: this.notes,
      revision: this.revision.toString(),
      validUntil: this.validUntil,
      matches: this.matches,
      failure: this.failure,
    };
  }

  /** As `console.log` shows it. */
  [inspect.custom](): Record<string, unknown> {
    return this.toJSON();
  }

  /** Permitted, and nothing is left to do. */
  get permitted(): boolean {
    return this.effect === 'PERMIT';
  }

  /** Permitted, if `obligations` are honored. */
  get permittedWithObligations(): boolean {
    return this.effect === 'PERMIT_WITH_OBLIGATIONS';
  }

  get denied(): boolean {
    return this.effect === 'DENY';
  }

  get noDecision(): boolean {
    return this.effect === 'NO_DECISION';
  }

  /** What has to be done; empty where nothing has, or it is not permitted. */
  get obligations(): readonly Obligation[] {
    if (!this.permittedWithObligations) return [];
    const obligations: Obligation[] = [];
    if (this.hiddenFields.length > 0) obligations.push('HIDDEN_FIELDS');
    if (this.readonlyFields.length > 0) obligations.push('READONLY_FIELDS');
    if (this.versions.size > 0) obligations.push('VERSION_FIELDS');
    return obligations;
  }

  /** Permitted, where the caller honors all of `honored`. */
  permittedIf(honored: readonly Obligation[]): boolean {
    if (this.permitted) return true;
    return this.permittedWithObligations && this.obligations.every((obligation) => honored.includes(obligation));
  }

  /**
   * This decision, if it permits with what the caller honors.
   *
   * @throws PermissionDenied, or NoDecision.
   */
  require(honored: readonly Obligation[] = []): this {
    if (this.permittedIf(honored)) return this;
    if (this.failure) throw new NoDecision(this.failure, this);
    if (this.httpStatus === 503) {
      throw new NoDecision(failure('UNAVAILABLE', 'the resource cannot be judged now'), this);
    }
    throw new PermissionDenied(this);
  }

  /**
   * A copy of `resource` without its hidden fields.
   *
   * @throws TypeError where this decision permits nothing, or a path cannot be
   *     followed.
   */
  strip<T extends object>(resource: T): T {
    if (!this.permitted && !this.permittedWithObligations) throw new TypeError('not permitted');
    return stripHiddenFields(resource, this.hiddenFields);
  }
}
